//! Checked conversion: how one value of a record becomes one value of a column, exactly or not at all.
//!
//! Every rule, with its reason code and what to do about it, is in `docs/conversions.md`.

mod enumeration;
mod explain;
mod float;
mod identifier;
mod int256;
mod number;
mod reason;
mod render;
mod rule;
mod scalar;
mod source_type;
mod time_of_day;
mod timestamp;
mod typed;
mod value;
mod variant;
mod zero;

pub use explain::{explain_record, explain_value};
pub use reason::{ConvertError, Reason};
pub use render::write_json_text;
pub use rule::{Rule, RuleKind, rule};
pub use scalar::{Scalar, UnsupportedType};
pub use source_type::SourceType;
pub use value::Value;
pub use variant::{VariantMembers, dynamic_members};
pub use zero::Zero;
