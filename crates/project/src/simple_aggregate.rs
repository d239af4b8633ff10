//! Functions of `SimpleAggregateFunction(function, T)`.
//!
//! Source: ClickHouse documentation, "SimpleAggregateFunction Type", and what ClickHouse 26.7 answers to `CREATE TABLE`.

use crate::column_type::ColumnType;
use crate::suggest;
use crate::type_rules::Refusal;

/// What a function takes and gives back.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// Any type.
    Anything,
    /// Types whose values can be compared.
    Comparable,
    /// Numbers; the sum is kept as wide as ClickHouse adds.
    Sum,
    /// Numbers of any width.
    Number,
    /// Integers.
    Integer,
    /// `Map(K, V)` or `Tuple(Array(K), Array(V), ...)` of values to add up.
    SumMap,
    /// `Map(K, V)` or `Tuple(Array(K), Array(V), ...)`.
    Maps,
    /// `Array(T)`
    List,
    /// `Map(K, Array(T))`
    MapOfLists,
}

/// Functions by the name ClickHouse shows, what they take, and whether they have a parameter: the most elements.
const FUNCTIONS: &[(&str, Takes, Limit)] = &[
    ("any", Takes::Anything, Limit::None),
    ("any_respect_nulls", Takes::Anything, Limit::None),
    ("anyLast", Takes::Anything, Limit::None),
    ("anyLast_respect_nulls", Takes::Anything, Limit::None),
    ("min", Takes::Comparable, Limit::None),
    ("max", Takes::Comparable, Limit::None),
    ("sum", Takes::Sum, Limit::None),
    ("sumWithOverflow", Takes::Number, Limit::None),
    ("groupBitAnd", Takes::Integer, Limit::None),
    ("groupBitOr", Takes::Integer, Limit::None),
    ("groupBitXor", Takes::Integer, Limit::None),
    ("sumMap", Takes::SumMap, Limit::None),
    ("minMap", Takes::Maps, Limit::None),
    ("maxMap", Takes::Maps, Limit::None),
    ("groupArrayArray", Takes::List, Limit::Optional),
    ("groupArrayLastArray", Takes::List, Limit::Needed),
    ("groupUniqArrayArray", Takes::List, Limit::Optional),
    ("groupUniqArrayArrayMap", Takes::MapOfLists, Limit::None),
];

/// Other names of functions.
const ALIASES: &[(&str, &str)] = &[
    ("any_value", "any"),
    ("first_value", "any"),
    ("anyRespectNulls", "any_respect_nulls"),
    ("last_value", "anyLast"),
    ("anyLastRespectNulls", "anyLast_respect_nulls"),
    ("sumMappedArrays", "sumMap"),
    ("minMappedArrays", "minMap"),
    ("maxMappedArrays", "maxMap"),
    ("BIT_AND", "groupBitAnd"),
    ("BIT_OR", "groupBitOr"),
    ("BIT_XOR", "groupBitXor"),
];

/// Whether a function takes the most elements it keeps.
#[derive(Clone, Copy, PartialEq)]
enum Limit {
    None,
    Optional,
    Needed,
}

/// A function, with its limit where one was given.
pub(crate) struct Function {
    name: &'static str,
    takes: Takes,
    limit: Limit,
    most: Option<i64>,
}

impl Function {
    /// The function of this name or alias; `sum`, `min` and `max` in any case.
    pub(crate) fn named(written: &str) -> Result<Function, Refusal> {
        let alias = ALIASES.iter().find(|(alias, _)| *alias == written).map(|(_, name)| *name);
        let in_any_case = ["sum", "min", "max"].into_iter().find(|name| name.eq_ignore_ascii_case(written));
        let name = alias.or(in_any_case).unwrap_or(written);
        match FUNCTIONS.iter().find(|(known, ..)| *known == name) {
            Some((name, takes, limit)) => Ok(Function { name, takes: *takes, limit: *limit, most: None }),
            None => Err(unknown(written)),
        }
    }

    /// With the most elements it keeps.
    pub(crate) fn limited(self, most: i64) -> Result<Function, Refusal> {
        if self.limit == Limit::None {
            return Err((format!("{} takes no parameter", self.name), format!("write {}", self.name)));
        }
        match most > 0 {
            true => Ok(Function { most: Some(most), ..self }),
            false => {
                Err((format!("{}({most}) keeps nothing", self.name), "write a number from 1".to_owned()))
            }
        }
    }

    /// As ClickHouse shows it.
    pub(crate) fn canonical(&self) -> Result<String, Refusal> {
        match (self.most, self.limit) {
            (Some(most), _) => Ok(format!("{}({most})", self.name)),
            (None, Limit::Needed) => Err((
                format!("{} needs the number of elements to keep", self.name),
                format!("write {}(100)", self.name),
            )),
            (None, _) => Ok(self.name.to_owned()),
        }
    }
}

fn unknown(written: &str) -> Refusal {
    let names = FUNCTIONS.iter().map(|(name, ..)| *name);
    let hint = match suggest::closest(written, names.clone()) {
        Some(close) => format!("did you mean {close}?"),
        None => format!("it is one of {}", names.collect::<Vec<_>>().join(", ")),
    };
    (format!("SimpleAggregateFunction cannot be `{written}`"), hint)
}

/// Whether the function can keep its state in this type.
pub(crate) fn check(function: &Function, inner: &ColumnType) -> Result<(), Refusal> {
    let hint = match function.takes {
        Takes::Anything => None,
        Takes::Comparable => {
            (!is_comparable(inner)).then(|| "use a type whose values can be compared".to_owned())
        }
        Takes::Sum => sum_trouble(inner),
        Takes::Number => {
            (!inner.stripped().is_number()).then(|| "use an integer, float or Decimal".to_owned())
        }
        Takes::Integer => (!is_integer(inner.stripped())).then(|| "use an integer".to_owned()),
        Takes::SumMap => sum_map_trouble(inner),
        Takes::Maps => (!is_map(inner)).then(|| MAP_HINT.to_owned()),
        Takes::List => list_trouble(inner),
        Takes::MapOfLists => match inner {
            ColumnType::Map(_, value) => list_trouble(value).map(|_| "use Map(K, Array(T))".to_owned()),
            _ => Some("use Map(K, Array(T))".to_owned()),
        },
    };
    match hint {
        None => Ok(()),
        Some(hint) => Err((format!("{} cannot be kept as {inner}", function.name), hint)),
    }
}

const MAP_HINT: &str = "use Map(K, V), or Tuple(Array(K), Array(V))";

fn is_integer(column_type: &ColumnType) -> bool {
    matches!(column_type, ColumnType::Int { .. } | ColumnType::Bool)
}

fn is_comparable(column_type: &ColumnType) -> bool {
    !matches!(column_type.stripped(), ColumnType::Variant(_) | ColumnType::Dynamic { .. })
}

/// The type that ClickHouse adds values of this one up in.
fn widened(column_type: &ColumnType) -> Option<ColumnType> {
    match column_type {
        ColumnType::Int { bits, signed } => Some(ColumnType::Int { bits: (*bits).max(64), signed: *signed }),
        ColumnType::Bool => Some(ColumnType::Int { bits: 64, signed: false }),
        ColumnType::Float32 | ColumnType::Float64 | ColumnType::BFloat16 => Some(ColumnType::Float64),
        ColumnType::Decimal { precision, scale } => {
            Some(ColumnType::Decimal { precision: (*precision).max(38), scale: *scale })
        }
        _ => None,
    }
}

fn sum_trouble(inner: &ColumnType) -> Option<String> {
    match widened(inner.stripped()) {
        None => Some("use an integer, float or Decimal".to_owned()),
        Some(wide) if wide == *inner.stripped() => None,
        Some(wide) => Some(format!("a sum is {wide}")),
    }
}

fn is_map(column_type: &ColumnType) -> bool {
    match column_type {
        ColumnType::Map(..) => true,
        ColumnType::Tuple(elements) => {
            elements.len() > 1 && elements.iter().all(|(_, element)| matches!(element, ColumnType::Array(_)))
        }
        _ => false,
    }
}

fn sum_map_trouble(inner: &ColumnType) -> Option<String> {
    let trouble_of =
        |value: &ColumnType| sum_trouble(value).map(|hint| format!("{hint}: {value} is too narrow"));
    match inner {
        _ if !is_map(inner) => Some(MAP_HINT.to_owned()),
        ColumnType::Map(_, value) => trouble_of(value),
        ColumnType::Tuple(elements) => elements[1..].iter().find_map(|(_, element)| match element {
            ColumnType::Array(value) => trouble_of(value),
            _ => None,
        }),
        _ => None,
    }
}

fn list_trouble(inner: &ColumnType) -> Option<String> {
    match inner {
        ColumnType::Array(element) if element.is_nullable() => {
            Some(format!("use Array({}): the function leaves NULL out", element.stripped()))
        }
        ColumnType::Array(_) => None,
        _ => Some("use Array(T)".to_owned()),
    }
}
