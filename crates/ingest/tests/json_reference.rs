//! The decoder against a slow reading of the same paths out of a tree of values.

mod json_laws;

use forebay_ingest::target::{ColumnSource, TargetColumn};
use forebay_project::{
    column_type::ColumnType,
    model::{Path, PathStep},
};
use json_laws::*;
use proptest::prelude::*;
use serde_json::Value;

fn columns() -> Vec<TargetColumn> {
    let pair = || tuple([("x", int(32)), ("y", nullable(int(32)))]);
    vec![
        column("a", int(32)),
        column("b", nullable(int(32))),
        with_default(column("c", int(32))),
        with_default(column("d", nullable(int(32)))),
        column("b.c", nullable(int(32))),
        column("d.e.a", nullable(int(32))),
        with_default(column("e", array(nullable(int(32))))),
        with_default(column("e[:].a", array(nullable(int(32))))),
        with_default(column("e[:].b[:].a", array(array(int(32))))),
        with_default(column("x", pair())),
        with_default(column("y", array(pair()))),
    ]
}

/// A row as [`show_row`] writes it, or the columns at fault.
fn expected(columns: &[TargetColumn], record: &Value) -> Result<String, Vec<usize>> {
    let read = columns.iter().map(|column| match &column.source {
        ColumnSource::Path(Path::Document(steps)) => {
            read(Some(record), steps, &column.column_type, column.default.is_some())
        }
        _ => None,
    });
    let cells: Vec<_> = read.collect();
    let faults: Vec<_> = (0..cells.len()).filter(|index| cells[*index].is_none()).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(cells.into_iter().flatten().collect::<Vec<_>>().join(" | "))
}

fn read(value: Option<&Value>, steps: &[PathStep], wanted: &ColumnType, default: bool) -> Option<String> {
    let (step, rest) = match steps.split_first() {
        Some(split) => split,
        None => match value {
            Some(Value::Null) | None if default && (value.is_none() || !is_nullable(wanted)) => {
                return Some("DEFAULT".to_owned());
            }
            Some(Value::Null) | None => return is_nullable(wanted).then(|| "NULL".to_owned()),
            Some(value) => return convert(value, wanted),
        },
    };
    match step {
        PathStep::Field(name) => {
            read(value.and_then(|value| value.as_object()?.get(name)), rest, wanted, default)
        }
        PathStep::Each => {
            let ColumnType::Array(item) = wanted else {
                return None;
            };
            let Some(items) = value.and_then(Value::as_array) else {
                return default.then(|| "DEFAULT".to_owned());
            };
            let items = items.iter().map(|value| read(Some(value), rest, item, false));
            Some(format!("[{}]", items.collect::<Option<Vec<_>>>()?.join(", ")))
        }
    }
}

fn is_nullable(wanted: &ColumnType) -> bool {
    matches!(wanted, ColumnType::Nullable(_))
}

fn convert(value: &Value, wanted: &ColumnType) -> Option<String> {
    match (wanted, value) {
        (ColumnType::Nullable(_), Value::Null) => Some("NULL".to_owned()),
        (ColumnType::Nullable(inner), value) => convert(value, inner),
        (ColumnType::Int { .. }, Value::Number(number)) => number.as_i64().map(|number| number.to_string()),
        (ColumnType::Array(item), Value::Array(values)) => {
            let items = values.iter().map(|value| convert(value, item));
            Some(format!("[{}]", items.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        (ColumnType::Tuple(elements), Value::Array(values)) if elements.len() == values.len() => {
            let parts = elements.iter().zip(values).map(|((_, element), value)| convert(value, element));
            Some(format!("({})", parts.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        (ColumnType::Tuple(elements), Value::Object(members)) => {
            let parts = elements.iter().map(|(name, element)| {
                let value = name.as_ref().and_then(|name| members.get(name));
                convert(value.unwrap_or(&Value::Null), element)
            });
            Some(format!("({})", parts.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        _ => None,
    }
}

/// Records of the columns' keys; values mostly of a shape some column takes. Keys repeat.
fn any_record() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => (-999..999_i32).prop_map(|number| number.to_string()),
        1 => Just("null".to_owned()),
        1 => Just("\"text\"".to_owned()),
    ];
    let value = leaf.prop_recursive(4, 40, 5, |inner| {
        let key = prop::sample::select(vec!["a", "b", "c", "d", "e", "x", "y", r"\u0061"]);
        let members = prop::collection::vec((key, inner.clone()), 0..6);
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            2 => members.prop_map(|members| object(&members)),
        ]
    });
    let key = prop::sample::select(vec!["a", "a", "b", "c", "d", "e", "e", "x", "y"]);
    prop::collection::vec((key, value), 0..8).prop_map(|mut members| {
        members.push(("a", "1".to_owned()));
        object(&members)
    })
}

fn object(members: &[(&str, String)]) -> String {
    let members = members.iter().map(|(key, value)| format!("\"{key}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn decoding_agrees_with_reading_a_tree_of_values(record in any_record()) {
        let columns = columns();
        let decoder = compile(&columns);
        let (rows, rejects) = decode(&decoder, &records([&record]));
        let decoded = match rejects.iter().next() {
            None => Ok(show_row(&rows, 0)),
            Some(reject) => Err(reject.defects.iter().filter_map(|defect| defect.column).collect()),
        };
        let tree: Value = serde_json::from_str(&record).expect("the record is valid");
        prop_assert_eq!(decoded, expected(&columns, &tree), "{}", record);
    }
}
