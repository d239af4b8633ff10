//! A made-up click as a value, and how it is spelled in formats that are not JSON.

use serde::Deserialize;
use std::borrow::Cow;

/// A click, borrowed from its JSON.
#[derive(Deserialize)]
pub(crate) struct Click<'a> {
    event_id: &'a str,
    ts: i64,
    pub(crate) user_id: u32,
    session_id: &'a str,
    event_type: &'a str,
    page: Page<'a>,
    device: Device<'a>,
    geo: Geo<'a>,
    pub(crate) amount: f64,
    currency: &'a str,
    tags: Vec<&'a str>,
    load_ms: u32,
    visits: u32,
    is_member: bool,
    campaign: &'a str,
    variant: &'a str,
    score: f64,
    coupon: Option<&'a str>,
    #[serde(borrow)]
    note: Cow<'a, str>,
    version: &'a str,
    source: &'a str,
}

#[derive(Deserialize)]
struct Page<'a> {
    url: &'a str,
    title: &'a str,
    referrer: &'a str,
}

#[derive(Deserialize)]
struct Device<'a> {
    os: &'a str,
    browser: &'a str,
    screen: Screen,
    touch: bool,
}

#[derive(Deserialize)]
struct Screen {
    w: u32,
    h: u32,
}

#[derive(Deserialize)]
struct Geo<'a> {
    country: &'a str,
    city: &'a str,
    lat: f64,
    lon: f64,
}

/// Takes the fields of a record in the order of its schema, each with its number in Protobuf.
pub(crate) trait Fields {
    fn text(&mut self, number: u32, text: &str);
    fn whole(&mut self, number: u32, whole: i64);
    fn real(&mut self, number: u32, real: f64);
    fn flag(&mut self, number: u32, flag: bool);
    fn texts(&mut self, number: u32, texts: &[&str]);
    fn optional_text(&mut self, number: u32, text: Option<&str>);
    fn record(&mut self, number: u32, fields: impl FnOnce(&mut Self));
}

impl<'a> Click<'a> {
    /// The click of this JSON.
    pub(crate) fn of(json: &'a str) -> Self {
        serde_json::from_str(json).expect("made-up clicks are valid")
    }

    pub(crate) fn event_id(&self) -> &'a str {
        self.event_id
    }

    /// Hands out the fields in the order of [`AVRO`] with the numbers of [`PROTOBUF`].
    pub(crate) fn write(&self, out: &mut impl Fields) {
        out.text(1, self.event_id);
        out.whole(2, self.ts);
        out.whole(3, self.user_id.into());
        out.text(4, self.session_id);
        out.text(5, self.event_type);
        out.record(6, |out| self.page.write(out));
        out.record(7, |out| self.device.write(out));
        out.record(8, |out| self.geo.write(out));
        out.real(9, self.amount);
        out.text(10, self.currency);
        out.texts(11, &self.tags);
        out.whole(12, self.load_ms.into());
        out.whole(13, self.visits.into());
        out.flag(14, self.is_member);
        out.text(15, self.campaign);
        out.text(16, self.variant);
        out.real(17, self.score);
        out.optional_text(18, self.coupon);
        out.text(19, &self.note);
        out.text(20, self.version);
        out.text(21, self.source);
    }
}

impl Page<'_> {
    fn write(&self, out: &mut impl Fields) {
        out.text(1, self.url);
        out.text(2, self.title);
        out.text(3, self.referrer);
    }
}

impl Device<'_> {
    fn write(&self, out: &mut impl Fields) {
        out.text(1, self.os);
        out.text(2, self.browser);
        out.record(3, |out| {
            out.whole(1, self.screen.w.into());
            out.whole(2, self.screen.h.into());
        });
        out.flag(4, self.touch);
    }
}

impl Geo<'_> {
    fn write(&self, out: &mut impl Fields) {
        out.text(1, self.country);
        out.text(2, self.city);
        out.real(3, self.lat);
        out.real(4, self.lon);
    }
}

/// The schema of a click in Avro.
pub(crate) const AVRO: &str = r#"{"type": "record", "name": "Click", "fields": [
  {"name": "event_id", "type": "string"},
  {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
  {"name": "user_id", "type": "long"},
  {"name": "session_id", "type": "string"},
  {"name": "event_type", "type": "string"},
  {"name": "page", "type": {"type": "record", "name": "Page", "fields": [
    {"name": "url", "type": "string"},
    {"name": "title", "type": "string"},
    {"name": "referrer", "type": "string"}]}},
  {"name": "device", "type": {"type": "record", "name": "Device", "fields": [
    {"name": "os", "type": "string"},
    {"name": "browser", "type": "string"},
    {"name": "screen", "type": {"type": "record", "name": "Screen", "fields": [
      {"name": "w", "type": "int"},
      {"name": "h", "type": "int"}]}},
    {"name": "touch", "type": "boolean"}]}},
  {"name": "geo", "type": {"type": "record", "name": "Geo", "fields": [
    {"name": "country", "type": "string"},
    {"name": "city", "type": "string"},
    {"name": "lat", "type": "double"},
    {"name": "lon", "type": "double"}]}},
  {"name": "amount", "type": "double"},
  {"name": "currency", "type": "string"},
  {"name": "tags", "type": {"type": "array", "items": "string"}},
  {"name": "load_ms", "type": "int"},
  {"name": "visits", "type": "int"},
  {"name": "is_member", "type": "boolean"},
  {"name": "campaign", "type": "string"},
  {"name": "variant", "type": "string"},
  {"name": "score", "type": "double"},
  {"name": "coupon", "type": ["null", "string"]},
  {"name": "note", "type": "string"},
  {"name": "version", "type": "string"},
  {"name": "source", "type": "string"}]}"#;

/// The schema of a click in Protobuf.
pub(crate) const PROTOBUF: &str = r#"syntax = "proto3";

message Click {
  string event_id = 1;
  int64 ts = 2;
  uint64 user_id = 3;
  string session_id = 4;
  string event_type = 5;
  Page page = 6;
  Device device = 7;
  Geo geo = 8;
  double amount = 9;
  string currency = 10;
  repeated string tags = 11;
  uint32 load_ms = 12;
  uint32 visits = 13;
  bool is_member = 14;
  string campaign = 15;
  string variant = 16;
  double score = 17;
  optional string coupon = 18;
  string note = 19;
  string version = 20;
  string source = 21;
}

message Page {
  string url = 1;
  string title = 2;
  string referrer = 3;
}

message Device {
  string os = 1;
  string browser = 2;
  Screen screen = 3;
  bool touch = 4;
}

message Screen {
  uint32 w = 1;
  uint32 h = 2;
}

message Geo {
  string country = 1;
  string city = 2;
  double lat = 3;
  double lon = 4;
}
"#;
