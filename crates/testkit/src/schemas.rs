//! Schemas in memory, for decoders and the loop: some known, some unknown, all out of reach when a test says so.

use forebay_ingest::{
    error::{Error, Kind},
    schema::{Fetching, Schema, SchemaError, SchemaId, SchemaKind, Schemas},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// Schemas by their ids. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct MemorySchemas {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    schemas: HashMap<SchemaId, Arc<Schema>>,
    down: bool,
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
        let mut state = self.lock();
        state.asked.push((id, subject.to_owned()));
        let answer = match state.schemas.get(&id) {
            _ if state.down => {
                Err(SchemaError::Unavailable(Error::new(Kind::Unavailable, "the schemas are out of reach")))
            }
            Some(schema) => Ok(schema.clone()),
            None => Err(SchemaError::Refused(format!("there is no schema of {id}"))),
        };
        Box::pin(std::future::ready(answer))
    }
}
