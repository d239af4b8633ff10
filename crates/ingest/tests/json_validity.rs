//! The decoder takes exactly the JSON that serde_json takes, whatever stands around it.

mod json_laws;

use json_laws::{check, serde_json_takes};
use proptest::prelude::*;

/// Texts at the edges of the grammar.
const EDGES: &[&str] = &[
    "",
    " ",
    "null",
    " null\n",
    "nul",
    "nulll",
    "truefalse",
    "true",
    "fals",
    "tru e",
    "0",
    "-0",
    "01",
    "-",
    "+1",
    "1.",
    ".5",
    "1.5",
    "1e5",
    "1E+5",
    "1e",
    "1e-",
    "1.e5",
    "-1.5e-3",
    "1e999",
    "0x1",
    "1_0",
    "123456789012345678901234567890",
    "Infinity",
    "NaN",
    "--1",
    "1-",
    "1 2",
    r#""""#,
    r#"""#,
    r#""a"#,
    r#""\"#,
    r#""\""#,
    r#""\"""#,
    r#""\x""#,
    r#""\u12""#,
    r#""\u12g4""#,
    r#""\u0041""#,
    r#""\ud800""#,
    r#""\udc00x""#,
    r#""\ud83d\ude00""#,
    r#""\b\f\n\r\t\/\\""#,
    "\"\t\"",
    "\"\u{7f}\"",
    "\"\u{e9}\u{1f600}\"",
    "\"0123456\\\"",
    "\"01234567\u{1}89\"",
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
    "[]",
    "[ ]",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,2]",
    "[[],[[]]]",
    "[1]]",
    "[}",
    "[1}",
    "{}",
    "{ }",
    "{",
    "}",
    "{1:2}",
    r#"{"a"}"#,
    r#"{"a":}"#,
    r#"{"a":1,}"#,
    r#"{,"a":1}"#,
    r#"{"a":1"b":2}"#,
    r#"{"a" : 1 }"#,
    r#"{"a":1}x"#,
    r#"{"a":1} "#,
    r#"{"a":1},"#,
    r#"{"a":[1}]"#,
    r#"{"a":{"b":[{"c":null}]}}"#,
    r#"{"a":1,"a":2}"#,
    "{\"a\":1\u{0}}",
    "\u{feff}{}",
    "{}\u{a0}",
    "\u{c}1",
    "/**/1",
    "'a'",
    "{a:1}",
    r#"{"\ud800":1}"#,
    r#"{"\u0061":1}"#,
    r#"{"e":[{"s":"\ud800"}]}"#,
    r#"{"h":"\ud800"}"#,
    r#"{"zz":"\ud800"}"#,
];

#[test]
fn validity_at_the_edges_of_the_grammar_is_serde_jsons() {
    for edge in EDGES {
        check(edge.as_bytes());
        for around in [
            "[?]",
            "{\"a\":?}",
            "{\"zz\":?}",
            "{\"l\":?}",
            "{\"t\":?}",
            "{\"m\":?}",
            "{\"e\":[?]}",
            "{\"e\":[{\"k\":?}]}",
        ] {
            check(around.replace('?', edge).as_bytes());
        }
    }
}

#[test]
fn records_cut_short_anywhere_are_refused() {
    let record =
        r#"{"a":-1.5e3,"h":{"i":"\u00e9\n"},"zz":[true,false,null,{"k":[{}]}],"e":[{"k":[{"v":1}]}]} "#;
    for end in 0..record.len() {
        check(&record.as_bytes()[..end]);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    for bytes in [&b"\"\xff\""[..], b"\"\xc3\"", b"\"\xed\xa0\x80\"", b"{\"zz\":\"\xc0\x80\"}", b"\x80"] {
        assert!(!serde_json_takes(bytes));
        check(bytes);
    }
}

#[test]
fn values_are_nested_127_deep_and_no_deeper() {
    let nest = |open: &str, inner: &str, close: &str, depth| {
        [open.repeat(depth), inner.to_owned(), close.repeat(depth)].concat()
    };
    for depth in [126, 127, 128, 129, 1000, 100_000] {
        for around in [
            "?",
            "{\"zz\":?}",
            "{\"a\":?}",
            "{\"l\":?}",
            "{\"t\":{\"x\":?}}",
            "{\"m\":{\"k\":[?]}}",
            "{\"e\":[{\"k\":[{\"v\":?}]}]}",
        ] {
            check(around.replace('?', &nest("[", "", "]", depth)).as_bytes());
            check(around.replace('?', &nest("{\"a\":", "1", "}", depth)).as_bytes());
        }
        check(nest("[", "", "", depth).as_bytes());
    }
}

/// JSON of any shape, its keys mostly those the columns read.
fn any_json() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        3 => "[a-z]{0,20}",
        1 => r#"([a-z\u{e9}\u{1f600}]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){0,12}"#,
    ];
    let key = prop_oneof![
        8 => "[adfghiltuemsnkvxyz]",
        1 => Just(r"\u0061".to_owned()),
        1 => "[a-z]{2,30}",
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        (-200_i64..200).prop_map(|value| value.to_string()),
        any::<f64>()
            .prop_filter("JSON has finite numbers only", |value| value.is_finite())
            .prop_map(|value| format!("{value:e}")),
        text.prop_map(|text| format!("\"{text}\"")),
    ];
    let space = prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\r\n\t")];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        let items = prop::collection::vec((inner.clone(), space.clone()), 0..8);
        let members = prop::collection::vec((key.clone(), inner, space.clone()), 0..10);
        prop_oneof![
            1 => items.prop_map(|items| {
                let items = items.iter().map(|(item, space)| format!("{space}{item}{space}"));
                format!("[{}]", items.collect::<Vec<_>>().join(","))
            }),
            2 => members.prop_map(|members| {
                let members = members.iter().map(|(key, value, space)| format!("{space}\"{key}\"{space}:{space}{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn any_valid_record_keeps_the_laws(record in any_json()) {
        prop_assert!(serde_json_takes(record.as_bytes()));
        check(record.as_bytes());
    }

    #[test]
    fn any_damaged_record_keeps_the_laws(
        record in any_json(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), damage()), 1..4),
    ) {
        let mut bytes = record.into_bytes();
        for (place, (removed, inserted)) in edits {
            let at = place.index(bytes.len() + 1);
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, inserted);
        }
        check(&bytes);
    }

    #[test]
    fn any_bytes_keep_the_laws(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check(&bytes);
    }
}

/// Bytes to remove, bytes to put in their place.
fn damage() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let structural = prop::sample::select(b"{}[]:,\"\\ \n0-+.eEtfnu\x00\x1f\x7f\xc3\xff".to_vec());
    let inserted = prop_oneof![
        3 => prop::collection::vec(structural, 0..3),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    (0..4_usize, inserted)
}

#[test]
fn the_fuzz_corpus_keeps_the_laws() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/json_decode");
    let entries = std::fs::read_dir(corpus).expect("the corpus is part of the repository");
    let seeds: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    assert!(seeds.len() >= 5, "{corpus} holds only {} seeds", seeds.len());
    for seed in seeds {
        check(&std::fs::read(seed).expect("a readable seed"));
    }
}
