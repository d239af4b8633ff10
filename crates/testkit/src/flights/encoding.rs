use super::Flight;
use forebay_ingest::schema::SchemaKind;

/// How flights are written, and with what in front: a registry's id, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON text; a missing value is null in even rows and absent in odd ones.
    Json,
    /// Avro of [`schema`], after Confluent's prefix if there is an id.
    Avro(Option<u32>),
    /// Protobuf of [`schema`], after Confluent's prefix if there is an id.
    Protobuf(Option<u32>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    OptionalInt,
    Text,
    OptionalText,
    Moment,
}

/// The columns of the table in its order; Protobuf numbers them from 1.
const COLUMNS: [(&str, Kind); super::COLUMNS] = [
    ("year", Kind::Int),
    ("month", Kind::Int),
    ("day", Kind::Int),
    ("dep_time", Kind::OptionalInt),
    ("sched_dep_time", Kind::Int),
    ("dep_delay", Kind::OptionalInt),
    ("arr_time", Kind::OptionalInt),
    ("sched_arr_time", Kind::Int),
    ("arr_delay", Kind::OptionalInt),
    ("carrier", Kind::Text),
    ("flight", Kind::Int),
    ("tailnum", Kind::OptionalText),
    ("origin", Kind::Text),
    ("dest", Kind::Text),
    ("air_time", Kind::OptionalInt),
    ("distance", Kind::Int),
    ("hour", Kind::Int),
    ("minute", Kind::Int),
    ("time_hour", Kind::Moment),
];

/// The schema of a flight: `Flight` in Avro, `flights.Flight` in Protobuf, and a JSON Schema.
pub fn schema(kind: SchemaKind) -> String {
    match kind {
        SchemaKind::Avro => format!(
            r#"{{"type":"record","name":"Flight","fields":[{}]}}"#,
            fields(",", |_, name, kind| format!(r#"{{"name":"{name}","type":{}}}"#, avro_type(kind)))
        ),
        SchemaKind::Protobuf => format!(
            "syntax = \"proto3\";\n\npackage flights;\n\nimport \"google/protobuf/timestamp.proto\";\n\nmessage Flight {{\n{}}}\n",
            fields("", |number, name, kind| format!("  {} {name} = {number};\n", protobuf_type(kind)))
        ),
        SchemaKind::Json => format!(
            r#"{{"$schema":"http://json-schema.org/draft-07/schema#","title":"Flight","type":"object","properties":{{{}}}}}"#,
            fields(",", |_, name, kind| format!(r#""{name}":{{"type":{}}}"#, json_type(kind)))
        ),
    }
}

fn fields(separator: &str, text: impl Fn(u32, &str, Kind) -> String) -> String {
    let texts = COLUMNS.iter().zip(1..).map(|((name, kind), number)| text(number, name, *kind));
    texts.collect::<Vec<_>>().join(separator)
}

fn avro_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => r#""int""#,
        Kind::OptionalInt => r#"["null","int"]"#,
        Kind::Text => r#""string""#,
        Kind::OptionalText => r#"["null","string"]"#,
        Kind::Moment => r#"{"type":"long","logicalType":"timestamp-millis"}"#,
    }
}

fn protobuf_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "int32",
        Kind::OptionalInt => "optional int32",
        Kind::Text => "string",
        Kind::OptionalText => "optional string",
        Kind::Moment => "google.protobuf.Timestamp",
    }
}

fn json_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => r#""integer""#,
        Kind::OptionalInt => r#"["integer","null"]"#,
        Kind::Text | Kind::Moment => r#""string""#,
        Kind::OptionalText => r#"["string","null"]"#,
    }
}

impl Encoding {
    /// The value of a record, its frame included.
    pub fn value(self, flight: &Flight<'_>) -> Vec<u8> {
        match self {
            Self::Json => flight.json().into_bytes(),
            Self::Avro(id) => {
                write(prefix(id, &[]), flight, |out, _, kind, cell| avro_field(out, kind, cell))
            }
            Self::Protobuf(id) => write(prefix(id, &[0]), flight, protobuf_field),
        }
    }
}

/// Confluent's frame: a zero, the id, and of Protobuf the path to the first message of the file.
fn prefix(id: Option<u32>, path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    if let Some(id) = id {
        out.push(0);
        out.extend(id.to_be_bytes());
        out.extend(path);
    }
    out
}

fn write(
    mut out: Vec<u8>,
    flight: &Flight<'_>,
    field: impl Fn(&mut Vec<u8>, u64, Kind, Option<&str>),
) -> Vec<u8> {
    for (((_, kind), number), (_, cell)) in COLUMNS.iter().zip(1..).zip(flight.cells()) {
        field(&mut out, number, *kind, cell);
    }
    out
}

fn avro_field(out: &mut Vec<u8>, kind: Kind, cell: Option<&str>) {
    if matches!(kind, Kind::OptionalInt | Kind::OptionalText) {
        // The branch of the union: 0 is null, 1 the other one, and both are written zigzag.
        out.push(if cell.is_some() { 2 } else { 0 });
    }
    let Some(cell) = cell else { return };
    match kind {
        Kind::Int | Kind::OptionalInt => varint(out, zigzag(whole(cell))),
        Kind::Moment => varint(out, zigzag(seconds(cell) * 1000)),
        Kind::Text | Kind::OptionalText => {
            varint(out, zigzag(length(cell)));
            out.extend(cell.as_bytes());
        }
    }
}

/// Proto3 leaves out zeros and empty texts, except where the field is optional.
fn protobuf_field(out: &mut Vec<u8>, number: u64, kind: Kind, cell: Option<&str>) {
    const VARINT: u64 = 0;
    const BYTES: u64 = 2;
    let Some(cell) = cell else { return };
    match kind {
        Kind::Int if whole(cell) == 0 => {}
        Kind::Text if cell.is_empty() => {}
        Kind::Int | Kind::OptionalInt => {
            varint(out, number << 3 | VARINT);
            // A negative int32 is written as the ten bytes of its 64 bits.
            varint(out, whole(cell).cast_unsigned());
        }
        Kind::Text | Kind::OptionalText => {
            varint(out, number << 3 | BYTES);
            varint(out, length(cell).cast_unsigned());
            out.extend(cell.as_bytes());
        }
        Kind::Moment => {
            let mut timestamp = Vec::with_capacity(8);
            varint(&mut timestamp, 1 << 3 | VARINT);
            varint(&mut timestamp, seconds(cell).cast_unsigned());
            varint(out, number << 3 | BYTES);
            varint(out, timestamp.len() as u64);
            out.extend(timestamp);
        }
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn length(cell: &str) -> i64 {
    i64::try_from(cell.len()).expect("invariant: a cell is short")
}

fn whole(cell: &str) -> i64 {
    cell.parse().expect("invariant: the table's sums were checked when it was fetched")
}

/// Seconds since 1970 of `2013-01-01T10:00:00Z`: all flights left in 2013, or in the first hours of 2014.
fn seconds(cell: &str) -> i64 {
    const START_OF_2013: i64 = 1_356_998_400;
    const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let part = |range: std::ops::Range<usize>| whole(&cell[range]);
    let month = usize::try_from(part(5..7) - 1).expect("invariant: months begin with 1");
    let days = (part(0..4) - 2013) * 365 + DAYS_BEFORE[month] + part(8..10) - 1;
    START_OF_2013 + ((days * 24 + part(11..13)) * 60 + part(14..16)) * 60 + part(17..19)
}

#[cfg(test)]
mod tests {
    use super::super::Flights;
    use super::*;

    fn hexadecimal(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn moments_count_from_1970() {
        assert_eq!(seconds("2013-01-01T10:00:00Z"), 1_357_034_400);
        assert_eq!(seconds("2013-12-31T23:59:59Z"), 1_388_534_399);
        assert_eq!(seconds("2014-01-01T04:00:00Z"), 1_388_548_800);
    }

    #[test]
    fn frame_stands_before_the_datum() {
        let flights = Flights::load().unwrap();
        let first = flights.iter().next().unwrap();
        let bare = Encoding::Avro(None).value(&first);
        assert_eq!(Encoding::Avro(Some(258)).value(&first), [&[0, 0, 0, 1, 2], bare.as_slice()].concat());
        let bare = Encoding::Protobuf(None).value(&first);
        assert_eq!(
            Encoding::Protobuf(Some(1)).value(&first),
            [&[0, 0, 0, 0, 1, 0], bare.as_slice()].concat()
        );
    }

    /// The bytes that fastavro and Google's runtime write for the first flight.
    #[test]
    fn first_flight_is_written_as_others_write_it() {
        let flights = Flights::load().unwrap();
        let first = flights.iter().next().unwrap();
        assert_eq!(
            hexadecimal(&Encoding::Avro(None).value(&first)),
            "ba1f0202028a088608020402fc0ce60c02160455419218020c4e3134323238064557520649414802c603f0150a1e80a4edd8fe4e"
        );
        assert_eq!(
            hexadecimal(&Encoding::Protobuf(None).value(&first)),
            "08dd0f10011801208504288304300238be0640b306480b5202554158890c62064e31343232386a03455752720349414878e3018001f80a88010590010f9a010608a0e78a8705"
        );
    }
}
