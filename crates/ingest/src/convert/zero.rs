//! The zero of a whole column type.

use super::{Scalar, UnsupportedType};
use crate::column_batch::{Column, NO_MEMBER, Values};
use forebay_project::column_type::ColumnType;

/// What a column of a type holds where there is no value: NULL where it can be stored, else what ClickHouse's input
/// formats fill in: zeros, empty text, empty lists, the smallest number of an Enum, an empty object of a JSON column.
#[derive(Clone, Debug)]
pub struct Zero {
    part: Part,
}

#[derive(Clone, Debug)]
enum Part {
    Scalar(Scalar),
    List,
    Variant,
    Tuple(Vec<Part>),
}

impl Zero {
    /// The zero of a type, nested ones included.
    ///
    /// # Errors
    /// When the type, or a part of it, has no conversion.
    pub fn compile(column_type: &ColumnType) -> Result<Self, UnsupportedType> {
        Ok(Self { part: Part::compile(column_type)? })
    }

    /// Appends one row. The flags of rows that are absent are left to the caller.
    ///
    /// # Panics
    /// When `column` was made for another type.
    pub fn push(&self, column: &mut Column) {
        self.part.push(column);
    }
}

impl Part {
    fn compile(column_type: &ColumnType) -> Result<Self, UnsupportedType> {
        Ok(match column_type.stripped() {
            ColumnType::Array(_) | ColumnType::Map(..) => Self::List,
            ColumnType::Variant(_) | ColumnType::Dynamic { .. } => Self::Variant,
            ColumnType::Geo(geo) => return Self::compile(&geo.stored()),
            ColumnType::Tuple(elements) => {
                let parts = elements.iter().map(|(_, element)| Self::compile(element));
                Self::Tuple(parts.collect::<Result<_, _>>()?)
            }
            scalar => Self::Scalar(Scalar::compile(scalar)?),
        })
    }

    fn push(&self, column: &mut Column) {
        match (self, &mut column.values) {
            (Self::Scalar(scalar), values) => scalar.push_zero(values),
            (Self::List, Values::List { ends, items }) => ends.push(items.row_count()),
            (Self::Variant, Values::Variant { discriminators, .. }) => discriminators.push(NO_MEMBER),
            (Self::Tuple(parts), Values::Tuple(elements)) => {
                parts.iter().zip(elements).for_each(|(part, element)| part.push(element));
            }
            _ => unreachable!("a zero goes to a column of its own type"),
        }
        if let Some(nulls) = &mut column.nulls {
            nulls.push(1);
        }
    }
}
