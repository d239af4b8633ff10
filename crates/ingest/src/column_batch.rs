//! Decoded rows, column by column, nested from the start.

use crate::{convert::dynamic_members, target::TargetColumn};
use forebay_project::column_type::ColumnType;

/// Rows of one table: one [`Column`] per target column, all of the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnBatch {
    /// Columns in the order of the target columns they were compiled from.
    pub columns: Vec<Column>,
}

/// One column, or one nested part of a column.
///
/// A null row still occupies a slot in `values` (zero, empty text, empty list), as in ClickHouse Native and Arrow.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The values, null rows included as type zero.
    pub values: Values,
    /// One byte a row, 1 = null; `None` when the type is not Nullable.
    pub nulls: Option<Vec<u8>>,
    /// One byte a row, 1 = the record had no value, so the engine evaluates DEFAULT.
    /// Only on top-level columns with a DEFAULT; such rows hold type zero in `values`.
    pub absent: Option<Vec<u8>>,
}

/// Value buffers by shape; what the bytes mean is said by the column's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Little-endian values of `width` bytes each, laid out as ClickHouse Native lays them out
    /// (so UUID is two swapped u64 halves, IPv6 is network order).
    Fixed {
        /// Bytes a value: 1, 2, 4, 8, 16, 32, or n for FixedString(n).
        width: usize,
        /// Values back to back.
        bytes: Vec<u8>,
    },
    /// Variable-length bytes.
    Bytes {
        /// End of each value in `bytes`, one a row.
        ends: Vec<usize>,
        /// Values back to back.
        bytes: Vec<u8>,
    },
    /// Array: `ends[i]` is the number of items up to and including row i. A Map is a list of Tuple(key, value).
    List {
        /// End of each row's items in `items`, one a row.
        ends: Vec<usize>,
        /// Items of all rows back to back.
        items: Box<Column>,
    },
    /// Tuple: one column an element. An empty tuple is not allowed.
    Tuple(Vec<Column>),
    /// Variant, and Dynamic as a Variant of its own members: which member a row is of, and the rows of each member.
    Variant {
        /// Index of the member, one a row; [`NO_MEMBER`] is NULL.
        discriminators: Vec<u8>,
        /// One column a member, with the rows that are of it and no others.
        members: Vec<Column>,
    },
}

/// The discriminator of a row of a Variant that is NULL.
pub const NO_MEMBER: u8 = 255;

impl ColumnBatch {
    /// An empty batch with one column a type, none of them with a DEFAULT.
    pub fn new_for<'t>(types: impl IntoIterator<Item = &'t ColumnType>) -> Self {
        Self { columns: types.into_iter().map(Column::new_for).collect() }
    }

    /// An empty batch for target columns: those with a DEFAULT note in `absent` which rows lack a value.
    pub fn for_columns(targets: &[TargetColumn]) -> Self {
        let mut batch = Self::new_for(targets.iter().map(|target| &target.column_type));
        for (column, target) in batch.columns.iter_mut().zip(targets) {
            column.absent = target.default.is_some().then(Vec::new);
        }
        batch
    }

    /// An empty batch of the same columns with room for as many rows: growing step by step touches twice the memory.
    pub fn empty_like(&self) -> Self {
        Self { columns: self.columns.iter().map(Column::empty_like).collect() }
    }

    /// Number of rows.
    pub fn row_count(&self) -> usize {
        self.columns.first().map_or(0, Column::row_count)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.row_count() == 0
    }

    /// Cuts every column back to its first `rows` rows, also where columns have grown unevenly; keeps the memory.
    pub fn truncate(&mut self, rows: usize) {
        for column in &mut self.columns {
            column.truncate(rows);
        }
    }

    /// Appends all rows of `other`, a batch of the same types.
    ///
    /// # Panics
    /// When the columns differ in shape.
    pub fn append(&mut self, other: &Self) {
        assert_eq!(self.columns.len(), other.columns.len(), "same columns");
        for (column, rows) in self.columns.iter_mut().zip(&other.columns) {
            column.append(rows, 0, rows.row_count());
        }
    }

    /// A batch of the given rows, in the given order; a row may be taken more than once.
    ///
    /// # Panics
    /// When a row does not exist.
    pub fn take(&self, rows: &[u32]) -> Self {
        let columns = self.columns.iter().map(|column| column.take(rows));
        Self { columns: columns.collect() }
    }

    /// Bytes held by the rows, buffers counted by length.
    pub fn memory_bytes(&self) -> usize {
        self.columns.iter().map(Column::memory_bytes).sum()
    }

    /// What breaks the invariants of this structure, if anything: for tests.
    pub fn defect(&self) -> Option<String> {
        let rows = self.row_count();
        self.columns.iter().enumerate().find_map(|(index, column)| {
            let defect = column.defect(rows)?;
            Some(format!("column {index}: {defect}"))
        })
    }
}

impl Column {
    /// An empty column. LowCardinality(T) and SimpleAggregateFunction(f, T) are held as T, Map(K, V) as a list of
    /// Tuple(K, V), geometric types as the arrays and tuples they are stored as, JSON as the text of an object, Dynamic
    /// as a Variant of [`dynamic_members`].
    pub fn new_for(column_type: &ColumnType) -> Self {
        match column_type {
            ColumnType::LowCardinality(inner) | ColumnType::SimpleAggregateFunction { inner, .. } => {
                Self::new_for(inner)
            }
            ColumnType::Nullable(inner) => Self { nulls: Some(Vec::new()), ..Self::new_for(inner) },
            other => Self::of(Values::new_for(other)),
        }
    }

    fn of(values: Values) -> Self {
        Self { values, nulls: None, absent: None }
    }

    /// Number of rows.
    pub fn row_count(&self) -> usize {
        self.values.row_count()
    }

    /// Cuts back to the first `rows` rows; keeps the memory.
    pub fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        for flags in [&mut self.nulls, &mut self.absent].into_iter().flatten() {
            flags.truncate(rows);
        }
    }

    /// Bytes held by the rows, buffers counted by length.
    pub fn memory_bytes(&self) -> usize {
        let flags = [&self.nulls, &self.absent].into_iter().flatten();
        self.values.memory_bytes() + flags.map(Vec::len).sum::<usize>()
    }

    fn take(&self, rows: &[u32]) -> Self {
        let mut taken = self.empty_like();
        for &row in rows {
            let row = row as usize;
            taken.append(self, row, row + 1);
        }
        taken
    }

    fn empty_like(&self) -> Self {
        Self {
            values: self.values.empty_like(),
            nulls: self.nulls.as_deref().map(with_room_of),
            absent: self.absent.as_deref().map(with_room_of),
        }
    }

    fn append(&mut self, other: &Self, start: usize, end: usize) {
        self.values.append(&other.values, start, end);
        append_flags(&mut self.nulls, &other.nulls, start, end);
        append_flags(&mut self.absent, &other.absent, start, end);
    }

    fn defect(&self, rows: usize) -> Option<String> {
        let flags = [("nulls", &self.nulls), ("absent", &self.absent)];
        for (name, flags) in flags {
            let Some(flags) = flags else { continue };
            if flags.len() != rows {
                return Some(format!("{} {name} for {rows} rows", flags.len()));
            }
            if flags.iter().any(|flag| *flag > 1) {
                return Some(format!("{name} holds other bytes than 0 and 1"));
            }
        }
        self.values.defect(rows)
    }
}

/// Room for an eighth more, since no two batches have texts of the same length.
fn with_room_of<T>(model: &[T]) -> Vec<T> {
    Vec::with_capacity(model.len() + model.len() / 8)
}

fn append_flags(to: &mut Option<Vec<u8>>, from: &Option<Vec<u8>>, start: usize, end: usize) {
    match (to, from) {
        (Some(to), Some(from)) => to.extend_from_slice(&from[start..end]),
        (None, None) => {}
        _ => panic!("columns differ in being Nullable or having a DEFAULT"),
    }
}

impl Values {
    fn new_for(column_type: &ColumnType) -> Self {
        match column_type {
            ColumnType::String | ColumnType::Json(_) => Self::Bytes { ends: Vec::new(), bytes: Vec::new() },
            ColumnType::Array(item) => Self::list(Column::new_for(item)),
            ColumnType::Map(key, value) => {
                let entry = vec![Column::new_for(key), Column::new_for(value)];
                Self::list(Column::of(Self::Tuple(entry)))
            }
            ColumnType::Tuple(elements) => {
                Self::Tuple(elements.iter().map(|(_, element)| Column::new_for(element)).collect())
            }
            ColumnType::Geo(geo) => Self::new_for(&geo.stored()),
            ColumnType::Variant(members) => Self::variant(members),
            ColumnType::Dynamic { .. } => Self::variant(dynamic_members()),
            ColumnType::Nullable(inner)
            | ColumnType::LowCardinality(inner)
            | ColumnType::SimpleAggregateFunction { inner, .. } => Self::new_for(inner),
            scalar => Self::Fixed { width: fixed_width(scalar), bytes: Vec::new() },
        }
    }

    fn list(items: Column) -> Self {
        Self::List { ends: Vec::new(), items: Box::new(items) }
    }

    fn variant(members: &[ColumnType]) -> Self {
        Self::Variant { discriminators: Vec::new(), members: members.iter().map(Column::new_for).collect() }
    }

    /// Number of rows.
    pub fn row_count(&self) -> usize {
        match self {
            Self::Fixed { width, bytes } => bytes.len().checked_div(*width).unwrap_or(0),
            Self::Bytes { ends, .. } | Self::List { ends, .. } => ends.len(),
            Self::Tuple(elements) => elements.first().map_or(0, Column::row_count),
            Self::Variant { discriminators, .. } => discriminators.len(),
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Fixed { width, bytes } => bytes.truncate(rows * *width),
            Self::Bytes { ends, bytes } => {
                ends.truncate(rows);
                bytes.truncate(ends.last().copied().unwrap_or(0));
            }
            Self::List { ends, items } => {
                ends.truncate(rows);
                items.truncate(ends.last().copied().unwrap_or(0));
            }
            Self::Tuple(elements) => elements.iter_mut().for_each(|e| e.truncate(rows)),
            Self::Variant { discriminators, members } => {
                discriminators.truncate(rows);
                let counts = count_members(discriminators);
                members.iter_mut().zip(counts).for_each(|(member, rows)| member.truncate(rows));
            }
        }
    }

    fn memory_bytes(&self) -> usize {
        match self {
            Self::Fixed { bytes, .. } => bytes.len(),
            Self::Bytes { ends, bytes } => size_of_val(&ends[..]) + bytes.len(),
            Self::List { ends, items } => size_of_val(&ends[..]) + items.memory_bytes(),
            Self::Tuple(elements) => elements.iter().map(Column::memory_bytes).sum(),
            Self::Variant { discriminators, members } => {
                discriminators.len() + members.iter().map(Column::memory_bytes).sum::<usize>()
            }
        }
    }

    fn empty_like(&self) -> Self {
        match self {
            Self::Fixed { width, bytes } => Self::Fixed { width: *width, bytes: with_room_of(bytes) },
            Self::Bytes { ends, bytes } => {
                Self::Bytes { ends: with_room_of(ends), bytes: with_room_of(bytes) }
            }
            Self::List { ends, items } => {
                Self::List { ends: with_room_of(ends), items: Box::new(items.empty_like()) }
            }
            Self::Tuple(elements) => Self::Tuple(elements.iter().map(Column::empty_like).collect()),
            Self::Variant { discriminators, members } => Self::Variant {
                discriminators: with_room_of(discriminators),
                members: members.iter().map(Column::empty_like).collect(),
            },
        }
    }

    fn append(&mut self, other: &Self, start: usize, end: usize) {
        match (self, other) {
            (Self::Fixed { width, bytes }, Self::Fixed { width: w, bytes: b }) if width == w => {
                bytes.extend_from_slice(&b[start * *width..end * *width]);
            }
            (Self::Bytes { ends, bytes }, Self::Bytes { ends: e, bytes: b }) => {
                let (from, to) = (end_of(e, start), end_of(e, end));
                append_ends(ends, &e[start..end], from);
                bytes.extend_from_slice(&b[from..to]);
            }
            (Self::List { ends, items }, Self::List { ends: e, items: i }) => {
                let (from, to) = (end_of(e, start), end_of(e, end));
                append_ends(ends, &e[start..end], from);
                items.append(i, from, to);
            }
            (Self::Tuple(elements), Self::Tuple(others)) if elements.len() == others.len() => {
                for (element, other) in elements.iter_mut().zip(others) {
                    element.append(other, start, end);
                }
            }
            (
                Self::Variant { discriminators, members },
                Self::Variant { discriminators: d, members: others },
            ) if members.len() == others.len() => {
                let (before, added) = (count_members(&d[..start]), count_members(&d[start..end]));
                discriminators.extend_from_slice(&d[start..end]);
                for (index, (member, other)) in members.iter_mut().zip(others).enumerate() {
                    member.append(other, before[index], before[index] + added[index]);
                }
            }
            _ => panic!("columns differ in shape"),
        }
    }

    fn defect(&self, rows: usize) -> Option<String> {
        match self {
            Self::Fixed { width, bytes } => (bytes.len() != rows * width)
                .then(|| format!("{} bytes for {rows} rows of {width}", bytes.len())),
            Self::Bytes { ends, bytes } => ends_defect(ends, rows, bytes.len()),
            Self::List { ends, items } => {
                ends_defect(ends, rows, items.row_count()).or_else(|| items.defect(items.row_count()))
            }
            Self::Tuple(elements) if elements.is_empty() => Some("an empty tuple".to_owned()),
            Self::Tuple(elements) => elements.iter().find_map(|element| element.defect(rows)),
            Self::Variant { discriminators, members } => variant_defect(discriminators, members, rows),
        }
    }
}

/// Bytes a value of a scalar type of fixed width.
fn fixed_width(scalar: &ColumnType) -> usize {
    match scalar {
        ColumnType::Int { bits, .. } | ColumnType::Enum { bits, .. } => usize::from(*bits) / 8,
        ColumnType::Decimal { precision, .. } => match precision {
            0..=9 => 4,
            10..=18 => 8,
            19..=38 => 16,
            _ => 32,
        },
        ColumnType::Bool => 1,
        ColumnType::Date | ColumnType::BFloat16 => 2,
        ColumnType::Float32
        | ColumnType::Date32
        | ColumnType::DateTime { .. }
        | ColumnType::Time
        | ColumnType::Ipv4 => 4,
        ColumnType::Float64 | ColumnType::DateTime64 { .. } | ColumnType::Time64 { .. } => 8,
        ColumnType::Uuid | ColumnType::Ipv6 => 16,
        ColumnType::FixedString(length) => *length,
        other => unreachable!("{other:?} has no fixed width"),
    }
}

/// How many rows are of each member.
fn count_members(discriminators: &[u8]) -> [usize; 256] {
    let mut counts = [0; 256];
    discriminators.iter().for_each(|member| counts[usize::from(*member)] += 1);
    counts
}

fn variant_defect(discriminators: &[u8], members: &[Column], rows: usize) -> Option<String> {
    if discriminators.len() != rows {
        return Some(format!("{} discriminators for {rows} rows", discriminators.len()));
    }
    let counts = count_members(discriminators);
    if counts[members.len()..usize::from(NO_MEMBER)].iter().any(|count| *count > 0) {
        return Some(format!("a row of another member than the {} there are", members.len()));
    }
    members.iter().zip(counts).enumerate().find_map(|(index, (member, count))| {
        if member.row_count() != count {
            return Some(format!("member {index}: {} values for {count} rows", member.row_count()));
        }
        member.defect(count).map(|defect| format!("member {index}: {defect}"))
    })
}

/// Where the first `rows` rows end.
fn end_of(ends: &[usize], rows: usize) -> usize {
    rows.checked_sub(1).map_or(0, |last| ends[last])
}

/// Appends ends that counted from `from`, so that they go on where `ends` stops.
fn append_ends(ends: &mut Vec<usize>, more: &[usize], from: usize) {
    let base = ends.last().copied().unwrap_or(0);
    ends.extend(more.iter().map(|end| end - from + base));
}

fn ends_defect(ends: &[usize], rows: usize, total: usize) -> Option<String> {
    if ends.len() != rows {
        return Some(format!("{} ends for {rows} rows", ends.len()));
    }
    if !ends.is_sorted() {
        return Some("ends go backwards".to_owned());
    }
    let last = end_of(ends, rows);
    (last != total).then(|| format!("the last row ends at {last} of {total}"))
}
