//! From columns, their paths and a message type to a [`Program`].

use super::catalog::{Catalog, Kind, Rank};
use super::program::{Action, Choice, ChoiceKind, Lack, Leaf, Mode, Node, Program, Shape, Slot};
use crate::convert::Zero;
use crate::document::DocumentColumn;
use crate::json::{CompileCause, CompileError};
use forebay_project::{column_type::ColumnType, model::PathStep};
use std::collections::BTreeMap;

/// A column, or an element of a tuple, that something is read into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read<'a> {
    /// Index among the columns of the node.
    pub(super) column: usize,
    pub(super) target: usize,
    /// What is left of its path.
    pub(super) steps: &'a [PathStep],
    pub(super) column_type: &'a ColumnType,
    /// Number of `[:]` that the path has gone through.
    pub(super) level: usize,
}

/// The program that reads a message of type `message` into `columns`.
pub(super) fn compile(
    catalog: &Catalog,
    message: usize,
    columns: &[DocumentColumn<'_>],
) -> Result<Program, CompileError> {
    let mut compiler = Compiler { catalog, program: Program::default(), target: 0, in_any: false };
    let mut reads = Vec::new();
    for column in columns {
        let refuse = |cause| CompileError { column: column.target.name.clone(), cause };
        let steps = &column.steps[..used_steps(column.steps)];
        check_arrays(column.steps, &column.target.column_type).map_err(refuse)?;
        Zero::compile(&column.target.column_type).map_err(CompileCause::Type).map_err(refuse)?;
        reads.push(Read {
            column: column.index,
            target: column.index,
            steps,
            column_type: &column.target.column_type,
            level: 0,
        });
    }
    compiler.node(message, &reads).map_err(|(target, cause)| {
        let at_fault = columns.iter().find(|column| column.index == target);
        CompileError { column: at_fault.map(|column| column.target.name.clone()).unwrap_or_default(), cause }
    })?;
    Ok(compiler.program)
}

/// What stands in the way, and of which target column.
pub(super) type Refusal = (usize, CompileCause);

/// Steps before the trailing `[:]`: those only say that the value is a list, which the schema says too.
pub(super) fn used_steps(steps: &[PathStep]) -> usize {
    let last_field = steps.iter().rposition(|step| matches!(step, PathStep::Field(_)));
    last_field.map_or(0, |last| last + 1)
}

fn check_arrays(steps: &[PathStep], column_type: &ColumnType) -> Result<(), CompileCause> {
    let arrays = steps.iter().filter(|step| matches!(step, PathStep::Each)).count();
    let mut inner = column_type;
    for _ in 0..arrays {
        inner = item_of(inner).ok_or(CompileCause::TooFewArrays { steps: arrays })?;
    }
    Ok(())
}

/// The items of an Array.
pub(super) fn item_of(column_type: &ColumnType) -> Option<&ColumnType> {
    match column_type.stripped() {
        ColumnType::Array(item) => Some(item),
        _ => None,
    }
}

pub(super) struct Compiler<'c> {
    pub(super) catalog: &'c Catalog,
    pub(super) program: Program,
    /// The target column whose shape is being compiled.
    pub(super) target: usize,
    /// Whether what is compiled is inside of an Any.
    pub(super) in_any: bool,
}

impl<'c> Compiler<'c> {
    /// Adds a node for a message, with all that is read from it.
    pub(super) fn node(&mut self, message: usize, reads: &[Read<'_>]) -> Result<usize, Refusal> {
        let index = self.program.nodes.len();
        self.program.nodes.push(Node::default());
        let mut node = Node::default();
        let mut fields: BTreeMap<usize, Vec<Read<'_>>> = BTreeMap::new();
        let mut choices = Vec::new();
        for read in reads {
            match self.place(message, read) {
                Place::Field(field, read) => fields.entry(field).or_default().push(read),
                Place::Oneof(oneof) => choices.push((oneof, *read)),
                Place::Whole => node.whole.push(self.whole_leaf(message, read)?),
                Place::Nowhere => node.nowhere.push(self.nowhere(read)?),
            }
        }
        let mut actions: BTreeMap<usize, Vec<Action>> = BTreeMap::new();
        for (field, reads) in &fields {
            actions.insert(*field, self.field(message, *field, reads, &mut node)?);
        }
        let oneofs = self.oneofs(message, &mut actions, &choices);
        for (oneof, read) in choices {
            let choice = self.choice(message, oneof, oneofs[&oneof], &read, &mut actions)?;
            node.leaves.push(choice.leaf);
            node.choices.push(choice);
        }
        node.leaves.extend(node.nowhere.iter().chain(&node.whole));
        node.slots = self.slots(message, actions, &oneofs);
        node.packed = self.packed(message, reads)?;
        self.program.nodes[index] = node;
        Ok(index)
    }

    /// Adds a node that reads nothing but one field.
    pub(super) fn field_node(
        &mut self,
        message: usize,
        field: usize,
        reads: &[Read<'_>],
    ) -> Result<usize, Refusal> {
        let mut node = Node::default();
        let actions = self.field(message, field, reads, &mut node)?;
        node.leaves.extend(&node.nowhere);
        node.slots = self.slots(message, BTreeMap::from([(field, actions)]), &BTreeMap::new());
        self.program.nodes.push(node);
        Ok(self.program.nodes.len() - 1)
    }

    /// Where the next step of a path leads.
    pub(super) fn place<'a>(&self, message: usize, read: &Read<'a>) -> Place<'a> {
        let [step, rest @ ..] = read.steps else { return Place::Whole };
        if let Some(field) = self.catalog.stand_in(message, step) {
            return Place::Field(field, *read);
        }
        let PathStep::Field(name) = step else { return Place::Nowhere };
        let message = &self.catalog.messages[message];
        if let Some(field) = message.field_named(name) {
            return Place::Field(field, Read { steps: rest, ..*read });
        }
        match (message.oneof_named(name), rest) {
            (Some(oneof), []) => Place::Oneof(oneof),
            // `$.payload.text` is `$.text` for a member `text` of the oneof `payload`.
            (Some(oneof), [PathStep::Field(member), rest @ ..]) => {
                let members = &message.oneofs[oneof].members;
                let named = message.field_named(member).filter(|field| members.contains(field));
                named.map_or(Place::Nowhere, |field| Place::Field(field, Read { steps: rest, ..*read }))
            }
            _ => Place::Nowhere,
        }
    }

    /// What is done with the values of a field for all who read from it.
    fn field(
        &mut self,
        message: usize,
        field: usize,
        reads: &[Read<'_>],
        node: &mut Node,
    ) -> Result<Vec<Action>, Refusal> {
        let found = &self.catalog.messages[message].fields[field];
        let (whole, inside): (Vec<Read<'_>>, Vec<Read<'_>>) =
            reads.iter().partition(|read| read.steps.is_empty());
        let mut actions = Vec::new();
        for read in whole {
            let leaf = self.field_leaf(message, field, &read)?;
            node.leaves.push(leaf);
            actions.push(Action::Leaf(leaf));
        }
        actions.extend(match found.rank {
            Rank::Single => self.inside(found.kind, &inside, node)?,
            Rank::Repeated => self.each(found.kind, &inside, node)?,
            Rank::Map => self.keys(found, &inside, node)?,
        });
        Ok(actions)
    }

    /// What is done with one value for all whose paths go on in it.
    pub(super) fn inside(
        &mut self,
        kind: Kind,
        reads: &[Read<'_>],
        node: &mut Node,
    ) -> Result<Option<Action>, Refusal> {
        match kind {
            Kind::Message(message) if !reads.is_empty() => {
                let inner = self.node(message, reads)?;
                node.leaves.extend(&self.program.nodes[inner].leaves);
                Ok(Some(Action::Node(inner)))
            }
            _ => {
                reads.iter().try_for_each(|read| self.nowhere(read).map(|leaf| node.nowhere.push(leaf)))?;
                Ok(None)
            }
        }
    }

    /// What is done with each of several values for all whose paths go on in it.
    fn each(&mut self, kind: Kind, reads: &[Read<'_>], node: &mut Node) -> Result<Option<Action>, Refusal> {
        let mut inside = Vec::new();
        for read in reads {
            match (read.steps, kind) {
                ([PathStep::Each, rest @ ..], Kind::Message(_)) => {
                    inside.push(Read { steps: rest, level: read.level + 1, ..*read });
                }
                _ => node.nowhere.push(self.nowhere(read)?),
            }
        }
        let action = self.inside(kind, &inside, node)?;
        Ok(action.map(|action| match action {
            Action::Node(inner) => Action::Each(inner),
            other => other,
        }))
    }

    /// Numbers the oneofs that matter: all whose members are read. Their other members become slots too.
    fn oneofs(
        &mut self,
        message: usize,
        actions: &mut BTreeMap<usize, Vec<Action>>,
        choices: &[(usize, Read<'_>)],
    ) -> BTreeMap<usize, usize> {
        let message = &self.catalog.messages[message];
        let mut oneofs = BTreeMap::new();
        for (index, oneof) in message.oneofs.iter().enumerate() {
            let is_chosen = choices.iter().any(|(chosen, _)| *chosen == index);
            if is_chosen || oneof.members.iter().any(|member| actions.contains_key(member)) {
                oneof.members.iter().for_each(|member| {
                    actions.entry(*member).or_default();
                });
                oneofs.insert(index, self.program.oneofs);
                self.program.oneofs += 1;
            }
        }
        oneofs
    }

    fn slots(
        &mut self,
        message: usize,
        actions: BTreeMap<usize, Vec<Action>>,
        oneofs: &BTreeMap<usize, usize>,
    ) -> std::ops::Range<usize> {
        let message = &self.catalog.messages[message];
        let start = self.program.slots.len();
        for (field, actions) in actions {
            let field = &message.fields[field];
            self.program.slots.push(Slot {
                key: field.key(),
                packed: field.number_kind().filter(|_| field.packable()),
                single: field.rank == Rank::Single,
                oneof: field.oneof.map(|oneof| oneofs[&oneof]),
                action: Action::all(actions),
                // The default of a oneof's member says nothing about the oneof.
                default: field.default.clone().filter(|_| field.oneof.is_none()),
            });
        }
        start..self.program.slots.len()
    }

    /// A column that is read from whichever member of a oneof is set.
    fn choice(
        &mut self,
        message: usize,
        oneof: usize,
        number: usize,
        read: &Read<'_>,
        actions: &mut BTreeMap<usize, Vec<Action>>,
    ) -> Result<Choice, Refusal> {
        let column_type = level_type(read);
        self.target = read.target;
        let kind = match column_type.stripped() {
            ColumnType::Tuple(elements) if elements.iter().all(|(name, _)| name.is_some()) => {
                self.choice_of_elements(message, oneof, read, elements, actions)?
            }
            _ => {
                for member in self.catalog.messages[message].oneofs[oneof].members.clone() {
                    let shape = self.member_shape(message, member, column_type).map_err(at(read))?;
                    let leaf = self.leaf(read, shape, Mode::Single, Lack::Choice)?;
                    actions.entry(member).or_default().push(Action::Leaf(leaf));
                }
                ChoiceKind::Value
            }
        };
        let nothing = self.add(Shape::Nothing);
        let leaf = self.leaf(read, nothing, Mode::Single, lack_of(column_type))?;
        Ok(Choice { oneof: number, kind, leaf })
    }

    fn choice_of_elements(
        &mut self,
        message: usize,
        oneof: usize,
        read: &Read<'_>,
        elements: &[(Option<String>, ColumnType)],
        actions: &mut BTreeMap<usize, Vec<Action>>,
    ) -> Result<ChoiceKind, Refusal> {
        let catalog = self.catalog;
        let members = &catalog.messages[message].oneofs[oneof].members;
        let mut open = Vec::new();
        for (index, (name, element)) in elements.iter().enumerate() {
            let found = name.as_ref().and_then(|name| catalog.messages[message].field_named(name));
            let Some(member) = found.filter(|field| members.contains(field)) else {
                open.push((index, zero(element).map_err(at(read))?));
                continue;
            };
            let (shape, mode) = self.field_shape(message, member, element).map_err(at(read))?;
            let leaf = self.leaf(read, shape, mode, Lack::Zero)?;
            self.program.leaves[leaf].element = Some(index);
            self.program.leaves[leaf].zeros = vec![zero(element).map_err(at(read))?];
            actions.entry(member).or_default().push(Action::Leaf(leaf));
        }
        Ok(ChoiceKind::Tuple(open))
    }

    fn field_leaf(&mut self, message: usize, field: usize, read: &Read<'_>) -> Result<usize, Refusal> {
        let column_type = level_type(read);
        self.target = read.target;
        let (shape, mode) = self.field_shape(message, field, column_type).map_err(at(read))?;
        self.leaf(read, shape, mode, lack_of(column_type))
    }

    /// A column of the whole record, or of the whole item of a list.
    fn whole_leaf(&mut self, message: usize, read: &Read<'_>) -> Result<usize, Refusal> {
        let column_type = level_type(read);
        self.target = read.target;
        let shape = self.value_shape(Kind::Message(message), column_type).map_err(at(read))?;
        self.leaf(read, shape, Mode::Single, lack_of(column_type))
    }

    /// A column whose path leads nowhere.
    pub(super) fn nowhere(&mut self, read: &Read<'_>) -> Result<usize, Refusal> {
        let shape = self.add(Shape::Nothing);
        self.leaf(read, shape, Mode::Single, Lack::Fault)
    }

    pub(super) fn leaf(
        &mut self,
        read: &Read<'_>,
        shape: usize,
        mode: Mode,
        lack: Lack,
    ) -> Result<usize, Refusal> {
        let mut zeros = Vec::new();
        let mut column_type = read.column_type;
        for level in 0..=read.level {
            zeros.push(zero(column_type).map_err(at(read))?);
            if level < read.level {
                column_type =
                    item_of(column_type).expect("every [:] of a path was checked to go into an Array");
            }
        }
        let leaf = Leaf { column: read.column, target: read.target, element: None, shape, mode, zeros, lack };
        self.program.leaves.push(leaf);
        Ok(self.program.leaves.len() - 1)
    }

    pub(super) fn add(&mut self, shape: Shape) -> usize {
        self.program.shapes.push(shape);
        self.program.shapes.len() - 1
    }
}

/// Where a path goes in a message.
pub(super) enum Place<'a> {
    Field(usize, Read<'a>),
    Oneof(usize),
    /// It ends here.
    Whole,
    Nowhere,
}

pub(super) fn at<'r>(read: &'r Read<'_>) -> impl Fn(CompileCause) -> Refusal + use<'r> {
    let target = read.target;
    move |cause| (target, cause)
}

fn zero(column_type: &ColumnType) -> Result<Zero, CompileCause> {
    Zero::compile(column_type).map_err(CompileCause::Type)
}

/// The type of the values read: as many lists down the column as the path has gone through.
pub(super) fn level_type<'a>(read: &Read<'a>) -> &'a ColumnType {
    (0..read.level).fold(read.column_type, |column_type, _| {
        item_of(column_type).expect("every [:] of a path was checked to go into an Array")
    })
}

/// Null for an Array, Map or Tuple is empty or zeros where NULL cannot be stored: the one rule of all formats.
pub(super) fn lack_of(column_type: &ColumnType) -> Lack {
    match column_type.stripped() {
        ColumnType::Array(_)
        | ColumnType::Map(..)
        | ColumnType::Tuple(_)
        | ColumnType::Geo(_)
        | ColumnType::Json(_) => Lack::Empty,
        _ => Lack::Fault,
    }
}
