//! Decoding the values, or the keys, of one batch.

use super::{
    any_decoder::{AnyDecoder, OpenDecoder},
    documents::{Documents, Plan, PlanId, SidePlans},
};
use crate::{
    column_batch::Column,
    convert::Reason,
    document::{Diagnosis, Texts},
    framing::{Frame, FrameError},
    quarantine::Defect,
    records::Record,
};
use std::borrow::Cow;

/// One side of the records of a batch, with the decoders met so far.
pub(super) struct OpenSide<'d> {
    documents: &'d Documents,
    plans: &'d SidePlans,
    texts: Texts,
    /// The last one used comes last.
    open: Vec<(PlanId, Opened<'d>)>,
}

enum Opened<'d> {
    Decoder(&'d dyn AnyDecoder, Box<dyn OpenDecoder + 'd>),
    Refused(&'d Defect),
}

/// Why a record did not decode.
pub(super) enum Failure<'r, 'd> {
    /// It has no value, and none of the settings says that this is right.
    Tombstone,
    /// Its frame is none.
    Frame(FrameError),
    /// Its schema is of no use.
    Schema(&'d Defect),
    /// Its document does not fit.
    Document(Cow<'r, [u8]>, &'d dyn AnyDecoder),
    /// The document fits, something else does not.
    Other(Defect, Cow<'r, [u8]>, Option<&'d dyn AnyDecoder>),
    /// It lacks what columns need.
    Defects(Vec<Defect>),
}

impl<'d> OpenSide<'d> {
    pub(super) fn new(documents: &'d Documents, plans: &'d SidePlans, texts: Texts) -> Self {
        Self { documents, plans, texts, open: Vec::new() }
    }

    /// Appends the rows of a record's document and returns their number; `None` for a record without these bytes.
    pub(super) fn decode<'r>(
        &mut self,
        record: Record<'r>,
        columns: &mut [Column],
    ) -> Result<Option<usize>, Failure<'r, 'd>> {
        let Some(bytes) = self.documents.bytes(record) else { return Ok(None) };
        let frame = self.documents.unframe(record, bytes).map_err(Failure::Frame)?;
        match self.open(&frame) {
            Opened::Refused(defect) => Err(Failure::Schema(defect)),
            Opened::Decoder(decoder, open) => match open.decode(&frame.payload, columns) {
                Ok(rows) => Ok(Some(rows)),
                Err(_) => Err(Failure::Document(frame.payload, *decoder)),
            },
        }
    }

    fn open(&mut self, frame: &Frame<'_>) -> &mut Opened<'d> {
        let only = self.documents.only();
        let place = self.open.iter().rposition(|(id, _)| only.is_some() || id.is_of(frame));
        let place = place.unwrap_or_else(|| {
            let id = PlanId::of(frame);
            let plan = only.unwrap_or_else(|| &self.plans[&id]);
            let opened = match plan {
                Plan::Decode(decoder) => Opened::Decoder(decoder.as_ref(), decoder.open(self.texts)),
                Plan::Refuse(defect) => Opened::Refused(defect),
            };
            self.open.push((id, opened));
            self.open.len() - 1
        });
        &mut self.open[place].1
    }

    /// The failure of a record whose document decoded, with what was found in it.
    #[cold]
    pub(super) fn automatic_failure<'r>(&mut self, record: Record<'r>, defect: Defect) -> Failure<'r, 'd> {
        let bytes = self.documents.bytes(record).unwrap_or_default();
        let Ok(frame) = self.documents.unframe(record, bytes) else { return Failure::Defects(vec![defect]) };
        let decoder = match self.open(&frame) {
            Opened::Decoder(decoder, _) => Some(*decoder),
            Opened::Refused(_) => None,
        };
        Failure::Other(defect, frame.payload, decoder)
    }

    pub(super) fn texts_are_valid(&self, columns: &[Column], first_row: usize) -> bool {
        self.open.iter().all(|(_, opened)| match opened {
            Opened::Decoder(_, open) => open.texts_are_valid(columns, first_row),
            Opened::Refused(_) => true,
        })
    }
}

impl Failure<'_, '_> {
    /// What is wrong with the record.
    #[cold]
    pub(super) fn diagnose(self) -> Diagnosis {
        match self {
            Self::Tombstone => {
                Diagnosis::whole(Defect::of_record(Reason::NullValue, "the record has no value"))
            }
            Self::Frame(error) => {
                let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                Diagnosis::whole(Defect::of_record(Reason::InvalidFrame, format!("{error}{hint}")))
            }
            Self::Schema(defect) => Diagnosis::whole(defect.clone()),
            Self::Document(document, decoder) => decoder.diagnose(&document),
            Self::Other(defect, document, decoder) => {
                let found = decoder.map(|decoder| decoder.diagnose(&document).found).unwrap_or_default();
                Diagnosis { defects: vec![defect], found }
            }
            Self::Defects(defects) => Diagnosis { defects, found: Vec::new() },
        }
    }
}
