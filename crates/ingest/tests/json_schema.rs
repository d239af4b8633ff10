//! What validation against a JSON Schema says.
#![allow(clippy::unwrap_used)]

use forebay_ingest::{
    json_schema::Validator,
    schema::{Schema, SchemaKind, SchemaReference},
};

fn validator(text: &str, references: &[(&str, &str)]) -> Result<Validator, String> {
    let references = references
        .iter()
        .map(|(name, text)| SchemaReference { name: (*name).to_owned(), text: (*text).to_owned() });
    let schema = Schema {
        kind: SchemaKind::Json,
        text: text.to_owned(),
        references: references.collect(),
        origin: None,
    };
    Validator::compile(&schema).map_err(|defect| defect.to_string())
}

fn verdict(validator: &Validator, record: &str) -> String {
    validator.check(record.as_bytes()).map_or_else(|why| why, |()| "valid".to_owned())
}

#[test]
fn violations_are_told_with_their_places() {
    let schema = r#"{"type":"object","required":["id"],"properties":{"id":{"type":"integer","minimum":1},
        "tags":{"type":"array","items":{"type":"string"}}},"additionalProperties":false}"#;
    let validator = validator(schema, &[]).unwrap();
    let records = [
        r#"{"id":1,"tags":["a"]}"#,
        r#"{"id":0}"#,
        r#"{"tags":[1,2,3,4,5]}"#,
        r#"{"id":1,"other":true}"#,
        "[]",
        "{",
    ];
    let verdicts: Vec<String> = records.iter().map(|record| verdict(&validator, record)).collect();
    insta::assert_snapshot!(verdicts.join("\n"), @r##"
    valid
    /id: 0 is less than the minimum of 1
    /tags/0: 1 is not of type "string"; /tags/1: 2 is not of type "string"; /tags/2: 3 is not of type "string"; and more
    /: Additional properties are not allowed ('other' was unexpected)
    /: [] is not of type "object"
    no JSON: EOF while parsing an object at line 1 column 1
    "##);
}

#[test]
fn drafts_differ_as_their_schema_says() {
    let draft4 =
        r#"{"$schema":"http://json-schema.org/draft-04/schema#","minimum":5,"exclusiveMinimum":true}"#;
    assert_ne!(verdict(&validator(draft4, &[]).unwrap(), "5"), "valid");
    let draft7 = r##"{"$schema":"http://json-schema.org/draft-07/schema#","exclusiveMinimum":5,"definitions":{"a":{}},"$ref":"#/definitions/a"}"##;
    assert_eq!(verdict(&validator(draft7, &[]).unwrap(), "5"), "valid", "$ref stands alone in draft 7");
    let newest = r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":[{"type":"string"}],"items":false}"#;
    let newest = validator(newest, &[]).unwrap();
    assert_eq!(
        (verdict(&newest, r#"["a"]"#), verdict(&newest, r#"["a",1]"#) == "valid"),
        ("valid".to_owned(), false)
    );
}

#[test]
fn references_are_found_by_the_names_they_are_registered_under() {
    let money = r#"{"type":"object","required":["cents"]}"#;
    let references =
        [("money.json", money), ("http://example.com/schemas/address.json", r#"{"type":"string"}"#)];
    let schema = r#"{"properties":{"price":{"$ref":"money.json"},"to":{"$ref":"http://example.com/schemas/address.json"}}}"#;
    let with_references = validator(schema, &references).unwrap();
    assert_eq!(verdict(&with_references, r#"{"price":{"cents":1},"to":"here"}"#), "valid");
    assert_ne!(verdict(&with_references, r#"{"price":{}}"#), "valid");
    assert_ne!(verdict(&with_references, r#"{"to":5}"#), "valid");
    let with_id = schema.replacen('{', r#"{"$id":"http://example.com/root/order.json","#, 1);
    assert_ne!(verdict(&validator(&with_id, &references).unwrap(), r#"{"price":{}}"#), "valid");
}

#[test]
fn nothing_is_fetched() {
    let refusals = [
        validator(r#"{"$ref":"https://example.com/a.json"}"#, &[]).unwrap_err(),
        validator(r#"{"$ref":"file:///etc/hostname"}"#, &[]).unwrap_err(),
        validator("{", &[]).unwrap_err(),
        validator(r#"{"type":"nonsense"}"#, &[]).unwrap_err(),
        validator("{}", &[("a.json", "nonsense")]).unwrap_err(),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r##"
    the JSON Schema cannot be used: /: Resource 'https://example.com/a.json' is not present in a registry and retrieving it failed: https://example.com/a.json is not among its references
    the JSON Schema cannot be used: /: Resource 'file:///etc/hostname' is not present in a registry and retrieving it failed: file:///etc/hostname is not among its references
    the schema is no JSON: EOF while parsing an object at line 1 column 1
    the JSON Schema cannot be used: /type: "nonsense" is not valid under any of the schemas listed in the 'anyOf' keyword
    a.json is no JSON: expected ident at line 1 column 2
    "##);
}

#[test]
fn hostile_patterns_and_recursion_end() {
    let pattern = r#"{"pattern":"^(?=(a+)+$)b"}"#;
    if let Ok(validator) = validator(pattern, &[]) {
        let _ = verdict(&validator, &format!("\"{}\"", "a".repeat(5_000)));
    }
    let recursive =
        r##"{"$ref":"#/$defs/node","$defs":{"node":{"properties":{"next":{"$ref":"#/$defs/node"}}}}}"##;
    let nested = format!("{}1{}", r#"{"next":"#.repeat(100), "}".repeat(100));
    assert_eq!(verdict(&validator(recursive, &[]).unwrap(), &nested), "valid");
    let too_deep = "[".repeat(100_000);
    assert!(verdict(&validator("{}", &[]).unwrap(), &too_deep).starts_with("no JSON"));
}

#[test]
fn schemas_that_refer_to_themselves_end() {
    let schemas = [
        r##"{"$ref":"#"}"##,
        r##"{"allOf":[{"$ref":"#"}]}"##,
        r##"{"anyOf":[{"$ref":"#"},{"type":"string"}]}"##,
        r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"##,
        r##"{"$defs":{"a":{"not":{"$ref":"#/$defs/a"}}},"$ref":"#/$defs/a"}"##,
        r##"{"$dynamicAnchor":"n","$dynamicRef":"#n"}"##,
        r##"{"$recursiveAnchor":true,"$recursiveRef":"#","$schema":"https://json-schema.org/draft/2019-09/schema"}"##,
        r##"{"unevaluatedProperties":{"$ref":"#"},"allOf":[{"$ref":"#"}]}"##,
    ];
    for validator in schemas.into_iter().filter_map(|text| validator(text, &[]).ok()) {
        validator.check(b"{").unwrap_err();
        let _ = validator.check(br#"{"a":{"a":1}}"#);
    }
}

/// A schema whose references lead from one to the next, and from the last to the first one level further in.
fn chain(links: usize) -> String {
    let mut text = r#"{"$defs":{"#.to_owned();
    for link in 0..links {
        text += &format!(r##""l{link}":{{"$ref":"#/$defs/l{}"}},"##, link + 1);
    }
    text + &format!(
        r##""l{links}":{{"type":"object","properties":{{"a":{{"$ref":"#/$defs/l0"}}}}}}}},"$ref":"#/$defs/l0"}}"##
    )
}

#[test]
fn long_chains_of_references_are_followed_at_any_depth_or_refused() {
    let nested = format!("{}5{}", r#"{"a":"#.repeat(120), "}".repeat(120));
    for links in [10, 1_000] {
        let validator = validator(&chain(links), &[]).unwrap();
        let said = verdict(&validator, &nested);
        assert_eq!(said, format!("{}: 5 is not of type \"object\"", "/a".repeat(120)));
        assert_eq!(verdict(&validator, "{}"), "valid");
    }
    assert_eq!(
        validator(&chain(20_000), &[]).unwrap_err(),
        "the JSON Schema has 20002 references, more than 4000"
    );
}
