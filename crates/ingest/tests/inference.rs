//! What is inferred from samples, and the laws it keeps.
#![allow(clippy::unwrap_used)]

use forebay_ingest::document::{DocumentColumn, DocumentDecoder, Texts, scratch};
use forebay_ingest::inference::{
    DatasourceText, Inference, InferredColumn, Nested, Options, Samples, literal,
};
use forebay_ingest::json::{self, Decoder};
use forebay_ingest::target::{ColumnSource, TargetColumn};
use forebay_project::SourceFile;
use forebay_project::model::Path;
use proptest::prelude::*;
use std::fmt::Write;

const FLAT: Options = Options { nested: Nested::Flatten, has_automatic_columns: false };
const NESTED: Options = Options { nested: Nested::Json, has_automatic_columns: false };

const KAFKA: [(&str, &str); 4] = [
    ("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
    ("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
    ("KAFKA_TOPIC", "sampled"),
    ("KAFKA_GROUP_ID", "forebay"),
];

fn samples<D: AsRef<[u8]>>(documents: impl IntoIterator<Item = D>) -> Samples {
    let mut samples = Samples::default();
    documents.into_iter().for_each(|document| samples.add(document.as_ref()));
    samples
}

/// Columns for people, one a line.
fn shown(inference: &Inference) -> String {
    let mut text = String::new();
    for column in &inference.columns {
        let default = column.default.as_ref().map_or(String::new(), |default| format!(" DEFAULT {default}"));
        let reason = column.reason.as_ref().map_or(String::new(), |reason| format!("  -- {reason}"));
        writeln!(text, "{} {} {}{default}{reason}", column.name, column.column_type, column.path).unwrap();
    }
    let key = &inference.sorting_key;
    writeln!(text, "by {}  -- {}", key.expression, key.reason).unwrap();
    inference.notes.iter().for_each(|note| writeln!(text, "{note}").unwrap());
    text
}

fn types(documents: &[&str]) -> String {
    let columns = samples(documents).infer(FLAT).columns;
    let types: Vec<String> = columns.iter().map(|column| column.column_type.to_string()).collect();
    types.join(", ")
}

#[test]
fn types_are_no_wider_than_needed() {
    for (documents, expected) in [
        (&[r#"{"a":1}"#, r#"{"a":-5}"#][..], "Int64"),
        (&[r#"{"a":9223372036854775808}"#], "UInt64"),
        (&[r#"{"a":18446744073709551616}"#], "Int128"),
        (&[r#"{"a":1}"#, r#"{"a":1.5}"#], "Float64"),
        (&[r#"{"a":1.0}"#], "Float64"),
        (&[r#"{"a":9007199254740993}"#, r#"{"a":1.5}"#], "Decimal(38, 1)"),
        (&[r#"{"a":1e400}"#], "String"),
        (&[r#"{"a":true}"#], "Bool"),
        (&[r#"{"a":true}"#, r#"{"a":1}"#], "String"),
        (&[r#"{"a":1}"#, r#"{"a":"x"}"#], "String"),
        (&[r#"{"a":1}"#, r#"{"a":null}"#], "Nullable(Int64)"),
        (&[r#"{"a":1}"#, "{}"], "Nullable(Int64)"),
        (&[r#"{"a":null}"#], "Nullable(String)"),
        (&[r#"{"a":"2024-01-02"}"#], "Date"),
        (&[r#"{"a":"2024-01-02T03:04:05Z"}"#], "DateTime"),
        (&[r#"{"a":"2024-01-02 03:04:05.678"}"#], "DateTime64(3)"),
        (&[r#"{"a":"00112233-4455-6677-8899-aabbccddeeff"}"#], "UUID"),
        (&[r#"{"a":"10.0.0.1"}"#], "IPv4"),
        (&[r#"{"a":"12:30:00"}"#], "String"),
        (&[r#"{"a":"12"}"#], "String"),
        (&[r#"{"created_at":1704103200}"#], "DateTime"),
        (&[r#"{"createdAt":1704103200123}"#], "DateTime64(3)"),
        (&[r#"{"time_us":1704103200123456}"#], "DateTime64(6)"),
        (&[r#"{"ts":1704103200123456789}"#], "DateTime64(9)"),
        (&[r#"{"ts":20240102}"#], "Int64"),
        (&[r#"{"a":1704103200}"#], "Int64"),
        (&[r#"{"a":[1,2]}"#, r#"{"a":[]}"#], "Array(Int64)"),
        (&[r#"{"a":[1,null]}"#], "Array(Nullable(Int64))"),
        (&[r#"{"a":[[1],[2.5]]}"#], "Array(Array(Float64))"),
        (&[r#"{"a":[[1],null]}"#], "Array(Nullable(String))"),
        (&[r#"{"a":[1,"x"]}"#], "Array(String)"),
        (&[r#"{"a":[]}"#], "Array(String)"),
        (&[r#"{"a":{"b":1,"c":{"d":"x"}}}"#], "Int64, String"),
        (&[r#"{"a":[{"b":1},{"b":2,"c":true}]}"#], "Array(Int64), Array(Nullable(Bool))"),
        (&[r#"{"a":[{"b":[1]},{"b":[]}]}"#], "Array(Array(Int64))"),
        (&[r#"{"a":[{"b":[1]},{}]}"#], "Array(Nullable(String))"),
        (&[r#"{"a":{"b":1}}"#, r#"{"a":"x"}"#], "String"),
        (&["[1,2]"], "Array(Int64)"),
        (&["1", "2"], "Int64"),
        (&["{}"], "JSON"),
        (&[r#"{"`":1}"#], "String"),
    ] {
        assert_eq!(types(documents), expected, "{documents:?}");
    }
}

#[test]
fn nested_objects_become_columns_with_paths_and_reasons() {
    let orders = [
        r#"{"order_id":1,"ts":"2024-01-02T03:04:05.678Z","customer":{"name":"Ada","vip":true},"items":[{"sku":"a","n":1}],"tags":["x"],"__topic":"mine"}"#,
        r#"{"order_id":2,"ts":"2024-01-02T03:04:06Z","customer":null,"items":[{"sku":"b","n":2,"gift":true}],"customer_name":"clash"}"#,
        r#"{"order_id":3,"ts":"2024-01-02T03:04:07Z","customer":{"name":"Bob","vip":false},"items":[],"total":9007199254740993,"`bad":1}"#,
        r#"{"order_id":4,"ts":"2024-01-02T03:04:08Z","customer":{"name":null,"vip":false},"total":1.25,"note":{"a":1}}"#,
        r#"{"order_id":5,"ts":"2024-01-02T03:04:08Z","customer":{"name":"Eve"},"items":null,"note":"text"}"#,
        "no JSON",
    ];
    insta::assert_snapshot!(shown(&samples(orders).infer(FLAT)));
}

#[test]
fn few_different_texts_are_low_cardinality_and_keys_become_a_map() {
    let documents = (0..200).map(|n| {
        let (country, name) = (["DE", "US", "JP"][n % 3], format!("name {n}"));
        format!(r#"{{"country":"{country}","name":"{name}","visits":{{"user{n}":{n},"user{}":1}}}}"#, n + 1)
    });
    insta::assert_snapshot!(shown(&samples(documents).infer(FLAT)));
}

#[test]
fn a_file_tells_what_was_inferred_and_why() {
    let orders = [
        r#"{"id":7,"created_at":1704103200123,"who":{"name":"Ada"},"tags":["a"],"x-y":1}"#,
        r#"{"id":8,"created_at":1704103200124,"who":{},"x-y":18446744073709551615}"#,
    ];
    let inference = samples(orders).infer(Options { has_automatic_columns: true, ..FLAT });
    let directives = [("KAFKA_TOPIC", literal("orders")), ("KAFKA_GROUP_ID", literal("forebay orders"))];
    let text = DatasourceText { description: "Orders", directives: &directives }.render(&inference);
    insta::assert_snapshot!(text);
}

fn targets(inference: &Inference) -> Vec<TargetColumn> {
    inference.columns.iter().map(InferredColumn::target).collect()
}

/// What the columns refuse of the documents.
fn refused(inference: &Inference, documents: &[String]) -> Vec<String> {
    let targets = targets(inference);
    let columns: Vec<DocumentColumn<'_>> = targets
        .iter()
        .enumerate()
        .map(|(index, target)| match &target.source {
            ColumnSource::Path(Path::Document(steps)) => DocumentColumn { index, target, steps },
            source => panic!("{} is read from {source:?}", target.name),
        })
        .collect();
    let decoder = Decoder::compile(&columns, json::Options::default()).unwrap();
    let (mut rows, mut state) = (scratch(&columns), decoder.new_state(Texts::CheckedAtOnce));
    let mut refused = Vec::new();
    for document in documents {
        if decoder.decode(&mut state, document.as_bytes(), &mut rows.columns).is_err() {
            refused.push(format!("{document}: {:?}", decoder.diagnose(document.as_bytes())));
        }
        rows.truncate(0);
    }
    refused
}

/// Values that types are told by, and that lie at the ends of their ranges.
fn any_scalar() -> impl Strategy<Value = String> {
    let number = prop::sample::select(vec![
        "0",
        "-0",
        "1",
        "-7",
        "1.5",
        "-2.50",
        "1e3",
        "1E-5",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
        "1e308",
        "1e400",
        "1e-400",
        "0.1234567890123456789",
        "123456789012345678901234567890.12345678901234567890",
        "1704103200",
        "1704103200123",
        "1704103200123456",
        "1704103200123456789",
        "4133980799999999999",
        "20240102",
        "19000",
    ]);
    let text = prop::sample::select(vec![
        "",
        "x",
        "2024-01-02",
        "1931-01-02",
        "2200-01-01",
        "1899-12-31",
        "9999-12-31",
        "2024-01-02T03:04:05Z",
        "2024-01-02 03:04",
        "1931-01-02T03:04:05",
        "2024-01-02T03:04:05.123+02:00",
        "2299-12-31T23:59:59.999999999Z",
        "2024-01-02T03:04:05.1234567Z",
        "2024-02-30",
        "00112233-4455-6677-8899-aabbccddeeff",
        "10.0.0.1",
        "::1",
        "12",
        "true",
        "1704103200",
        "a\\u00e9\\n",
        "12:30:00",
        "{\\\"a\\\":1}",
    ]);
    prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        number.prop_map(str::to_owned),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>()
            .prop_filter("JSON has no such number", |f| f.is_finite())
            .prop_map(|value| format!("{value:?}")),
        text.prop_map(|text| format!("\"{text}\"")),
    ]
}

fn any_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b",
        "a_b",
        "ts",
        "created_at",
        "id",
        "x-y",
        "__topic",
        "_key",
        "2nd",
        "ü",
        "index",
        "a.b",
        "it's",
        "Type",
    ])
}

/// Any JSON value; objects may repeat a name.
fn any_json() -> impl Strategy<Value = String> {
    any_scalar().prop_recursive(4, 24, 4, |inner| {
        let list =
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(",")));
        let member = (any_name(), inner).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        let object =
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(",")));
        prop_oneof![1 => list, 2 => object]
    })
}

/// Records that share their shape mostly, as real ones do, or not at all.
fn any_documents() -> impl Strategy<Value = Vec<String>> {
    let member = (any_name(), prop::collection::vec(any_json(), 1..4));
    let alike = (prop::collection::vec(member, 1..5), 1..6_usize).prop_map(|(members, count)| {
        let document = |n: usize| {
            let members =
                members.iter().map(|(name, values)| format!("\"{name}\":{}", values[n % values.len()]));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        };
        (0..count).map(document).collect()
    });
    prop_oneof![3 => alike, 1 => prop::collection::vec(any_json(), 1..6)]
}

fn any_options() -> impl Strategy<Value = Options> {
    (any::<bool>(), any::<bool>()).prop_map(|(json, has_automatic_columns)| Options {
        nested: if json { Nested::Json } else { Nested::Flatten },
        has_automatic_columns,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_columns_take_every_sampled_record(documents in any_documents(), options in any_options()) {
        let samples = samples(&documents);
        prop_assert_eq!(samples.unreadable(), 0);
        let inference = samples.infer(options);
        let refused = refused(&inference, &documents);
        prop_assert!(refused.is_empty(), "{}\n{}", shown(&inference), refused.join("\n"));
    }

    #[test]
    fn neither_order_nor_grouping_of_samples_matters(
        (documents, shuffled) in any_documents().prop_flat_map(|d| (Just(d.clone()), Just(d).prop_shuffle())),
        cut in 0..6_usize,
        options in any_options(),
    ) {
        let inference = samples(&documents).infer(options);
        prop_assert_eq!(&samples(&shuffled).infer(options), &inference);
        let (first, second) = documents.split_at(cut.min(documents.len()));
        let mut merged = samples(second);
        merged.merge(samples(first));
        prop_assert_eq!(&merged.infer(options), &inference);
    }

    #[test]
    fn seeing_the_same_records_twice_changes_no_type(documents in any_documents(), options in any_options()) {
        let types = |samples: &Samples| {
            let columns = samples.infer(options).columns;
            columns.into_iter().map(|column| (column.name, column.column_type)).collect::<Vec<_>>()
        };
        let once = samples(&documents);
        let mut twice = once.clone();
        twice.merge(once.clone());
        prop_assert_eq!(types(&twice), types(&once));
    }

    #[test]
    fn the_file_is_read_back_as_the_same_columns(documents in any_documents(), options in any_options()) {
        let inference = samples(&documents).infer(options);
        prop_assume!(!inference.columns.is_empty());
        let kafka = KAFKA.map(|(name, value)| (name, value.to_owned()));
        let directives = if options.has_automatic_columns { &kafka[..] } else { &[] };
        let text = DatasourceText { description: "Sampled", directives }.render(&inference);
        let file = SourceFile { path: "sampled.datasource".into(), text: text.clone() };
        let loaded = forebay_project::load(&[file]);
        let loaded = loaded.map_err(|found| TestCaseError::fail(forebay_project::render(&found, false) + &text))?;
        let read: Vec<_> = loaded.project.datasources["sampled"].columns.iter().map(|column| {
            (column.name.clone(), column.column_type.clone(), column.path.clone(), column.default.clone())
        }).collect();
        let made: Vec<_> = inference.columns.iter().map(|column| {
            (column.name.clone(), column.column_type.clone(), column.path.clone(), column.default.clone())
        }).collect();
        prop_assert_eq!(read, made);
    }
}

#[test]
fn nested_objects_may_stay_json() {
    let documents =
        [r#"{"id":1,"who":{"name":"Ada","tags":[{"a":1}]},"items":[{"sku":1}]}"#, r#"{"id":2,"items":[]}"#];
    insta::assert_snapshot!(shown(&samples(documents).infer(NESTED)));
}
