//! What keys add to the columns of values, and the laws it keeps.
#![allow(clippy::unwrap_used)]

use forebay_ingest::{
    column_batch::ColumnBatch,
    decode::{Formats, RowDecoder},
    inference::{Comparison, DatasourceText, Inference, InferredColumn, Keys, Options, Samples},
    quarantine::Rejects,
    records::{Position, RecordBatch},
    target::TargetColumn,
};
use forebay_project::{
    SourceFile,
    model::{Format, Path, RecordFormat, Tombstones},
};
use proptest::prelude::*;
use std::collections::HashSet;

/// Key and value of a record.
type Pair = (Option<String>, Option<String>);

const OPTIONS: Options =
    Options { nested: forebay_ingest::inference::Nested::Flatten, has_automatic_columns: true };

fn records(pairs: &[Pair]) -> RecordBatch {
    let mut records = RecordBatch::new("keyed".into());
    for (offset, (key, value)) in (0..).zip(pairs) {
        let position = Position { partition: 0, offset, timestamp_ms: Some(1_700_000_000_000) };
        records.push(position, key.as_deref().map(str::as_bytes), value.as_deref().map(str::as_bytes), []);
    }
    records
}

fn decode(
    records: &RecordBatch,
    targets: Vec<TargetColumn>,
    key: Format,
    tombstones: Tombstones,
) -> (ColumnBatch, Rejects) {
    let mut formats = Formats { tombstones, ..Formats::default() };
    formats.key.settings = RecordFormat { format: key, ..RecordFormat::default() };
    let decoder = RowDecoder::compile(targets.into(), formats).unwrap();
    let (mut rows, mut rejects) = (decoder.new_batch(), Rejects::default());
    decoder.decode_rows(records, &decoder.plans(records).unwrap(), &mut rows, &mut rejects);
    (rows, rejects)
}

fn targets(columns: &[InferredColumn]) -> Vec<TargetColumn> {
    columns.iter().map(InferredColumn::target).collect()
}

/// The table of records with JSON values, and keys of JSON or text.
fn table(pairs: &[Pair], key_format: Format) -> Inference {
    let (mut values, mut keys) = (Samples::default(), Samples::default());
    pairs.iter().filter_map(|(_, value)| value.as_ref()).for_each(|value| values.add(value.as_bytes()));
    pairs.iter().filter_map(|(key, _)| key.as_ref()).for_each(|key| keys.add(key.as_bytes()));
    let columns = match key_format {
        Format::String => forebay_ingest::inference::of_whole_values(OPTIONS).columns,
        _ if keys.is_empty() => Vec::new(),
        _ => keys.infer(OPTIONS).columns,
    };
    let present = || pairs.iter().filter_map(|(key, _)| key.as_ref());
    let keys = Keys {
        columns,
        are_plain: key_format == Format::String,
        records: pairs.len() as u64,
        keyed: present().count() as u64,
        different: present().collect::<HashSet<_>>().len() as u64,
        tombstones: pairs.iter().filter(|(_, value)| value.is_none()).count() as u64,
    };
    let values = values.infer(OPTIONS);
    let comparison = Comparison::new(&values, &keys);
    let (rows, _) = decode(&records(pairs), comparison.targets.clone(), key_format, Tombstones::Skip);
    let equal = comparison.equal(&rows);
    values.with_keys(&keys, &equal)
}

fn file(inference: &Inference, key_format: Format) -> String {
    let mut directives = vec![
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092".to_owned()),
        ("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT".to_owned()),
        ("KAFKA_TOPIC", "keyed".to_owned()),
        ("KAFKA_GROUP_ID", "forebay".to_owned()),
    ];
    let reads_key = inference.columns.iter().any(|column| matches!(column.path, Path::Key(_)));
    if reads_key && key_format != Format::default() {
        directives.push(("KAFKA_KEY_FORMAT", key_format.word().to_owned()));
    }
    match inference.tombstones {
        Tombstones::Quarantine => {}
        Tombstones::Skip => directives.push(("KAFKA_TOMBSTONES", "skip".to_owned())),
        Tombstones::Delete => directives.push(("KAFKA_TOMBSTONES", "delete".to_owned())),
    }
    DatasourceText { description: "Keyed", directives: &directives }.render(inference)
}

fn pair(key: &str, value: &str) -> Pair {
    let some = |text: &str| (text != "-").then(|| text.to_owned());
    (some(key), some(value))
}

fn shown(title: &str, pairs: &[Pair], key_format: Format) -> String {
    let text = file(&table(pairs, key_format), key_format);
    let body = text.split_once("\n\n").unwrap().1.split("\nKAFKA_BOOTSTRAP").next().unwrap();
    let rest: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("KAFKA_KEY_") || line.starts_with("KAFKA_TOMB"))
        .collect();
    format!("== {title}\n{body}{}\n\n", rest.join("\n"))
}

#[test]
fn a_key_adds_what_the_value_lacks() {
    let json = Format::JsonWithoutSchema;
    insta::assert_snapshot!(
        [
            shown("the value says the same", &[pair(r#"{"id":1}"#, r#"{"id":1,"n":5}"#)], json),
            shown("the value says something else", &[pair(r#"{"id":1}"#, r#"{"id":2}"#)], json),
            shown(
                "some records have no key",
                &[pair(r#"{"id":1,"tags":["a"]}"#, r#"{"n":5}"#), pair("-", r#"{"n":5}"#)],
                json,
            ),
            shown("a number", &[pair("7", r#"{"n":5}"#)], json),
            shown("a number that the value holds", &[pair("7", r#"{"n":7}"#)], json),
            shown("text", &[pair("k1", r#"{"n":5}"#)], Format::String),
            shown("text that the value holds", &[pair("k1", r#"{"n":"k1"}"#)], Format::String),
            shown(
                "the same key again",
                &[pair("7", r#"{"n":5}"#), pair("7", r#"{"n":6}"#), pair("7", r#"{"n":7}"#)],
                json,
            ),
        ]
        .concat()
    );
}

#[test]
fn records_without_a_value_make_a_table_of_the_last_row_of_each_key() {
    let json = Format::JsonWithoutSchema;
    insta::assert_snapshot!(
        [
            shown(
                "fields of the key, one of them in the value, too",
                &[
                    pair(r#"{"shop":"a","id":1}"#, r#"{"id":1,"name":"Ada"}"#),
                    pair(r#"{"shop":"a","id":2}"#, r#"{"id":2}"#),
                    pair(r#"{"shop":"a","id":1}"#, "-"),
                ],
                json,
            ),
            shown("a number", &[pair("7", r#"{"id":7}"#), pair("7", "-")], json),
            shown("text", &[pair("k1", r#"{"id":"k1"}"#), pair("k1", "-")], Format::String),
            shown(
                "a key that nothing can be sorted by",
                &[pair(r#"{"a":[1]}"#, r#"{"n":1}"#), pair(r#"{"a":[2]}"#, "-")],
                json,
            ),
            shown(
                "records without a value and without a key",
                &[pair("7", r#"{"n":1}"#), pair("-", "-")],
                json,
            ),
        ]
        .concat()
    );
}

fn any_key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "1",
        "2",
        "-3.5",
        "true",
        "null",
        r#""k""#,
        r#"{"id":1}"#,
        r#"{"id":2}"#,
        r#"{"id":"x"}"#,
        r#"{"id":null}"#,
        r#"{"a":1,"_is_deleted":2}"#,
        r#"{"a":{"b":[1,2]}}"#,
        r#"{"a":[{"b":1},{}]}"#,
        "[1]",
        "{}",
    ])
    .prop_map(str::to_owned)
}

fn any_value() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        r#"{"id":1}"#,
        r#"{"id":2,"n":"x"}"#,
        r#"{"id":null}"#,
        r#"{"key":1,"_is_deleted":true}"#,
        r#"{"a":1}"#,
        r#"{"a":{"b":[1]}}"#,
        "1",
        "[]",
        "{}",
    ])
    .prop_map(str::to_owned)
}

/// Records alike mostly, as those of real topics are, or not at all.
fn any_pairs() -> impl Strategy<Value = Vec<Pair>> {
    let pair = |key: BoxedStrategy<Option<String>>, value: BoxedStrategy<Option<String>>| {
        prop::collection::vec((key, value), 1..8)
    };
    let mixed = pair(
        prop_oneof![1 => Just(None), 4 => any_key().prop_map(Some)].boxed(),
        prop_oneof![1 => Just(None), 4 => any_value().prop_map(Some)].boxed(),
    );
    let alike = (any_key(), any_value()).prop_flat_map(move |(key, value)| {
        pair(Just(Some(key)).boxed(), prop_oneof![1 => Just(None), 2 => Just(Some(value))].boxed())
    });
    prop_oneof![mixed, alike].prop_filter("a record has a value", |pairs: &Vec<Pair>| {
        pairs.iter().any(|(_, value)| value.is_some())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_table_takes_every_sampled_record_with_its_key(
        pairs in any_pairs(),
        key in prop::sample::select(vec![Format::JsonWithoutSchema, Format::String]),
    ) {
        let inference = table(&pairs, key);
        let (rows, rejects) = decode(&records(&pairs), targets(&inference.columns), key, inference.tombstones);
        let refused: Vec<_> = rejects.iter().collect();
        prop_assert!(refused.is_empty(), "{refused:?}\n{}", file(&inference, key));
        let skipped = match inference.tombstones {
            Tombstones::Skip => pairs.iter().filter(|(_, value)| value.is_none()).count(),
            _ => 0,
        };
        prop_assert_eq!(rows.row_count(), pairs.len() - skipped);
    }

    #[test]
    fn the_order_of_records_does_not_matter(
        (pairs, shuffled) in any_pairs().prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle())),
    ) {
        prop_assert_eq!(table(&pairs, Format::JsonWithoutSchema), table(&shuffled, Format::JsonWithoutSchema));
    }

    #[test]
    fn the_file_passes_the_check_and_is_read_back(
        pairs in any_pairs(),
        key in prop::sample::select(vec![Format::JsonWithoutSchema, Format::String]),
    ) {
        let inference = table(&pairs, key);
        let text = file(&inference, key);
        let loaded = forebay_project::load(&[SourceFile { path: "keyed.datasource".into(), text: text.clone() }]);
        let loaded = loaded.map_err(|found| TestCaseError::fail(forebay_project::render(&found, false) + &text))?;
        prop_assert!(loaded.warnings.is_empty(), "{:?}\n{text}", loaded.warnings);
        let read: Vec<_> = loaded.project.datasources["keyed"].columns.iter().map(|column| {
            (column.name.clone(), column.column_type.clone(), column.path.clone(), column.default.clone())
        }).collect();
        let made: Vec<_> = inference.columns.iter().map(|column| {
            (column.name.clone(), column.column_type.clone(), column.path.clone(), column.default.clone())
        }).collect();
        prop_assert_eq!(read, made);
    }
}
