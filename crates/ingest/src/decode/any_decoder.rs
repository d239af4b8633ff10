//! Decoders of all formats behind one face, so that a data source may meet any of them in one batch.

use crate::{
    column_batch::Column,
    document::{Diagnosis, DocumentDecoder, Texts, Undecodable},
};
use std::fmt;

/// A [`DocumentDecoder`] of any format.
pub(super) trait AnyDecoder: fmt::Debug + Send + Sync {
    /// The decoder with a state of its own.
    fn open(&self, texts: Texts) -> Box<dyn OpenDecoder + '_>;

    /// As [`DocumentDecoder::diagnose`].
    fn diagnose(&self, document: &[u8]) -> Diagnosis;
}

/// A decoder at work on the records of one batch.
pub(super) trait OpenDecoder {
    /// As [`DocumentDecoder::decode`].
    fn decode(&mut self, document: &[u8], columns: &mut [Column]) -> Result<usize, Undecodable>;

    /// As [`DocumentDecoder::texts_are_valid`].
    fn texts_are_valid(&self, columns: &[Column], first_row: usize) -> bool;
}

impl<D: DocumentDecoder + fmt::Debug + Send + Sync> AnyDecoder for D {
    fn open(&self, texts: Texts) -> Box<dyn OpenDecoder + '_> {
        Box::new(Opened { decoder: self, state: self.new_state(texts) })
    }

    fn diagnose(&self, document: &[u8]) -> Diagnosis {
        DocumentDecoder::diagnose(self, document)
    }
}

struct Opened<'d, D: DocumentDecoder> {
    decoder: &'d D,
    state: D::State,
}

impl<D: DocumentDecoder> OpenDecoder for Opened<'_, D> {
    fn decode(&mut self, document: &[u8], columns: &mut [Column]) -> Result<usize, Undecodable> {
        self.decoder.decode(&mut self.state, document, columns)
    }

    fn texts_are_valid(&self, columns: &[Column], first_row: usize) -> bool {
        self.decoder.texts_are_valid(columns, first_row)
    }
}
