//! Records between the source and the decoder: those whose schemas are asked for, and those of partitions that wait.
//!
//! Records of a partition are decoded in their order, so once one of them waits for its schema, all that follow it wait
//! too. Other partitions go on.

use crate::{
    decode::{Plans, RowDecoder, Unknown},
    error::Error,
    memory::{Account, Charge},
    records::{Record, RecordBatch},
    retry::Backoff,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};
use tokio::{
    task::{JoinError, JoinHandle},
    time::Instant,
};

/// Records in memory, and their place in its budget.
pub(crate) type Charged = (RecordBatch, Charge);

/// What stands between a source and the decoder.
#[derive(Debug)]
pub(crate) struct Intake {
    decoder: Arc<RowDecoder>,
    account: Account,
    /// In the order they came.
    arrived: VecDeque<Charged>,
    asking: Option<Asking>,
    /// Records of partitions that wait, in the order they came.
    waiting: Vec<Charged>,
    partitions: BTreeSet<i32>,
    backoff: Backoff,
    next_try: Option<Instant>,
}

/// Schemas being fetched.
#[derive(Debug)]
struct Asking {
    task: JoinHandle<Result<(), Error>>,
    /// Whether it is for partitions that wait; else it is for the records that came first, and all others stay behind.
    again: bool,
}

/// What an answer changes.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Records go on.
    Learned,
    /// The schemas that partitions waited for are there.
    Recovered,
    /// Partitions wait.
    Waits(Error),
}

impl Intake {
    pub(crate) fn new(decoder: Arc<RowDecoder>, account: Account) -> Self {
        Self {
            decoder,
            account,
            arrived: VecDeque::new(),
            asking: None,
            waiting: Vec::new(),
            partitions: BTreeSet::new(),
            backoff: Backoff::default(),
            next_try: None,
        }
    }

    /// Takes in records that come after all those taken in before.
    pub(crate) fn push(&mut self, batch: RecordBatch, charge: Charge) {
        self.arrived.push_back((batch, charge));
    }

    /// Whether nothing is held here but records of partitions that wait.
    pub(crate) fn is_empty(&self) -> bool {
        self.arrived.is_empty() && !self.is_blocked()
    }

    fn is_blocked(&self) -> bool {
        self.asking.as_ref().is_some_and(|asking| !asking.again)
    }

    /// Partitions that wait.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = i32> {
        self.partitions.iter().copied()
    }

    /// When [`Self::ask_again`] is due.
    pub(crate) fn next_try(&self) -> Option<Instant> {
        self.next_try.filter(|_| self.asking.is_none())
    }

    /// The next records that can be decoded at once, with their decoders; `None` while schemas are asked for.
    pub(crate) fn next_ready(&mut self) -> Option<(Charged, Plans)> {
        while !self.is_blocked() {
            let (batch, charge) = self.arrived.pop_front()?;
            let (batch, charge) = self.hold_back((batch, charge), |_| false);
            if batch.is_empty() {
                continue;
            }
            match self.decoder.plans(&batch) {
                Ok(plans) => return Some(((batch, charge), plans)),
                // The registry is being asked for others already, and was silent before: these wait, too.
                Err(_) if self.asking.is_some() => self.let_wait((batch, charge)),
                Err(unknown) => {
                    self.arrived.push_front((batch, charge));
                    self.ask(unknown, false);
                }
            }
        }
        None
    }

    fn ask(&mut self, unknown: Unknown, again: bool) {
        let decoder = self.decoder.clone();
        let task = tokio::spawn(async move { decoder.learn(&unknown).await });
        self.asking = Some(Asking { task, again });
    }

    /// Asks again for the schemas that partitions wait for.
    pub(crate) fn ask_again(&mut self) {
        self.next_try = None;
        let unknown = self.waiting.iter().filter_map(|(batch, _)| self.decoder.plans(batch).err());
        match unknown.reduce(Unknown::and) {
            Some(unknown) => self.ask(unknown, true),
            None => self.release(),
        }
    }

    /// Waits for the schemas that are asked for; never ready when none are. Dropped early it loses nothing.
    pub(crate) async fn answered(&mut self) -> Result<Result<(), Error>, JoinError> {
        match &mut self.asking {
            Some(asking) => (&mut asking.task).await,
            None => std::future::pending().await,
        }
    }

    /// Acts on an answer.
    pub(crate) fn settle(&mut self, answer: Result<(), Error>) -> Answer {
        let again = self.asking.take().is_some_and(|asking| asking.again);
        match answer {
            Ok(()) if again => {
                self.release();
                Answer::Recovered
            }
            Ok(()) => {
                self.next_try = self.next_try.map(|_| Instant::now());
                Answer::Learned
            }
            Err(error) => {
                if !again && let Some(first) = self.arrived.pop_front() {
                    self.let_wait(first);
                }
                self.next_try = Some(Instant::now() + self.backoff.wait());
                Answer::Waits(error)
            }
        }
    }

    /// Lets the partitions go on that waited: their records come before those that arrived since.
    fn release(&mut self) {
        self.partitions.clear();
        self.next_try = None;
        self.backoff.reset();
        for charged in self.waiting.drain(..).rev() {
            self.arrived.push_front(charged);
        }
    }

    /// Lets those partitions of a batch wait that need an unknown schema; the others' records stay first.
    fn let_wait(&mut self, charged: Charged) {
        let decoder = self.decoder.clone();
        let left = self.hold_back(charged, |record| decoder.must_wait(record));
        self.arrived.push_front(left);
    }

    /// Sets aside the records of partitions that wait, or begin to with a record that `must_wait`; returns the others.
    fn hold_back(&mut self, (batch, charge): Charged, must_wait: impl Fn(Record<'_>) -> bool) -> Charged {
        let mut held_from: BTreeMap<i32, i64> =
            self.partitions.iter().map(|held| (*held, i64::MIN)).collect();
        for record in batch.iter() {
            if !held_from.contains_key(&record.partition()) && must_wait(record) {
                held_from.insert(record.partition(), record.offset());
            }
        }
        if held_from.is_empty() {
            return (batch, charge);
        }
        self.partitions.extend(held_from.keys());
        let is_held = |record: Record<'_>| {
            held_from.get(&record.partition()).is_some_and(|first| record.offset() >= *first)
        };
        let (held, left) = batch.split(is_held);
        let charged = |batch: RecordBatch| {
            let charge = self.account.charge(batch.payload_bytes());
            (batch, charge)
        };
        if !held.is_empty() {
            self.waiting.push(charged(held));
        }
        charged(left)
    }

    /// Forgets waiting records of partitions that are taken away: nothing of them is durable, so their next owner reads
    /// them.
    pub(crate) fn forget(&mut self, partitions: &[i32]) {
        for (batch, _) in &mut self.waiting {
            *batch = batch.split(|record| partitions.contains(&record.partition())).1;
        }
        self.waiting.retain(|(batch, _)| !batch.is_empty());
        self.partitions.retain(|partition| !partitions.contains(partition));
    }

    /// Forgets everything: what is not durable is read again.
    pub(crate) fn clear(&mut self) {
        self.arrived.clear();
        self.waiting.clear();
        self.partitions.clear();
        self.next_try = None;
        if let Some(asking) = self.asking.take() {
            asking.task.abort();
        }
    }
}
