//! One `.datasource` over JSON, Avro and Protobuf: the same documents become the same rows, whichever way they are
//! written, and the same columns refuse them.
#![allow(clippy::unwrap_used)]

mod avro_laws;
mod json_laws;
mod protobuf_laws;

use avro_laws::{Datum, datum};
use forebay_ingest::{
    column_batch::ColumnBatch,
    convert::Reason,
    document::{DocumentColumn, DocumentDecoder, Texts},
    json,
    target::{ColumnSource, TargetColumn, target_columns},
};
use forebay_project::{SourceFile, model::Path};
use proptest::prelude::*;
use protobuf_laws::{Wire, wire};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::LazyLock};

const DATASOURCE: &str = r"
SCHEMA >
    id Int64 `json:$.id`,
    id_text String `json:$.id`,
    name Nullable(String) `json:$.name`,
    name_or_default String `json:$.name` DEFAULT 'nobody',
    name_low LowCardinality(Nullable(String)) `json:$.name`,
    labels Map(String, String) `json:$.labels`,
    labels_env Nullable(String) `json:$.labels.env`,
    labels_env_or_default String `json:$.labels.env` DEFAULT 'none',
    labels_dotted Nullable(Int32) `json:$.labels.['a.b']`,
    labels_tuple Tuple(env Nullable(String), team Nullable(String)) `json:$.labels`,
    labels_text String `json:$.labels`,
    labels_too_far Nullable(String) `json:$.labels.env.x`,
    numbered_7 Nullable(String) `json:$.numbered.7`,
    numbered_minus_1 Nullable(String) `json:$.numbered.-1`,
    numbered_no_number Nullable(String) `json:$.numbered.07`,
    numbered Map(Int32, String) `json:$.numbered`,
    flagged_true Nullable(Int64) `json:$.flagged.true`,
    flagged_false Nullable(Int64) `json:$.flagged.false`,
    city Nullable(String) `json:$.address.city`,
    lat Nullable(Float64) `json:$.address.geo.lat`,
    lat_or_default Float64 `json:$.address.geo.lat` DEFAULT 1.5,
    address Tuple(city String) `json:$.address` DEFAULT ('nowhere'),
    geo Tuple(lat Float64, lon Float64) `json:$.address.geo` DEFAULT (0, 0),
    geo_json JSON `json:$.address.geo` DEFAULT '{}',
    sku Array(String) `json:$.items[:].sku`,
    quantity Array(Int32) `json:$.items[:].quantity`,
    quantity_checked Array(UInt8) `json:$.items[:].quantity`,
    tags Array(Array(String)) `json:$.items[:].tags[:]`,
    item_attributes Array(Map(String, Int64)) `json:$.items[:].attributes`,
    item_weight Array(Nullable(Int64)) `json:$.items[:].attributes.weight`,
    item_note Array(Nullable(String)) `json:$.items[:].note`,
    items Array(Tuple(sku String, quantity Int32, note Nullable(String))) `json:$.items`,
    tags_text Array(String) `json:$.items[:].tags`,
    items_without_each Nullable(String) `json:$.items.sku`,
    small_w Nullable(Int32) `json:$.sizes.small.w`,
    small_cells Array(Int32) `json:$.sizes.small.cells` DEFAULT [],
    sizes Map(String, Tuple(w Int32, cells Array(Int32))) `json:$.sizes`,
    small Tuple(w Int32) `json:$.sizes.small` DEFAULT (0),
    rows Array(Array(Int32)) `json:$.rows[:].cells[:]`,
    row_cells Array(Map(String, Int64)) `json:$.rows[:].by_name`,
    row_cell Array(Nullable(Int64)) `json:$.rows[:].by_name.a`,
    nothing Nullable(String) `json:$.no.such.path`,
    extra_number Nullable(Float64) `json:$.extra.a`,
    extra_number_or_default Float64 `json:$.extra.a` DEFAULT 7,
    extra_text Nullable(String) `json:$.extra.a`,
    extra_bool Nullable(Bool) `json:$.extra.flag`,
    extra_inner Nullable(Float64) `json:$.extra.o.x`,
    extra_inner_text Nullable(String) `json:$.extra.o.y`,
    extra_object Map(String, Nullable(Float64)) `json:$.extra.o` DEFAULT map(),
    extra_tuple Tuple(x Nullable(Float64)) `json:$.extra.o` DEFAULT (NULL),
    extra_list Array(Nullable(Float64)) `json:$.extra.list` DEFAULT [],
    extra_each Array(Nullable(Float64)) `json:$.extra.many[:].x` DEFAULT [],
    extra_whole String `json:$.extra`
";

const AVRO: &str = r#"{"type": "record", "name": "Document", "fields": [
    {"name": "id", "type": "long"},
    {"name": "name", "type": ["null", "string"]},
    {"name": "labels", "type": {"type": "map", "values": "string"}},
    {"name": "numbered", "type": {"type": "map", "values": "string"}},
    {"name": "flagged", "type": {"type": "map", "values": "long"}},
    {"name": "address", "type": ["null", {"type": "record", "name": "Address", "fields": [
        {"name": "city", "type": "string"},
        {"name": "geo", "type": ["null", {"type": "record", "name": "Geo", "fields": [
            {"name": "lat", "type": "double"}, {"name": "lon", "type": "double"}]}]}]}]},
    {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
        {"name": "sku", "type": "string"},
        {"name": "quantity", "type": "int"},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "attributes", "type": {"type": "map", "values": "long"}},
        {"name": "note", "type": ["null", "string"]}]}}},
    {"name": "sizes", "type": {"type": "map", "values": {"type": "record", "name": "Size", "fields": [
        {"name": "w", "type": "int"}, {"name": "cells", "type": {"type": "array", "items": "int"}}]}}},
    {"name": "rows", "type": {"type": "array", "items": {"type": "record", "name": "Row", "fields": [
        {"name": "cells", "type": {"type": "array", "items": "int"}},
        {"name": "by_name", "type": {"type": "map", "values": "long"}}]}}},
    {"name": "extra", "type": {"type": "map", "values": ["null", "boolean", "double", "string",
        {"type": "map", "values": ["null", "double"]},
        {"type": "array", "items": ["null", "double", {"type": "map", "values": "double"}]}]}}
]}"#;

const PROTOBUF: &str = r#"
syntax = "proto3";
import "google/protobuf/struct.proto";
message Document {
  int64 id = 1;
  optional string name = 2;
  map<string, string> labels = 3;
  map<sint32, string> numbered = 4;
  map<bool, int64> flagged = 5;
  Address address = 6;
  repeated Item items = 7;
  map<string, Size> sizes = 8;
  repeated Row rows = 9;
  google.protobuf.Struct extra = 10;
}
message Address { string city = 1; Geo geo = 2; }
message Geo { double lat = 1; double lon = 2; }
message Item {
  string sku = 1;
  int32 quantity = 2;
  repeated string tags = 3;
  map<string, int64> attributes = 4;
  optional string note = 5;
}
message Size { int32 w = 1; repeated int32 cells = 2; }
message Row { repeated int32 cells = 1; map<string, int64> by_name = 2; }
"#;

/// A document as its producer knows it.
#[derive(Clone, Debug)]
struct Document {
    id: i64,
    name: Option<String>,
    labels: Entries<String>,
    numbered: Entries<String>,
    flagged: Entries<i64>,
    address: Option<(String, Option<(f64, f64)>)>,
    items: Vec<Item>,
    sizes: Entries<(i32, Vec<i32>)>,
    rows: Vec<(Vec<i32>, Entries<i64>)>,
    extra: Entries<Extra>,
    /// Whether JSON says null where there is nothing, rather than nothing.
    says_null: bool,
}

/// The entries of a map in the order they are written. No key comes twice: of those JSON keeps all in a Map.
type Entries<T> = BTreeMap<String, T>;

#[derive(Clone, Debug)]
struct Item {
    sku: String,
    quantity: i32,
    tags: Vec<String>,
    attributes: Entries<i64>,
    note: Option<String>,
}

/// Something without a type of its own.
#[derive(Clone, Debug)]
enum Extra {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Object(Entries<Option<f64>>),
    Numbers(Vec<Option<f64>>),
    Objects(Vec<Entries<f64>>),
}

fn entries<T: std::fmt::Debug>(
    keys: &'static [&'static str],
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Entries<T>> {
    prop::collection::btree_map(prop::sample::select(keys).prop_map(str::to_owned), value, 0..4)
}

/// Numbers that no format writes as an integer: only then is their text the same.
fn fraction() -> impl Strategy<Value = f64> {
    (-50..50_i8).prop_map(|whole| f64::from(whole) + 0.5)
}

fn extra() -> BoxedStrategy<Extra> {
    prop_oneof![
        Just(Extra::Null),
        any::<bool>().prop_map(Extra::Bool),
        fraction().prop_map(Extra::Number),
        prop_oneof!["[a-z\"é]{0,3}", Just("2.5".to_owned())].prop_map(Extra::Text),
        object(),
        prop::collection::vec(prop::option::of(fraction()), 0..3).prop_map(Extra::Numbers),
        objects(),
    ]
    .boxed()
}

fn object() -> BoxedStrategy<Extra> {
    entries(&["x", "y"], prop::option::of(fraction())).prop_map(Extra::Object).boxed()
}

fn objects() -> BoxedStrategy<Extra> {
    prop::collection::vec(entries(&["x", "z"], fraction()), 0..3).prop_map(Extra::Objects).boxed()
}

/// What the columns expect, and now and then anything.
fn extras() -> impl Strategy<Value = Entries<Extra>> {
    let numbers = prop::collection::vec(prop::option::of(fraction()), 0..3).prop_map(Extra::Numbers);
    let usual = [
        ("a", fraction().prop_map(Extra::Number).boxed()),
        ("flag", any::<bool>().prop_map(Extra::Bool).boxed()),
        ("list", numbers.boxed()),
        ("many", objects()),
        ("o", object()),
    ];
    let entries = usual.map(|(key, usual)| {
        let value = prop_oneof![12 => usual, 2 => Just(Extra::Null), 1 => extra()];
        prop::option::of(value).prop_map(move |value| Some((key.to_owned(), value?)))
    });
    entries.prop_map(|entries| entries.into_iter().flatten().collect())
}

fn item() -> impl Strategy<Value = Item> {
    let tags = prop::collection::vec("[a-z]{0,2}", 0..3);
    let attributes = entries(&["weight", "height"], any::<i64>());
    let quantity = prop_oneof![19 => 0..256_i32, 1 => -5..300_i32];
    ("[a-z]{0,3}", quantity, tags, attributes, prop::option::of("[a-z]{0,2}"))
        .prop_map(|(sku, quantity, tags, attributes, note)| Item { sku, quantity, tags, attributes, note })
}

fn document() -> impl Strategy<Value = Document> {
    let cells = || prop::collection::vec(any::<i32>(), 0..3);
    let address = ("[a-z ]{0,4}", prop::option::of((fraction(), fraction())));
    let first = (
        any::<i64>(),
        prop::option::of("[a-zé\"\\\\]{0,4}"),
        entries(&["env", "team", "a.b", ""], prop_oneof![9 => "[0-9]{1,3}", 1 => "[a-z]{0,2}"]),
        entries(&["7", "-1", "0"], "[a-z]{0,2}"),
        entries(&["true", "false"], any::<i64>()),
        prop::option::of(address),
    );
    let second = (
        prop::collection::vec(item(), 0..3),
        entries(&["small", "large"], (any::<i32>(), cells())),
        prop::collection::vec((cells(), entries(&["a", "b"], any::<i64>())), 0..3),
        extras(),
        any::<bool>(),
    );
    (first, second).prop_map(
        |((id, name, labels, numbered, flagged, address), (items, sizes, rows, extra, says_null))| Document {
            id,
            name,
            labels,
            numbered,
            flagged,
            address,
            items,
            sizes,
            rows,
            extra,
            says_null,
        },
    )
}

fn json_object<T>(entries: &Entries<T>, value: impl Fn(&T) -> Value) -> Value {
    Value::Object(entries.iter().map(|(key, entry)| (key.clone(), value(entry))).collect())
}

impl Extra {
    fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => json!(value),
            Self::Number(value) => json!(value),
            Self::Text(value) => json!(value),
            Self::Object(entries) => json_object(entries, |value| json!(value)),
            Self::Numbers(items) => json!(items),
            Self::Objects(items) => {
                items.iter().map(|item| json_object(item, |value| json!(value))).collect()
            }
        }
    }

    fn avro(&self, out: Datum) -> Datum {
        let number = |out: Datum, number: &Option<f64>| match number {
            None => out.long(0),
            Some(number) => out.long(1).double(*number),
        };
        match self {
            Self::Null => out.long(0),
            Self::Bool(value) => out.long(1).raw([u8::from(*value)]),
            Self::Number(value) => out.long(2).double(*value),
            Self::Text(value) => out.long(3).bytes(value),
            Self::Object(entries) => avro_map(out.long(4), entries, number),
            Self::Numbers(items) => avro_items(out.long(5), items, number),
            Self::Objects(items) => avro_items(out.long(5), items, |out, item| {
                avro_map(out.long(2), item, |out, value| out.double(*value))
            }),
        }
    }

    /// A google.protobuf.Value.
    fn protobuf(&self) -> Wire {
        let list = |items: Vec<Wire>| {
            wire().message(6, items.into_iter().fold(wire(), |list, item| list.message(1, item)))
        };
        match self {
            Self::Null => wire().varint(1, 0),
            Self::Bool(value) => wire().varint(4, (*value).into()),
            Self::Number(value) => wire().double(2, *value),
            Self::Text(value) => wire().bytes(3, value),
            Self::Object(entries) => wire().message(5, structure(entries, |value| number(*value))),
            Self::Numbers(items) => list(items.iter().copied().map(number).collect()),
            Self::Objects(items) => {
                let items = items.iter();
                list(items.map(|item| wire().message(5, structure(item, |x| number(Some(*x))))).collect())
            }
        }
    }
}

fn number(value: Option<f64>) -> Wire {
    value.map_or_else(|| wire().varint(1, 0), |value| wire().double(2, value))
}

fn structure<T>(entries: &Entries<T>, value: impl Fn(&T) -> Wire) -> Wire {
    entries
        .iter()
        .fold(wire(), |object, (key, entry)| object.message(1, wire().bytes(1, key).message(2, value(entry))))
}

fn avro_map<T>(out: Datum, entries: &Entries<T>, value: impl Fn(Datum, &T) -> Datum) -> Datum {
    let entries: Vec<_> = entries.iter().collect();
    avro_items(out, &entries, |out, (key, entry)| value(out.bytes(key), entry))
}

fn avro_items<T>(out: Datum, items: &[T], write: impl Fn(Datum, &T) -> Datum) -> Datum {
    let begun = if items.is_empty() { out } else { out.long(items.len() as i64) };
    items.iter().fold(begun, write).long(0)
}

fn avro_optional<T>(out: Datum, value: &Option<T>, write: impl Fn(Datum, &T) -> Datum) -> Datum {
    match value {
        None => out.long(0),
        Some(value) => write(out.long(1), value),
    }
}

impl Document {
    fn json(&self) -> Vec<u8> {
        let address = self.address.as_ref().map(|(city, geo)| {
            let mut address = json!({"city": city});
            self.add(&mut address, "geo", geo.map(|(lat, lon)| json!({"lat": lat, "lon": lon})));
            address
        });
        let items = self.items.iter().map(|item| {
            let mut value = json!({"sku": item.sku, "quantity": item.quantity, "tags": item.tags});
            value["attributes"] = json_object(&item.attributes, |value| json!(value));
            self.add(&mut value, "note", item.note.as_ref().map(|note| json!(note)));
            value
        });
        let rows = self.rows.iter().map(
            |(cells, by_name)| json!({"cells": cells, "by_name": json_object(by_name, |value| json!(value))}),
        );
        let mut document = json!({
            "id": self.id,
            "labels": json_object(&self.labels, |value| json!(value)),
            "numbered": json_object(&self.numbered, |value| json!(value)),
            "flagged": json_object(&self.flagged, |value| json!(value)),
            "items": items.collect::<Vec<_>>(),
            "sizes": json_object(&self.sizes, |(w, cells)| json!({"w": w, "cells": cells})),
            "rows": rows.collect::<Vec<_>>(),
            "extra": json_object(&self.extra, Extra::json),
        });
        self.add(&mut document, "name", self.name.as_ref().map(|name| json!(name)));
        self.add(&mut document, "address", address);
        document.to_string().into_bytes()
    }

    fn add(&self, object: &mut Value, name: &str, value: Option<Value>) {
        if value.is_some() || self.says_null {
            object[name] = value.unwrap_or_default();
        }
    }

    fn avro(&self) -> Vec<u8> {
        let text = |out: Datum, text: &String| out.bytes(text);
        let long = |out: Datum, value: &i64| out.long(*value);
        let cells =
            |out: Datum, cells: &Vec<i32>| avro_items(out, cells, |out, cell| out.long((*cell).into()));
        let out = avro_optional(datum().long(self.id), &self.name, text);
        let out = avro_map(out, &self.labels, text);
        let out = avro_map(out, &self.numbered, text);
        let out = avro_map(out, &self.flagged, long);
        let out = avro_optional(out, &self.address, |out, (city, geo)| {
            avro_optional(out.bytes(city), geo, |out, (lat, lon)| out.double(*lat).double(*lon))
        });
        let out = avro_items(out, &self.items, |out, item| {
            let out = out.bytes(&item.sku).long(item.quantity.into());
            let out = avro_map(avro_items(out, &item.tags, text), &item.attributes, long);
            avro_optional(out, &item.note, text)
        });
        let out = avro_map(out, &self.sizes, |out, (w, size)| cells(out.long((*w).into()), size));
        let out = avro_items(out, &self.rows, |out, (row, by_name)| avro_map(cells(out, row), by_name, long));
        avro_map(out, &self.extra, |out, extra| extra.avro(out)).0
    }

    fn protobuf(&self) -> Vec<u8> {
        let map = |out: Wire, field, entries: &Entries<String>| {
            let entry = |(key, value): (&String, &String)| wire().bytes(1, key).bytes(2, value);
            entries.iter().fold(out, |out, each| out.message(field, entry(each)))
        };
        let counts = |out: Wire, field, entries: &Entries<i64>| {
            let entry = |(key, value): (&String, &i64)| wire().bytes(1, key).int(2, *value);
            entries.iter().fold(out, |out, each| out.message(field, entry(each)))
        };
        let cells = |out: Wire, field, cells: &Vec<i32>| {
            cells.iter().fold(out, |out, cell| out.int(field, (*cell).into()))
        };
        let out = wire().int(1, self.id);
        let out = self.name.iter().fold(out, |out, name| out.bytes(2, name));
        let out = map(out, 3, &self.labels);
        let out = self.numbered.iter().fold(out, |out, (key, value)| {
            out.message(4, wire().sint(1, key.parse().unwrap()).bytes(2, value))
        });
        let out = self.flagged.iter().fold(out, |out, (key, value)| {
            out.message(5, wire().varint(1, u64::from(key == "true")).int(2, *value))
        });
        let out = self.address.iter().fold(out, |out, (city, geo)| {
            let point = |(lat, lon): &(f64, f64)| wire().double(1, *lat).double(2, *lon);
            let address = wire().bytes(1, city);
            out.message(6, geo.iter().fold(address, |address, geo| address.message(2, point(geo))))
        });
        let out = self.items.iter().fold(out, |out, item| {
            let value = wire().bytes(1, &item.sku).int(2, item.quantity.into());
            let value = item.tags.iter().fold(value, |value, tag| value.bytes(3, tag));
            let value = counts(value, 4, &item.attributes);
            out.message(7, item.note.iter().fold(value, |value, note| value.bytes(5, note)))
        });
        let out = self.sizes.iter().fold(out, |out, (key, (w, size))| {
            out.message(8, wire().bytes(1, key).message(2, cells(wire().int(1, (*w).into()), 2, size)))
        });
        let out = self
            .rows
            .iter()
            .fold(out, |out, (row, by_name)| out.message(9, counts(cells(wire(), 1, row), 2, by_name)));
        out.message(10, structure(&self.extra, Extra::protobuf)).0
    }
}

/// What becomes of a document: its row, or the columns at fault and why.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Row(String),
    Refused(Vec<(String, String)>),
}

fn columns() -> Vec<TargetColumn> {
    let file = SourceFile { path: "documents.datasource".to_owned(), text: DATASOURCE.to_owned() };
    let loaded = forebay_project::load(&[file]);
    let loaded = loaded.unwrap_or_else(|found| panic!("{}", forebay_project::render(&found, false)));
    target_columns(&loaded.project.datasources["documents"])
}

static COLUMNS: LazyLock<Vec<TargetColumn>> = LazyLock::new(columns);

fn outcome<D: DocumentDecoder>(decoder: &D, document: &[u8]) -> Outcome {
    let mut rows = ColumnBatch::for_columns(&COLUMNS);
    let mut state = decoder.new_state(Texts::CheckedAtOnce);
    if decoder.decode(&mut state, document, &mut rows.columns).is_ok() {
        assert_eq!(rows.defect(), None, "the columns are well-formed");
        return Outcome::Row(json_laws::show_row(&rows, 0));
    }
    let reason = |reason| match reason {
        // Only JSON and Avro tell null from nothing.
        Reason::NullForRequired => Reason::MissingRequired.to_string(),
        other => other.to_string(),
    };
    let defects = decoder.diagnose(document).defects.into_iter();
    let defects = defects
        .map(|defect| (defect.column.map(|column| COLUMNS[column].name.clone()), reason(defect.reason)))
        .map(|(column, reason)| (column.unwrap_or_default(), reason));
    Outcome::Refused(defects.collect())
}

struct Decoders {
    json: json::Decoder,
    avro: forebay_ingest::avro::Decoder,
    protobuf: forebay_ingest::protobuf::Decoder,
}

static DECODERS: LazyLock<Decoders> = LazyLock::new(|| {
    let targets = COLUMNS.iter().enumerate().map(|(index, target)| match &target.source {
        ColumnSource::Path(Path::Document(steps)) => DocumentColumn { index, target, steps },
        other => panic!("{other:?} is no path into the record"),
    });
    let targets: Vec<_> = targets.collect();
    Decoders {
        json: json::Decoder::compile(&targets, json::Options::default()).unwrap(),
        avro: avro_laws::decoder(&avro_laws::schema(AVRO), None, &COLUMNS, Default::default()),
        protobuf: protobuf_laws::Table::new(PROTOBUF, COLUMNS.clone()).decoder,
    }
});

fn check(document: &Document) {
    let json = outcome(&DECODERS.json, &document.json());
    assert_eq!(outcome(&DECODERS.avro, &document.avro()), json, "Avro as JSON: {document:#?}");
    let protobuf = document.protobuf();
    assert_eq!(outcome(&DECODERS.protobuf, &protobuf), json, "Protobuf as JSON: {document:#?}");
    // A field that stands twice is read along another way: by the form in which each stands once.
    let repeated = [wire().int(1, 77).0, protobuf].concat();
    assert_eq!(outcome(&DECODERS.protobuf, &repeated), json, "Protobuf with a field twice: {document:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_document_becomes_the_same_row_in_all_formats(document in document()) {
        check(&document);
    }
}
