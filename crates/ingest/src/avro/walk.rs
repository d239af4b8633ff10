//! Runs a program over one record.

use super::cursor::{Broken, Cursor};
use super::layout::Layout;
use super::program::{Lack, LeafId, Program, Step, StepId};
use super::skip::MAX_EMPTY_ITEMS;
use crate::column_batch::{Column, Values};
use crate::convert::{Reason, Value};
use crate::document::Texts;

/// One record under way.
pub(super) struct Walk<'p, 'd> {
    pub(super) program: &'p Program,
    pub(super) layout: &'p Layout,
    pub(super) cursor: Cursor<'d>,
    pub(super) texts: Texts,
    /// Why a value was not read, once one was not.
    pub(super) failure: Option<Failure>,
    /// How many more items may take no byte.
    pub(super) empty_items: u64,
    pub(super) scratch: Vec<u8>,
    /// Whether the text of a value that does not fit is kept; else nobody asks for it.
    pub(super) explains: bool,
    pub(super) detail: Option<Vec<u8>>,
}

/// [`Walk::failure`] says why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

/// Why a record did not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Its bytes are not what the schema says, from this byte on.
    Broken(Broken, usize),
    /// Deeper than the decoder goes, at this byte.
    TooDeep(usize),
    /// A value does not fit its column, or a column has none.
    Refused(Reason),
}

impl<'p, 'd> Walk<'p, 'd> {
    pub(super) fn new(program: &'p Program, document: &'d [u8], texts: Texts, scratch: Vec<u8>) -> Self {
        Self {
            program,
            layout: &program.layout,
            cursor: Cursor::new(document),
            texts,
            failure: None,
            empty_items: MAX_EMPTY_ITEMS,
            scratch,
            explains: false,
            detail: None,
        }
    }

    /// Reads the record into one more row of each column.
    pub(super) fn run(&mut self, columns: &mut [Column]) -> Result<(), Failed> {
        self.step(columns, self.program.root)?;
        self.finish()
    }

    /// Nothing may follow the record.
    pub(super) fn finish(&mut self) -> Result<(), Failed> {
        match self.cursor.remaining() {
            0 => Ok(()),
            _ => Err(self.broken(Broken::Trailing)),
        }
    }

    #[inline(always)]
    pub(super) fn check<T>(&mut self, read: Result<T, Broken>) -> Result<T, Failed> {
        match read {
            Ok(value) => Ok(value),
            Err(broken) => Err(self.broken(broken)),
        }
    }

    #[cold]
    pub(super) fn broken(&mut self, broken: Broken) -> Failed {
        self.failure = Some(Failure::Broken(broken, self.cursor.at));
        Failed
    }

    #[cold]
    pub(super) fn too_deep(&mut self) -> Failed {
        self.failure = Some(Failure::TooDeep(self.cursor.at));
        Failed
    }

    #[cold]
    pub(super) fn refused(&mut self, reason: Reason) -> Failed {
        self.failure = Some(Failure::Refused(reason));
        Failed
    }

    /// As [`Self::refused`], of this value.
    #[cold]
    pub(super) fn refused_value(&mut self, reason: Reason, value: Value<'_>) -> Failed {
        if self.explains {
            let mut text = Vec::new();
            self.detail = value.write_text(&mut text).ok().map(|()| text);
        }
        self.refused(reason)
    }

    fn step(&mut self, columns: &mut [Column], step: StepId) -> Result<(), Failed> {
        let program = self.program;
        match &program.steps[step] {
            Step::Fill { column, fill } => self.fill(&mut columns[*column], *fill),
            Step::Skip(nodes) => nodes.iter().try_for_each(|node| self.skip(*node, 0)),
            Step::Sequence(steps) => {
                for step in steps {
                    // The usual step is done here: a call less for each field.
                    match &program.steps[*step] {
                        Step::Fill { column, fill } => self.fill(&mut columns[*column], *fill)?,
                        _ => self.step(columns, *step)?,
                    }
                }
                Ok(())
            }
            Step::FillLeaf { leaf, fill } => {
                let leaf = &program.leaves[*leaf];
                let column = items_at(&mut columns[leaf.column], leaf.level);
                self.fill(column, *fill)?;
                end_row(column);
                Ok(())
            }
            Step::Union(steps) => {
                let index = self.cursor.index(steps.len(), Broken::NoSuchBranch);
                let index = self.check(index)?;
                self.step(columns, steps[index])
            }
            Step::Several(steps) => {
                let start = self.cursor.at;
                for step in steps {
                    self.cursor.at = start;
                    self.step(columns, *step)?;
                }
                Ok(())
            }
            Step::Each { item, leaves, level } => {
                self.items(|walk| walk.step(columns, *item))?;
                leaves.iter().for_each(|leaf| self.end_list(columns, *leaf, *level));
                Ok(())
            }
            Step::Missing { leaves, level } => {
                leaves.iter().try_for_each(|leaf| self.missing(columns, *leaf, *level))
            }
            Step::Default { bytes, step } => self.over(bytes, |walk| walk.step(columns, *step)),
            Step::Keys { value, keys, missing } => self.keys(columns, *value, keys, missing),
        }
    }

    /// Reads those values of a map that paths lead to. Of repeated keys the last one counts.
    fn keys(
        &mut self,
        columns: &mut [Column],
        value: usize,
        keys: &[(Box<str>, StepId)],
        missing: &[StepId],
    ) -> Result<(), Failed> {
        let mut found = vec![None; keys.len()];
        self.items(|walk| {
            let key = walk.bytes(super::layout::Wire::Block)?;
            let start = walk.cursor.at;
            for ((name, _), found) in keys.iter().zip(&mut found) {
                if name.as_bytes() == key {
                    *found = Some(start);
                }
            }
            walk.skip(value, 1)
        })?;
        let end = self.cursor.at;
        for (((_, step), missing), found) in keys.iter().zip(missing).zip(found) {
            self.cursor.at = found.unwrap_or(end);
            self.step(columns, if found.is_some() { *step } else { *missing })?;
        }
        self.cursor.at = end;
        Ok(())
    }

    /// Reads from other bytes, those of a default, and goes back to the record.
    pub(super) fn over(
        &mut self,
        bytes: &[u8],
        read: impl FnOnce(&mut Walk<'p, '_>) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let mut walk = Walk::new(self.program, bytes, self.texts, std::mem::take(&mut self.scratch));
        walk.explains = self.explains;
        let result = read(&mut walk);
        (self.failure, self.detail, self.scratch) = (walk.failure, walk.detail, walk.scratch);
        result
    }

    /// Ends a row of a list, so many lists down a leaf's column.
    fn end_list(&mut self, columns: &mut [Column], leaf: LeafId, level: usize) {
        let leaf = &self.program.leaves[leaf];
        let column = items_at(&mut columns[leaf.column], level);
        end_list(&mut column.values);
        end_row(column);
    }

    fn missing(&mut self, columns: &mut [Column], leaf: LeafId, level: usize) -> Result<(), Failed> {
        let leaf = &self.program.leaves[leaf];
        self.lack(items_at(&mut columns[leaf.column], level), &leaf.missing[level])
    }

    /// Appends what stands for no value.
    pub(super) fn lack(&mut self, column: &mut Column, lack: &Lack) -> Result<(), Failed> {
        match lack {
            Lack::Zero(zero) => zero.push(column),
            Lack::Absent(zero) => {
                zero.push(column);
                column.absent.get_or_insert_default().push(1);
            }
            Lack::Refuse(reason) => return Err(self.refused(*reason)),
        }
        Ok(())
    }
}

/// The items of the items ... of a column, `level` lists down.
#[inline(always)]
fn items_at(column: &mut Column, level: usize) -> &mut Column {
    (0..level).fold(column, |column, _| match &mut column.values {
        Values::List { items, .. } => items,
        _ => unreachable!("every [:] of a path was checked to go into a list"),
    })
}

/// Notes that the row is not absent, unless it was noted to be.
fn end_row(column: &mut Column) {
    let rows = column.row_count();
    if let Some(absent) = &mut column.absent {
        absent.resize(rows, 0);
    }
}

/// Ends a row of a list after the items it has now.
pub(super) fn end_list(values: &mut Values) {
    let Values::List { ends, items } = values else {
        unreachable!("a list was compiled for a list column");
    };
    ends.push(items.row_count());
}
