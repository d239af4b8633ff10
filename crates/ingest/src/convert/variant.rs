//! Which member of a Variant takes a value.

use super::{RuleKind, SourceType, rule};
use forebay_project::column_type::ColumnType;
use std::sync::LazyLock;

/// The members of a Variant, in the order in which ClickHouse numbers them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantMembers {
    members: Vec<ColumnType>,
}

/// The types that values of a Dynamic column are held as: it is kept as a Variant of them.
pub fn dynamic_members() -> &'static [ColumnType] {
    &VariantMembers::of_dynamic().members
}

impl VariantMembers {
    /// `members` as the type lists them, sorted by their text.
    pub fn of(members: &[ColumnType]) -> Self {
        Self { members: members.to_vec() }
    }

    /// Those of [`dynamic_members`].
    pub fn of_dynamic() -> &'static Self {
        static MEMBERS: LazyLock<VariantMembers> = LazyLock::new(|| {
            let mut members = dynamic_types();
            members.sort_by_cached_key(ColumnType::to_string);
            VariantMembers { members }
        });
        &MEMBERS
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The type of a member.
    ///
    /// # Panics
    /// When there is no such member.
    pub fn column_type(&self, member: usize) -> &ColumnType {
        &self.members[member]
    }

    /// The member that takes values of `source` best: one of the same kind that loses nothing, the closest first; then
    /// any that is exact; then String and JSON; then one that may refuse a value. `None` when all refuse, and for null.
    pub fn member_for(&self, source: SourceType) -> Option<usize> {
        self.cheapest(|member| cost(source, member))
    }

    /// As [`Self::member_for`] for an array of such items: an Array of what takes the items best is preferred.
    pub fn member_for_list(&self, item: SourceType) -> Option<usize> {
        self.cheapest(|member| match member {
            ColumnType::Array(inner) => cost(item, inner),
            _ => None,
        })
        .or_else(|| self.member_for(SourceType::List))
    }

    fn cheapest(&self, cost: impl Fn(&ColumnType) -> Option<Cost>) -> Option<usize> {
        let costs =
            self.members.iter().enumerate().filter_map(|(index, member)| Some((cost(member)?, index)));
        costs.min().map(|(_, index)| index)
    }
}

/// Class and, inside of it, distance.
type Cost = (u8, u16);

fn cost(source: SourceType, member: &ColumnType) -> Option<Cost> {
    if source == SourceType::Null {
        return None;
    }
    if let Some(distance) = kinship(source, member) {
        return Some((0, distance));
    }
    let class = match rule(source, member).kind {
        RuleKind::Refused => return None,
        RuleKind::Exact => 1,
        RuleKind::AsText | RuleKind::AsJson => 2,
        RuleKind::Nested => 3,
        RuleKind::Checked(_) => 4,
    };
    Some((class, 0))
}

/// How far a member that is of the same kind as the source and loses nothing is from being the same.
fn kinship(source: SourceType, member: &ColumnType) -> Option<u16> {
    let finer = |digits: u8, wanted: u8| digits.checked_sub(wanted).map(u16::from);
    match (source, member.stripped()) {
        (SourceType::Bool, ColumnType::Bool)
        | (SourceType::Float32, ColumnType::Float32)
        | (SourceType::Float64, ColumnType::Float64)
        | (SourceType::Text | SourceType::Bytes, ColumnType::String)
        | (SourceType::Symbol { .. }, ColumnType::Enum { .. })
        | (SourceType::Uuid, ColumnType::Uuid)
        | (SourceType::Date, ColumnType::Date32)
        | (SourceType::Interval, ColumnType::Time64 { precision: 9 })
        | (SourceType::List, ColumnType::Array(_))
        | (SourceType::Map, ColumnType::Map(..))
        | (SourceType::Record, ColumnType::Tuple(_)) => Some(0),
        (SourceType::Float32, ColumnType::Float64)
        | (SourceType::Date, ColumnType::Date)
        | (SourceType::Fixed(_), ColumnType::String)
        | (SourceType::List, ColumnType::Geo(_))
        | (SourceType::Map | SourceType::Record, ColumnType::Json(_)) => Some(1),
        (SourceType::Record, ColumnType::Map(..)) => Some(2),
        (SourceType::Int { bits, signed }, ColumnType::Int { bits: wide, signed: wide_signed }) => {
            let is_exact = rule(source, member).kind == RuleKind::Exact;
            is_exact.then(|| wide - bits + u16::from(signed != *wide_signed))
        }
        (SourceType::Fixed(length), ColumnType::FixedString(width)) => (length == *width).then_some(0),
        (SourceType::Decimal { precision, scale }, ColumnType::Decimal { precision: p, scale: s }) => {
            let (p, s) = (u32::from(*p), u32::from(*s));
            let holds = scale <= s && precision.saturating_sub(scale) <= p - s;
            holds.then(|| (p - precision.min(p)) as u16)
        }
        (SourceType::Timestamp { precision, .. }, ColumnType::DateTime64 { precision: digits, .. })
        | (SourceType::TimeOfDay { precision }, ColumnType::Time64 { precision: digits }) => {
            finer(*digits, precision)
        }
        _ => None,
    }
}

fn dynamic_types() -> Vec<ColumnType> {
    let list = |item: ColumnType| ColumnType::Array(Box::new(ColumnType::Nullable(Box::new(item))));
    let integer = |signed| ColumnType::Int { bits: 64, signed };
    let utc = |precision| ColumnType::DateTime64 { precision, time_zone: Some("UTC".to_owned()) };
    vec![
        list(ColumnType::Bool),
        list(ColumnType::Float64),
        list(integer(true)),
        list(ColumnType::String),
        ColumnType::Bool,
        ColumnType::Date32,
        utc(3),
        utc(6),
        utc(9),
        ColumnType::Decimal { precision: 76, scale: 38 },
        ColumnType::Float32,
        ColumnType::Float64,
        integer(true),
        integer(false),
        ColumnType::Json(String::new()),
        ColumnType::String,
        ColumnType::Time64 { precision: 9 },
        ColumnType::Uuid,
    ]
}
