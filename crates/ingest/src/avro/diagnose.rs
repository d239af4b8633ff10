//! A slow second look at a record that did not decode: which columns are at fault, and what each would have read.

use super::layout::Layout;
use super::program::Program;
use super::walk::{Failure, Walk};
use super::{OwnColumn, compile};
use crate::column_batch::{Column, Values};
use crate::convert::Reason;
use crate::document::{Diagnosis, Texts, scratch};
use crate::json::WhenMissing;
use crate::quarantine::Defect;
use crate::target::TargetColumn;
use forebay_project::column_type::ColumnType;
use forebay_project::model::PathStep;
use std::sync::Arc;

/// A program for each column alone, so that one at fault does not hide another.
#[derive(Debug)]
pub(super) struct Examiner {
    /// Reads no column.
    whole: Program,
    columns: Vec<Examined>,
    count: usize,
}

#[derive(Debug)]
struct Examined {
    index: usize,
    alone: Program,
    empty: Vec<Column>,
    /// Reads the value, whatever it is, as text.
    text: Program,
    empty_text: Vec<Column>,
}

impl Examiner {
    pub(super) fn compile(layout: &Arc<Layout>, columns: &[OwnColumn], when_missing: WhenMissing) -> Self {
        let known = "the same column was compiled together with others";
        let whole = compile::compile(layout, &[], when_missing).expect("no column is no obstacle");
        let columns: Vec<_> = columns
            .iter()
            .map(|column| {
                let shown = shown_as_text(column);
                Examined {
                    index: column.index,
                    alone: compile::compile(layout, &[column.borrowed()], when_missing).expect(known),
                    empty: scratch(&[column.borrowed()]).columns,
                    text: compile::compile(layout, &[shown.borrowed()], when_missing).expect(known),
                    empty_text: scratch(&[shown.borrowed()]).columns,
                }
            })
            .collect();
        let count = columns.iter().map(|column| column.index + 1).max().unwrap_or(0);
        Self { whole, columns, count }
    }

    pub(super) fn examine(&self, document: &[u8]) -> Diagnosis {
        let mut whole = walk(&self.whole, document);
        if whole.run(&mut []).is_err()
            && let Some(failure) = whole.failure
        {
            return Diagnosis::whole(whole_defect(failure, document));
        }
        let mut found = vec![None; self.count];
        let mut defects = Vec::new();
        let mut unnamed = None;
        for column in &self.columns {
            found[column.index] = column.text(document);
            let mut alone = walk(&column.alone, document);
            if alone.run(&mut column.empty.clone()).is_ok() {
                continue;
            }
            match alone.failure {
                Some(Failure::Refused(reason)) => {
                    let detail = alone.detail.as_ref().or(found[column.index].as_ref());
                    let detail = detail.map(|text| String::from_utf8_lossy(text).into_owned());
                    let detail = detail.unwrap_or_default();
                    defects.push(Defect { column: Some(column.index), reason, detail });
                }
                Some(failure) => unnamed = Some(whole_defect(failure, document)),
                None => {}
            }
        }
        defects.sort_by_key(|defect| defect.column);
        if defects.is_empty() {
            // What no column alone is the fault of: many columns read many empty items each.
            let many = Failure::Broken(super::cursor::Broken::TooManyItems, 0);
            return Diagnosis::whole(unnamed.unwrap_or_else(|| whole_defect(many, document)));
        }
        Diagnosis { defects, found }
    }
}

impl Examined {
    fn text(&self, document: &[u8]) -> Option<Vec<u8>> {
        let mut columns = self.empty_text.clone();
        walk(&self.text, document).run(&mut columns).ok()?;
        let column = &columns[self.index];
        match &column.values {
            Values::Bytes { bytes, .. } if column.nulls.as_ref().is_some_and(|nulls| nulls == &[0]) => {
                Some(bytes.clone())
            }
            _ => None,
        }
    }
}

fn walk<'p, 'd>(program: &'p Program, document: &'d [u8]) -> Walk<'p, 'd> {
    let mut walk = Walk::new(program, document, Texts::CheckedAtOnce, Vec::new());
    walk.explains = true;
    walk
}

/// The column as one that takes any value as text; of a path through an array, the whole array.
fn shown_as_text(column: &OwnColumn) -> OwnColumn {
    let fields = column.steps.iter().take_while(|step| matches!(step, PathStep::Field(_)));
    let target = TargetColumn {
        column_type: ColumnType::Nullable(Box::new(ColumnType::String)),
        default: None,
        ..column.target.clone()
    };
    OwnColumn { index: column.index, target, steps: fields.cloned().collect() }
}

fn whole_defect(failure: Failure, document: &[u8]) -> Defect {
    let (reason, detail) = match failure {
        Failure::Broken(_, _) if document.is_empty() => {
            (Reason::InvalidAvro, "the value is empty".to_owned())
        }
        Failure::Broken(broken, at) => (Reason::InvalidAvro, format!("{} at byte {at}", broken.as_str())),
        Failure::TooDeep(at) => {
            let most = super::skip::MAX_DEPTH;
            (Reason::TooDeep, format!("more than {most} records, arrays and maps in each other at byte {at}"))
        }
        Failure::Refused(reason) => (reason, "a value that no column reads alone".to_owned()),
    };
    Defect { column: None, reason, detail }
}
