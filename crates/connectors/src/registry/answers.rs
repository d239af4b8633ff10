//! What a registry has answered, and the questions under way: one an id, however many ask.

use super::failure::Failure;
use forebay_ingest::schema::Schema;
use futures_util::{FutureExt, future::Shared};
use std::{
    collections::HashMap,
    hash::Hash,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What came of a question.
pub(super) type Answered = Result<Arc<Schema>, Failure>;

type Question = Shared<Pin<Box<dyn Future<Output = Answered> + Send>>>;

/// Answers in memory, bounded by number and by bytes.
pub(super) struct Answers<K> {
    entries: Mutex<HashMap<K, Entry>>,
    missing_kept: Duration,
}

struct Entry {
    state: State,
    used: Instant,
}

enum State {
    Asked(Question),
    Known(Arc<Schema>),
    Missing(Failure, Instant),
}

const MOST_ENTRIES: usize = 1000;
const MOST_BYTES: usize = 64 << 20;

impl<K: Clone + Eq + Hash + Send + 'static> Answers<K> {
    /// Missing schemas are believed to be missing for `missing_kept`.
    pub(super) fn new(missing_kept: Duration) -> Arc<Self> {
        Arc::new(Self { entries: Mutex::default(), missing_kept })
    }

    /// The answer for `key`: from memory, from a question under way, or by asking with `ask`.
    pub(super) async fn get<F>(self: &Arc<Self>, key: &K, ask: impl FnOnce() -> F) -> Answered
    where
        F: Future<Output = Answered> + Send + 'static,
    {
        let question = {
            let mut entries = self.lock();
            let now = Instant::now();
            match entries.get_mut(key) {
                Some(Entry { state: State::Known(schema), used }) => {
                    *used = now;
                    return Ok(schema.clone());
                }
                Some(Entry { state: State::Missing(failure, until), .. }) if now < *until => {
                    return Err(failure.clone());
                }
                Some(Entry { state: State::Asked(question), .. }) => question.clone(),
                _ => {
                    let question = self.question(key.clone(), ask());
                    entries.insert(key.clone(), Entry { state: State::Asked(question.clone()), used: now });
                    question
                }
            }
        };
        question.await
    }

    /// How many ids are believed to be missing.
    pub(super) fn missing(&self) -> usize {
        let now = Instant::now();
        let is_missing = |entry: &&Entry| matches!(entry.state, State::Missing(_, until) if now < until);
        self.lock().values().filter(is_missing).count()
    }

    /// A question that remembers its answer. Whoever waits drives it, so one who stops waiting stops nobody else.
    fn question(self: &Arc<Self>, key: K, ask: impl Future<Output = Answered> + Send + 'static) -> Question {
        let answers = Arc::downgrade(self);
        let remember = async move {
            let answered = ask.await;
            if let Some(answers) = answers.upgrade() {
                answers.remember(key, &answered);
            }
            answered
        };
        (Box::pin(remember) as Pin<Box<dyn Future<Output = Answered> + Send>>).shared()
    }

    fn remember(&self, key: K, answered: &Answered) {
        let now = Instant::now();
        let state = match answered {
            Ok(schema) => State::Known(schema.clone()),
            Err(Failure::Unavailable(_)) => {
                self.lock().remove(&key);
                return;
            }
            Err(failure) => State::Missing(failure.clone(), now + self.missing_kept),
        };
        let mut entries = self.lock();
        entries.insert(key, Entry { state, used: now });
        make_room(&mut entries);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what was used longest ago. Questions under way stay, for somebody waits for them.
fn make_room<K: Clone + Eq + Hash>(entries: &mut HashMap<K, Entry>) {
    loop {
        let bytes: usize = entries.values().map(Entry::bytes).sum();
        if entries.len() <= MOST_ENTRIES && bytes <= MOST_BYTES {
            return;
        }
        let answered = entries.iter().filter(|(_, entry)| !matches!(entry.state, State::Asked(_)));
        let Some(oldest) = answered.min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone()) else {
            return;
        };
        entries.remove(&oldest);
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        match &self.state {
            State::Known(schema) => {
                schema.text.len()
                    + schema.references.iter().map(|reference| reference.text.len()).sum::<usize>()
            }
            _ => 0,
        }
    }
}
