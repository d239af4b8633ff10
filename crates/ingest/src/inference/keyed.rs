//! What the keys of records add to the columns of their values.
//!
//! A key may say what the value says too, or what it lacks. Where records without a value, tombstones, take keys back,
//! the table is to hold what each key stands for now: a ReplacingMergeTree sorted by the key, where a tombstone is a row
//! that deletes.

use super::name::{Names, joined};
use super::sorting_key::{SortingKey, quoted};
use super::{Inference, InferredColumn, declared};
use crate::column_batch::{Column, ColumnBatch, Values};
use crate::target::TargetColumn;
use forebay_project::column_type::ColumnType;
use forebay_project::model::{KafkaColumn, Path, Tombstones};

/// Columns of values that a key without fields is compared with, at most.
const MOST_COMPARED: usize = 100;

/// One different key in so many records, or fewer, is worth a word.
const RECORDS_FOR_EACH_KEY: u64 = 2;

/// The keys of sampled records.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The columns of the keys, as if they were values; none where keys are bytes, or where some do not decode.
    pub columns: Vec<InferredColumn>,
    /// Whether the bytes of a key are its text, as those of a plain text or number are.
    pub are_plain: bool,
    /// How many records there are.
    pub records: u64,
    /// How many of them have a key.
    pub keyed: u64,
    /// How many different keys they have.
    pub different: u64,
    /// How many records have no value.
    pub tombstones: u64,
}

/// How the rows of one key become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacing {
    /// `ENGINE_VER`
    pub version: String,
    /// `ENGINE_IS_DELETED`
    pub is_deleted: String,
}

/// Which columns of keys hold the same as columns of values: to be decoded as text, both from the same records.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Index of the key's column, and of the value's.
    pairs: Vec<(usize, usize)>,
    /// Two columns for each pair: what the key holds, and what the value holds.
    pub targets: Vec<TargetColumn>,
}

impl Comparison {
    /// Compares fields of the same path, and a key without fields with every value.
    pub fn new(values: &Inference, keys: &Keys) -> Self {
        let is_alike = |key: &InferredColumn, value: &InferredColumn| {
            key.path == value.path || declared::fields(key).is_empty()
        };
        let mut pairs = Vec::new();
        for (key_index, key) in keys.columns.iter().enumerate() {
            let scalars =
                values.columns.iter().enumerate().filter(|(_, value)| is_scalar(&value.column_type));
            let alike = scalars.filter(|(_, value)| is_alike(key, value)).take(MOST_COMPARED);
            pairs.extend(alike.map(|(index, _)| (key_index, index)));
        }
        let targets = pairs.iter().flat_map(|(key, value)| {
            let (key, value) = (&keys.columns[*key], &values.columns[*value]);
            [as_text("key", in_key(&key.path)), as_text("value", value.path.clone())]
        });
        Self { targets: targets.collect(), pairs }
    }

    /// The pairs that are equal in every row; none without rows.
    pub fn equal(&self, rows: &ColumnBatch) -> Vec<(usize, usize)> {
        let columns = rows.columns.chunks_exact(2);
        let pairs = self.pairs.iter().zip(columns).filter(|(_, sides)| {
            let [key, value] = sides else { return false };
            rows.row_count() > 0 && key == value && !has_null(key)
        });
        pairs.map(|(pair, _)| *pair).collect()
    }
}

fn has_null(column: &Column) -> bool {
    let has_text = matches!(column.values, Values::Bytes { .. });
    !has_text || column.nulls.as_ref().is_some_and(|nulls| nulls.contains(&1))
}

fn as_text(name: &str, path: Path) -> TargetColumn {
    let column = InferredColumn {
        name: name.to_owned(),
        column_type: ColumnType::Nullable(Box::new(ColumnType::String)),
        path,
        default: None,
        reason: None,
    };
    column.target()
}

/// The path of a column of a document that is the key.
fn in_key(path: &Path) -> Path {
    match path {
        Path::Document(steps) => Path::Key(steps.clone()),
        other => other.clone(),
    }
}

impl Inference {
    /// The columns with those that the keys add. `equal` are the pairs of [`Comparison::equal`].
    #[must_use]
    pub fn with_keys(self, keys: &Keys, equal: &[(usize, usize)]) -> Self {
        let all_have_keys = keys.keyed == keys.records;
        match keys.tombstones {
            0 => {
                let repetition = keys.repetition();
                let mut inference = self.with_key_columns(keys, equal);
                inference.notes.extend(repetition);
                inference
            }
            _ if all_have_keys => self.replacing(keys, equal),
            tombstones => {
                let mut inference = self.with_key_columns(keys, equal);
                inference.tombstones = Tombstones::Skip;
                let note =
                    "without a value: such records are counted and left out, for some have no key either";
                inference.notes.push(format!("{} {note}", records(tombstones)));
                inference
            }
        }
    }

    /// Adds what the key has and the value lacks.
    fn with_key_columns(mut self, keys: &Keys, equal: &[(usize, usize)]) -> Self {
        let is_equal = |index: usize| equal.iter().any(|(key, _)| *key == index);
        // Without records fields of the same name are taken for the same.
        let is_named = |column: &InferredColumn| self.columns.iter().any(|own| own.path == column.path);
        let repeated =
            |index, column: &InferredColumn| is_equal(index) || (keys.records == 0 && is_named(column));
        let lacking: Vec<&InferredColumn> = keys
            .columns
            .iter()
            .enumerate()
            .filter(|(index, column)| !repeated(*index, column) && !keys.is_in_automatic_column(column))
            .map(|(_, column)| column)
            .collect();
        if lacking.is_empty() && keys.keyed > 0 && equal.is_empty() {
            self.notes.push("the column __key holds the key as it is".to_owned());
        }
        let mut names = Names::without(&self.columns);
        let columns = lacking.into_iter().map(|column| key_column(column, keys, &mut names));
        self.columns = columns.chain(self.columns).collect();
        self.propose_sorting_key();
        self
    }

    /// One row for each key: the last one.
    fn replacing(mut self, keys: &Keys, equal: &[(usize, usize)]) -> Self {
        let mut names = Names::without(&self.columns);
        let mut sorted_by = vec!["__key".to_owned()];
        if keys.can_sort() {
            let (columns, own) = self.columns_by_key(keys, equal, &mut names);
            (self.columns, sorted_by) = (columns, own.iter().map(|name| quoted(name)).collect());
        } else {
            self = self.with_key_columns(keys, equal);
            names = Names::without(&self.columns);
        }
        let is_deleted = names.give(&["_is_deleted"]);
        self.columns.push(InferredColumn {
            name: is_deleted.clone(),
            column_type: ColumnType::Int { bits: 8, signed: false },
            path: Path::Kafka(KafkaColumn::IsDeleted),
            default: None,
            reason: Some("1 for a record without a value".to_owned()),
        });
        self.sorting_key = SortingKey {
            expression: sorted_by.join(", "),
            reason: "the key: the last row of each stays; a query with FINAL sees no other".to_owned(),
        };
        let count = records(keys.tombstones);
        self.notes.push(format!(
            "{count} without a value: such records become rows that delete those of their key"
        ));
        self.tombstones = Tombstones::Delete;
        self.replacing = Some(Replacing { version: "__offset".to_owned(), is_deleted });
        self
    }

    /// The columns with all those of the key, read from it, and the names of these.
    fn columns_by_key(
        &self,
        keys: &Keys,
        equal: &[(usize, usize)],
        names: &mut Names,
    ) -> (Vec<InferredColumn>, Vec<String>) {
        let mut columns = self.columns.clone();
        let mut added = Vec::new();
        let mut own = Vec::new();
        for (index, key) in keys.columns.iter().enumerate() {
            let mut same = equal.iter().filter(|(key, _)| *key == index).map(|(_, value)| *value);
            let Some(value) = same.find(|value| matches!(columns[*value].path, Path::Document(_))) else {
                let column = key_column(key, keys, names);
                own.push(column.name.clone());
                added.push(column);
                continue;
            };
            let column = &mut columns[value];
            column.path = in_key(&key.path);
            column.column_type = key.column_type.clone();
            column.default = None;
            column.reason = Some("from the key, which records without a value have, too".to_owned());
            own.push(column.name.clone());
        }
        added.extend(columns);
        (added, own)
    }
}

impl Keys {
    /// Whether rows can be sorted by the columns of the key: by every part of it, and none of them NULL.
    fn can_sort(&self) -> bool {
        let can =
            |column: &InferredColumn| is_exact(&column.column_type) && !self.is_in_automatic_column(column);
        !self.columns.is_empty() && self.columns.iter().all(can)
    }

    /// Whether `__key`, which every table has, holds the same.
    fn is_in_automatic_column(&self, column: &InferredColumn) -> bool {
        self.are_plain && declared::fields(column).is_empty() && !column.column_type.is_number()
    }

    /// What to do if a record replaces the one before it of its key: records that only go to the same partition look
    /// the same, and a table that took them for replacements would lose all but one.
    fn repetition(&self) -> Option<String> {
        let repeats = self.keyed > 1 && self.different * RECORDS_FOR_EACH_KEY <= self.keyed;
        repeats.then(|| {
            format!(
                "keys repeat, {} different in {}: if a record replaces the one before it, use ENGINE \"ReplacingMergeTree\", \
                 ENGINE_VER \"__offset\" and ENGINE_SORTING_KEY with what the key holds",
                self.different,
                records(self.keyed)
            )
        })
    }
}

/// A column of a key that has a name of its own beside those of the value.
fn key_column(column: &InferredColumn, keys: &Keys, names: &mut Names) -> InferredColumn {
    let fields = declared::fields(column);
    let own = if fields.is_empty() { "key".to_owned() } else { joined(&fields) };
    let name = match names.take(&own) {
        true => own,
        false => names.give(&[&["key"], &*fields].concat()),
    };
    let mut reason = vec!["from the key".to_owned()];
    reason.extend(column.reason.clone());
    let mut read = InferredColumn { name, path: in_key(&column.path), ..column.clone() };
    if keys.keyed < keys.records && !read.column_type.is_nullable() && read.default.is_none() {
        read.may_be_absent();
        reason.push(format!("no key in {} of {}", keys.records - keys.keyed, keys.records));
    }
    InferredColumn { reason: Some(reason.join("; ")), ..read }
}

/// Whether values of the type can be compared as text.
fn is_scalar(column_type: &ColumnType) -> bool {
    let stripped = column_type.stripped();
    stripped.is_number()
        || stripped.is_time()
        || matches!(
            stripped,
            ColumnType::String
                | ColumnType::FixedString(_)
                | ColumnType::Bool
                | ColumnType::Uuid
                | ColumnType::Ipv4
                | ColumnType::Ipv6
        )
}

/// Whether equal keys are equal in a column of the type, and none is NULL.
fn is_exact(column_type: &ColumnType) -> bool {
    let is_float = matches!(column_type.stripped(), ColumnType::Float32 | ColumnType::Float64);
    is_scalar(column_type) && !column_type.is_nullable() && !is_float
}

fn records(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}
