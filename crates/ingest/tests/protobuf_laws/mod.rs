//! Laws of the Protobuf decoder that hold for any bytes, and what tests need to state them.
//!
//! The fuzz targets run [`check`] and [`check_schema`] too.
#![allow(dead_code, reason = "every test file uses its own part")]

use forebay_ingest::{
    column_batch::{Column, ColumnBatch, NO_MEMBER, Values},
    document::{Diagnosis, DocumentColumn, DocumentDecoder, Texts},
    protobuf::{Decoder, MessageChoice, Options, ProtobufSchema},
    schema::{Schema, SchemaKind, SchemaReference},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Path, PathStep},
};
use std::sync::LazyLock;

/// A column that reads a path, written without its `$.`, such as `items[:].sku`.
pub(crate) fn column(path: &str, column_type: &str) -> TargetColumn {
    TargetColumn {
        name: path.to_owned(),
        column_type: ColumnType::parse(column_type).expect("the type is right"),
        source: ColumnSource::Path(Path::Document(steps(path))),
        default: None,
        codec: None,
    }
}

fn steps(path: &str) -> Vec<PathStep> {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let name = part.trim_end_matches("[:]");
        steps.push(PathStep::Field(name.to_owned()));
        steps.extend((0..(part.len() - name.len()) / "[:]".len()).map(|_| PathStep::Each));
    }
    steps
}

/// The column with a DEFAULT.
pub(crate) fn with_default(mut column: TargetColumn) -> TargetColumn {
    column.default = Some("42".to_owned());
    column
}

pub(crate) fn schema(text: &str) -> Schema {
    Schema { kind: SchemaKind::Protobuf, text: text.to_owned(), references: Vec::new(), origin: None }
}

pub(crate) fn schema_with(text: &str, references: &[(&str, &str)]) -> Schema {
    let references = references
        .iter()
        .map(|(name, text)| SchemaReference { name: (*name).to_owned(), text: (*text).to_owned() });
    Schema { references: references.collect(), ..schema(text) }
}

/// A decoder and the columns it was compiled for.
pub(crate) struct Table {
    pub(crate) decoder: Decoder,
    pub(crate) targets: Vec<TargetColumn>,
}

impl Table {
    /// Of the first message of a `.proto` text.
    pub(crate) fn new(proto: &str, targets: Vec<TargetColumn>) -> Self {
        let schema = ProtobufSchema::parse(&schema(proto)).unwrap_or_else(|defect| panic!("{defect}"));
        Self::of(&schema, MessageChoice::First, targets, Options::default())
    }

    pub(crate) fn of(
        schema: &ProtobufSchema,
        choice: MessageChoice<'_>,
        targets: Vec<TargetColumn>,
        options: Options,
    ) -> Self {
        let message = schema.message(choice).unwrap_or_else(|defect| panic!("{defect}"));
        let columns: Vec<DocumentColumn<'_>> = document_columns(&targets);
        let decoder = Decoder::compile(&message, &columns, options).unwrap_or_else(|error| panic!("{error}"));
        drop(columns);
        Self { decoder, targets }
    }

    /// Decodes records as the data path does: a record that fails leaves no trace, text is checked at the end.
    pub(crate) fn decode<'r>(
        &self,
        records: impl IntoIterator<Item = &'r [u8]> + Clone,
    ) -> (ColumnBatch, Vec<(usize, Diagnosis)>) {
        let (rows, rejects) = self.decode_with(records.clone(), Texts::CheckedLater);
        if self.decoder.texts_are_valid(&rows.columns, 0) {
            return (rows, rejects);
        }
        self.decode_with(records, Texts::CheckedAtOnce)
    }

    fn decode_with<'r>(
        &self,
        records: impl IntoIterator<Item = &'r [u8]>,
        texts: Texts,
    ) -> (ColumnBatch, Vec<(usize, Diagnosis)>) {
        let mut rows = ColumnBatch::for_columns(&self.targets);
        let mut state = self.decoder.new_state(texts);
        let mut rejects = Vec::new();
        for (index, record) in records.into_iter().enumerate() {
            let before = rows.row_count();
            match self.decoder.decode(&mut state, record, &mut rows.columns) {
                Ok(count) => assert_eq!(rows.row_count(), before + count, "so many rows were added"),
                Err(_) => {
                    rows.truncate(before);
                    rejects.push((index, self.decoder.diagnose(record)));
                }
            }
            assert_eq!(rows.defect(), None, "the columns are well-formed");
        }
        (rows, rejects)
    }

    /// The rows of one record, or what is wrong with it.
    pub(crate) fn show(&self, record: &[u8]) -> String {
        let (rows, rejects) = self.decode([record]);
        match rejects.first() {
            Some((_, diagnosis)) => self.show_diagnosis(diagnosis),
            None => {
                let shown = (0..rows.row_count()).map(|row| show_row(&rows, row));
                shown.collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn show_diagnosis(&self, diagnosis: &Diagnosis) -> String {
        let defects = diagnosis.defects.iter().map(|defect| {
            let column = defect.column.map_or("record", |column| &self.targets[column].name);
            format!("{column}: {} {:?}", defect.reason, defect.detail)
        });
        defects.collect::<Vec<_>>().join("\n")
    }
}

pub(crate) fn document_columns(targets: &[TargetColumn]) -> Vec<DocumentColumn<'_>> {
    let columns = targets.iter().enumerate().map(|(index, target)| match &target.source {
        ColumnSource::Path(Path::Document(steps)) => DocumentColumn { index, target, steps },
        other => panic!("{other:?} is no path into the record"),
    });
    columns.collect()
}

/// A row for people: columns separated by `|`, fixed-width values as signed integers.
pub(crate) fn show_row(batch: &ColumnBatch, row: usize) -> String {
    let columns = batch.columns.iter().map(|column| show(column, row));
    columns.collect::<Vec<_>>().join(" | ")
}

pub(crate) fn show(column: &Column, row: usize) -> String {
    let is_set = |flags: &Option<Vec<u8>>| flags.as_ref().is_some_and(|flags| flags[row] == 1);
    if is_set(&column.absent) {
        return "DEFAULT".to_owned();
    }
    if is_set(&column.nulls) {
        return "NULL".to_owned();
    }
    let start_in = |ends: &[usize]| row.checked_sub(1).map_or(0, |before| ends[before]);
    match &column.values {
        Values::Fixed { width, bytes } => show_integer(&bytes[row * width..(row + 1) * width]),
        Values::Bytes { ends, bytes } => {
            format!("{:?}", String::from_utf8_lossy(&bytes[start_in(ends)..ends[row]]))
        }
        Values::List { ends, items } => {
            let items = (start_in(ends)..ends[row]).map(|item| show(items, item));
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Values::Tuple(elements) => {
            let elements = elements.iter().map(|element| show(element, row));
            format!("({})", elements.collect::<Vec<_>>().join(", "))
        }
        Values::Variant { discriminators, members } => match discriminators[row] {
            NO_MEMBER => "NULL".to_owned(),
            member => {
                let rows = discriminators[..row].iter().filter(|other| **other == member).count();
                format!("#{member} {}", show(&members[usize::from(member)], rows))
            }
        },
    }
}

fn show_integer(bytes: &[u8]) -> String {
    if bytes.len() > 16 {
        return format!("{bytes:02x?}");
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(wide).to_string()
}

/// Bytes of the wire format, written down field by field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(pub(crate) Vec<u8>);

impl AsRef<[u8]> for Wire {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Wire {
    pub(crate) fn key(mut self, number: u32, form: u32) -> Self {
        self.push_varint(u64::from(number << 3 | form));
        self
    }

    pub(crate) fn varint(self, number: u32, value: u64) -> Self {
        let mut wire = self.key(number, 0);
        wire.push_varint(value);
        wire
    }

    pub(crate) fn int(self, number: u32, value: i64) -> Self {
        self.varint(number, value as u64)
    }

    pub(crate) fn sint(self, number: u32, value: i64) -> Self {
        self.varint(number, ((value << 1) ^ (value >> 63)) as u64)
    }

    pub(crate) fn bytes(self, number: u32, content: impl AsRef<[u8]>) -> Self {
        let mut wire = self.key(number, 2);
        wire.push_varint(content.as_ref().len() as u64);
        wire.0.extend_from_slice(content.as_ref());
        wire
    }

    pub(crate) fn message(self, number: u32, content: Wire) -> Self {
        self.bytes(number, content.0)
    }

    pub(crate) fn group(self, number: u32, content: Wire) -> Self {
        let mut wire = self.key(number, 3);
        wire.0.extend(content.0);
        wire.key(number, 4)
    }

    pub(crate) fn double(self, number: u32, value: f64) -> Self {
        let mut wire = self.key(number, 1);
        wire.0.extend_from_slice(&value.to_le_bytes());
        wire
    }

    pub(crate) fn float(self, number: u32, value: f32) -> Self {
        let mut wire = self.key(number, 5);
        wire.0.extend_from_slice(&value.to_le_bytes());
        wire
    }

    pub(crate) fn push_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

pub(crate) fn wire() -> Wire {
    Wire::default()
}

/// An Any that packs a message of this type.
pub(crate) fn packed(type_name: &str, message: Wire) -> Wire {
    wire().bytes(1, format!("type.googleapis.com/{type_name}")).message(2, message)
}

/// Fields of every kind and rank.
pub(crate) const EVERYTHING: &str = r#"
syntax = "proto3";
package everything;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/any.proto";

enum Colour { GREY = 0; RED = 1; GREEN = 2; }

message Everything {
  int32 i32 = 1;
  int64 i64 = 2;
  uint32 u32 = 3;
  uint64 u64 = 4;
  sint32 s32 = 5;
  sint64 s64 = 6;
  fixed32 f32 = 7;
  fixed64 f64 = 8;
  sfixed32 sf32 = 9;
  sfixed64 sf64 = 10;
  float real = 11;
  double precise = 12;
  bool flag = 13;
  string text = 14;
  bytes raw = 15;
  Colour colour = 16;
  optional string maybe = 17;
  Inner inner = 18;
  repeated int32 numbers = 19;
  repeated string words = 20;
  repeated Inner inners = 21;
  map<string, int64> counts = 22;
  map<int32, Inner> by_number = 23;
  oneof payload { string note = 24; int64 code = 25; Inner nested = 26; }
  google.protobuf.Timestamp at = 27;
  google.protobuf.Duration lasted = 28;
  google.protobuf.Int64Value wrapped = 29;
  google.protobuf.Struct object = 30;
  google.protobuf.Value value = 31;
  repeated Colour colours = 32;
  Everything again = 33;
  google.protobuf.ListValue list = 34;
  google.protobuf.Any any = 35;
  map<string, google.protobuf.Any> anys = 36;
}

message Inner {
  int64 id = 1;
  string name = 2;
  repeated sint32 deltas = 3;
  Inner deeper = 4;
  optional double weight = 5;
}
"#;

/// Columns of every shape over [`EVERYTHING`], with paths that share prefixes.
pub(crate) fn all_shapes() -> Vec<TargetColumn> {
    vec![
        column("", "String"),
        column("i32", "Int32"),
        column("i32", "String"),
        column("i64", "Nullable(Int16)"),
        column("u64", "UInt64"),
        column("s64", "Float64"),
        column("precise", "Float64"),
        column("text", "LowCardinality(String)"),
        column("raw", "String"),
        column("colour", "Enum8('GREY' = 0, 'RED' = 1, 'GREEN' = 2)"),
        column("maybe", "Nullable(String)"),
        with_default(column("maybe", "String")),
        with_default(column("inner.name", "String")),
        column("inner.deeper.id", "Nullable(Int64)"),
        column("inner", "Tuple(id Int64, deltas Array(Int32), deeper Tuple(name String))"),
        column("numbers", "Array(Int64)"),
        column("numbers", "String"),
        column("words", "Array(LowCardinality(String))"),
        column("inners[:].id", "Array(Int64)"),
        column("inners[:].deltas", "Array(Array(Int32))"),
        column("inners[:].weight", "Array(Nullable(Float64))"),
        column("inners", "Array(Tuple(name String, weight Nullable(Float64)))"),
        column("counts", "Map(String, Int64)"),
        column("counts", "String"),
        column("by_number", "Map(Int32, Tuple(id Int64))"),
        column("by_number", "Array(Tuple(Int64, String))"),
        column("payload", "Tuple(note Nullable(String), code Nullable(Int64), nested Tuple(id Int64))"),
        column("payload", "Variant(String, Int64)"),
        column("code", "Nullable(Int64)"),
        with_default(column("at", "DateTime64(9)")),
        column("lasted", "Nullable(String)"),
        column("wrapped", "Nullable(Int64)"),
        column("object", "Map(String, String)"),
        column("value", "Nullable(String)"),
        column("colours", "Array(String)"),
        column("again", "Nullable(String)"),
        column("nothing", "Nullable(Int8)"),
        column("list", "Array(String)"),
        with_default(column("list[:].a", "Array(Nullable(String))")),
        column("counts.k", "Nullable(Int64)"),
        column("counts", "Tuple(k Nullable(Int64), l Nullable(String))"),
        column("by_number.2.id", "Nullable(Int64)"),
        with_default(column("by_number.-1", "Tuple(deltas Array(Int32))")),
        column("object.x", "Nullable(String)"),
        with_default(column("object.x.y", "Float64")),
        with_default(column("object.list[:].z", "Array(Nullable(Bool))")),
        with_default(column("object.t", "Tuple(y Nullable(String))")),
        column("value.x", "Nullable(Float64)"),
        with_default(column("value[:].x", "Array(Nullable(String))")),
        column("any", "Nullable(String)"),
        column("any.id", "Nullable(Int64)"),
        column("any.deeper.name", "Nullable(String)"),
        column("any.value", "Nullable(String)"),
        column("any.@type", "Nullable(String)"),
        with_default(column("any", "Tuple(id Int64, text Nullable(String), value Nullable(String))")),
        column("anys.k.note", "Nullable(String)"),
        column("anys", "Map(String, String)"),
    ]
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(EVERYTHING, all_shapes()));

fn neighbours() -> [Vec<u8>; 2] {
    let inner = || wire().int(1, 7).bytes(2, "in").bytes(3, [2, 4]).message(4, wire().int(1, 8));
    let first = wire()
        .int(1, -1)
        .double(12, 0.5)
        .bytes(14, "text")
        .message(18, inner())
        .bytes(19, [1, 2, 3])
        .bytes(20, "a")
        .bytes(20, "b")
        .message(21, inner())
        .message(21, wire())
        .message(22, wire().bytes(1, "k").int(2, 9))
        .int(25, 5)
        .message(27, wire().int(1, 1_700_000_000).int(2, 5))
        .message(29, wire().int(1, 3))
        .message(30, wire().message(1, wire().bytes(1, "x").message(2, wire().bytes(3, "v"))))
        .message(35, packed("everything.Inner", inner()));
    [first.0, wire().bytes(24, "note").varint(4, u64::MAX).0]
}

/// Everything that must hold for any record: nothing panics, a record is a row or a reject with a reason, and the
/// records around it decode as if they were alone.
pub(crate) fn check(record: &[u8]) {
    let [first, last] = neighbours();
    let (rows, rejects) = TABLE.decode([first.as_slice(), record, last.as_slice()]);
    assert!(
        rejects.iter().all(|(index, diagnosis)| *index == 1 && !diagnosis.defects.is_empty()),
        "{rejects:?}"
    );

    let (around, refused) = TABLE.decode([first.as_slice(), last.as_slice()]);
    assert!(refused.is_empty(), "the neighbours are good: {refused:?}");
    let taken = rows.take(&[0, rows.row_count() as u32 - 1]);
    assert_eq!(taken, around, "neighbours decode as if alone");

    let (alone, _) = TABLE.decode([record]);
    let between: Vec<u32> = (1..rows.row_count() as u32 - 1).collect();
    assert_eq!(rows.take(&between), alone, "a record decodes as if alone");
}

/// Any text is a schema or has a defect; what is a schema decodes any bytes or refuses them.
pub(crate) fn check_schema(text: &str, record: &[u8]) {
    let Ok(schema) = ProtobufSchema::parse(&schema(text)) else { return };
    let Ok(message) = schema.message(MessageChoice::First) else { return };
    let types = [
        "Nullable(String)",
        "Array(Nullable(String))",
        "Map(String, String)",
        "Tuple(a Nullable(String), b Array(String))",
        "Dynamic",
        "JSON",
    ];
    for path in ["", "a", "a.b", "a[:].b", "a.1"] {
        for column_type in types {
            let targets = vec![with_default(column(path, column_type))];
            let columns = document_columns(&targets);
            let Ok(decoder) = Decoder::compile(&message, &columns, Options::default()) else { continue };
            drop(columns);
            Table { decoder, targets }.decode([record]);
        }
    }
}
