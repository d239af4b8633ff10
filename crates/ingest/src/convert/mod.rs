//! Checked conversion: how one value of a record becomes one value of a column, exactly or not at all.
//!
//! Every rule, with its reason code and what to do about it, is in `docs/conversions.md`.

mod explain;
mod float;
mod identifier;
mod number;
mod reason;
mod scalar;
mod timestamp;

pub use explain::{explain_record, explain_value};
pub use reason::{ConvertError, Reason};
pub use scalar::{Scalar, UnsupportedType};
