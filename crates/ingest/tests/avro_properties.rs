//! The laws of the Avro decoder over arbitrary bytes, broken documents and broken schemas.
#![allow(clippy::unwrap_used)]

mod avro_laws;
mod json_laws;

use avro_laws::*;
use proptest::prelude::*;

/// A good document with a few bytes changed, left out or put in.
fn broken_document() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    (1..5_i64, prop::collection::vec(change, 1..4)).prop_map(|(seed, changes)| {
        let mut document = good(seed);
        for (index, byte, kind) in changes {
            let at = index.index(document.len().max(1)).min(document.len());
            match kind {
                0 if at < document.len() => document[at] = byte,
                1 if at < document.len() => drop(document.remove(at)),
                2 => document.insert(at, byte),
                _ => document.truncate(at),
            }
        }
        document
    })
}

const SCHEMAS: [&str; 4] = [
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"b","type":["null","R","string"]}]}}}]}"#,
    r#"{"type":"record","name":"a","aliases":["b"],"fields":[{"name":"a","type":{"type":"map","values":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},"aliases":["b"],"default":{"x":"\u0001"}}]}"#,
    r#"["null",{"type":"enum","name":"a.b","symbols":["a","b"],"default":"a"},{"type":"fixed","name":"D","size":12,"logicalType":"duration"},"long"]"#,
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"R"}]}"#,
];

/// A schema's text with a few of its parts exchanged for others.
fn broken_schema() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "\"null\"",
        "\"R\"",
        "\"a\"",
        "\"b\"",
        "\"type\"",
        "\"long\"",
        "\"bytes\"",
        "\"name\"",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "12",
        "\"array\"",
        "\"items\"",
        "\"date\"",
        "-1",
    ]);
    let change = (any::<prop::sample::Index>(), words, any::<bool>());
    (prop::sample::select(SCHEMAS.to_vec()), prop::collection::vec(change, 0..3)).prop_map(
        |(text, changes)| {
            let mut parts: Vec<String> = Vec::new();
            for part in text.split_inclusive(['{', '}', '[', ']', ',', ':']) {
                let (word, mark) = part.split_at(part.len() - 1);
                parts.extend([word.to_owned(), mark.to_owned()]);
            }
            for (index, word, replaces) in changes {
                let at = index.index(parts.len());
                if replaces { parts[at] = word.to_owned() } else { parts.insert(at, word.to_owned()) }
            }
            parts.concat()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_laws_hold_for_arbitrary_bytes(document in prop::collection::vec(any::<u8>(), 0..200)) {
        check_document(&document);
    }

    #[test]
    fn the_laws_hold_for_broken_documents(document in broken_document()) {
        check_document(&document);
    }

    #[test]
    fn any_schema_reads_any_bytes(text in broken_schema(), document in prop::collection::vec(0..8_u8, 0..60)) {
        check_schema(&text, &document);
    }
}

#[test]
fn some_broken_schemas_are_schemas_still() {
    SCHEMAS.iter().for_each(|text| drop(schema(text)));
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let corpus = format!("{}/../../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(&corpus).expect("the corpus is part of the repository");
    let seeds: Vec<_> = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(seeds.len() >= 5, "{corpus} holds only {} seeds", seeds.len());
    seeds
}

#[test]
fn the_fuzz_corpus_keeps_the_laws() {
    seeds("avro_decode").iter().for_each(|seed| check_document(seed));
    for seed in seeds("avro_schema") {
        let mut parts = seed.splitn(2, |byte| *byte == 0);
        let (text, document) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        check_schema(std::str::from_utf8(text).unwrap(), document);
    }
}
