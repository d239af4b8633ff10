//! Native blocks against the engine itself: what is sent is what is stored.
#![allow(clippy::unwrap_used)]

mod clickhouse_support;

use clickhouse_support::{engine, text};
use forebay_connectors::clickhouse::native::{BlockColumn, encode};
use forebay_ingest::column_batch::{Column, ColumnBatch, NO_MEMBER, Values};
use forebay_ingest::{
    convert::Scalar,
    document::{DocumentColumn, DocumentDecoder, Texts},
    json,
    target::{ColumnSource, TargetColumn},
};
use forebay_project::{column_type::ColumnType, model::Path};
use forebay_testkit::unique;
use proptest::prelude::*;
use std::convert::Infallible;

fn scalar() -> impl Strategy<Value = ColumnType> {
    let zone = || proptest::option::of(Just("Asia/Tokyo".to_owned()));
    prop_oneof![
        (prop::sample::select(vec![8_u16, 16, 32, 64, 128, 256]), any::<bool>())
            .prop_map(|(bits, signed)| ColumnType::Int { bits, signed }),
        Just(ColumnType::Float32),
        Just(ColumnType::Float64),
        Just(ColumnType::BFloat16),
        (1_u8..=76, 0_u8..=76)
            .prop_map(|(precision, scale)| ColumnType::Decimal { precision, scale: scale.min(precision) }),
        Just(ColumnType::Bool),
        Just(ColumnType::String),
        (1_usize..20).prop_map(ColumnType::FixedString),
        Just(ColumnType::Date),
        Just(ColumnType::Date32),
        zone().prop_map(|time_zone| ColumnType::DateTime { time_zone }),
        (0_u8..=9, zone()).prop_map(|(precision, time_zone)| ColumnType::DateTime64 { precision, time_zone }),
        Just(ColumnType::Time),
        (0_u8..=9).prop_map(|precision| ColumnType::Time64 { precision }),
        Just(ColumnType::Uuid),
        Just(ColumnType::Ipv4),
        Just(ColumnType::Ipv6),
        prop_oneof![Just(8), Just(16)].prop_map(enumeration),
    ]
}

fn enumeration(bits: u16) -> ColumnType {
    let values = vec![("it's".to_owned(), -1), ("two".to_owned(), 100)];
    ColumnType::Enum { bits, values }
}

fn low_cardinality() -> impl Strategy<Value = ColumnType> {
    let inner = prop_oneof![
        Just(ColumnType::String),
        Just(ColumnType::FixedString(3)),
        Just(ColumnType::Date),
        Just(ColumnType::DateTime { time_zone: None }),
        Just(ColumnType::Int { bits: 32, signed: true }),
    ];
    (inner, any::<bool>()).prop_map(|(inner, nullable)| {
        let inner = if nullable { ColumnType::Nullable(Box::new(inner)) } else { inner };
        ColumnType::LowCardinality(Box::new(inner))
    })
}

/// Some of these types, in the order in which the engine numbers them.
fn variant() -> impl Strategy<Value = ColumnType> {
    let array = |item| ColumnType::Array(Box::new(item));
    let mut members = vec![
        array(ColumnType::Json(String::new())),
        array(ColumnType::Nullable(Box::new(ColumnType::Int { bits: 64, signed: true }))),
        ColumnType::Bool,
        ColumnType::Date32,
        ColumnType::DateTime64 { precision: 6, time_zone: Some("UTC".to_owned()) },
        ColumnType::Decimal { precision: 50, scale: 9 },
        ColumnType::Float64,
        ColumnType::Int { bits: 64, signed: true },
        ColumnType::Int { bits: 256, signed: false },
        ColumnType::Json(String::new()),
        ColumnType::Map(Box::new(ColumnType::String), Box::new(ColumnType::Json(String::new()))),
        ColumnType::String,
        ColumnType::Tuple(vec![(Some("a".to_owned()), ColumnType::String)]),
        ColumnType::Uuid,
    ];
    members.sort_by_cached_key(ColumnType::to_string);
    proptest::sample::subsequence(members, 1..6).prop_map(ColumnType::Variant)
}

fn geo() -> impl Strategy<Value = ColumnType> {
    use forebay_project::column_type::Geo;
    let all = [Geo::Point, Geo::Ring, Geo::LineString, Geo::MultiLineString, Geo::Polygon, Geo::MultiPolygon];
    proptest::sample::select(all.map(ColumnType::Geo).to_vec())
}

fn column_type() -> impl Strategy<Value = ColumnType> {
    let leaf = prop_oneof![
        3 => scalar(),
        1 => scalar().prop_map(|inner| ColumnType::Nullable(Box::new(inner))),
        1 => low_cardinality(),
        1 => variant(),
        1 => Just(ColumnType::Json(String::new())),
        1 => geo(),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let key = prop_oneof![
            Just(ColumnType::String),
            Just(ColumnType::LowCardinality(Box::new(ColumnType::String))),
            Just(ColumnType::Int { bits: 16, signed: false }),
        ];
        prop_oneof![
            inner.clone().prop_map(|item| ColumnType::Array(Box::new(item))),
            (key, inner.clone()).prop_map(|(key, value)| ColumnType::Map(Box::new(key), Box::new(value))),
            proptest::collection::vec(inner, 1..4).prop_map(|elements| {
                let named = |(index, element)| (Some(format!("e{index}")), element);
                ColumnType::Tuple(elements.into_iter().enumerate().map(named).collect())
            }),
        ]
    })
}

/// Pseudo-random values from a seed that proptest picks (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

fn random_column(column_type: &ColumnType, rows: usize, random: &mut Random) -> Column {
    match column_type {
        ColumnType::LowCardinality(inner) => random_column(inner, rows, random),
        ColumnType::Geo(geo) => random_column(&geo.stored(), rows, random),
        ColumnType::Nullable(inner) => nullable_column(inner, rows, random),
        other => Column { values: random_values(other, rows, random), nulls: None, absent: None },
    }
}

/// Null rows hold zero, as everywhere in a column batch.
fn nullable_column(inner: &ColumnType, rows: usize, random: &mut Random) -> Column {
    let nulls: Vec<u8> = (0..rows).map(|_| u8::from(random.below(3) == 0)).collect();
    let mut column = random_column(inner, rows, random);
    match &mut column.values {
        Values::Fixed { width, bytes } => {
            for (value, null) in bytes.chunks_mut(*width).zip(&nulls) {
                value.fill(if *null == 1 { 0 } else { continue });
            }
        }
        Values::Bytes { ends, bytes } => {
            let mut end = 0;
            for (row, null) in nulls.iter().enumerate() {
                end += if *null == 1 { 0 } else { random.below(200) };
                ends[row] = end;
            }
            *bytes = random.bytes(end);
        }
        _ => panic!("only scalars are Nullable"),
    }
    Column { nulls: Some(nulls), ..column }
}

fn random_values(column_type: &ColumnType, rows: usize, random: &mut Random) -> Values {
    let ends = |random: &mut Random, most: usize| -> Vec<usize> {
        (0..rows)
            .scan(0, |end, _| {
                *end += random.below(most + 1);
                Some(*end)
            })
            .collect()
    };
    match column_type {
        ColumnType::String => {
            let ends = ends(random, 200);
            let bytes = random.bytes(ends.last().copied().unwrap_or(0));
            Values::Bytes { ends, bytes }
        }
        ColumnType::Json(_) => {
            const OBJECTS: [&str; 4] = ["{}", r#"{"a":1}"#, r#"{"a":[1,2],"b":{"c":"x"}}"#, r#"{"d":true}"#];
            let objects: Vec<&str> = (0..rows).map(|_| OBJECTS[random.below(OBJECTS.len())]).collect();
            let ends = objects.iter().scan(0, |end, object| {
                *end += object.len();
                Some(*end)
            });
            Values::Bytes { ends: ends.collect(), bytes: objects.concat().into_bytes() }
        }
        ColumnType::Variant(members) => random_variant(members, rows, random),
        ColumnType::Array(item) => {
            let ends = ends(random, 4);
            let items = random_column(item, ends.last().copied().unwrap_or(0), random);
            Values::List { ends, items: Box::new(items) }
        }
        ColumnType::Map(key, value) => {
            let entry = ColumnType::Tuple(vec![(None, (**key).clone()), (None, (**value).clone())]);
            random_values(&ColumnType::Array(Box::new(entry)), rows, random)
        }
        ColumnType::Tuple(elements) => {
            let elements = elements.iter().map(|(_, element)| random_column(element, rows, random));
            Values::Tuple(elements.collect())
        }
        scalar => random_fixed(scalar, rows, random),
    }
}

fn random_variant(types: &[ColumnType], rows: usize, random: &mut Random) -> Values {
    let discriminator = |random: &mut Random| match random.below(types.len() + 1) {
        member if member < types.len() => member as u8,
        _ => NO_MEMBER,
    };
    let discriminators: Vec<u8> = (0..rows).map(|_| discriminator(random)).collect();
    let members = types.iter().enumerate().map(|(index, member)| {
        let rows =
            discriminators.iter().filter(|discriminator| usize::from(**discriminator) == index).count();
        random_column(member, rows, random)
    });
    Values::Variant { members: members.collect(), discriminators }
}

fn random_fixed(scalar: &ColumnType, rows: usize, random: &mut Random) -> Values {
    let Values::Fixed { width, .. } = Column::new_for(scalar).values else {
        panic!("{scalar} has a fixed width");
    };
    let value = |random: &mut Random| match scalar {
        ColumnType::Bool => vec![random.below(2) as u8],
        ColumnType::Enum { bits, values } => {
            let number = values[random.below(values.len())].1;
            number.to_le_bytes()[..usize::from(*bits) / 8].to_vec()
        }
        _ => random.bytes(width),
    };
    let bytes = (0..rows).flat_map(|_| value(random)).collect();
    Values::Fixed { width, bytes }
}

/// The type as it is read back: LowCardinality has an encoding of its own.
fn plain(column_type: &ColumnType) -> ColumnType {
    let boxed = |inner: &ColumnType| Box::new(plain(inner));
    match column_type {
        ColumnType::LowCardinality(inner) => plain(inner),
        ColumnType::Nullable(inner) => ColumnType::Nullable(boxed(inner)),
        ColumnType::Array(inner) => ColumnType::Array(boxed(inner)),
        ColumnType::Map(key, value) => ColumnType::Map(boxed(key), boxed(value)),
        ColumnType::Tuple(elements) => {
            ColumnType::Tuple(elements.iter().map(|(name, element)| (name.clone(), plain(element))).collect())
        }
        other => other.clone(),
    }
}

/// The engine leaves the time zone of a DateTime out of the header of a column.
fn written_header(column_type: ColumnType) -> ColumnType {
    match column_type {
        ColumnType::DateTime { .. } => ColumnType::DateTime { time_zone: None },
        other => other,
    }
}

fn native(names: &[String], types: &[ColumnType], chunks: &[ColumnBatch]) -> Vec<u8> {
    let columns: Vec<BlockColumn<'_>> = (0..names.len())
        .map(|index| BlockColumn {
            name: &names[index],
            column_type: &types[index],
            chunks: chunks.iter().map(|chunk| &chunk.columns[index]).collect(),
        })
        .collect();
    let mut bytes = Vec::new();
    let outcome: Result<(), Infallible> = encode(&columns, |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    outcome.expect("the sink takes everything");
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_is_what_is_stored(
        types in proptest::collection::vec(column_type(), 1..6),
        sizes in proptest::collection::vec(0_usize..40, 1..4),
        seed in 1_u64..,
    ) {
        let mut random = Random(seed);
        let names: Vec<String> = (0..types.len()).map(|index| format!("c {index}")).collect();
        let chunks: Vec<ColumnBatch> = sizes
            .iter()
            .map(|&rows| ColumnBatch {
                columns: types.iter().map(|column_type| random_column(column_type, rows, &mut random)).collect(),
            })
            .collect();
        let table = create(&names, &types);
        let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let mut insert = engine().insert(&format!("INSERT INTO {table} ({list})"), "Native").unwrap();
        insert.append(&native(&names, &types, &chunks)).unwrap();
        insert.finish().unwrap();

        let plain: Vec<ColumnType> = types.iter().map(plain).collect();
        let casts = names.iter().zip(&plain).map(|(name, plain)| {
            format!("CAST(`{name}`, '{}') AS `{name}`", plain.to_string().replace('\\', "\\\\").replace('\'', "\\'"))
        });
        let casts = casts.collect::<Vec<_>>().join(", ");
        let select = format!("SELECT {casts} FROM {table} SETTINGS output_format_native_write_json_as_string = 1");
        let stored = engine().query(&select, "Native").unwrap().bytes;
        text(&format!("DROP TABLE {table} SYNC"));

        let mut whole = ColumnBatch::new_for(&types);
        chunks.iter().for_each(|chunk| whole.append(chunk));
        let headers: Vec<ColumnType> = plain.into_iter().map(written_header).collect();
        let expected = if whole.is_empty() { Vec::new() } else { native(&names, &headers, &[whole]) };
        prop_assert_eq!(stored, expected);
    }
}

/// Inserts rows, and reads them back as text.
fn read_back(column_type: &ColumnType, chunks: &[ColumnBatch], expressions: &str) -> String {
    let (names, types) = (["v".to_owned()], [column_type.clone()]);
    let table = create(&names, &types);
    let mut insert = engine().insert(&format!("INSERT INTO {table} (v)"), "Native").unwrap();
    insert.append(&native(&names, &types, chunks)).unwrap();
    insert.finish().unwrap();
    text(&format!("SELECT {expressions} FROM {table}"))
}

/// JSON documents, decoded into one column each.
fn decoded(column_type: &ColumnType, documents: &[&str]) -> ColumnBatch {
    let target = TargetColumn {
        name: "v".to_owned(),
        column_type: column_type.clone(),
        source: ColumnSource::Path(Path::Document(Vec::new())),
        default: None,
        codec: None,
    };
    let column = DocumentColumn { index: 0, target: &target, steps: &[] };
    let decoder = json::Decoder::compile(&[column], json::Options::default()).unwrap();
    let mut state = decoder.new_state(Texts::CheckedAtOnce);
    let mut rows = ColumnBatch::new_for([column_type]);
    for document in documents {
        let decoded = decoder.decode(&mut state, document.as_bytes(), &mut rows.columns);
        assert_eq!(decoded, Ok(1), "{column_type} from {document}");
    }
    rows
}

#[test]
fn any_json_value_goes_into_a_dynamic_and_keeps_its_type() {
    let documents = [
        "1",
        "18446744073709551615",
        "1.5",
        "true",
        "null",
        "\"2024-01-02\"",
        "[1,null]",
        "[1.5,2]",
        "[\"x\"]",
        "[true]",
        "[]",
        "[1,\"x\"]",
        "{\"a\":{\"b\":1}}",
        "123456789012345678901234567890",
    ];
    let dynamic = ColumnType::Dynamic { max_types: None };
    let batches = [decoded(&dynamic, &documents[..7]), decoded(&dynamic, &documents[7..])];
    insta::assert_snapshot!(read_back(&dynamic, &batches, "v, dynamicType(v)"));

    let nested = ColumnType::Tuple(vec![
        (Some("l".to_owned()), ColumnType::Array(Box::new(ColumnType::Dynamic { max_types: Some(2) }))),
        (Some("m".to_owned()), ColumnType::Map(Box::new(ColumnType::String), Box::new(dynamic.clone()))),
    ]);
    let rows =
        decoded(&nested, &[r#"{"l":[1,"a",{"b":2},null],"m":{"x":1.5,"y":[2]}}"#, r#"{"l":[],"m":{}}"#]);
    insta::assert_snapshot!(read_back(&nested, &[rows], "v"));
}

#[test]
fn low_cardinality_and_nothing_at_all_in_a_variant() {
    let low = |inner| ColumnType::LowCardinality(Box::new(inner));
    let list = ColumnType::Array(Box::new(low(ColumnType::Nullable(Box::new(ColumnType::String)))));
    let variant = ColumnType::Variant(vec![list, low(ColumnType::String)]);
    let rows = [
        decoded(&variant, &[r#""a""#, r#"["x",null,"x"]"#, r#""b""#, "null"]),
        decoded(&variant, &[r#"[]"#, r#""a""#]),
    ];
    insta::assert_snapshot!(read_back(&variant, &rows, "v, variantType(v)"));
    let lists = ColumnType::Array(Box::new(variant));
    let rows = decoded(&lists, &["[]", "[]"]);
    assert_eq!(read_back(&lists, &[rows], "v"), "[]\n[]");
}

#[test]
fn a_nullable_json_column_tells_null_from_an_empty_object() {
    let nullable = ColumnType::Nullable(Box::new(ColumnType::Json(String::new())));
    let rows = decoded(&nullable, &["null", "{}", r#"{"a":"2024-01-02"}"#, r#""{\"b\":1}""#]);
    insta::assert_snapshot!(read_back(&nullable, &[rows], "v, isNull(v)"));
}

/// One object that the engine refuses would keep a whole block out for good.
#[test]
fn the_engine_stores_every_object_that_is_let_through() {
    let column_type = ColumnType::parse(
        "JSON(n UInt8, f Float32, d Decimal(9, 2), t DateTime64(3), b Bool, e Enum8('x' = 1), u UUID, l Array(Int16))",
    )
    .unwrap();
    let objects = [
        r#"{"n":255,"f":1.5,"d":1.25,"t":"2024-01-02T03:04:05.123Z","b":true,"e":"x","l":[1,-5]}"#,
        r#"{"n":"7","f":"nan","d":"-1.2","t":"2024-01-02 03:04:05+02:00","n.x":1,"a":[{"n":"text"}]}"#,
        r#"{"":{"":1},"a..b":[1,"x",{"c":[]}],"k\u0000":"\u0000","x":1e308,"y":-0,"z":18446744073709551615}"#,
        r#"{"n":null,"a":[[1],[{"b":1},{"b":"2"}]],"c":[null],"s":"\ud83d\ude00"}"#,
    ];
    let rows = decoded(&column_type, &objects);
    insta::assert_snapshot!(read_back(&column_type, &[rows], "v"));
}

#[test]
fn objects_that_the_engine_would_refuse_or_change_are_refused_before() {
    let column_type =
        ColumnType::parse("JSON(n UInt8, d Decimal(9, 2), t DateTime, b Bool, s.k Array(UInt8))").unwrap();
    let scalar = Scalar::compile(&column_type).unwrap();
    let cases = [
        r#"{"a":1,"a":2}"#,
        r#"{"a":{"b":1},"a.b":2}"#,
        r#"{"a":[{"b":1,"b":2}]}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"a":123456789012345678901}"#,
        r#"{"a":1e400}"#,
        r#"{"a":1e-400}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"\ud800":1}"#,
        r#"{"n":300}"#,
        r#"{"n":1.5}"#,
        r#"{"n":{}}"#,
        r#"{"d":1.239}"#,
        r#"{"d":12345678901}"#,
        r#"{"t":"2200-01-01 00:00:00"}"#,
        r#"{"t":1704103200}"#,
        r#"{"b":"true"}"#,
        r#"{"s":{"k":[300]}}"#,
        r#"{"s":{"k":[null]}}"#,
        r#"{"s.k":1}"#,
        "[1]",
    ];
    let refusals = cases.map(|object| {
        let refusal = scalar.push_json(object, &mut scalar.empty_values()).unwrap_err();
        format!("{object}: {refusal}")
    });
    insta::assert_snapshot!(refusals.join("\n"));
}

fn create(names: &[String], types: &[ColumnType]) -> String {
    let table = unique("native");
    let columns = names.iter().zip(types).map(|(name, column_type)| format!("`{name}` {column_type}"));
    let columns = columns.collect::<Vec<_>>().join(", ");
    text(&format!(
        "CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY tuple() \
         SETTINGS allow_suspicious_low_cardinality_types = 1, allow_suspicious_variant_types = 1"
    ));
    table
}

/// A layout error that our own encoder makes in both directions would slip through above; the engine's text does not.
#[test]
fn the_engine_reads_every_scalar_as_meant() {
    let fixed = |bytes: &[u8]| Values::Fixed { width: bytes.len(), bytes: bytes.to_vec() };
    let decimal = |precision, scale| ColumnType::Decimal { precision, scale };
    let uuid: Vec<u8> = [0x0011_2233_4455_6677_u64, 0x8899_aabb_ccdd_eeff]
        .iter()
        .flat_map(|half| half.to_le_bytes())
        .collect();
    let ipv6: [u8; 16] = "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let cases: Vec<(ColumnType, Values, &str)> = vec![
        (ColumnType::Int { bits: 16, signed: true }, fixed(&(-2_i16).to_le_bytes()), "-2"),
        (ColumnType::Int { bits: 64, signed: false }, fixed(&u64::MAX.to_le_bytes()), "18446744073709551615"),
        (ColumnType::Float32, fixed(&1.5_f32.to_le_bytes()), "1.5"),
        (decimal(9, 2), fixed(&(-12345_i32).to_le_bytes()), "-123.45"),
        (decimal(18, 0), fixed(&7_i64.to_le_bytes()), "7"),
        (decimal(38, 10), fixed(&10_i128.pow(20).to_le_bytes()), "10000000000"),
        (decimal(76, 0), fixed(&[&[5][..], &[0; 31]].concat()), "5"),
        (ColumnType::Int { bits: 128, signed: true }, fixed(&(-7_i128).to_le_bytes()), "-7"),
        (ColumnType::BFloat16, fixed(&0x3fc0_u16.to_le_bytes()), "1.5"),
        (ColumnType::Time, fixed(&(-45_000_i32).to_le_bytes()), "-12:30:00"),
        (ColumnType::Time64 { precision: 3 }, fixed(&45_000_500_i64.to_le_bytes()), "12:30:00.500"),
        (ColumnType::Bool, fixed(&[1]), "true"),
        (ColumnType::FixedString(3), fixed(b"abc"), "abc"),
        (ColumnType::Date, fixed(&19_723_u16.to_le_bytes()), "2024-01-01"),
        (ColumnType::Date32, fixed(&(-1_i32).to_le_bytes()), "1969-12-31"),
        (
            ColumnType::DateTime { time_zone: Some("Asia/Tokyo".to_owned()) },
            fixed(&1_704_067_200_u32.to_le_bytes()),
            "2024-01-01 09:00:00",
        ),
        (
            ColumnType::DateTime64 { precision: 3, time_zone: Some("UTC".to_owned()) },
            fixed(&1_704_067_200_123_i64.to_le_bytes()),
            "2024-01-01 00:00:00.123",
        ),
        (ColumnType::Uuid, fixed(&uuid), "00112233-4455-6677-8899-aabbccddeeff"),
        (ColumnType::Ipv4, fixed(&0x0102_0304_u32.to_le_bytes()), "1.2.3.4"),
        (ColumnType::Ipv6, fixed(&ipv6), "2001:db8::1"),
        (enumeration(8), fixed(&[100]), "two"),
        (enumeration(16), fixed(&(-1_i16).to_le_bytes()), "it's"),
    ];
    for (column_type, values, expected) in cases {
        let column = Column { values, nulls: None, absent: None };
        let (names, types) = (["v".to_owned()], [column_type]);
        let table = create(&names, &types);
        let mut insert = engine().insert(&format!("INSERT INTO {table} (v)"), "Native").unwrap();
        insert.append(&native(&names, &types, &[ColumnBatch { columns: vec![column] }])).unwrap();
        insert.finish().unwrap();
        assert_eq!(text(&format!("SELECT * FROM {table}")), expected, "{}", types[0]);
    }
}
