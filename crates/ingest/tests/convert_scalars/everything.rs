//! What holds for every type and every value.

use super::*;
use proptest::prelude::*;

fn scalar_types() -> Vec<ColumnType> {
    let mut types = vec![
        ColumnType::Float32,
        ColumnType::Float64,
        decimal(9, 2),
        decimal(18, 0),
        decimal(38, 38),
        ColumnType::Bool,
        ColumnType::String,
        ColumnType::FixedString(3),
        ColumnType::Date,
        ColumnType::Date32,
        date_time(),
        date_time64(0),
        date_time64(3),
        date_time64(9),
        date_time64_in(6, "America/New_York"),
        ColumnType::BFloat16,
        decimal(76, 30),
        ColumnType::Time,
        ColumnType::Time64 { precision: 6 },
        ColumnType::Uuid,
        ColumnType::Ipv4,
        ColumnType::Ipv6,
        enum8(&[("b", 5), ("a", 1), ("7", -3)]),
    ];
    for bits in [8, 16, 32, 64, 128, 256] {
        types.extend([int(bits), uint(bits)]);
    }
    types
}

fn inputs() -> impl Strategy<Value = Input> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,4})?".prop_map(Input::Number),
        "[-+.:TZe 0-9]{0,30}".prop_map(Input::Text),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,12})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
            .prop_map(Input::Text),
        any::<String>().prop_map(Input::Text),
        any::<bool>().prop_map(Input::Bool),
    ]
}

/// Number of values in a buffer whose parts agree.
fn value_count(values: &Values) -> usize {
    match values {
        Values::Fixed { width, bytes } => {
            assert_eq!(bytes.len() % width, 0);
            bytes.len() / width
        }
        Values::Bytes { ends, bytes } => {
            assert_eq!(ends.last().copied().unwrap_or(0), bytes.len());
            ends.len()
        }
        other => panic!("scalars have no {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_value_adds_one_value_or_leaves_the_buffer_as_it_was(
        column_type in prop::sample::select(scalar_types()),
        inputs in prop::collection::vec(inputs(), 1..8),
    ) {
        let scalar = Scalar::compile(&column_type).unwrap();
        let mut out = scalar.empty_values();
        for input in inputs {
            let before = out.clone();
            match push(&scalar, &input, &mut out) {
                Ok(()) => prop_assert_eq!(value_count(&out), value_count(&before) + 1),
                Err(_) => prop_assert_eq!(&out, &before),
            }
        }
    }

    #[test]
    fn text_of_a_number_is_treated_as_the_number(
        column_type in prop::sample::select(scalar_types()),
        token in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,3})?",
    ) {
        let is_name = matches!(column_type, ColumnType::Enum { .. } | ColumnType::Bool);
        let is_text_only = matches!(column_type, ColumnType::Uuid | ColumnType::Ipv4 | ColumnType::Ipv6);
        prop_assume!(!is_name && !is_text_only);
        prop_assert_eq!(
            convert(&column_type, &text(&token)),
            convert(&column_type, &number(&token))
        );
    }
}

#[test]
fn zero_is_the_value_input_formats_of_clickhouse_fill_in() {
    for column_type in scalar_types() {
        let scalar = Scalar::compile(&column_type).unwrap();
        let mut out = scalar.empty_values();
        scalar.push_zero(&mut out);
        assert_eq!(value_count(&out), 1);
        let expected = match column_type {
            ColumnType::Enum { .. } => vec![(-3i8) as u8],
            _ => vec![0; bytes(out.clone()).len()],
        };
        assert_eq!(bytes(out), expected, "{column_type:?}");
    }
}

#[test]
fn only_a_string_takes_the_raw_text_of_an_object() {
    for column_type in scalar_types() {
        let scalar = Scalar::compile(&column_type).unwrap();
        let pushed = scalar.push_json("[{}]", &mut scalar.empty_values());
        assert_eq!(pushed.is_ok(), column_type == ColumnType::String);
    }
}

#[test]
fn nested_types_and_unknown_time_zones_do_not_compile() {
    let compile = |column_type: &ColumnType| Scalar::compile(column_type).map(|_| ());
    let string = || Box::new(ColumnType::String);
    for column_type in [
        ColumnType::Nullable(string()),
        ColumnType::LowCardinality(string()),
        ColumnType::Array(string()),
        ColumnType::Map(string(), string()),
        ColumnType::Tuple(vec![(None, ColumnType::String)]),
    ] {
        let error = compile(&column_type).unwrap_err();
        assert_eq!(error.to_string(), "the type is not scalar");
    }
    let error = compile(&date_time64_in(3, "Mars/Olympus")).unwrap_err();
    assert_eq!(error.to_string(), "unknown time zone \"Mars/Olympus\"");
}
