//! Columns against the records they were made from, by the decoder that will run.

use super::InferredColumn;
use super::columns::{nullable, zero_text};
use crate::document::{DocumentColumn, DocumentDecoder, Texts, scratch};
use crate::json::{self, CompileError, Decoder};
use crate::target::{ColumnSource, TargetColumn};
use forebay_project::column_type::ColumnType;
use forebay_project::model::{Path, PathStep};
use std::collections::BTreeSet;

/// A column widens twice at most: to text, then to text or NULL.
const ROUNDS: usize = 3;

/// Makes text of every column that refuses one of the records. JSON columns have rules of their own for what they take,
/// such as no name twice; everything else was checked value by value already.
pub(super) fn widen(columns: &mut [InferredColumn], documents: &[Vec<u8>]) {
    for _ in 0..ROUNDS {
        let at_fault = at_fault(columns, documents);
        if at_fault.is_empty() {
            return;
        }
        for index in at_fault {
            columns[index].widen();
        }
    }
}

/// The columns that refuse a record, by index.
pub(super) fn at_fault(columns: &[InferredColumn], documents: &[Vec<u8>]) -> BTreeSet<usize> {
    let targets: Vec<TargetColumn> = columns.iter().map(InferredColumn::target).collect();
    let columns: Vec<DocumentColumn<'_>> = document_columns(&targets).collect();
    match Decoder::compile(&columns, json::Options::default()) {
        Ok(decoder) => refused(&decoder, &columns, documents),
        Err(CompileError { column, .. }) => {
            targets.iter().position(|target| target.name == column).into_iter().collect()
        }
    }
}

fn refused(decoder: &Decoder, columns: &[DocumentColumn<'_>], documents: &[Vec<u8>]) -> BTreeSet<usize> {
    let mut rows = scratch(columns);
    let mut state = decoder.new_state(Texts::CheckedAtOnce);
    let mut at_fault = BTreeSet::new();
    for document in documents {
        if decoder.decode(&mut state, document, &mut rows.columns).is_err() {
            at_fault.extend(decoder.diagnose(document).defects.iter().filter_map(|defect| defect.column));
        }
        rows.truncate(0);
    }
    at_fault
}

/// The columns that are read from documents.
fn document_columns(targets: &[TargetColumn]) -> impl Iterator<Item = DocumentColumn<'_>> {
    targets.iter().enumerate().filter_map(|(index, target)| match &target.source {
        ColumnSource::Path(Path::Document(steps)) => Some(DocumentColumn { index, target, steps }),
        _ => None,
    })
}

impl InferredColumn {
    /// Makes text of a column that refuses a record, and text or NULL of one that did so as text.
    pub fn widen(&mut self) {
        let may_lack = self.default.is_some() || self.column_type.is_nullable();
        let was_text = self.column_type == ColumnType::String;
        self.reason = Some(format!("some values do not fit {}: kept as text", self.column_type));
        self.column_type = match may_lack || was_text {
            true => ColumnType::Nullable(Box::new(ColumnType::String)),
            false => ColumnType::String,
        };
        self.default = None;
        if let Path::Document(steps) | Path::Key(steps) = &mut self.path {
            let lists_from = steps.iter().position(|step| *step == PathStep::Each);
            steps.truncate(lists_from.unwrap_or(steps.len()));
        }
    }

    /// Lets a record be without the value: NULL where the type has it, else empty.
    pub(super) fn may_be_absent(&mut self) {
        self.column_type = nullable(self.column_type.clone(), false);
        self.default = (!self.column_type.is_nullable()).then(|| zero_text(&self.column_type));
    }

    /// The column of the landing table that it becomes.
    pub fn target(&self) -> TargetColumn {
        TargetColumn {
            name: self.name.clone(),
            column_type: self.column_type.clone(),
            source: ColumnSource::Path(self.path.clone()),
            default: self.default.clone(),
            codec: None,
        }
    }
}
