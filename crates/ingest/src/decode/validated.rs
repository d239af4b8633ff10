//! JSON documents that must obey their JSON Schema.

use crate::{
    column_batch::Column,
    convert::Reason,
    document::{Diagnosis, DocumentDecoder, Texts, Undecodable},
    json,
    json_schema::Validator,
    quarantine::Defect,
};

/// Checks a document against its schema before it is decoded.
#[derive(Debug)]
pub(super) struct Decoder {
    decoder: json::Decoder,
    validator: Validator,
}

impl Decoder {
    pub(super) fn new(decoder: json::Decoder, validator: Validator) -> Self {
        Self { decoder, validator }
    }
}

impl DocumentDecoder for Decoder {
    type State = json::State;

    fn new_state(&self, texts: Texts) -> json::State {
        self.decoder.new_state(texts)
    }

    fn decode(
        &self,
        state: &mut json::State,
        document: &[u8],
        columns: &mut [Column],
    ) -> Result<usize, Undecodable> {
        let rows = self.decoder.decode(state, document, columns)?;
        self.validator.check(document).map(|()| rows).map_err(|_| Undecodable)
    }

    fn diagnose(&self, document: &[u8]) -> Diagnosis {
        let mut diagnosis = self.decoder.diagnose(document);
        if let Err(violations) = self.validator.check(document) {
            diagnosis.defects.insert(0, Defect::of_record(Reason::NotAllowedBySchema, violations));
        }
        diagnosis
    }
}
