//! The conversion table: what it says is what happens, and what the documentation shows.

#![allow(clippy::unwrap_used)]

use forebay_ingest::{
    column_batch::Column,
    convert::{
        ConvertError, Reason, Rule, RuleKind, Scalar, SourceType, Value, VariantMembers, Zero,
        dynamic_members, rule,
    },
};
use forebay_project::column_type::{ColumnType, Geo};
use std::{collections::BTreeSet, env, fs, path::Path};

/// Every source, as the documentation names it, and what it is in each format.
fn sources() -> Vec<(&'static str, &'static str, &'static str, &'static str, Vec<SourceType>)> {
    let int = |bits, signed| SourceType::Int { bits, signed };
    let none = "-";
    vec![
        ("null", "`null`", "`null`", none, vec![SourceType::Null]),
        ("bool", "`true`, `false`", "`boolean`", "`bool`", vec![SourceType::Bool]),
        (
            "int",
            none,
            "`int`, `long`",
            "`int32`, `uint64`, ...",
            vec![int(32, true), int(32, false), int(64, true), int(64, false)],
        ),
        ("number", "number", none, none, vec![SourceType::JsonNumber]),
        (
            "float",
            none,
            "`float`, `double`",
            "`float`, `double`",
            vec![SourceType::Float32, SourceType::Float64],
        ),
        ("text", "string", "`string`", "`string`", vec![SourceType::Text]),
        ("bytes", none, "`bytes`", "`bytes`", vec![SourceType::Bytes]),
        (
            "fixed bytes",
            none,
            "`fixed`",
            none,
            vec![SourceType::Fixed(4), SourceType::Fixed(16), SourceType::Fixed(32)],
        ),
        ("symbol", none, "`enum`", none, vec![SourceType::Symbol { numbered: false }]),
        ("numbered symbol", none, none, "`enum`", vec![SourceType::Symbol { numbered: true }]),
        (
            "decimal",
            none,
            "`decimal`, `big-decimal`",
            none,
            vec![SourceType::Decimal { precision: 9, scale: 2 }, SourceType::BigDecimal],
        ),
        ("date", none, "`date`", none, vec![SourceType::Date]),
        (
            "time",
            none,
            "`time-millis`, `time-micros`",
            none,
            vec![SourceType::TimeOfDay { precision: 3 }, SourceType::TimeOfDay { precision: 6 }],
        ),
        (
            "timestamp",
            none,
            "`timestamp-millis`, `-micros`, `-nanos`",
            "`google.protobuf.Timestamp`",
            [3, 6, 9].map(|precision| SourceType::Timestamp { precision, local: false }).to_vec(),
        ),
        (
            "local timestamp",
            none,
            "`local-timestamp-millis`, `-micros`, `-nanos`",
            none,
            [3, 6, 9].map(|precision| SourceType::Timestamp { precision, local: true }).to_vec(),
        ),
        ("uuid", none, "`uuid`", none, vec![SourceType::Uuid]),
        ("duration", none, "`duration`", none, vec![SourceType::Duration]),
        ("interval", none, none, "`google.protobuf.Duration`", vec![SourceType::Interval]),
        ("list", "array", "`array`", "`repeated`", vec![SourceType::List]),
        ("map", none, "`map`", "`map`", vec![SourceType::Map]),
        ("record", "object", "`record`", "message", vec![SourceType::Record]),
    ]
}

/// Every kind of column, as the documentation names it, and types of the kind.
fn columns() -> Vec<(&'static str, Vec<ColumnType>)> {
    let parse = |texts: &[&str]| texts.iter().map(|text| ColumnType::parse(text).unwrap()).collect();
    vec![
        ("`Int8`..`Int64`, `UInt8`..`UInt64`", parse(&["Int8", "UInt16", "Int32", "Int64", "UInt64"])),
        ("`Int128`, `Int256`, `UInt128`, `UInt256`", parse(&["Int128", "UInt128", "Int256", "UInt256"])),
        ("`Float64`", parse(&["Float64"])),
        ("`Float32`, `BFloat16`", parse(&["Float32", "BFloat16"])),
        ("`Decimal(P, S)`", parse(&["Decimal(9, 2)", "Decimal(38, 10)", "Decimal(76, 20)"])),
        ("`Bool`", parse(&["Bool"])),
        ("`String`", parse(&["String", "LowCardinality(String)"])),
        ("`FixedString(n)`", parse(&["FixedString(5)", "FixedString(40)"])),
        ("`Date`, `Date32`", parse(&["Date", "Date32"])),
        (
            "`DateTime`, `DateTime64(p)`",
            parse(&["DateTime", "DateTime64(3)", "DateTime64(9)", "DateTime64(6, 'Europe/Berlin')"]),
        ),
        ("`Time`, `Time64(p)`", parse(&["Time", "Time64(3)", "Time64(9)"])),
        ("`UUID`", parse(&["UUID"])),
        ("`IPv4`", parse(&["IPv4"])),
        ("`IPv6`", parse(&["IPv6"])),
        ("`Enum8`, `Enum16`", parse(&["Enum8('a' = 1, '5' = 5)", "Enum16('a' = 300)"])),
        ("`Array(T)`", parse(&["Array(String)"])),
        ("`Tuple(...)`", parse(&["Tuple(a String, b Int8)"])),
        ("`Map(K, V)`", parse(&["Map(String, String)"])),
        ("`Point`, `Ring`, `Polygon`, ...", vec![ColumnType::Geo(Geo::Point), ColumnType::Geo(Geo::Polygon)]),
        ("`JSON`", parse(&["JSON"])),
        ("`Dynamic`", parse(&["Dynamic"])),
    ]
}

enum Sample {
    Value(Value<'static>),
    Number(&'static str),
    Json(&'static str),
}

const BYTES: [u8; 40] = [0x80; 40];

fn samples(source: SourceType) -> Vec<Sample> {
    let values = |values: &[Value<'static>]| values.iter().map(|value| Sample::Value(*value)).collect();
    match source {
        SourceType::Null => Vec::new(),
        SourceType::Bool => values(&[Value::Bool(true), Value::Bool(false)]),
        SourceType::Int { bits, signed: true } => {
            let most = i64::MAX >> (64 - bits);
            [0, 1, -1, 5, 300, 20_240_102, most, -most - 1].map(|int| Sample::Value(Value::Int(int))).into()
        }
        SourceType::Int { bits, signed: false } => {
            [0, 1, 300, u64::MAX >> (64 - bits)].map(|int| Sample::Value(Value::UInt(int))).into()
        }
        SourceType::JsonNumber => {
            let tokens =
                ["0", "1", "-1", "1.5", "1e3", "300", "1e400", "1e-400", "16777217", "1704103200.123456789"];
            tokens.map(Sample::Number).into()
        }
        SourceType::Float32 => {
            let floats = [0.0, 1.0, -1.5, 0.1, f32::MAX, f32::MIN_POSITIVE, f32::NAN, f32::INFINITY, 1.7e9];
            floats.map(|float| Sample::Value(Value::Float32(float))).into()
        }
        SourceType::Float64 => {
            let floats =
                [0.0, 1.0, 5.0, -1.5, 0.1, 1e300, 1e-300, f64::NAN, f64::NEG_INFINITY, 1_704_103_200.5, 2e19];
            floats.map(|float| Sample::Value(Value::Float64(float))).into()
        }
        SourceType::Text => [
            "",
            "a",
            "5",
            "-1.5",
            "1e300",
            "true",
            "nan",
            "2024-01-02",
            "2024-01-02T03:04:05.678Z",
            "2024-03-31 02:30:00",
            "12:30:00.5",
            "00112233-4455-6677-8899-aabbccddeeff",
            "1.2.3.4",
            "::1",
            "{\"a\":1}",
            "[1]",
            "9999-12-31",
        ]
        .map(|text| Sample::Value(Value::Text(text)))
        .into(),
        SourceType::Bytes => {
            [0, 1, 4, 16, 32, 40].map(|size| Sample::Value(Value::Bytes(&BYTES[..size]))).into()
        }
        SourceType::Fixed(size) => vec![Sample::Value(Value::Bytes(&BYTES[..size]))],
        SourceType::Symbol { numbered } => {
            let number = |number| numbered.then_some(number);
            let symbol = |name, value| Sample::Value(Value::Symbol { name, number: number(value) });
            vec![symbol("a", 1), symbol("B", 5), symbol("C", 300), symbol("", i32::MIN)]
        }
        SourceType::Decimal { scale, .. } => decimals(scale as i32),
        SourceType::BigDecimal => [-400, -3, 0, 2, 50].into_iter().flat_map(decimals).collect(),
        SourceType::Date => [0, 19_724, -30_000, 80_000, 200_000, i64::MAX]
            .map(|days| Sample::Value(Value::Date { days }))
            .into(),
        SourceType::TimeOfDay { precision } => {
            let ticks = [0, 1, 45_000 * 10_i64.pow(precision.into()), i64::MAX, i64::MIN];
            ticks.map(|ticks| Sample::Value(Value::TimeOfDay { ticks, precision })).into()
        }
        SourceType::Timestamp { precision, local } => {
            let second = 10_i128.pow(precision.into());
            let seconds = [
                0,
                1_704_067_200,
                1_704_103_200,
                1_711_852_200,
                1_729_996_200,
                7_000_000_000,
                -9_000_000_000,
            ];
            let ticks =
                seconds.map(|seconds| seconds * second).into_iter().chain([1, i64::MAX.into(), i128::MAX]);
            ticks.map(|ticks| Sample::Value(Value::Timestamp { ticks, precision, local })).collect()
        }
        SourceType::Uuid => values(&[Value::Uuid([7; 16])]),
        SourceType::Duration => values(&[
            Value::Duration { months: 0, days: 0, millis: 1_500 },
            Value::Duration { months: 1, days: 2, millis: u32::MAX },
        ]),
        SourceType::Interval => [0, 1_500_000_000, -1, 3_000_000_000_000_000_000, i128::MAX]
            .map(|nanos| Sample::Value(Value::Interval { nanos }))
            .into(),
        SourceType::List => vec![Sample::Json("[1,2]")],
        SourceType::Map | SourceType::Record => vec![Sample::Json("{\"a\":1}")],
    }
}

fn decimals(scale: i32) -> Vec<Sample> {
    let unscaled: [&'static [u8]; 6] = [&[], &[1], &[0x80], &[0, 0xc8], &BYTES[..16], &BYTES];
    unscaled.map(|unscaled| Sample::Value(Value::Decimal { unscaled, scale })).into()
}

fn push(scalar: &Scalar, sample: &Sample) -> Result<(), Reason> {
    let mut out = scalar.empty_values();
    let before = out.clone();
    let pushed = match sample {
        Sample::Value(value) => scalar.push(*value, &mut out),
        Sample::Number(token) => scalar.push_number(token, &mut out),
        Sample::Json(text) => scalar.push_json(text, &mut out),
    };
    match pushed {
        Ok(()) => assert_eq!(out.row_count(), 1),
        Err(_) => assert_eq!(out, before, "nothing is left of a value that is refused"),
    }
    pushed.map_err(|ConvertError { reason }| reason)
}

fn shown(sample: &Sample) -> String {
    match sample {
        Sample::Value(value) => format!("{value:?}"),
        Sample::Number(text) | Sample::Json(text) => (*text).to_owned(),
    }
}

#[test]
fn values_convert_as_the_table_says() {
    let mut broken = Vec::new();
    for (_, types) in columns() {
        for column_type in types {
            let Ok(scalar) = Scalar::compile(column_type.stripped()) else { continue };
            for source in sources().into_iter().flat_map(|(.., sources)| sources) {
                let Rule { kind, .. } = rule(source, &column_type);
                for sample in samples(source) {
                    let outcome = push(&scalar, &sample);
                    let as_said = match (kind, outcome) {
                        (RuleKind::Exact | RuleKind::AsText | RuleKind::AsJson, outcome) => outcome.is_ok(),
                        (RuleKind::Checked(reasons), Err(reason)) => reasons.contains(&reason),
                        (RuleKind::Refused, outcome) => outcome.is_err(),
                        (RuleKind::Checked(_) | RuleKind::Nested, _) => true,
                    };
                    if !as_said {
                        let sample = shown(&sample);
                        broken.push(format!(
                            "{source:?} {sample} into {column_type}: {outcome:?}, not {kind:?}"
                        ));
                    }
                }
            }
        }
    }
    assert!(broken.is_empty(), "the table says otherwise:\n{}", broken.join("\n"));
}

#[test]
fn zero_adds_one_row_of_any_type() {
    let types = columns().into_iter().flat_map(|(_, types)| types);
    let nullable =
        ColumnType::parse("Tuple(a Nullable(Int8), b Array(Nullable(String)), c Variant(Int8, String))")
            .unwrap();
    for column_type in types.chain([nullable]) {
        let (zero, mut column) = (Zero::compile(&column_type).unwrap(), Column::new_for(&column_type));
        zero.push(&mut column);
        zero.push(&mut column);
        assert_eq!(column.row_count(), 2, "{column_type}");
        let batch = forebay_ingest::column_batch::ColumnBatch { columns: vec![column] };
        assert_eq!(batch.defect(), None, "{column_type}");
    }
}

#[test]
fn a_variant_takes_a_value_in_the_member_that_loses_nothing() {
    let cases = [
        ("Variant(Int32, Int64, String)", SourceType::Int { bits: 32, signed: true }, Some("Int32")),
        ("Variant(Int64, UInt64)", SourceType::Int { bits: 32, signed: false }, Some("UInt64")),
        ("Variant(Float64, String)", SourceType::Int { bits: 32, signed: true }, Some("Float64")),
        ("Variant(Int8, String)", SourceType::Int { bits: 64, signed: true }, Some("String")),
        ("Variant(Int8)", SourceType::Int { bits: 64, signed: true }, Some("Int8")),
        ("Variant(Bool, Int8, String)", SourceType::Bool, Some("Bool")),
        (
            "Variant(DateTime64(3), DateTime64(6), String)",
            SourceType::Timestamp { precision: 6, local: false },
            Some("DateTime64(6)"),
        ),
        ("Variant(DateTime, String)", SourceType::Timestamp { precision: 6, local: false }, Some("String")),
        ("Variant(Enum8('a' = 1), String)", SourceType::Symbol { numbered: false }, Some("Enum8('a' = 1)")),
        ("Variant(FixedString(16), String, UUID)", SourceType::Fixed(16), Some("FixedString(16)")),
        ("Variant(JSON, Map(String, String), String)", SourceType::Record, Some("JSON")),
        ("Variant(JSON, Map(String, String), String)", SourceType::Map, Some("Map(String, String)")),
        ("Variant(Int8, UUID)", SourceType::Record, None),
        ("Variant(Int8, UUID)", SourceType::Null, None),
        ("Dynamic", SourceType::Decimal { precision: 9, scale: 2 }, Some("Decimal(76, 38)")),
        ("Dynamic", SourceType::Record, Some("JSON")),
        ("Dynamic", SourceType::Duration, Some("String")),
    ];
    for (column, source, expected) in cases {
        let members = match ColumnType::parse(column).unwrap() {
            ColumnType::Variant(members) => VariantMembers::of(&members),
            _ => VariantMembers::of(dynamic_members()),
        };
        let member = members.member_for(source).map(|member| members.column_type(member).to_string());
        assert_eq!(member.as_deref(), expected, "{source:?} into {column}");
    }
    let members = VariantMembers::of_dynamic();
    let list =
        members.member_for_list(SourceType::Float32).map(|member| members.column_type(member).to_string());
    assert_eq!(list.as_deref(), Some("Array(Nullable(Float64))"));
}

/// What the documentation says of one source and one kind of column.
fn cell(sources: &[SourceType], types: &[ColumnType]) -> (String, String) {
    let rules: Vec<Rule> = sources
        .iter()
        .flat_map(|source| types.iter().map(|column_type| rule(*source, column_type)))
        .filter(|rule| rule.kind != RuleKind::Refused)
        .collect();
    let mut summaries: Vec<&str> = Vec::new();
    for rule in &rules {
        if !summaries.contains(&rule.summary) {
            summaries.push(rule.summary);
        }
    }
    let reasons: BTreeSet<Reason> = rules
        .iter()
        .flat_map(|rule| match rule.kind {
            RuleKind::Checked(reasons) => reasons,
            _ => &[],
        })
        .copied()
        .collect();
    let reasons: Vec<String> = reasons.into_iter().map(|reason| format!("`{reason}`")).collect();
    (summaries.join("; "), reasons.join(", "))
}

fn table() -> String {
    let mut text = String::from("| Value | JSON | Avro | Protobuf |\n|---|---|---|---|\n");
    for (name, json, avro, protobuf, _) in sources() {
        text += &format!("| {name} | {json} | {avro} | {protobuf} |\n");
    }
    for (column, types) in columns() {
        text += &format!("\n**{column}**\n\n| From | Becomes | May be refused as |\n|---|---|---|\n");
        let mut refused = Vec::new();
        for (name, _, _, _, sources) in sources() {
            match cell(&sources, &types) {
                (summary, _) if summary.is_empty() => refused.push(name),
                (summary, reasons) => text += &format!("| {name} | {summary} | {reasons} |\n"),
            }
        }
        if !refused.is_empty() {
            text += &format!("\nRefused as `wrong-shape`: {}.\n", refused.join(", "));
        }
    }
    text
}

#[test]
fn the_documentation_shows_the_table() {
    const BEGIN: &str = "<!-- the conversion table; made by crates/ingest/tests/convert_table.rs -->\n";
    const END: &str = "<!-- end of the conversion table -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conversions.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    let expected = format!("\n{}\n", table());
    if env::var_os("FOREBAY_UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, expected, "make it anew with FOREBAY_UPDATE_SNAPSHOTS=1");
}
