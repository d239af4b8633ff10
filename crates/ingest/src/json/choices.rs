//! Which members of a Variant are tried for a JSON value, and in which order.

use forebay_project::column_type::ColumnType;

/// What a JSON value is as far as its first look tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    /// A number without point and exponent.
    Integer,
    /// Any other number.
    Fraction,
    Text,
    /// An array whose items differ in kind.
    Array,
    Object,
}

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::Bool, Self::Integer, Self::Fraction, Self::Text, Self::Array, Self::Object];

    /// What holds values of both kinds; `None` when only text does.
    pub(super) fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Integer, Self::Fraction) | (Self::Fraction, Self::Integer) => Some(Self::Fraction),
            _ => (self == other).then_some(self),
        }
    }
}

/// The members to try for values of each kind, the best first.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    by_kind: [Vec<usize>; 6],
    /// For arrays whose items are all of one kind.
    by_item: [Vec<usize>; 6],
    /// For arrays whose items differ.
    mixed: Vec<usize>,
}

impl Choices {
    pub(super) fn of(members: &[ColumnType]) -> Self {
        Self {
            by_kind: Kind::ALL.map(|kind| ranked(members, |member| rank(kind, member))),
            by_item: Kind::ALL.map(|item| ranked(members, |member| rank_of_array(Some(item), member))),
            mixed: ranked(members, |member| rank_of_array(None, member)),
        }
    }

    /// For a value that is no array.
    pub(super) fn of_kind(&self, kind: Kind) -> &[usize] {
        &self.by_kind[kind as usize]
    }

    /// For an array of items of this kind, or of several.
    pub(super) fn of_array(&self, item: Option<Kind>) -> &[usize] {
        item.map_or(&self.mixed, |item| &self.by_item[item as usize])
    }
}

fn ranked(members: &[ColumnType], rank: impl Fn(&ColumnType) -> Option<u16>) -> Vec<usize> {
    let ranks = members.iter().enumerate().filter_map(|(index, member)| Some((rank(member)?, index)));
    let mut ranks: Vec<_> = ranks.collect();
    ranks.sort_unstable();
    ranks.into_iter().map(|(_, index)| index).collect()
}

/// How well a type takes values of a kind, 0 best: first what is made for them, then text, then what may refuse them.
fn rank(kind: Kind, member: &ColumnType) -> Option<u16> {
    const TEXT: u16 = 1_000;
    const OTHER: u16 = 2_000;
    let member = member.stripped();
    Some(match (kind, member) {
        (Kind::Array, _) => return rank_of_array(None, member),
        (Kind::Object, ColumnType::Json(_)) => 0,
        (Kind::Object, ColumnType::Map(..)) => 1,
        (Kind::Object, ColumnType::Tuple(_)) => 2,
        (Kind::Text, ColumnType::String) => 0,
        (Kind::Bool, ColumnType::Bool) => 0,
        (Kind::Integer, ColumnType::Int { bits, signed }) => bits + u16::from(!signed),
        (Kind::Integer, ColumnType::Decimal { precision, .. }) => 300 + u16::from(*precision),
        (Kind::Fraction, ColumnType::Decimal { precision, .. }) => 410 + u16::from(*precision),
        (Kind::Integer | Kind::Fraction, ColumnType::Float64) => 400,
        (Kind::Integer | Kind::Fraction, ColumnType::Float32) => 401,
        (Kind::Integer | Kind::Fraction, ColumnType::BFloat16) => 402,
        (Kind::Fraction, ColumnType::Int { bits, signed }) => 500 + bits + u16::from(!signed),
        (_, ColumnType::String) => TEXT,
        (_, ColumnType::Array(_) | ColumnType::Tuple(_) | ColumnType::Map(..) | ColumnType::Geo(_))
        | (Kind::Object, _) => return None,
        (Kind::Text, number) if number.is_number() => OTHER + 1,
        _ => OTHER,
    })
}

fn rank_of_array(item: Option<Kind>, member: &ColumnType) -> Option<u16> {
    match (item, member.stripped()) {
        (Some(item), ColumnType::Array(inner)) => rank(item, inner),
        (None, ColumnType::Array(inner)) => match inner.stripped() {
            ColumnType::Variant(_) | ColumnType::Dynamic { .. } => Some(0),
            _ => None,
        },
        (_, ColumnType::Geo(_)) => Some(3_000),
        (_, ColumnType::Tuple(_)) => Some(3_001),
        (_, ColumnType::String) => Some(3_002),
        _ => None,
    }
}
