//! Runs a program over one record.
//!
//! A message is read once, field by field, into the ends of the columns. Where that is not enough, because a field has
//! several values of which one counts, the walk stops and starts again on the record's canonical form.

use super::catalog::{Catalog, Number};
use super::lookup;
use super::program::{Action, Choice, ChoiceKind, Lack, MAX_DEPTH, Mode, Node, Program, Slot, Source};
use super::together::Gathered;
use super::wire::{Broken, DELIMITED, Flaw, Key, Raw, Reader};
use crate::column_batch::{Column, Values};
use crate::convert::Reason;
use crate::document::Texts;
use crate::json::WhenMissing;

/// What a walk remembers, kept from record to record so that its memory is used again.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(super) texts: Texts,
    /// For each slot the scope in which it was last met.
    met: Vec<u64>,
    /// For each oneof the scope in which a member was last met.
    set: Vec<u64>,
    /// The message being read; every one has its own number.
    last_scope: u64,
    /// The canonical form of a record that needs it.
    pub(super) canonical: Vec<u8>,
    /// Parts in canonical form, and JSON text made of them.
    pub(super) region: Vec<u8>,
    pub(super) text: Vec<u8>,
}

impl State {
    pub(super) fn new(program: &Program, texts: Texts) -> Self {
        Self { texts, met: vec![0; program.slots.len()], set: vec![0; program.oneofs], ..Self::default() }
    }
}

/// Why a walk ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The canonical form of the record is needed.
    Again,
    /// The record is no valid message.
    Broken(Broken),
    /// A value does not convert, or is missing.
    Fault,
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// A column that a record has no valid value for.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// Index of the target column.
    pub(super) target: usize,
    pub(super) reason: Reason,
    /// The value as text.
    pub(super) detail: String,
}

/// One record under way.
pub(super) struct Walk<'w> {
    pub(super) program: &'w Program,
    pub(super) catalog: &'w Catalog,
    pub(super) state: &'w mut State,
    pub(super) when_missing: WhenMissing,
    /// Whether the bytes are in canonical form.
    pub(super) canonical: bool,
    /// Faults are gathered, at most one a column, rather than ending the walk.
    pub(super) faults: Option<Vec<Fault>>,
}

/// Where a message is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Number of `[:]` around it.
    pub(super) level: usize,
    /// Messages around it, itself included.
    pub(super) depth: usize,
}

impl Walk<'_> {
    /// Reads a message into one more row of each of a node's columns.
    pub(super) fn message(
        &mut self,
        node: usize,
        body: &[u8],
        columns: &mut [Column],
        place: Place,
    ) -> Result<(), Stop> {
        let mut reader = Reader::new(body);
        if place.depth > MAX_DEPTH {
            return Err(reader.broken(Flaw::TooDeep).into());
        }
        let program = self.program;
        let node = &program.nodes[node];
        if let Some(packed) = &node.packed
            && let Some(found) = lookup::packed_type(packed, body)?
        {
            return self.packed_message(found, body, columns, place);
        }
        self.state.last_scope += 1;
        let scope = self.state.last_scope;
        let slots = &program.slots[node.slots.clone()];
        let mut expected = 0;
        while let Some(key) = reader.key()? {
            let Some(index) = find(slots, key, expected) else {
                reader.skip(key)?;
                continue;
            };
            let slot = &slots[index];
            expected = index + usize::from(slot.single);
            self.meet(node.slots.start + index, slot, scope)?;
            let raw = reader.raw(key)?;
            match (slot.packed, raw) {
                (Some(number), Raw::Bytes(packed)) => {
                    self.packed(columns, &slot.action, number, packed, place)?;
                }
                _ => self.act(columns, &slot.action, raw, place)?,
            }
        }
        self.finish(node, scope, body, columns, place)
    }

    /// Notes that a field has a value. Of several ones the last counts, or they are merged: not here.
    #[inline(always)]
    fn meet(&mut self, index: usize, slot: &Slot, scope: u64) -> Result<(), Stop> {
        if slot.single && self.state.met[index] == scope {
            return Err(Stop::Again);
        }
        self.state.met[index] = scope;
        if let Some(oneof) = slot.oneof {
            if self.state.set[oneof] == scope {
                return Err(Stop::Again);
            }
            self.state.set[oneof] = scope;
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn act(
        &mut self,
        columns: &mut [Column],
        action: &Action,
        raw: Raw<'_>,
        place: Place,
    ) -> Result<(), Stop> {
        match action {
            Action::Leaf(leaf) => self.leaf(columns, *leaf, raw, place),
            other => self.act_further(columns, other, raw, place),
        }
    }

    fn act_further(
        &mut self,
        columns: &mut [Column],
        action: &Action,
        raw: Raw<'_>,
        place: Place,
    ) -> Result<(), Stop> {
        match (action, raw) {
            (Action::Several(actions), _) => {
                actions.iter().try_for_each(|action| self.act(columns, action, raw, place))
            }
            (Action::Node(node), Raw::Bytes(body)) => {
                self.message(*node, body, columns, Place { depth: place.depth + 1, ..place })
            }
            (Action::Each(node), Raw::Bytes(body)) => {
                self.message(*node, body, columns, Place { level: place.level + 1, depth: place.depth + 1 })
            }
            (Action::Leaf(leaf), _) => self.leaf(columns, *leaf, raw, place),
            (Action::Nothing | Action::Node(_) | Action::Each(_) | Action::Keys(_), _) => Ok(()),
        }
    }

    fn packed(
        &mut self,
        columns: &mut [Column],
        action: &Action,
        number: Number,
        packed: &[u8],
        place: Place,
    ) -> Result<(), Stop> {
        let key = Key(number.form());
        let mut reader = Reader::new(packed);
        while !reader.rest.is_empty() {
            let raw = reader.raw(key)?;
            self.act(columns, action, raw, place)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn leaf(&mut self, columns: &mut [Column], leaf: usize, raw: Raw<'_>, place: Place) -> Result<(), Stop> {
        let leaf = &self.program.leaves[leaf];
        let mut column = items_at(&mut columns[leaf.column], place.level);
        if let Some(element) = leaf.element {
            column = &mut elements_of(&mut column.values)[element];
        }
        match leaf.mode {
            Mode::Single => {
                self.value(column, leaf.shape, raw, leaf.target, place.depth)?;
                end_row(column);
                Ok(())
            }
            Mode::Items => self.item(column, leaf.shape, raw, leaf.target, place.depth),
            Mode::Together { .. } => Ok(()),
        }
    }

    /// Gives a row to every column of a message that has none yet, and ends the rows of lists.
    fn finish(
        &mut self,
        node: &Node,
        scope: u64,
        body: &[u8],
        columns: &mut [Column],
        place: Place,
    ) -> Result<(), Stop> {
        let program = self.program;
        for index in node.slots.clone() {
            let slot = &program.slots[index];
            if !slot.single {
                self.end_repeated(columns, &slot.action, body, place)?;
            } else if self.state.met[index] != scope {
                self.unset(columns, slot, place)?;
            }
        }
        for leaf in &node.whole {
            self.leaf(columns, *leaf, Raw::Bytes(body), Place { depth: place.depth - 1, ..place })?;
        }
        for choice in &node.choices {
            let is_set = self.state.set[choice.oneof] == scope;
            self.end_choice(columns, choice, is_set, place)?;
        }
        node.nowhere.iter().try_for_each(|leaf| self.lack(columns, *leaf, false, place))
    }

    fn unset(&mut self, columns: &mut [Column], slot: &Slot, place: Place) -> Result<(), Stop> {
        match &slot.default {
            Some(default) => self.act(columns, &slot.action, default.raw(), place),
            None => self.lacking(columns, &slot.action, place),
        }
    }

    /// Columns below an unset field lack a value.
    fn lacking(&mut self, columns: &mut [Column], action: &Action, place: Place) -> Result<(), Stop> {
        let program = self.program;
        match action {
            Action::Nothing | Action::Each(_) | Action::Keys(_) => Ok(()),
            Action::Leaf(leaf) => self.lack(columns, *leaf, true, place),
            Action::Node(node) => {
                let below = &program.nodes[*node].leaves;
                below.iter().try_for_each(|leaf| self.lack(columns, *leaf, false, place))
            }
            Action::Several(actions) => {
                actions.iter().try_for_each(|action| self.lacking(columns, action, place))
            }
        }
    }

    /// The column lacks a value; `is_null` if only for its own field being unset.
    pub(super) fn lack(
        &mut self,
        columns: &mut [Column],
        leaf: usize,
        is_null: bool,
        place: Place,
    ) -> Result<(), Stop> {
        let leaf = &self.program.leaves[leaf];
        let column = items_at(&mut columns[leaf.column], place.level);
        let column = match leaf.element {
            Some(element) => {
                leaf.zeros[0].push(&mut elements_of(&mut column.values)[element]);
                return Ok(());
            }
            None if leaf.lack == Lack::Choice => return Ok(()),
            None => column,
        };
        leaf.zeros[place.level].push(column);
        if let Some(absent) = &mut column.absent {
            absent.push(1);
            return Ok(());
        }
        let is_stored = column.nulls.is_some()
            || matches!(column.values, Values::Variant { .. })
            || is_null && leaf.lack == Lack::Empty;
        if is_stored { Ok(()) } else { self.missing(leaf.target) }
    }

    /// A required value is missing.
    pub(super) fn missing(&mut self, target: usize) -> Result<(), Stop> {
        match self.when_missing {
            WhenMissing::TypeZero => Ok(()),
            _ => self.fault(target, Reason::MissingRequired, String::new),
        }
    }

    fn end_repeated(
        &mut self,
        columns: &mut [Column],
        action: &Action,
        body: &[u8],
        place: Place,
    ) -> Result<(), Stop> {
        let program = self.program;
        match action {
            Action::Nothing | Action::Node(_) => Ok(()),
            Action::Several(actions) => {
                actions.iter().try_for_each(|action| self.end_repeated(columns, action, body, place))
            }
            Action::Each(node) => {
                for leaf in &program.nodes[*node].leaves {
                    let column = items_at(&mut columns[program.leaves[*leaf].column], place.level);
                    end_list(&mut column.values);
                    end_row(column);
                }
                Ok(())
            }
            Action::Keys(map) => self.keys(columns, &program.keyed[*map], body, place),
            Action::Leaf(index) => {
                let leaf = &program.leaves[*index];
                let column = items_at(&mut columns[leaf.column], place.level);
                match leaf.mode {
                    Mode::Together { message, field } => {
                        let from = Gathered { message, field, mode: leaf.mode };
                        self.together(column, leaf.shape, from, body, leaf.target, place.depth)?;
                    }
                    _ => self.end_items(column, leaf.shape)?,
                }
                end_row(column);
                Ok(())
            }
        }
    }

    fn end_choice(
        &mut self,
        columns: &mut [Column],
        choice: &Choice,
        is_set: bool,
        place: Place,
    ) -> Result<(), Stop> {
        let ChoiceKind::Tuple(open) = &choice.kind else {
            return if is_set { Ok(()) } else { self.lack(columns, choice.leaf, true, place) };
        };
        let column = items_at(&mut columns[self.program.leaves[choice.leaf].column], place.level);
        let elements = elements_of(&mut column.values);
        open.iter().for_each(|(element, zero)| zero.push(&mut elements[*element]));
        if let Some(nulls) = &mut column.nulls {
            nulls.push(u8::from(!is_set));
        }
        if let Some(absent) = &mut column.absent {
            absent.push(u8::from(!is_set));
        }
        Ok(())
    }

    /// Ends the walk or, when faults are gathered, notes this one; the first fault of a column is kept.
    #[cold]
    pub(super) fn fault(
        &mut self,
        target: usize,
        reason: Reason,
        detail: impl FnOnce() -> String,
    ) -> Result<(), Stop> {
        let Some(faults) = &mut self.faults else {
            return Err(Stop::Fault);
        };
        if faults.iter().all(|fault| fault.target != target) {
            faults.push(Fault { target, reason, detail: detail() });
        }
        Ok(())
    }

    /// A value of `source` does not convert.
    #[cold]
    pub(super) fn refuse(
        &mut self,
        target: usize,
        reason: Reason,
        source: Source,
        raw: Raw<'_>,
    ) -> Result<(), Stop> {
        let catalog = self.catalog;
        self.fault(target, reason, || super::text::plain(catalog, source, raw))
    }
}

/// The slot that takes a key. Most records have their fields in the order of their numbers, and few are left out.
#[inline(always)]
fn find(slots: &[Slot], key: Key, expected: usize) -> Option<usize> {
    let ahead = slots.get(expected..)?.iter().take(LOOK_AHEAD).position(|slot| slot.key == key);
    ahead.map(|ahead| expected + ahead).or_else(|| search(slots, key))
}

/// Slots that are tried in turn before the rest is searched.
const LOOK_AHEAD: usize = 4;

#[inline(never)]
fn search(slots: &[Slot], key: Key) -> Option<usize> {
    let index = slots.binary_search_by_key(&key.number(), |slot| slot.key.number()).ok()?;
    let slot = &slots[index];
    let is_packed = slot.packed.is_some() && key.form() == DELIMITED;
    (slot.key == key || is_packed).then_some(index)
}

/// The items of the items ... of a column, `level` lists down.
#[inline(always)]
pub(super) fn items_at(column: &mut Column, level: usize) -> &mut Column {
    (0..level).fold(column, |column, _| items_of(&mut column.values))
}

pub(super) fn items_of(values: &mut Values) -> &mut Column {
    match values {
        Values::List { items, .. } => items,
        _ => unreachable!("a list was compiled for a list column"),
    }
}

pub(super) fn elements_of(values: &mut Values) -> &mut [Column] {
    match values {
        Values::Tuple(elements) => elements,
        _ => unreachable!("a tuple was compiled for a tuple column"),
    }
}

/// Ends a row of a list after the items it has now.
pub(super) fn end_list(values: &mut Values) {
    let Values::List { ends, items } = values else {
        unreachable!("a list was compiled for a list column");
    };
    ends.push(items.row_count());
}

/// Notes that a row has a value, unless it was noted to be absent.
#[inline(always)]
fn end_row(column: &mut Column) {
    if let Some(absent) = &mut column.absent {
        absent.resize(column.values.row_count(), 0);
    }
}
