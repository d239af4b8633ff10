//! Laws and tables of checked conversion.

#![allow(clippy::unwrap_used)]

mod everything;
mod floats;
mod identifiers;
mod numbers;
mod silent_elsewhere;
mod timestamps;
mod typed;

use forebay_ingest::{
    column_batch::Values,
    convert::{Reason, Scalar},
};
use forebay_project::column_type::ColumnType;
use std::fmt::Display;

/// One value of a record.
#[derive(Clone, Debug)]
enum Input {
    Number(String),
    Text(String),
    Bool(bool),
}

fn number(token: impl Display) -> Input {
    Input::Number(token.to_string())
}

fn text(text: impl Display) -> Input {
    Input::Text(text.to_string())
}

fn push(scalar: &Scalar, input: &Input, out: &mut Values) -> Result<(), Reason> {
    match input {
        Input::Number(token) => scalar.push_number(token, out),
        Input::Text(text) => scalar.push_text(text, out),
        Input::Bool(value) => scalar.push_bool(*value, out),
    }
    .map_err(|error| error.reason)
}

fn bytes(values: Values) -> Vec<u8> {
    match values {
        Values::Fixed { bytes, .. } | Values::Bytes { bytes, .. } => bytes,
        other => panic!("scalars have no {other:?}"),
    }
}

/// The value's bytes in a column of the type.
fn convert(column_type: &ColumnType, input: &Input) -> Result<Vec<u8>, Reason> {
    let scalar = Scalar::compile(column_type).unwrap();
    let mut out = scalar.empty_values();
    push(&scalar, input, &mut out).map(|()| bytes(out))
}

/// The same as an integer of the type's width.
fn integer(column_type: &ColumnType, input: &Input) -> Result<i128, Reason> {
    convert(column_type, input).map(|bytes| {
        let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = [if is_negative { 0xff } else { 0 }; 16];
        wide[..bytes.len()].copy_from_slice(&bytes);
        i128::from_le_bytes(wide)
    })
}

fn int(bits: u16) -> ColumnType {
    ColumnType::Int { bits, signed: true }
}

fn uint(bits: u16) -> ColumnType {
    ColumnType::Int { bits, signed: false }
}

fn decimal(precision: u8, scale: u8) -> ColumnType {
    ColumnType::Decimal { precision, scale }
}

fn date_time() -> ColumnType {
    ColumnType::DateTime { time_zone: None }
}

fn date_time64(precision: u8) -> ColumnType {
    ColumnType::DateTime64 { precision, time_zone: None }
}

fn date_time64_in(precision: u8, time_zone: &str) -> ColumnType {
    ColumnType::DateTime64 { precision, time_zone: Some(time_zone.to_owned()) }
}

fn enum8(values: &[(&str, i16)]) -> ColumnType {
    let values = values.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
    ColumnType::Enum { bits: 8, values }
}
