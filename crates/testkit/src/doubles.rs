//! In-memory source and destination with scripted faults. They pass the same contract suites as the real ones.

use forebay_ingest::{
    checkpoint::{Checkpoint, CheckpointDelta},
    destination::{Destination, Pressure, Receipt, SealedGroup},
    error::{Error, Kind},
    source::{Commits, Source, SourceEvent},
};
use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
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
pub struct MemorySource {
    events: mpsc::UnboundedReceiver<Result<SourceEvent, Error>>,
    waiting: Arc<AtomicUsize>,
    commits: MemoryCommits,
}

/// The test's end of a [`MemorySource`].
pub struct SourceScript {
    events: mpsc::UnboundedSender<Result<SourceEvent, Error>>,
    waiting: Arc<AtomicUsize>,
    /// What was committed.
    pub commits: MemoryCommits,
}

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
    pub fn scripted() -> (Self, SourceScript) {
        let (sender, events) = mpsc::unbounded_channel();
        let commits = MemoryCommits::default();
        let waiting = Arc::<AtomicUsize>::default();
        let source = Self { events, waiting: waiting.clone(), commits: commits.clone() };
        (source, SourceScript { events: sender, waiting, commits })
    }
}

impl SourceScript {
    /// Whether the loop has taken every event.
    pub fn is_idle(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) == 0
    }

    /// Sends an event.
    pub fn send(&self, event: SourceEvent) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // A loop that has ended no longer listens; tests look at its outcome.
        let _ = self.events.send(Ok(event));
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
        let event = self.events.recv().await;
        self.waiting.fetch_sub(event.iter().len(), Ordering::SeqCst);
        event
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
