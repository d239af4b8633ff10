//! The data path: records, checkpoint, decoders, column batch, and the one loop.

pub mod checkpoint;
pub mod column_batch;
pub mod convert;
pub mod decode;
pub mod destination;
pub mod error;
pub mod group;
pub mod json;
pub mod memory;
pub mod pacing;
pub mod progress;
pub mod quarantine;
pub mod records;
pub mod retry;
pub mod run;
pub mod source;
pub mod target;
