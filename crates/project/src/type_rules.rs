//! Which types may stand inside which.
//!
//! Source: ClickHouse documentation, "Data types", and what ClickHouse 26.7 answers to `CREATE TABLE`.

use crate::column_type::{ColumnType, Geo};

/// Why a type cannot stand where it does, and what to write instead.
pub(crate) type Refusal = (String, String);

/// Types that one Variant may have: each has a number below 255, which means NULL.
pub(crate) const MAX_MEMBERS: usize = 255;

/// What `Nullable` may hold.
pub(crate) fn check_nullable(inner: &ColumnType) -> Result<(), Refusal> {
    let hint = match inner {
        ColumnType::Nullable(_) => "one Nullable is enough".to_owned(),
        ColumnType::LowCardinality(_) => "write LowCardinality(Nullable(T))".to_owned(),
        ColumnType::Array(_) | ColumnType::Map(..) => {
            "leave Nullable out: a missing value becomes empty; elements may be Nullable".to_owned()
        }
        ColumnType::Tuple(_) => "make the elements Nullable".to_owned(),
        ColumnType::Geo(Geo::Point) => {
            "leave Nullable out, or use Tuple(Nullable(Float64), Nullable(Float64))".to_owned()
        }
        ColumnType::Geo(_) => "leave Nullable out: a missing value becomes empty".to_owned(),
        ColumnType::Variant(_) | ColumnType::Dynamic { .. } => {
            "leave Nullable out: it holds NULL by itself".to_owned()
        }
        ColumnType::SimpleAggregateFunction { function, inner } => {
            format!("write SimpleAggregateFunction({function}, Nullable({inner}))")
        }
        _ => return Ok(()),
    };
    Err((format!("{} cannot be inside Nullable", inner.family()), hint))
}

/// What `LowCardinality` may hold.
pub(crate) fn check_low_cardinality(inner: &ColumnType) -> Result<(), Refusal> {
    let value = match inner {
        ColumnType::Nullable(value) => value,
        other => other,
    };
    let allowed = matches!(
        value,
        ColumnType::String
            | ColumnType::FixedString(_)
            | ColumnType::Date
            | ColumnType::Date32
            | ColumnType::DateTime { .. }
            | ColumnType::Time
            | ColumnType::Int { .. }
            | ColumnType::Float32
            | ColumnType::Float64
            | ColumnType::BFloat16
            | ColumnType::Bool
            | ColumnType::Uuid
            | ColumnType::Ipv4
            | ColumnType::Ipv6
    );
    let hint = "LowCardinality takes String, FixedString, Date, DateTime, Time, Bool, UUID, IPv4, IPv6, \
                integers, floats, and Nullable of these";
    match allowed {
        true => Ok(()),
        false => Err((format!("{} cannot be inside LowCardinality", value.family()), hint.to_owned())),
    }
}

/// What may be the key of a Map.
pub(crate) fn check_map_key(key: &ColumnType) -> Result<(), Refusal> {
    let instead = match key {
        ColumnType::Variant(_) | ColumnType::Dynamic { .. } | ColumnType::Json(_) => &ColumnType::String,
        key if key.is_nullable() => key.stripped(),
        _ => return Ok(()),
    };
    Err((format!("the key of a Map cannot be {key}"), format!("use {instead} as key")))
}

/// What may join the types that a Variant has so far.
pub(crate) fn check_member(before: &[ColumnType], member: &ColumnType) -> Result<(), Refusal> {
    let fact = format!("{} cannot be inside Variant", member.family());
    match member {
        ColumnType::Variant(_) => Err((fact, "write its types into the outer Variant".to_owned())),
        ColumnType::Dynamic { .. } => Err((fact, "use Dynamic for the whole column".to_owned())),
        member if member.is_nullable() => {
            Err((fact, format!("write {}: a Variant holds NULL by itself", member.stripped())))
        }
        member if before.contains(member) => {
            Err((format!("the Variant has {member} twice"), "name each type once".to_owned()))
        }
        _ => Ok(()),
    }
}
