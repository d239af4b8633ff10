//! Records that did not decode, and the rows of `<datasource>_quarantine` they become.

use crate::{
    column_batch::{Column, ColumnBatch, Values},
    convert::{Reason, explain_record, explain_value},
    records::{Record, RecordBatch},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Datasource, Path},
};
use std::collections::BTreeMap;

/// Longest [`Defect::detail`] kept, in bytes. The whole record stands in the quarantine table's `__value`.
pub const MAX_DETAIL_BYTES: usize = 256;

/// What is wrong with one record, or with one column of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Index among the target columns; `None` when the record as a whole did not decode.
    pub column: Option<usize>,
    /// Why.
    pub reason: Reason,
    /// The raw value that did not convert or, without a column, what is wrong in words (`expected "," at byte 17`).
    pub detail: String,
}

impl Defect {
    /// What is wrong with a record as a whole, in words.
    pub fn of_record(reason: Reason, detail: impl Into<String>) -> Self {
        Self { column: None, reason, detail: detail.into() }
    }
}

/// One record that did not decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Index in the record batch.
    pub record: usize,
    /// What is wrong with it; at least one.
    pub defects: Vec<Defect>,
    /// The text found for each target column, strings without their quotes; `None` where nothing was found.
    /// May be shorter than the columns, and is empty when the record as a whole did not decode.
    pub found: Vec<Option<Vec<u8>>>,
}

/// Records that did not decode, in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejects {
    rejects: Vec<Reject>,
}

impl Rejects {
    /// Adds a record. Details are cut to [`MAX_DETAIL_BYTES`].
    pub fn push(&mut self, mut reject: Reject) {
        for defect in &mut reject.defects {
            cut(&mut defect.detail);
        }
        self.rejects.push(reject);
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.rejects.len()
    }

    /// Whether every record decoded.
    pub fn is_empty(&self) -> bool {
        self.rejects.is_empty()
    }

    /// The records in the order they came.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Reject> {
        self.rejects.iter()
    }

    /// Number of records by the reason of their first defect; the numbers add up to [`Rejects::len`].
    pub fn count_by_reason(&self) -> BTreeMap<Reason, usize> {
        let mut counts = BTreeMap::new();
        for reason in self.rejects.iter().filter_map(Reject::first_reason) {
            *counts.entry(reason).or_default() += 1;
        }
        counts
    }

    /// The rows for the quarantine table, columns as [`quarantine_columns`] lists them for the same data source.
    ///
    /// `records` is the batch the rejects index, `columns` the data source's target columns,
    /// `insertion_time` seconds since the epoch.
    pub fn into_column_batch(
        self,
        records: &RecordBatch,
        columns: &[TargetColumn],
        insertion_time: u32,
    ) -> ColumnBatch {
        let rows = Rows { rejects: &self.rejects, records, columns };
        let mut batch = rows.data_columns();
        batch.extend(rows.own_columns(insertion_time));
        ColumnBatch { columns: batch }
    }
}

impl Reject {
    fn first_reason(&self) -> Option<Reason> {
        self.defects.first().map(|defect| defect.reason)
    }

    fn text_of(&self, column: usize) -> Option<&[u8]> {
        self.found.get(column)?.as_deref()
    }
}

/// Columns of `<datasource>_quarantine`: the data source's own as text, then what is known of the record and its defects.
///
/// A data column of the same name as one of the latter is left out; its text still stands in `__value`.
pub fn quarantine_columns(datasource: &Datasource) -> Vec<(String, ColumnType)> {
    let data_columns = datasource
        .columns
        .iter()
        .filter(|column| {
            matches!(column.path, Path::Document(_) | Path::Key(_)) && is_data_column(&column.name)
        })
        .map(|column| (column.name.clone(), nullable(ColumnType::String)));
    let own_columns = own_columns().into_iter().map(|(name, column_type)| (name.to_owned(), column_type));
    data_columns.chain(own_columns).collect()
}

fn is_data_column(name: &str) -> bool {
    own_columns().iter().all(|(own, _)| *own != name)
}

/// The first four are Tinybird's; `__error_type` is what ClickPipes calls the error. Those of the record keep null apart from empty, so that it can be produced again.
fn own_columns() -> [(&'static str, ColumnType); 14] {
    use ColumnType::{Array, DateTime, DateTime64, Int, LowCardinality, Map, String};
    let string = || Box::new(String);
    let word = || LowCardinality(string());
    let int = |bits| Int { bits, signed: true };
    let time_zone = Some("UTC".to_owned());
    let insertion_date = DateTime { time_zone: time_zone.clone() };
    let timestamp = DateTime64 { precision: 3, time_zone };
    let headers = Map(string(), Box::new(nullable(String)));
    [
        ("c__error_column", Array(string())),
        ("c__error", Array(string())),
        ("c__import_id", nullable(String)),
        ("insertion_date", insertion_date),
        ("__topic", word()),
        ("__partition", int(32)),
        ("__offset", int(64)),
        ("__timestamp", nullable(timestamp)),
        ("__key", nullable(String)),
        ("__headers", headers),
        ("__value", nullable(String)),
        ("__reason", word()),
        ("__column", word()),
        ("__error_type", word()),
    ]
}

fn nullable(column_type: ColumnType) -> ColumnType {
    ColumnType::Nullable(Box::new(column_type))
}

/// Rejects on their way to columns.
struct Rows<'a> {
    rejects: &'a [Reject],
    records: &'a RecordBatch,
    columns: &'a [TargetColumn],
}

impl<'a> Rows<'a> {
    fn data_columns(&self) -> Vec<Column> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| {
                matches!(column.source, ColumnSource::Path(_)) && is_data_column(&column.name)
            })
            .map(|(index, _)| nullable_text(self.rejects.iter().map(|reject| reject.text_of(index))))
            .collect()
    }

    /// In the order of [`own_columns`].
    fn own_columns(&self, insertion_time: u32) -> [Column; 14] {
        let error_columns = self.defects(|defect| self.column_name(defect).to_owned());
        let errors = self.defects(|defect| self.error(defect));
        let first_columns = self.rejects.iter().map(|reject| {
            let first = reject.defects.first();
            first.map_or("", |defect| self.column_name(defect))
        });
        let reasons = self.rejects.iter().map(|reject| reject.first_reason().map_or("", Reason::as_str));
        let error_types = self.rejects.iter().map(|reject| reject.first_reason().map_or("", Reason::class));
        [
            list(&error_columns),
            list(&errors),
            nullable_text(self.rejects.iter().map(|_| None)),
            fixed(self.rejects.iter().map(|_| insertion_time.to_le_bytes())),
            text(self.rejects.iter().map(|_| self.records.topic.as_bytes())),
            fixed(self.records().map(|record| record.partition().to_le_bytes())),
            fixed(self.records().map(|record| record.offset().to_le_bytes())),
            nullable_ticks(self.records().map(|record| record.timestamp_ms())),
            nullable_text(self.records().map(|record| record.key())),
            headers(self.records()),
            nullable_text(self.records().map(|record| record.value())),
            text(reasons.map(str::as_bytes)),
            text(first_columns.map(str::as_bytes)),
            text(error_types.map(str::as_bytes)),
        ]
    }

    fn records(&self) -> impl Iterator<Item = Record<'a>> {
        let records = self.records;
        self.rejects.iter().map(|reject| records.get(reject.record))
    }

    /// One text for each defect of each row.
    fn defects(&self, describe: impl Fn(&Defect) -> String) -> Vec<Vec<String>> {
        self.rejects.iter().map(|reject| reject.defects.iter().map(&describe).collect()).collect()
    }

    /// Empty for a defect of the whole record.
    fn column_name(&self, defect: &Defect) -> &'a str {
        let columns = self.columns;
        defect.column.map_or("", |index| columns[index].name.as_str())
    }

    fn error(&self, defect: &Defect) -> String {
        let Some(index) = defect.column else {
            return explain_record(defect.reason, &defect.detail);
        };
        let TargetColumn { name, column_type, .. } = &self.columns[index];
        explain_value(name, column_type, defect.reason, &defect.detail)
    }
}

/// Shortens a detail, at a character boundary, and shows that it was longer.
fn cut(detail: &mut String) {
    if detail.len() > MAX_DETAIL_BYTES {
        let end = (0..=MAX_DETAIL_BYTES).rfind(|end| detail.is_char_boundary(*end));
        detail.truncate(end.unwrap_or(0));
        detail.push('…');
    }
}

fn column(values: Values, nulls: Option<Vec<u8>>) -> Column {
    Column { values, nulls, absent: None }
}

fn text<'v>(rows: impl Iterator<Item = &'v [u8]>) -> Column {
    let (mut ends, mut bytes) = (Vec::new(), Vec::new());
    for row in rows {
        bytes.extend_from_slice(row);
        ends.push(bytes.len());
    }
    column(Values::Bytes { ends, bytes }, None)
}

fn nullable_text<'v>(rows: impl Iterator<Item = Option<&'v [u8]>>) -> Column {
    let rows: Vec<_> = rows.collect();
    let nulls = rows.iter().map(|row| row.is_none().into()).collect();
    Column { nulls: Some(nulls), ..text(rows.into_iter().map(Option::unwrap_or_default)) }
}

fn fixed<const WIDTH: usize>(rows: impl Iterator<Item = [u8; WIDTH]>) -> Column {
    let bytes = rows.flatten().collect();
    column(Values::Fixed { width: WIDTH, bytes }, None)
}

fn nullable_ticks(rows: impl Iterator<Item = Option<i64>>) -> Column {
    let rows: Vec<_> = rows.collect();
    let nulls = rows.iter().map(|row| row.is_none().into()).collect();
    Column { nulls: Some(nulls), ..fixed(rows.into_iter().map(|row| row.unwrap_or_default().to_le_bytes())) }
}

fn list(rows: &[Vec<String>]) -> Column {
    let ends = running_ends(rows.iter().map(Vec::len));
    let items = Box::new(text(rows.iter().flatten().map(String::as_bytes)));
    column(Values::List { ends, items }, None)
}

fn headers<'r>(records: impl Iterator<Item = Record<'r>>) -> Column {
    let rows: Vec<Vec<_>> = records.map(|record| record.headers().collect()).collect();
    let ends = running_ends(rows.iter().map(Vec::len));
    let names = text(rows.iter().flatten().map(|(name, _)| *name));
    let values = nullable_text(rows.iter().flatten().map(|(_, value)| *value));
    let items = Box::new(column(Values::Tuple(vec![names, values]), None));
    column(Values::List { ends, items }, None)
}

fn running_ends(lengths: impl Iterator<Item = usize>) -> Vec<usize> {
    lengths
        .scan(0, |end, length| {
            *end += length;
            Some(*end)
        })
        .collect()
}
