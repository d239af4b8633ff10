//! The data path: records, checkpoint, decoders, column batch, and the one loop.

pub mod checkpoint;
pub mod column_batch;
pub mod convert;
pub mod destination;
pub mod error;
pub mod quarantine;
pub mod json;
pub mod records;
pub mod target;
pub mod decode;
pub mod group;
pub mod memory;
pub mod pacing;
pub mod progress;
pub mod retry;
pub mod run;
pub mod source;
