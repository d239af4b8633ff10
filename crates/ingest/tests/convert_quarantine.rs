//! Quarantine rows and the texts people read in them.

#![allow(clippy::unwrap_used)]

use forebay_ingest::{
    column_batch::{Column, ColumnBatch, Values},
    convert::{Reason, explain_record, explain_value},
    quarantine::{Defect, MAX_DETAIL_BYTES, Reject, Rejects, quarantine_columns},
    records::{Position, RecordBatch},
    target::{ColumnSource, target_columns},
};
use forebay_project::{
    column_type::ColumnType,
    model::{
        self, Datasource, Engine, KafkaConnection, KafkaSource, OffsetReset, Path, PathStep, RecordFormat,
        SecurityProtocol, Text, Tombstones,
    },
};
use std::fmt::Write;

fn column(name: &str, column_type: ColumnType, path: Path) -> model::Column {
    model::Column { name: name.to_owned(), column_type, path, default: None, codec: None }
}

fn field(name: &str) -> Path {
    Path::Document(vec![PathStep::Field(name.to_owned())])
}

fn kafka() -> KafkaSource {
    KafkaSource {
        connection: KafkaConnection {
            name: "local".to_owned(),
            bootstrap_servers: Text::default(),
            security_protocol: SecurityProtocol::Plaintext,
            sasl_mechanism: None,
            user: None,
            password: None,
            ca_pem: None,
            registry: None,
        },
        topic: Text::default(),
        group_id: Text::default(),
        auto_offset_reset: OffsetReset::Earliest,
        store_raw_value: false,
        store_headers: false,
        value: RecordFormat::default(),
        key: RecordFormat::default(),
        tombstones: Tombstones::default(),
        automatic_columns: true,
    }
}

fn datasource(columns: Vec<model::Column>) -> Datasource {
    Datasource {
        name: "flights".to_owned(),
        description: None,
        columns,
        indexes: Vec::new(),
        engine: Engine::default(),
        kafka: Some(kafka()),
    }
}

fn flights() -> Datasource {
    datasource(vec![
        column("delay", ColumnType::Int { bits: 16, signed: true }, field("delay")),
        column("carrier", ColumnType::String, field("carrier")),
    ])
}

/// Three records: one good one, one with two bad columns, one without a value.
fn records() -> RecordBatch {
    let mut records = RecordBatch::new("flights-topic".into());
    let position = |offset, timestamp_ms| Position { partition: 3, offset, timestamp_ms };
    let header: (&[u8], Option<&[u8]>) = (b"trace", Some(b"\xff\x01"));
    records.push(position(10, Some(5)), None, Some(b"{\"delay\":1,\"carrier\":\"UA\"}"), []);
    records.push(
        position(11, Some(1_704_103_200_123)),
        Some(b"k"),
        Some(b"{\"delay\":70000}"),
        [header, (b"none", None)],
    );
    records.push(position(12, None), Some(b""), None, []);
    records
}

fn rejects() -> Rejects {
    let mut rejects = Rejects::default();
    rejects.push(Reject {
        record: 1,
        defects: vec![
            Defect { column: Some(0), reason: Reason::OutOfRange, detail: "70000".to_owned() },
            Defect { column: Some(1), reason: Reason::MissingRequired, detail: String::new() },
        ],
        found: vec![Some(b"70000".to_vec()), None],
    });
    rejects.push(Reject {
        record: 2,
        defects: vec![Defect {
            column: None,
            reason: Reason::NullValue,
            detail: "the record has no value".to_owned(),
        }],
        found: Vec::new(),
    });
    rejects
}

/// Every cell of a column as text, row by row.
fn cells(column: &Column) -> Vec<String> {
    let cells: Vec<String> = match &column.values {
        Values::Fixed { width, bytes } => bytes.chunks(*width).map(little_endian).collect(),
        Values::Bytes { ends, bytes } => {
            slices(ends).map(|range| bytes[range].escape_ascii().to_string()).collect()
        }
        Values::List { ends, items } => {
            let items = cells(items);
            slices(ends).map(|range| format!("{:#?}", &items[range])).collect()
        }
        Values::Variant { .. } => panic!("no quarantine column is a variant"),
        Values::Tuple(elements) => {
            let elements: Vec<_> = elements.iter().map(cells).collect();
            (0..elements[0].len())
                .map(|row| {
                    elements.iter().map(|element| element[row].clone()).collect::<Vec<_>>().join(" = ")
                })
                .collect()
        }
    };
    match &column.nulls {
        None => cells,
        Some(nulls) => cells
            .into_iter()
            .zip(nulls)
            .map(|(cell, null)| if *null == 1 { "NULL".to_owned() } else { cell })
            .collect(),
    }
}

fn little_endian(bytes: &[u8]) -> String {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(wide).to_string()
}

fn slices(ends: &[usize]) -> impl Iterator<Item = std::ops::Range<usize>> {
    ends.iter().scan(0, |start, end| Some(std::mem::replace(start, *end)..*end))
}

fn vertical(datasource: &Datasource, batch: &ColumnBatch) -> String {
    let columns = quarantine_columns(datasource);
    assert_eq!(columns.len(), batch.columns.len());
    let mut text = String::new();
    for ((name, column_type), column) in columns.iter().zip(&batch.columns) {
        for cell in cells(column) {
            writeln!(text, "{name} {column_type}: {}", cell.replace("\\n", "\n    ")).unwrap();
        }
    }
    text
}

#[test]
fn a_quarantine_row_shows_what_was_found_where_it_stood_and_what_is_wrong() {
    let datasource = flights();
    let batch = rejects().into_column_batch(&records(), &target_columns(&datasource), 1_704_103_201);
    insta::assert_snapshot!(vertical(&datasource, &batch));
}

#[test]
fn a_data_column_named_like_a_quarantine_column_is_left_out() {
    let mut columns = flights().columns;
    columns.push(column("__value", ColumnType::String, Path::RawValue));
    columns.push(column("insertion_date", ColumnType::Date, field("insertion_date")));
    let datasource = datasource(columns);
    assert_eq!(quarantine_columns(&datasource), quarantine_columns(&flights()));
    let batch = rejects().into_column_batch(&records(), &target_columns(&datasource), 0);
    let expected = rejects().into_column_batch(&records(), &target_columns(&flights()), 0);
    assert_eq!(batch, expected);
}

#[test]
fn rejects_are_counted_by_their_first_reason() {
    let counts: Vec<_> = rejects().count_by_reason().into_iter().collect();
    assert_eq!(counts, [(Reason::NullValue, 1), (Reason::OutOfRange, 1)]);
    assert_eq!(rejects().len(), 2);
}

#[test]
fn long_details_are_cut_at_a_character() {
    let mut rejects = Rejects::default();
    let detail = "é".repeat(MAX_DETAIL_BYTES);
    let defect = Defect { column: Some(0), reason: Reason::NotANumber, detail };
    rejects.push(Reject { record: 0, defects: vec![defect], found: Vec::new() });
    let detail = &rejects.iter().next().unwrap().defects[0].detail;
    assert_eq!(*detail, format!("{}…", "é".repeat(MAX_DETAIL_BYTES / 2)));
}

#[test]
fn no_reject_is_no_row() {
    let batch = Rejects::default().into_column_batch(&records(), &target_columns(&flights()), 0);
    assert_eq!(batch.columns.len(), quarantine_columns(&flights()).len());
    assert!(batch.columns.iter().all(|column| cells(column).is_empty()));
}

#[test]
fn every_reason_is_explained_for_the_types_it_happens_to() {
    let int = ColumnType::Int { bits: 8, signed: false };
    let nullable = ColumnType::Nullable(Box::new(int.clone()));
    let decimal = ColumnType::Decimal { precision: 9, scale: 2 };
    let date_time = ColumnType::DateTime { time_zone: None };
    let date_time64 = |precision| ColumnType::DateTime64 { precision, time_zone: None };
    let berlin = ColumnType::DateTime { time_zone: Some("Europe/Berlin".to_owned()) };
    let words = ColumnType::Enum { bits: 8, values: vec![("a".to_owned(), 1)] };
    let list = ColumnType::Array(Box::new(ColumnType::Float32));
    let map = ColumnType::Map(Box::new(ColumnType::String), Box::new(int.clone()));
    let pair = ColumnType::Tuple(vec![(None, int.clone()), (None, int.clone())]);
    let json = ColumnType::Json(String::new());
    let variant = ColumnType::Variant(vec![int.clone()]);
    let cases = [
        (&int, Reason::MissingRequired, ""),
        (&int, Reason::NullForRequired, "null"),
        (&int, Reason::OutOfRange, "300"),
        (&nullable, Reason::OutOfRange, "-1"),
        (&int, Reason::Lossy, "1.5"),
        (&int, Reason::NotANumber, "twelve"),
        (&int, Reason::WrongShape, "{\"a\":1}"),
        (&list, Reason::OutOfRange, "1e50"),
        (&ColumnType::Float64, Reason::Lossy, "9007199254740993"),
        (&decimal, Reason::Lossy, "1.239"),
        (&decimal, Reason::OutOfRange, "12345678.9"),
        (&ColumnType::Bool, Reason::NotABool, "yes"),
        (&ColumnType::Date, Reason::OutOfRange, "1969-12-31"),
        (&ColumnType::Date, Reason::Lossy, "2024-01-02T03:04:05Z"),
        (&ColumnType::Date32, Reason::OutOfRange, "2300-01-01"),
        (&date_time, Reason::OutOfRange, "2200-01-01"),
        (&date_time, Reason::Lossy, "2024-01-02T03:04:05.6Z"),
        (&date_time, Reason::NotATimestamp, "yesterday"),
        (&date_time, Reason::AmbiguousTimestamp, "20240102"),
        (&date_time64(3), Reason::Lossy, "2024-01-02T03:04:05.678901Z"),
        (&date_time64(3), Reason::OutOfRange, "9999-12-31T00:00:00Z"),
        (&date_time64(9), Reason::OutOfRange, "2270-01-01T00:00:00Z"),
        (&date_time64(9), Reason::Lossy, "2016-12-31T23:59:60Z"),
        (&berlin, Reason::AmbiguousLocalTime, "2024-10-27 02:30:00"),
        (&berlin, Reason::NonexistentLocalTime, "2024-03-31 02:30:00"),
        (&ColumnType::Uuid, Reason::NotAUuid, "42"),
        (&ColumnType::Ipv4, Reason::NotAnIpAddress, "::1"),
        (&ColumnType::FixedString(3), Reason::TooLong, "abcd"),
        (&words, Reason::UnknownEnumValue, "b"),
        (&map, Reason::WrongShape, "[1]"),
        (&pair, Reason::WrongShape, "1"),
        (&ColumnType::Time, Reason::NotATimestamp, "noon"),
        (&ColumnType::Time, Reason::Lossy, "12:30:00.5"),
        (&ColumnType::Time64 { precision: 3 }, Reason::OutOfRange, "1000:00:00"),
        (&json, Reason::WrongShape, "[1]"),
        (&json, Reason::RepeatedPath, "{\"a\":1,\"a\":2}"),
        (&json, Reason::OutOfRange, "{\"a\":1e400}"),
        (&variant, Reason::WrongShape, "{}"),
    ];
    let texts: Vec<String> = cases
        .iter()
        .map(|(column_type, reason, value)| explain_value("c", column_type, *reason, value))
        .collect();
    let records = [
        explain_record(Reason::NullValue, "the record has no value"),
        explain_record(Reason::InvalidJson, "expected \",\" at byte 17"),
        explain_record(Reason::TooDeep, "more than 128 levels at byte 130"),
        explain_record(Reason::SchemaNotFound, "the registry has no schema of id 7"),
        explain_record(Reason::SchemaRefused, "the schema of id 7 has no type \"Address\""),
        explain_record(Reason::InvalidFrame, "the first byte is 0x7b"),
        explain_record(Reason::InvalidAvro, "the value ends early, after 3 bytes"),
        explain_record(Reason::InvalidProtobuf, "the value ends early, after 3 bytes"),
        explain_record(Reason::InvalidUtf8, "field \"name\", byte 2"),
        explain_record(Reason::NotAllowedBySchema, "\"age\" is below 0"),
    ];
    insta::assert_snapshot!([texts, records.to_vec()].concat().join("\n\n"));
}

#[test]
fn what_the_schema_stands_in_the_way_of_has_a_class_of_its_own() {
    let of_schema = Reason::ALL.into_iter().filter(|reason| reason.class() == "SOURCE_SCHEMA_ERROR");
    let expected = [Reason::SchemaNotFound, Reason::SchemaRefused, Reason::InvalidFrame];
    assert_eq!(of_schema.collect::<Vec<_>>(), expected);
    assert_eq!(Reason::InvalidAvro.class(), "DATA_PARSING_ERROR");
}

#[test]
fn reason_codes_are_stable_and_distinct() {
    insta::assert_snapshot!(Reason::ALL.map(Reason::as_str).join("\n"));
    let mut codes = Reason::ALL.map(Reason::as_str).to_vec();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Reason::ALL.len());
}

#[test]
fn automatic_columns_follow_those_of_the_schema() {
    let mut datasource = flights();
    let listing = |datasource: &Datasource| {
        let columns = target_columns(datasource);
        let lines = columns
            .iter()
            .map(|column| format!("{} {} {:?}", column.name, column.column_type, column.source));
        lines.collect::<Vec<_>>().join("\n")
    };
    let plain = listing(&datasource);
    let kafka = datasource.kafka.as_mut().unwrap();
    kafka.store_raw_value = true;
    kafka.store_headers = true;
    insta::assert_snapshot!(format!("{plain}\n\nwith raw values and headers\n{}", listing(&datasource)));
}

#[test]
fn a_schema_column_takes_the_place_of_an_automatic_one() {
    let mut datasource = flights();
    datasource.columns.push(column("__value", ColumnType::String, Path::RawValue));
    let columns = target_columns(&datasource);
    let values: Vec<_> = columns.iter().filter(|column| column.name == "__value").collect();
    assert_eq!(values.len(), 1);
    assert_eq!(values[0].source, ColumnSource::RawValue);
    assert_eq!(columns.len(), target_columns(&flights()).len());
}

#[test]
fn a_data_source_that_reads_no_topic_has_only_its_own_columns() {
    let mut datasource = flights();
    datasource.kafka = None;
    assert_eq!(target_columns(&datasource).len(), datasource.columns.len());
}
