//! Schemas in memory, for decoders and the loop: some known, some unknown, all out of reach when a test says so.

use forebay_ingest::{
    error::{Error, Kind},
    schema::{Fetching, Schema, SchemaError, SchemaId, SchemaKind, Schemas},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::Notify;

/// Schemas by their ids. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct MemorySchemas {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    schemas: HashMap<SchemaId, Arc<Schema>>,
    down: bool,
    lost: HashSet<SchemaId>,
    hanging: bool,
    asked: Vec<(SchemaId, String)>,
}

impl MemorySchemas {
    /// Adds a schema without references.
    #[must_use]
    pub fn with(self, id: SchemaId, kind: SchemaKind, text: &str) -> Self {
        let schema = Schema { kind, text: text.to_owned(), references: Vec::new(), origin: None };
        self.lock().schemas.insert(id, Arc::new(schema));
        self
    }

    /// From now on nothing is answered, or everything again.
    pub fn set_down(&self, down: bool) {
        self.lock().down = down;
    }

    /// From now on this one is not answered, or again.
    pub fn set_lost(&self, id: SchemaId, lost: bool) {
        let ids = &mut self.lock().lost;
        if lost {
            ids.insert(id)
        } else {
            ids.remove(&id)
        };
    }

    /// From now on questions are left open, or they are answered again, those left open too.
    pub fn set_hanging(&self, hanging: bool) {
        self.lock().hanging = hanging;
        self.changed.notify_waiters();
    }

    /// What was asked for, with the subjects, in order.
    pub fn asked(&self) -> Vec<(SchemaId, String)> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the lock")
    }
}

impl Schemas for MemorySchemas {
    fn fetch<'a>(&'a self, id: SchemaId, subject: &'a str) -> Fetching<'a> {
        self.lock().asked.push((id, subject.to_owned()));
        Box::pin(async move {
            loop {
                let changed = self.changed.notified();
                if !self.lock().hanging {
                    return self.answer(id);
                }
                changed.await;
            }
        })
    }
}

impl MemorySchemas {
    fn answer(&self, id: SchemaId) -> Result<Arc<Schema>, SchemaError> {
        let state = self.lock();
        match state.schemas.get(&id) {
            _ if state.down || state.lost.contains(&id) => {
                Err(SchemaError::Unavailable(Error::new(Kind::Unavailable, "the schemas are out of reach")))
            }
            Some(schema) => Ok(schema.clone()),
            None => Err(SchemaError::Refused(format!("there is no schema of {id}"))),
        }
    }
}
