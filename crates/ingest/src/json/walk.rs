//! Runs a program over one record.

use super::keys::KeyCache;
use super::program::{Action, Program, Shape};
use super::scan::{self, Broken, MAX_DEPTH, Next};
use crate::column_batch::{Column, Values};
use crate::convert::Reason;

/// A column that a record has no valid value for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// Index of the leaf.
    pub(super) leaf: usize,
    /// Why.
    pub(super) reason: Reason,
    /// Index of the value's first byte; `None` when it is missing.
    pub(super) at: Option<usize>,
}

/// What a walk remembers, kept from record to record so that its memory is used again.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(super) keys: Vec<KeyCache>,
    /// For each node the scope it was last met in: met twice in one is a repeated key.
    met: Vec<u64>,
    /// For each leaf the scope it was last filled in.
    filled: Vec<u64>,
    /// The record or, inside `[:]`, the item being read; every one has its own number.
    last_scope: u64,
    /// At most one a leaf.
    pub(super) faults: Vec<Fault>,
    pub(super) scratch: String,
}

impl State {
    pub(super) fn new(program: &Program) -> Self {
        Self {
            keys: vec![KeyCache::default(); program.names.len()],
            met: vec![0; program.nodes.len()],
            filled: vec![0; program.leaves.len()],
            ..Self::default()
        }
    }
}

/// What a missing value of a required column becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenMissing {
    /// The record goes to quarantine.
    #[default]
    Quarantine,
    /// The column's type zero, as ClickPipes does it.
    TypeZero,
}

/// One record under way.
pub(super) struct Walk<'w> {
    pub(super) program: &'w Program,
    pub(super) state: &'w mut State,
    pub(super) record: &'w str,
    pub(super) when_missing: WhenMissing,
}

/// Where a value is read.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The record or item it belongs to.
    scope: u64,
    /// Number of faults before the scope.
    faults: usize,
    /// Number of `[:]` around the scope.
    level: usize,
    /// Number of arrays and objects around the value.
    depth: u8,
}

impl Place {
    fn inside(&self, at: usize) -> Result<Self, Broken> {
        let depth = deeper(self.depth, at)?;
        Ok(Self { depth, ..*self })
    }
}

/// The depth inside a container that starts at `at`.
#[inline(always)]
pub(super) fn deeper(depth: u8, at: usize) -> Result<u8, Broken> {
    if depth == MAX_DEPTH {
        return Err(Broken { at });
    }
    Ok(depth + 1)
}

impl Walk<'_> {
    /// Reads the record into one more row of each column. A column without a valid value gets a row all the same,
    /// and a fault.
    pub(super) fn run(&mut self, columns: &mut [Column]) -> Result<(), Broken> {
        self.state.faults.clear();
        let bytes = self.record.as_bytes();
        let place = self.new_scope(0, 0);
        let start = scan::skip_space(bytes, 0);
        let end = self.node(columns, start, 0, &place)?;
        scan::finish(bytes, end)?;
        self.fill_missing(columns, 0, &place);
        Ok(())
    }

    fn new_scope(&mut self, level: usize, depth: u8) -> Place {
        self.state.last_scope += 1;
        Place { scope: self.state.last_scope, faults: self.state.faults.len(), level, depth }
    }

    #[inline(always)]
    fn node(
        &mut self,
        columns: &mut [Column],
        at: usize,
        node: usize,
        place: &Place,
    ) -> Result<usize, Broken> {
        let program = self.program;
        match &program.nodes[node].action {
            Action::Leaf(leaf) => self.leaf(columns, at, *leaf, place),
            action => self.act(columns, at, action, place),
        }
    }

    fn act(
        &mut self,
        columns: &mut [Column],
        at: usize,
        action: &Action,
        place: &Place,
    ) -> Result<usize, Broken> {
        match action {
            Action::Nothing => scan::value(self.record.as_bytes(), at, place.depth),
            Action::Leaf(leaf) => self.leaf(columns, at, *leaf, place),
            Action::Fields(names) => self.fields(columns, at, *names, place),
            Action::Each(node) => self.each(columns, at, *node, place),
            Action::Several(actions) => {
                actions.iter().try_fold(at, |_, action| self.act(columns, at, action, place))
            }
        }
    }

    fn leaf(
        &mut self,
        columns: &mut [Column],
        at: usize,
        leaf: usize,
        place: &Place,
    ) -> Result<usize, Broken> {
        let program = self.program;
        let target = &program.leaves[leaf];
        let column = items_at(&mut columns[target.column], place.level);
        self.state.filled[leaf] = place.scope;
        let is_null = self.record.as_bytes().get(at) == Some(&b'n');
        let end = match &program.shapes[target.shape] {
            shape if is_null && column.absent.is_some() && column.nulls.is_none() && !shape.is_variant() => {
                return self.absent(column, at, target.shape);
            }
            Shape::Scalar(scalar) if !is_null => {
                let end = self.scalar(&mut column.values, at, scalar, leaf, place.depth)?;
                if let Some(nulls) = &mut column.nulls {
                    nulls.push(0);
                }
                end
            }
            _ => self.value(column, at, target.shape, leaf, place.depth)?,
        };
        if let Some(absent) = &mut column.absent {
            absent.push(0);
        }
        Ok(end)
    }

    /// Reads null for a column with a DEFAULT.
    fn absent(&mut self, column: &mut Column, at: usize, shape: usize) -> Result<usize, Broken> {
        self.zero(column, shape);
        column.absent.get_or_insert_default().push(1);
        scan::literal(self.record.as_bytes(), at, b"null")
    }

    /// Reads those members of an object that paths lead to. Through any other value the paths lead nowhere.
    fn fields(
        &mut self,
        columns: &mut [Column],
        at: usize,
        names: usize,
        place: &Place,
    ) -> Result<usize, Broken> {
        let bytes = self.record.as_bytes();
        if bytes.get(at) != Some(&b'{') {
            return scan::value(bytes, at, place.depth);
        }
        let place = &place.inside(at)?;
        let table = &self.program.names[names];
        let mut expected = 0;
        let mut next = scan::first_item(bytes, at, b'}');
        loop {
            let at = match next {
                Next::Item(at) => at,
                Next::End(end) => return Ok(end),
            };
            let member = self.state.keys[names].member(table, self.record, at, &mut expected)?;
            let end = match member.target {
                None => scan::value(bytes, member.value, place.depth)?,
                Some(node) => {
                    self.meet(columns, node, place);
                    self.node(columns, member.value, node, place)?
                }
            };
            next = scan::next_item(bytes, end, b'}')?;
        }
    }

    /// Notes that a node has a value in this scope. Of repeated keys the last one counts,
    /// so what the one before filled is undone.
    #[inline(always)]
    fn meet(&mut self, columns: &mut [Column], node: usize, place: &Place) {
        if self.state.met[node] == place.scope {
            self.undo(columns, node, place);
        }
        self.state.met[node] = place.scope;
    }

    #[cold]
    fn undo(&mut self, columns: &mut [Column], node: usize, place: &Place) {
        let below = &self.program.nodes[node].leaves;
        for leaf in below.clone() {
            if self.state.filled[leaf] == place.scope {
                self.state.filled[leaf] = 0;
                let column = &mut columns[self.program.leaves[leaf].column];
                let column = items_at(column, place.level);
                column.truncate(column.row_count() - 1);
            }
        }
        let later = self.state.faults.split_off(place.faults);
        let kept = later.into_iter().filter(|fault| !below.contains(&fault.leaf));
        self.state.faults.extend(kept);
    }

    /// Reads the items of an array, each one by `node`. Through any other value the paths lead nowhere.
    fn each(
        &mut self,
        columns: &mut [Column],
        at: usize,
        node: usize,
        place: &Place,
    ) -> Result<usize, Broken> {
        let bytes = self.record.as_bytes();
        if bytes.get(at) != Some(&b'[') {
            return scan::value(bytes, at, place.depth);
        }
        let depth = deeper(place.depth, at)?;
        let mut next = scan::first_item(bytes, at, b']');
        while let Next::Item(at) = next {
            let item = &self.new_scope(place.level + 1, depth);
            let end = self.node(columns, at, node, item)?;
            self.fill_missing(columns, node, item);
            next = scan::next_item(bytes, end, b']')?;
        }
        self.end_lists(columns, node, place);
        Ok(next.position())
    }

    fn end_lists(&mut self, columns: &mut [Column], node: usize, place: &Place) {
        for leaf in self.program.nodes[node].leaves.clone() {
            self.state.filled[leaf] = place.scope;
            let column = &mut columns[self.program.leaves[leaf].column];
            let column = items_at(column, place.level);
            end_list(&mut column.values);
            if let Some(absent) = &mut column.absent {
                absent.push(0);
            }
        }
    }

    /// Gives a row to every column of a scope that has none yet.
    fn fill_missing(&mut self, columns: &mut [Column], node: usize, place: &Place) {
        for leaf in self.program.nodes[node].leaves.clone() {
            if self.state.filled[leaf] != place.scope {
                self.missing(columns, leaf, place);
            }
        }
    }

    fn missing(&mut self, columns: &mut [Column], leaf: usize, place: &Place) {
        let target = &self.program.leaves[leaf];
        let shapes = &self.program.shapes;
        let shape = (0..place.level).fold(target.column_shape, |shape, _| match shapes[shape] {
            Shape::List(item) => item,
            _ => shape,
        });
        let column = items_at(&mut columns[target.column], place.level);
        self.zero(column, shape);
        if let Some(absent) = &mut column.absent {
            absent.push(1);
        } else if column.nulls.is_none() && !shapes[shape].is_variant() {
            self.lacks(leaf, Reason::MissingRequired, None);
        }
    }

    /// A required value is missing or null.
    pub(super) fn lacks(&mut self, leaf: usize, reason: Reason, at: Option<usize>) {
        if self.when_missing == WhenMissing::Quarantine {
            self.fault(leaf, reason, at);
        }
    }

    /// Notes what is wrong with a column; the first fault of a column is kept.
    #[cold]
    pub(super) fn fault(&mut self, leaf: usize, reason: Reason, at: Option<usize>) {
        if self.state.faults.iter().all(|fault| fault.leaf != leaf) {
            self.state.faults.push(Fault { leaf, reason, at });
        }
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

/// Ends a row of a list after the items it has now.
pub(super) fn end_list(values: &mut Values) {
    let Values::List { ends, items } = values else {
        unreachable!("a list shape was compiled for a list column");
    };
    ends.push(items.row_count());
}
