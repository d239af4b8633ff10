//! Laws of the Avro decoder that hold for any bytes, and what tests need to state them.
//!
//! The fuzz target runs [`check_document`] and [`check_schema`] too.
#![allow(dead_code, reason = "every test file uses its own part")]

use crate::json_laws::*;
use forebay_ingest::{
    avro::{AvroSchema, Decoder, Options},
    column_batch::ColumnBatch,
    document::{Diagnosis, DocumentColumn, DocumentDecoder, Texts},
    schema::{Schema, SchemaDefect, SchemaKind, SchemaReference},
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{
    column_type::ColumnType,
    model::{Path, PathStep},
};
use std::sync::LazyLock;

/// The bytes of a datum while they are put together, part by part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Datum(pub(crate) Vec<u8>);

impl Datum {
    pub(crate) fn long(mut self, value: i64) -> Self {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            self.0.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
        self
    }

    pub(crate) fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    pub(crate) fn bytes(self, bytes: impl AsRef<[u8]>) -> Self {
        self.long(bytes.as_ref().len() as i64).raw(bytes)
    }

    pub(crate) fn double(self, value: f64) -> Self {
        self.raw(value.to_le_bytes())
    }

    pub(crate) fn float(self, value: f32) -> Self {
        self.raw(value.to_le_bytes())
    }
}

pub(crate) fn datum() -> Datum {
    Datum::default()
}

pub(crate) fn schema_with(text: &str, references: &[(&str, &str)]) -> Result<AvroSchema, SchemaDefect> {
    let references = references
        .iter()
        .map(|(name, text)| SchemaReference { name: (*name).to_owned(), text: (*text).to_owned() })
        .collect();
    AvroSchema::parse(&Schema { kind: SchemaKind::Avro, text: text.to_owned(), references, origin: None })
}

pub(crate) fn schema(text: &str) -> AvroSchema {
    schema_with(text, &[]).unwrap_or_else(|defect| panic!("{text}: {defect}"))
}

/// A record of the fields, each written as `name: type in JSON`.
pub(crate) fn record(fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, kind)| format!(r#"{{"name":"{name}","type":{kind}}}"#));
    let fields = fields.collect::<Vec<_>>().join(",");
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

pub(crate) fn steps(column: &TargetColumn) -> &[PathStep] {
    match &column.source {
        ColumnSource::Path(Path::Document(steps)) => steps,
        other => panic!("{other:?} is no path into the document"),
    }
}

pub(crate) fn decoder(
    writer: &AvroSchema,
    reader: Option<&AvroSchema>,
    columns: &[TargetColumn],
    options: Options,
) -> Decoder {
    let columns = columns.iter().enumerate();
    let columns = columns.map(|(index, target)| DocumentColumn { index, target, steps: steps(target) });
    Decoder::compile(writer, reader, &columns.collect::<Vec<_>>(), options).expect("the columns compile")
}

/// The rows of those documents that decode, and what is wrong with the others.
pub(crate) fn decode_documents<D: AsRef<[u8]>>(
    decoder: &Decoder,
    columns: &[TargetColumn],
    documents: &[D],
    texts: Texts,
) -> (ColumnBatch, Vec<Option<Diagnosis>>) {
    let mut rows = ColumnBatch::for_columns(columns);
    let mut state = decoder.new_state(texts);
    let mut outcomes = Vec::new();
    for document in documents {
        let before = rows.row_count();
        outcomes.push(match decoder.decode(&mut state, document.as_ref(), &mut rows.columns) {
            Ok(count) => {
                assert_eq!(count, 1, "one row a document");
                None
            }
            Err(_) => {
                rows.truncate(before);
                Some(decoder.diagnose(document.as_ref()))
            }
        });
    }
    assert_eq!(rows.defect(), None, "the columns are well-formed");
    (rows, outcomes)
}

/// The row, or the defects: column, reason, detail.
pub(crate) fn outcome_of(decoder: &Decoder, columns: &[TargetColumn], document: &[u8]) -> String {
    let (rows, outcomes) = decode_documents(decoder, columns, &[document], Texts::CheckedAtOnce);
    let Some(diagnosis) = &outcomes[0] else {
        return show_row(&rows, 0);
    };
    let defects = diagnosis.defects.iter().map(|defect| {
        let column = defect.column.map_or("record", |column| &columns[column].name);
        format!("{column}: {}: {}", defect.reason, defect.detail)
    });
    defects.collect::<Vec<_>>().join("; ")
}

pub(crate) fn outcome(text: &str, columns: &[TargetColumn], document: Datum) -> String {
    let (Datum(document), writer) = (document, schema(text));
    outcome_of(&decoder(&writer, None, columns, Options::default()), columns, &document)
}

/// The whole document as text.
pub(crate) fn whole() -> TargetColumn {
    column("", ColumnType::String)
}

const EVERYTHING: &str = r#"{"type":"record","name":"All","namespace":"forebay","fields":[
    {"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":"long"},
    {"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"y","type":"bytes"},{"name":"s","type":"string"},
    {"name":"n","type":"null"},
    {"name":"e","type":{"type":"enum","name":"Suit","symbols":["SPADES","HEARTS"]}},
    {"name":"x","type":{"type":"fixed","name":"Two","size":2}},
    {"name":"u","type":["null","string",{"type":"array","items":"All"},{"type":"map","values":"null"}]},
    {"name":"o","type":["null","long"]},
    {"name":"a","type":{"type":"array","items":["null","int"]}},
    {"name":"m","type":{"type":"map","values":"int"}},
    {"name":"r","type":{"type":"record","name":"In","fields":[{"name":"p","type":"int"},{"name":"q","type":["null","In"]}]}},
    {"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}},
    {"name":"c","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
    {"name":"g","type":{"type":"bytes","logicalType":"big-decimal"}},
    {"name":"z","type":{"type":"string","logicalType":"uuid"}},
    {"name":"w","type":{"type":"array","items":{"type":"record","name":"Item","fields":[{"name":"k","type":"string"},{"name":"v","type":["null","long"]}]}}}
]}"#;

/// Columns of every shape over [`EVERYTHING`].
pub(crate) fn everything() -> Vec<TargetColumn> {
    let string = || ColumnType::String;
    vec![
        whole(),
        column("b", ColumnType::Bool),
        column("i", int(16)),
        column("l", int(64)),
        column("f", ColumnType::Float64),
        column("d", ColumnType::Float64),
        column("y", string()),
        column("s", string()),
        column("n", nullable(string())),
        column("e", low_cardinality(string())),
        column("x", ColumnType::FixedString(2)),
        column("u", nullable(string())),
        column("u.string", nullable(string())),
        with_default(column("o", int(64))),
        column("a", array(nullable(int(8)))),
        column("m", map(string(), int(64))),
        column("m.key", nullable(int(32))),
        column("r", tuple([("p", int(32)), ("q", nullable(string()))])),
        column("r.q.q.p", nullable(int(32))),
        column("t", ColumnType::DateTime64 { precision: 6, time_zone: None }),
        column("c", ColumnType::Decimal { precision: 18, scale: 2 }),
        column("g", nullable(string())),
        column("z", ColumnType::Uuid),
        column("w[:].k", array(string())),
        column("w[:].v", array(nullable(int(64)))),
    ]
}

/// A good document, different for each `seed`.
pub(crate) fn good(seed: i64) -> Vec<u8> {
    let inner = datum().long(seed).long(1).long(7).long(1).long(8).long(0);
    datum()
        .raw([(seed % 2) as u8])
        .long(seed)
        .long(seed << 40)
        .float(0.5)
        .double(seed as f64)
        .bytes([0, 255])
        .bytes(format!("text é {seed}"))
        .long(seed % 2)
        .raw([1, 2])
        .long(1)
        .bytes("branch")
        .long(seed % 2)
        .raw(if seed % 2 == 1 { vec![14] } else { Vec::new() })
        .long(-3)
        .long(5)
        .long(0)
        .long(1)
        .long(-3)
        .long(1)
        .long(4)
        .long(0)
        .long(2)
        .bytes("key")
        .long(1)
        .bytes("other")
        .long(2)
        .long(0)
        .raw(inner.0)
        .long(1_700_000_000_000_000)
        .bytes([0xfb, 0x2e])
        .bytes(datum().bytes([5]).long(1).0)
        .bytes("123e4567-e89b-12d3-a456-426614174000")
        .long(1)
        .bytes("sku")
        .long(0)
        .long(1)
        .bytes("sku")
        .long(1)
        .long(9)
        .long(0)
        .0
}

static COLUMNS: LazyLock<Vec<TargetColumn>> = LazyLock::new(everything);
static DECODER: LazyLock<Decoder> =
    LazyLock::new(|| decoder(&schema(EVERYTHING), None, &COLUMNS, Options::default()));

/// Everything that must hold for any document: nothing panics, a document is one row or has a defect, the documents
/// around it decode as if they were alone, and checking texts later finds what checking them at once finds.
pub(crate) fn check_document(document: &[u8]) {
    check_between(&DECODER, &COLUMNS, document, &[good(1), good(2)]);
}

pub(crate) fn check_between(
    decoder: &Decoder,
    columns: &[TargetColumn],
    document: &[u8],
    neighbours: &[Vec<u8>; 2],
) {
    let documents = [neighbours[0].as_slice(), document, neighbours[1].as_slice()];
    let (rows, outcomes) = decode_documents(decoder, columns, &documents, Texts::CheckedAtOnce);
    let (around, refused) = decode_documents(decoder, columns, neighbours, Texts::CheckedAtOnce);
    assert_eq!(refused, [None, None], "the neighbours are good");
    let last = rows.row_count() as u32 - 1;
    assert_eq!(rows.take(&[0, last]), around, "neighbours decode as if alone");

    let (alone, alone_outcome) = decode_documents(decoder, columns, &[document], Texts::CheckedAtOnce);
    let between: Vec<u32> = (1..last).collect();
    assert_eq!(rows.take(&between), alone, "a document decodes as if alone");
    assert_eq!(outcomes[1], alone_outcome[0]);
    if let Some(diagnosis) = &outcomes[1] {
        assert!(!diagnosis.defects.is_empty(), "what is refused has a defect");
    }
    let (later, later_outcomes) = decode_documents(decoder, columns, &documents, Texts::CheckedLater);
    if later_outcomes[1].is_none() {
        let is_valid = decoder.texts_are_valid(&later.columns, 0);
        assert_eq!(is_valid, outcomes[1].is_none(), "texts are found to be valid later as they are at once");
    } else {
        assert_eq!(later_outcomes, outcomes);
    }
}

/// Any text is a schema or has a defect; what is a schema decodes any bytes or refuses them.
pub(crate) fn check_schema(text: &str, document: &[u8]) {
    let Ok(writer) = schema_with(text, &[]) else {
        return;
    };
    let dynamic = ColumnType::Dynamic { max_types: None };
    let columns = [
        whole(),
        column("a", nullable(ColumnType::String)),
        column("a[:].b", array(nullable(ColumnType::String))),
        column("a.b", dynamic),
    ];
    let reader = schema(EVERYTHING);
    for reader in [None, Some(&writer), Some(&reader)] {
        let targets = columns.iter().enumerate();
        let targets: Vec<_> =
            targets.map(|(index, target)| DocumentColumn { index, target, steps: steps(target) }).collect();
        let Ok(decoder) = Decoder::compile(&writer, reader, &targets, Options::default()) else {
            continue;
        };
        decode_documents(&decoder, &columns, &[document], Texts::CheckedAtOnce);
    }
}
