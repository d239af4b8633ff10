//! What the contestants read: topics of made-up clicks, and what must be in the table afterwards.

use crate::{
    click::Click,
    encoding::{Encoding, Format},
    process::epoch_ms,
};
use forebay_testkit::{
    Failure, clickstream,
    kafka::{Cluster, Outgoing},
    registry::Srfake,
    unique,
};
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

/// Records of the topic with bad ones among them.
pub(crate) const MIXED_RECORDS: u64 = 10_000;
/// Bad records among them.
pub(crate) const BAD_RECORDS: u64 = 10;

/// Partitions of the topics of throughput.
const PARTITIONS: i32 = 4;

/// A topic of this run; deleted when dropped.
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: String,
    cluster: Cluster,
}

/// Clicks in one format, for everybody who can read it.
pub(crate) struct Course {
    pub(crate) format: Format,
    pub(crate) totals: Totals,
    topic: Topic,
    bare: Option<Topic>,
}

/// A topic's totals, reckoned from the records themselves and not by any contestant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    /// Number of records.
    pub(crate) records: u64,
    /// Sum of `user_id`.
    pub(crate) user_ids: u64,
    /// Sum of `amount` in hundredths.
    pub(crate) hundredths: u64,
    /// Bytes of all values.
    pub(crate) bytes: u64,
}

impl Topic {
    /// An empty topic.
    pub(crate) fn create(cluster: &Cluster, partitions: i32) -> Result<Self, Failure> {
        let name = unique("bench");
        cluster.create_topic(&name, partitions)?;
        Ok(Self { name, cluster: cluster.clone() })
    }

    /// A topic of clicks in JSON.
    pub(crate) fn of_clicks(
        cluster: &Cluster,
        partitions: i32,
        records: u64,
    ) -> Result<(Self, Totals), Failure> {
        let topic = Self::create(cluster, partitions)?;
        let totals = topic.fill(records, Encoding::default())?;
        Ok((topic, totals))
    }

    /// Produces clicks 0, 1, 2 and so on, lz4-compressed.
    pub(crate) fn fill(&self, records: u64, encoding: Encoding) -> Result<Totals, Failure> {
        let mut totals = Totals::default();
        let clicks = (0..records).map(|number| {
            let json = clickstream::record(number);
            let mut value = Vec::new();
            encoding.write(&json, &mut value);
            totals.add(&Click::of(&json), value.len());
            Outgoing::value(value).key(clickstream::key(number))
        });
        self.cluster.produce(&self.name, clicks)?;
        Ok(totals)
    }

    /// A topic of 10,000 clicks of which ten are bad, and the `event_id`s of the good ones.
    pub(crate) fn with_bad_records(cluster: &Cluster) -> Result<(Self, BTreeSet<String>), Failure> {
        let topic = Self::create(cluster, 4)?;
        let mut good = BTreeSet::new();
        let records = (0..MIXED_RECORDS).map(|number| {
            let value = clickstream::record(number);
            let value = match spoiled(number, &value) {
                Some(bad) => bad,
                None => {
                    good.insert(Click::of(&value).event_id().to_owned());
                    value
                }
            };
            Outgoing::value(value).key(clickstream::key(number))
        });
        cluster.produce(&topic.name, records)?;
        Ok((topic, good))
    }

    /// Produces clicks one by one at an even pace; returns when each was handed to the producer, epoch milliseconds.
    ///
    /// Without keys the producer fills one partition for some milliseconds, then another: with keys and 200 partitions
    /// every record would be a request of its own, and the broker the one who is measured.
    pub(crate) fn produce_paced(
        &self,
        producer: &BaseProducer,
        records: u64,
        a_second: u64,
    ) -> Result<Vec<f64>, Failure> {
        let started = Instant::now();
        let mut times = Vec::new();
        for number in 0..records {
            let due = Duration::from_micros(number * 1_000_000 / a_second);
            thread::sleep(due.saturating_sub(started.elapsed()));
            let value = clickstream::record(number);
            times.push(epoch_ms());
            producer
                .send(BaseRecord::<(), _>::to(&self.name).payload(&value))
                .map_err(|(error, _)| Failure::new(format!("a record is refused: {error}")))?;
            producer.poll(Duration::ZERO);
        }
        producer.flush(Duration::from_secs(30)).map_err(Failure::of("not all records arrived"))?;
        Ok(times)
    }

    /// A producer for [`Self::produce_paced`]. Its first records wait for connections, so a first one goes ahead.
    pub(crate) fn producer(&self) -> Result<BaseProducer, Failure> {
        ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("linger.ms", "2")
            .set("compression.type", "lz4")
            .create()
            .map_err(Failure::of("no producer"))
    }
}

impl Course {
    /// Fills the topics. Where records name their schema, `registry` gets it as `<topic>-value`.
    pub(crate) fn prepare(
        cluster: &Cluster,
        registry: &Srfake,
        format: Format,
        records: u64,
    ) -> Result<Self, Failure> {
        let topic = Topic::create(cluster, PARTITIONS)?;
        let schema_id = match format.schema() {
            Some((kind, schema)) => {
                Some(registry.register(&format!("{}-value", topic.name), kind, schema, &[])?.id)
            }
            None => None,
        };
        let totals = topic.fill(records, Encoding { format, schema_id })?;
        let bare = match format {
            Format::Protobuf => {
                let bare = Topic::create(cluster, PARTITIONS)?;
                bare.fill(records, Encoding { format, schema_id: None })?;
                Some(bare)
            }
            Format::Json | Format::Avro => None,
        };
        Ok(Self { format, totals, topic, bare })
    }

    /// The topic as producers with a registry write it.
    pub(crate) fn topic(&self) -> &str {
        &self.topic.name
    }

    /// The same records without frames, if the Kafka engine does not understand them.
    pub(crate) fn topic_of_the_engine(&self) -> &str {
        &self.bare.as_ref().unwrap_or(&self.topic).name
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // A broker that is gone took its topics with it.
        let _ = self.cluster.delete_topic(&self.name);
    }
}

impl Totals {
    fn add(&mut self, click: &Click<'_>, bytes: usize) {
        self.records += 1;
        self.user_ids += u64::from(click.user_id);
        self.hundredths += (click.amount * 100.0).round() as u64;
        self.bytes += bytes as u64;
    }
}

/// What becomes of the record if it is one of the ten: four are cut off, three have a width that is too large for
/// the column, three a user that is no number.
fn spoiled(number: u64, value: &str) -> Option<String> {
    if number % 1000 != 500 {
        return None;
    }
    let change = |field: &str, bad: &str| {
        let start = value.find(field).expect("the field is there") + field.len();
        let digits = value[start..]
            .find(|character: char| !character.is_ascii_digit())
            .expect("a number does not end the record");
        format!("{}{bad}{}", &value[..start], &value[start + digits..])
    };
    Some(match number / 1000 {
        0..4 => value[..value.len() / 2].to_owned(),
        4..7 => change("\"w\":", "70000"),
        _ => change("\"user_id\":", "\"abc\""),
    })
}
