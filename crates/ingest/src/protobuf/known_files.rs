//! Files that registries know by themselves, so that schemas import them without a reference.
//!
//! Source: Confluent documentation, "Protobuf Schema Serializer and Deserializer"; names and numbers are those of
//! googleapis' `google/type` and of Confluent's `confluent/meta.proto`.

/// Text of the file of this name.
pub(super) fn text(name: &str) -> Option<String> {
    let (package, imports, body) = match name {
        "google/type/date.proto" => {
            ("google.type", &[][..], "message Date { int32 year = 1; int32 month = 2; int32 day = 3; }")
        }
        "google/type/timeofday.proto" => (
            "google.type",
            &[][..],
            "message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }",
        ),
        "google/type/datetime.proto" => ("google.type", &["google/protobuf/duration.proto"][..], DATE_TIME),
        "google/type/interval.proto" => (
            "google.type",
            &["google/protobuf/timestamp.proto"][..],
            "message Interval { google.protobuf.Timestamp start_time = 1; google.protobuf.Timestamp end_time = 2; }",
        ),
        "google/type/money.proto" => (
            "google.type",
            &[][..],
            "message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }",
        ),
        "google/type/latlng.proto" => {
            ("google.type", &[][..], "message LatLng { double latitude = 1; double longitude = 2; }")
        }
        "google/type/decimal.proto" => ("google.type", &[][..], "message Decimal { string value = 1; }"),
        "google/type/fraction.proto" => {
            ("google.type", &[][..], "message Fraction { int64 numerator = 1; int64 denominator = 2; }")
        }
        "google/type/dayofweek.proto" => ("google.type", &[][..], DAY_OF_WEEK),
        "google/type/month.proto" => ("google.type", &[][..], MONTH),
        "confluent/type/decimal.proto" => (
            "confluent.type",
            &[][..],
            "message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }",
        ),
        "confluent/meta.proto" => ("confluent", &["google/protobuf/descriptor.proto"][..], META),
        _ => return None,
    };
    let imports: String = imports.iter().map(|import| format!("import \"{import}\"; ")).collect();
    Some(format!("syntax = \"proto3\"; package {package}; {imports}{body}"))
}

const DATE_TIME: &str = "message DateTime { int32 year = 1; int32 month = 2; int32 day = 3; int32 hours = 4; \
    int32 minutes = 5; int32 seconds = 6; int32 nanos = 7; \
    oneof time_offset { google.protobuf.Duration utc_offset = 8; TimeZone time_zone = 9; } } \
    message TimeZone { string id = 1; string version = 2; }";

const DAY_OF_WEEK: &str = "enum DayOfWeek { DAY_OF_WEEK_UNSPECIFIED = 0; MONDAY = 1; TUESDAY = 2; WEDNESDAY = 3; \
    THURSDAY = 4; FRIDAY = 5; SATURDAY = 6; SUNDAY = 7; }";

const MONTH: &str = "enum Month { MONTH_UNSPECIFIED = 0; JANUARY = 1; FEBRUARY = 2; MARCH = 3; APRIL = 4; MAY = 5; \
    JUNE = 6; JULY = 7; AUGUST = 8; SEPTEMBER = 9; OCTOBER = 10; NOVEMBER = 11; DECEMBER = 12; }";

const META: &str = "message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; } \
    extend google.protobuf.FileOptions { Meta file_meta = 1088; } \
    extend google.protobuf.MessageOptions { Meta message_meta = 1088; } \
    extend google.protobuf.FieldOptions { Meta field_meta = 1088; } \
    extend google.protobuf.EnumOptions { Meta enum_meta = 1088; } \
    extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }";
