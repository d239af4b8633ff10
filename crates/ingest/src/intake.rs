//! Records between the source and the decoder: those that can be decoded, and those of partitions that wait for a schema.
//!
//! Records of a partition are decoded in their order, so once one of them waits for its schema, all that follow it wait
//! too. Other partitions go on, for as long as it takes: of what waits only a small part stays in memory. The rest is let
//! go, the source pauses the partition, and goes back to the first record that was let go once the schema is there.

use crate::{
    decode::{Plans, RowDecoder, Unknown},
    error::Error,
    memory::{Account, Charge},
    progress::{WaitingFigures, epoch_time},
    records::{Record, RecordBatch},
    retry::Backoff,
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use tokio::{
    task::{JoinError, JoinHandle},
    time::Instant,
};

/// Records in memory, and their place in its budget.
pub(crate) type Charged = (RecordBatch, Charge);

/// Waiting records may take this part of the data source's memory,
const WAITING_PART: usize = 8;
/// but no more bytes than this.
const MOST_WAITING: usize = 8 << 20;
/// What describes a record in memory, bytes.
const DESCRIPTION: usize = 96;

/// What stands between a source and the decoder.
#[derive(Debug)]
pub(crate) struct Intake {
    decoder: Arc<RowDecoder>,
    account: Account,
    /// In the order they came.
    arrived: VecDeque<Charged>,
    /// Records of partitions that wait, in the order they came.
    waiting: RecordBatch,
    waiting_charge: Charge,
    partitions: BTreeMap<i32, Wait>,
    away: BTreeMap<i32, Away>,
    orders: Orders,
    asking: Option<JoinHandle<Result<(), Error>>>,
    backoff: Backoff,
    next_try: Option<Instant>,
    is_news: bool,
}

/// A partition that waits.
#[derive(Debug)]
struct Wait {
    /// Its first record that cannot be decoded.
    offset: i64,
    /// The schemas of that record.
    schemas: Unknown,
    since: u64,
    tries: u64,
    why: Option<String>,
}

/// A partition whose records from an offset on were let go.
#[derive(Debug)]
struct Away {
    from: i64,
    /// Whether the source was told to go back there. Until it is, what comes lies beyond.
    is_called_back: bool,
}

/// What the source is to do, pausing first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) pause: Vec<i32>,
    /// Partitions, and the offsets they go on at.
    pub(crate) resume: Vec<(i32, i64)>,
}

/// What an answer changes.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Records go on.
    Learned,
    /// Records go on, after tries in vain.
    Recovered,
    /// Partitions wait.
    Waits(Error),
}

impl Intake {
    pub(crate) fn new(decoder: Arc<RowDecoder>, account: Account) -> Self {
        Self {
            decoder,
            arrived: VecDeque::new(),
            waiting: RecordBatch::default(),
            waiting_charge: account.charge(0),
            account,
            partitions: BTreeMap::new(),
            away: BTreeMap::new(),
            orders: Orders::default(),
            asking: None,
            backoff: Backoff::default(),
            next_try: None,
            is_news: false,
        }
    }

    /// Takes in records that come after all those taken in before.
    pub(crate) fn push(&mut self, batch: RecordBatch, charge: Charge) {
        self.arrived.push_back((batch, charge));
    }

    /// Whether nothing is held here but records of partitions that wait.
    pub(crate) fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }

    /// What the source is to do since this was asked last.
    pub(crate) fn take_orders(&mut self) -> Orders {
        std::mem::take(&mut self.orders)
    }

    /// The partitions that wait, if they changed since this was asked last.
    pub(crate) fn news(&mut self) -> Option<BTreeMap<i32, WaitingFigures>> {
        let figures = |wait: &Wait| WaitingFigures {
            schema: wait.schemas.to_string(),
            offset: wait.offset,
            since: wait.since,
            tries: wait.tries,
            why: wait.why.clone(),
        };
        let all = || self.partitions.iter().map(|(partition, wait)| (*partition, figures(wait))).collect();
        std::mem::take(&mut self.is_news).then(all)
    }

    /// When [`Self::ask_again`] is due.
    pub(crate) fn next_try(&self) -> Option<Instant> {
        self.next_try
    }

    /// The next records that can be decoded at once, with their decoders. Schemas that are not known are asked for.
    pub(crate) fn next_ready(&mut self) -> Option<(Charged, Plans)> {
        while let Some(charged) = self.arrived.pop_front() {
            let (batch, charge) = self.hold_back(charged);
            if batch.is_empty() {
                continue;
            }
            if let Ok(plans) = self.decoder.plans(&batch) {
                return Some(((batch, charge), plans));
            }
            self.begin_to_wait(&batch);
            self.arrived.push_front((batch, charge));
        }
        None
    }

    /// Lets those partitions of a batch wait that need an unknown schema.
    fn begin_to_wait(&mut self, batch: &RecordBatch) {
        for record in batch.iter() {
            if self.partitions.contains_key(&record.partition()) {
                continue;
            }
            if let Some(schemas) = self.decoder.missing(record) {
                let since = epoch_time().as_secs();
                let wait = Wait { offset: record.offset(), schemas, since, tries: 0, why: None };
                self.partitions.insert(record.partition(), wait);
                self.is_news = true;
            }
        }
        // Also while another schema is out of reach: this one need not be.
        self.ask_again();
    }

    /// Asks for the schemas that partitions wait for.
    pub(crate) fn ask_again(&mut self) {
        if self.asking.is_some() {
            return;
        }
        self.next_try = None;
        let schemas = self.partitions.values().map(|wait| wait.schemas.clone());
        self.asking = schemas.reduce(Unknown::and).map(|unknown| {
            let decoder = self.decoder.clone();
            tokio::spawn(async move { decoder.learn(&unknown).await })
        });
    }

    /// Waits for the schemas that are asked for; never ready when none are. Dropped early it loses nothing.
    pub(crate) async fn answered(&mut self) -> Result<Result<(), Error>, JoinError> {
        match &mut self.asking {
            Some(asking) => asking.await,
            None => std::future::pending().await,
        }
    }

    /// Acts on an answer: partitions go on whose schemas are there, though others may still be out of reach.
    pub(crate) fn settle(&mut self, answer: Result<(), Error>) -> Answer {
        self.asking = None;
        self.is_news = true;
        let was_in_trouble = self.is_in_trouble();
        self.release();
        if let Err(error) = answer
            && !self.partitions.is_empty()
        {
            for wait in self.partitions.values_mut() {
                wait.tries += 1;
                wait.why = Some(error.to_string());
            }
            self.next_try = Some(Instant::now() + self.backoff.wait());
            return Answer::Waits(error);
        }
        self.backoff.reset();
        self.ask_again();
        if was_in_trouble { Answer::Recovered } else { Answer::Learned }
    }

    /// Lets the partitions go on whose schemas are known: their records come before those that arrived since.
    fn release(&mut self) {
        let decoder = &self.decoder;
        let released = self.partitions.extract_if(.., |_, wait| decoder.knows(&wait.schemas));
        let released: Vec<i32> = released.map(|(partition, _)| partition).collect();
        let (free, held) = self.waiting.split(|record| released.contains(&record.partition()));
        self.set_waiting(held);
        if !free.is_empty() {
            self.arrived.push_front(self.charged(free));
        }
        for partition in released {
            if let Some(away) = self.away.get_mut(&partition).filter(|away| !away.is_called_back) {
                away.is_called_back = true;
                self.orders.resume.push((partition, away.from));
            }
        }
    }

    /// Notes that records of these partitions come again from where they were let go.
    pub(crate) fn resumed(&mut self, partitions: &[i32]) {
        self.away.retain(|partition, away| !(away.is_called_back && partitions.contains(partition)));
    }

    /// Sets aside the records of partitions that wait, and drops those that will be read again; returns the others.
    fn hold_back(&mut self, (batch, charge): Charged) -> Charged {
        if !batch.iter().any(|record| self.is_away(record) || self.is_waiting(record)) {
            return (batch, charge);
        }
        let mut left = RecordBatch::new(batch.topic.clone());
        self.waiting.topic = batch.topic.clone();
        for record in batch.iter() {
            if self.is_away(record) {
                continue;
            }
            if !self.is_waiting(record) {
                left.append(record);
            } else if self.has_room(record) {
                self.waiting.append(record);
            } else {
                self.away.insert(record.partition(), Away { from: record.offset(), is_called_back: false });
                self.orders.pause.push(record.partition());
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.set_waiting(waiting);
        self.charged(left)
    }

    fn is_waiting(&self, record: Record<'_>) -> bool {
        self.partitions.get(&record.partition()).is_some_and(|wait| record.offset() >= wait.offset)
    }

    fn is_away(&self, record: Record<'_>) -> bool {
        self.away.get(&record.partition()).is_some_and(|away| record.offset() >= away.from)
    }

    /// Whether a record may wait in memory. What lies before the place that the source goes back to must.
    fn has_room(&self, record: Record<'_>) -> bool {
        let used = self.waiting.payload_bytes() + self.waiting.len() * DESCRIPTION;
        used < MOST_WAITING.min(self.account.share() / WAITING_PART)
            || self.away.contains_key(&record.partition())
    }

    fn set_waiting(&mut self, waiting: RecordBatch) {
        self.waiting_charge = self.account.charge(waiting.payload_bytes());
        self.waiting = waiting;
    }

    fn charged(&self, batch: RecordBatch) -> Charged {
        let charge = self.account.charge(batch.payload_bytes());
        (batch, charge)
    }

    /// Forgets all about partitions that are taken away: nothing that waits is durable, so their next owner reads it.
    /// Returns whether the trouble goes with them.
    pub(crate) fn forget(&mut self, partitions: &[i32]) -> bool {
        let was_in_trouble = self.is_in_trouble();
        let (_, held) = self.waiting.split(|record| partitions.contains(&record.partition()));
        self.set_waiting(held);
        let stays = |partition: &i32| !partitions.contains(partition);
        self.partitions.retain(|partition, _| stays(partition));
        self.away.retain(|partition, _| stays(partition));
        self.orders.pause.retain(stays);
        self.orders.resume.retain(|(partition, _)| stays(partition));
        self.is_news = true;
        was_in_trouble && !self.is_in_trouble()
    }

    /// Whether partitions wait for what was asked for in vain.
    fn is_in_trouble(&self) -> bool {
        self.partitions.values().any(|wait| wait.tries > 0)
    }

    /// Forgets everything: what is not durable is read again.
    pub(crate) fn clear(&mut self) {
        self.arrived.clear();
        self.set_waiting(RecordBatch::default());
        self.partitions.clear();
        self.away.clear();
        self.orders = Orders::default();
        self.next_try = None;
        self.is_news = true;
        if let Some(asking) = self.asking.take() {
            asking.abort();
        }
    }
}
