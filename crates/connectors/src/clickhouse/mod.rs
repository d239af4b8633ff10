//! ClickHouse as a destination: tables made from data sources, rows sent as Native blocks.

pub mod ddl;
mod destination;
mod dictionary;
mod engine_error;
pub mod native;
mod presence;
mod sql;
mod table_shape;

pub use destination::EmbeddedDestination;
pub use engine_error::engine_error;
pub use sql::{identifier, literal};
pub use table_shape::Change;
