//! Documents: the value or the key of a record once its frame is off, and what the decoders of all formats share.

use crate::{
    column_batch::{Column, ColumnBatch},
    quarantine::Defect,
    target::TargetColumn,
};
use forebay_project::column_type::ColumnType;
use forebay_project::model::PathStep;

/// A column that is read from a document.
#[derive(Clone, Copy, Debug)]
pub struct DocumentColumn<'a> {
    /// Its index among the target columns.
    pub index: usize,
    /// The column.
    pub target: &'a TargetColumn,
    /// Where in the document its values stand; no steps is the whole document.
    pub steps: &'a [PathStep],
}

/// Decodes documents of one writer schema, or of none, into the columns it was compiled for.
///
/// Laws, tested for every format:
/// - a document adds the same rows whatever was decoded before it;
/// - it never panics, recurses without bound, or allocates for a length that is only claimed.
pub trait DocumentDecoder {
    /// What is kept from document to document so that its memory is used again.
    type State;

    /// A state for [`Self::decode`].
    fn new_state(&self, texts: Texts) -> Self::State;

    /// Appends the rows of one document, nearly always one, to each column that was compiled, and returns their number.
    ///
    /// `columns` are all target columns; others are left alone.
    ///
    /// # Errors
    /// When the document does not fit; columns may then have grown unevenly, and the caller cuts them back.
    fn decode(
        &self,
        state: &mut Self::State,
        document: &[u8],
        columns: &mut [Column],
    ) -> Result<usize, Undecodable>;

    /// Whether all text that was appended after the first `first_row` rows, with [`Texts::CheckedLater`], is UTF-8.
    /// If not, the caller decodes the same documents again with [`Texts::CheckedAtOnce`].
    fn texts_are_valid(&self, _columns: &[Column], _first_row: usize) -> bool {
        true
    }

    /// What is wrong with a document that [`Self::decode`] refused: a second, slow look.
    fn diagnose(&self, document: &[u8]) -> Diagnosis;
}

/// When text is checked to be UTF-8. One pass over the texts of many rows is several times faster than one a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Texts {
    /// By [`DocumentDecoder::texts_are_valid`], after many documents.
    #[default]
    CheckedLater,
    /// As soon as it is met, so that the document at fault is known.
    CheckedAtOnce,
}

/// A document did not decode; [`DocumentDecoder::diagnose`] says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecodable;

/// What is wrong with one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// At least one.
    pub defects: Vec<Defect>,
    /// The text found for target columns, by their index; `None` where nothing was found. May be shorter, or empty.
    pub found: Vec<Option<Vec<u8>>>,
}

impl Diagnosis {
    /// Of a document that is wrong as a whole.
    pub fn whole(defect: Defect) -> Self {
        Self { defects: vec![defect], found: Vec::new() }
    }
}

/// Empty columns to decode one document into, apart from the rows of others: as many as the highest index needs, where
/// those that no decoder was compiled for stay empty.
pub fn scratch(columns: &[DocumentColumn<'_>]) -> ColumnBatch {
    let length = columns.iter().map(|column| column.index + 1).max().unwrap_or(0);
    let mut batch = ColumnBatch::new_for(std::iter::repeat_n(&ColumnType::Bool, length));
    for column in columns {
        let one = ColumnBatch::for_columns(std::slice::from_ref(column.target));
        batch.columns[column.index] = one.columns.into_iter().next().expect("one column was asked for");
    }
    batch
}
