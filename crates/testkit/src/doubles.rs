//! In-memory source and destination with scripted faults. They pass the same contract suites as the real ones.

use forebay_ingest::{
    checkpoint::{Checkpoint, CheckpointDelta},
    destination::{Destination, Pressure, Receipt, SealedGroup},
    error::{Error, Kind},
    memory::Account,
    records::{Record, RecordBatch},
    source::{Commits, Source, SourceEvent},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, mpsc};

/// A destination that keeps groups in memory.
#[derive(Clone, Default)]
pub struct MemoryDestination {
    state: Arc<Mutex<DestinationState>>,
}

#[derive(Default)]
struct DestinationState {
    tokens: HashSet<String>,
    groups: Vec<SealedGroup>,
    writes: usize,
    in_flight: usize,
    most_in_flight: usize,
    faults: VecDeque<Fault>,
    pressure: Pressure,
}

/// What happens to one write.
#[derive(Clone)]
pub enum Fault {
    /// The write fails and nothing landed.
    Reject(Kind),
    /// The write fails although it landed.
    FailAfterWrite(Kind),
    /// The write waits until notified, then lands.
    Hold(Arc<Notify>),
    /// The write lands as if there were no fault.
    Pass,
}

impl MemoryDestination {
    /// Scripts the next writes, one fault each.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(faults);
    }

    /// What the next receipts say of the engine's load.
    pub fn set_pressure(&self, pressure: Pressure) {
        self.lock().pressure = pressure;
    }

    /// The groups that landed, each once, in order.
    pub fn groups(&self) -> Vec<SealedGroup> {
        self.lock().groups.clone()
    }

    /// Rows that landed.
    pub fn row_count(&self) -> usize {
        self.lock().groups.iter().map(SealedGroup::row_count).sum()
    }

    /// Quarantined rows that landed.
    pub fn quarantined_count(&self) -> usize {
        self.lock().groups.iter().map(SealedGroup::quarantined_count).sum()
    }

    /// Writes tried so far.
    pub fn writes(&self) -> usize {
        self.lock().writes
    }

    /// The most writes that were under way at once.
    pub fn most_in_flight(&self) -> usize {
        self.lock().most_in_flight
    }

    fn begin(&self) -> Fault {
        let mut state = self.lock();
        state.writes += 1;
        state.in_flight += 1;
        state.most_in_flight = state.most_in_flight.max(state.in_flight);
        state.faults.pop_front().unwrap_or(Fault::Pass)
    }

    fn land(&self, group: &SealedGroup) -> Receipt {
        let mut state = self.lock();
        if state.tokens.insert(group.token.clone()) {
            state.groups.push(group.clone());
        }
        Receipt { pressure: state.pressure }
    }

    fn lock(&self) -> MutexGuard<'_, DestinationState> {
        self.state.lock().expect("no test panics while it holds the lock")
    }
}

impl Destination for MemoryDestination {
    async fn write(&self, group: &SealedGroup) -> Result<Receipt, Error> {
        let outcome = match self.begin() {
            Fault::Reject(kind) => Err(Error::new(kind, "the write was rejected by the script")),
            Fault::FailAfterWrite(kind) => {
                self.land(group);
                Err(Error::new(kind, "the answer was lost by the script"))
            }
            Fault::Hold(until) => {
                until.notified().await;
                Ok(self.land(group))
            }
            Fault::Pass => Ok(self.land(group)),
        };
        self.lock().in_flight -= 1;
        outcome
    }
}

/// A source fed by the test through [`SourceScript`].
///
/// It has read a little ahead, as real ones have: what came out of the script before a partition was paused still comes.
pub struct MemorySource {
    script: mpsc::UnboundedReceiver<Scripted>,
    untaken: Arc<AtomicUsize>,
    commits: MemoryCommits,
    account: Account,
    /// Events read ahead, and whether they count as untaken.
    ahead: VecDeque<(Scripted, bool)>,
    /// Every record so far of the partitions that are still assigned, in order.
    past: RecordBatch,
    paused: BTreeSet<i32>,
}

/// The test's end of a [`MemorySource`].
pub struct SourceScript {
    script: mpsc::UnboundedSender<Scripted>,
    untaken: Arc<AtomicUsize>,
    /// What was committed.
    pub commits: MemoryCommits,
}

/// An event; records get their place in the memory budget when they are handed over.
enum Scripted {
    Records(RecordBatch),
    Other(SourceEvent),
}

/// Events that a [`MemorySource`] reads ahead.
const AHEAD: usize = 2;
/// How often it looks whether there is memory again.
const LOOKS_UP: Duration = Duration::from_millis(1);
/// Records that come again come in batches of about this many bytes.
const AGAIN_BYTES: usize = 1 << 10;

/// Committed positions, kept in memory.
#[derive(Clone, Default)]
pub struct MemoryCommits {
    state: Arc<Mutex<CommitState>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct CommitState {
    committed: Checkpoint,
    faults: VecDeque<Kind>,
}

impl MemorySource {
    /// A source and the test's end of it.
    pub fn scripted(account: &Account) -> (Self, SourceScript) {
        let (sender, script) = mpsc::unbounded_channel();
        let commits = MemoryCommits::default();
        let untaken = Arc::<AtomicUsize>::default();
        let source = Self {
            script,
            untaken: untaken.clone(),
            commits: commits.clone(),
            account: account.clone(),
            ahead: VecDeque::new(),
            past: RecordBatch::default(),
            paused: BTreeSet::new(),
        };
        (source, SourceScript { script: sender, untaken, commits })
    }

    /// Takes an event out of the script; records of paused partitions stay behind.
    fn read(&mut self, scripted: Scripted) {
        let scripted = match scripted {
            Scripted::Records(batch) => {
                self.past.topic = batch.topic.clone();
                batch.iter().for_each(|record| self.past.append(record));
                Scripted::Records(batch.split(|record| self.paused.contains(&record.partition())).1)
            }
            Scripted::Other(SourceEvent::Revoked { partitions, lost, drained }) => {
                self.past = self.past.split(|record| partitions.contains(&record.partition())).1;
                self.paused.retain(|paused| !partitions.contains(paused));
                Scripted::Other(SourceEvent::Revoked { partitions, lost, drained })
            }
            other => other,
        };
        self.ahead.push_back((scripted, true));
    }
}

impl SourceScript {
    /// Whether the loop has taken every event.
    pub fn is_idle(&self) -> bool {
        self.untaken.load(Ordering::SeqCst) == 0
    }

    /// Sends records.
    pub fn send_records(&self, batch: RecordBatch) {
        self.script(Scripted::Records(batch));
    }

    /// Sends an event other than records.
    pub fn send(&self, event: SourceEvent) {
        self.script(Scripted::Other(event));
    }

    fn script(&self, scripted: Scripted) {
        self.untaken.fetch_add(1, Ordering::SeqCst);
        // A loop that has ended no longer listens; tests look at its outcome.
        let _ = self.script.send(scripted);
    }
}

impl MemoryCommits {
    /// Fails the next commits, one kind each.
    pub fn script(&self, faults: impl IntoIterator<Item = Kind>) {
        self.lock().faults.extend(faults);
    }

    /// The committed next offset of `partition`.
    pub fn committed(&self, partition: i32) -> Option<i64> {
        self.lock().committed.next_offset(partition)
    }

    /// Waits until `partition` is committed up to `next_offset`.
    pub async fn reached(&self, partition: i32, next_offset: i64) {
        loop {
            let changed = self.changed.notified();
            if self.committed(partition).is_some_and(|committed| committed >= next_offset) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, CommitState> {
        self.state.lock().expect("no test panics while it holds the lock")
    }
}

impl Source for MemorySource {
    type Commits = MemoryCommits;

    fn commits(&self) -> MemoryCommits {
        self.commits.clone()
    }

    async fn next(&mut self) -> Option<Result<SourceEvent, Error>> {
        loop {
            while self.ahead.len() < AHEAD
                && let Ok(scripted) = self.script.try_recv()
            {
                self.read(scripted);
            }
            if self.account.exhausted() {
                tokio::time::sleep(LOOKS_UP).await;
                continue;
            }
            let Some((scripted, is_counted)) = self.ahead.pop_front() else {
                let scripted = self.script.recv().await?;
                self.read(scripted);
                continue;
            };
            self.untaken.fetch_sub(usize::from(is_counted), Ordering::SeqCst);
            return Some(Ok(match scripted {
                Scripted::Records(batch) => {
                    let charge = self.account.charge(batch.payload_bytes());
                    SourceEvent::Records { batch, charge }
                }
                Scripted::Other(event) => event,
            }));
        }
    }

    fn pause(&mut self, partitions: &[i32]) {
        self.paused.extend(partitions);
    }

    fn resume(&mut self, positions: &[(i32, i64)]) {
        let positions: BTreeMap<i32, i64> = positions.iter().copied().collect();
        self.paused.retain(|partition| !positions.contains_key(partition));
        let resumed = SourceEvent::Resumed(positions.keys().copied().collect());
        self.ahead.push_back((Scripted::Other(resumed), false));
        let is_again = |record: Record<'_>| {
            positions.get(&record.partition()).is_some_and(|from| record.offset() >= *from)
        };
        let mut again = RecordBatch::new(self.past.topic.clone());
        for record in self.past.iter().filter(|record| is_again(*record)) {
            again.append(record);
            if again.payload_bytes() >= AGAIN_BYTES {
                let full = std::mem::replace(&mut again, RecordBatch::new(self.past.topic.clone()));
                self.ahead.push_back((Scripted::Records(full), false));
            }
        }
        self.ahead.push_back((Scripted::Records(again), false));
    }

    async fn close(self) {}
}

impl Commits for MemoryCommits {
    fn commit(&self, delta: &CheckpointDelta) -> impl Future<Output = Result<(), Error>> + Send {
        let mut state = self.lock();
        let outcome = match state.faults.pop_front() {
            Some(kind) => Err(Error::new(kind, "the commit was refused by the script")),
            None => {
                state.committed.apply(delta).expect("commits never run backwards");
                Ok(())
            }
        };
        drop(state);
        self.changed.notify_waiters();
        std::future::ready(outcome)
    }
}
