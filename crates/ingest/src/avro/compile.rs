//! From a layout, columns and their paths to a [`Program`].

use super::layout::{Kind, Layout, NodeId};
use super::program::{Fill, FillId, Leaf, LeafId, Program, Step, StepId};
use super::target::{TargetId, Targets};
use crate::document::DocumentColumn;
use crate::json::{CompileError, WhenMissing};
use forebay_project::model::PathStep;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The program that reads `columns` from records of `layout`.
pub(super) fn compile(
    layout: &Arc<Layout>,
    columns: &[DocumentColumn<'_>],
    when_missing: WhenMissing,
) -> Result<Program, CompileError> {
    let mut targets = Targets::new(when_missing);
    let mut leaves = Vec::new();
    let mut places = Places { places: vec![Place::default()] };
    for DocumentColumn { index, target, steps } in columns {
        let leaf = add_leaf(&mut targets, *index, target, steps)
            .map_err(|cause| CompileError { column: target.name.clone(), cause })?;
        places.at(&steps[..used_steps(steps)]).push(leaves.len());
        leaves.push(leaf);
    }
    let mut compiler = Compiler {
        layout,
        targets: &targets,
        places: &places,
        leaves: &leaves,
        steps: Vec::new(),
        fills: Vec::new(),
        known_steps: HashMap::new(),
        known_fills: HashMap::new(),
        raw_columns: HashSet::new(),
    };
    let root = compiler.step(0, layout.root);
    let (steps, mut fills, raw) = (compiler.steps, compiler.fills, compiler.raw_columns);
    let mut text_columns = BTreeSet::new();
    for fill in &mut fills {
        if let Fill::Text { column, later } = fill {
            *later = !raw.contains(column);
            text_columns.extend(later.then_some(*column));
        }
    }
    let leaves = leaves.iter().map(|leaf| leaf.compiled(&targets)).collect();
    Ok(Program {
        layout: layout.clone(),
        steps,
        fills,
        leaves,
        root,
        text_columns: text_columns.into_iter().collect(),
    })
}

/// Steps before the trailing `[:]`: those only say that the value is an array, which the type says too.
fn used_steps(steps: &[PathStep]) -> usize {
    let last_field = steps.iter().rposition(|step| matches!(step, PathStep::Field(_)));
    last_field.map_or(0, |last| last + 1)
}

/// Where one column is read.
struct Reading {
    column: usize,
    has_default: bool,
    /// Number of `[:]` around its values.
    level: usize,
    /// The whole column, then its items, the items of those, down to the level.
    targets: Vec<TargetId>,
}

fn add_leaf(
    targets: &mut Targets,
    index: usize,
    target: &crate::target::TargetColumn,
    steps: &[PathStep],
) -> Result<Reading, crate::json::CompileCause> {
    let lists = |steps: &[PathStep]| steps.iter().filter(|step| matches!(step, PathStep::Each)).count();
    let has_default = target.default.is_some();
    let whole = targets.column(index, &target.column_type, has_default)?;
    targets.item(whole, lists(steps))?;
    let level = lists(&steps[..used_steps(steps)]);
    let targets = (0..=level).map(|level| targets.item(whole, level)).collect::<Result<_, _>>()?;
    Ok(Reading { column: index, has_default, level, targets })
}

impl Reading {
    fn compiled(&self, targets: &Targets) -> Leaf {
        let missing = self.targets.iter().map(|target| targets.targets[*target].missing.clone());
        Leaf { column: self.column, level: self.level, missing: missing.collect() }
    }
}

type PlaceId = usize;

/// The trie of paths.
#[derive(Default)]
struct Place {
    leaves: Vec<LeafId>,
    fields: BTreeMap<Box<str>, PlaceId>,
    each: Option<PlaceId>,
    level: usize,
}

struct Places {
    places: Vec<Place>,
}

impl Places {
    /// The leaves of the place that `steps` lead to.
    fn at(&mut self, steps: &[PathStep]) -> &mut Vec<LeafId> {
        let mut place = 0;
        for step in steps {
            let next = self.places.len();
            let (found, level) = match step {
                PathStep::Field(name) => {
                    let level = self.places[place].level;
                    (*self.places[place].fields.entry(name.as_str().into()).or_insert(next), level)
                }
                PathStep::Each => {
                    let level = self.places[place].level + 1;
                    (*self.places[place].each.get_or_insert(next), level)
                }
            };
            if found == next {
                self.places.push(Place { level, ..Place::default() });
            }
            place = found;
        }
        &mut self.places[place].leaves
    }

    /// Leaves of a place and below it.
    fn below(&self, place: PlaceId) -> Vec<LeafId> {
        let Place { leaves, fields, each, .. } = &self.places[place];
        let inner = fields.values().chain(each).flat_map(|place| self.below(*place));
        leaves.iter().copied().chain(inner).collect()
    }
}

pub(super) struct Compiler<'c> {
    pub(super) layout: &'c Layout,
    pub(super) targets: &'c Targets,
    places: &'c Places,
    leaves: &'c [Reading],
    steps: Vec<Step>,
    pub(super) fills: Vec<Fill>,
    known_steps: HashMap<(PlaceId, NodeId), StepId>,
    pub(super) known_fills: HashMap<(NodeId, TargetId), FillId>,
    /// Columns that take bytes as they are, so that not all they hold is text.
    pub(super) raw_columns: HashSet<usize>,
}

/// A name that paths go on with, and where they lead to.
type Named<'c> = (&'c str, PlaceId);

impl<'c> Compiler<'c> {
    fn add(&mut self, step: Step) -> StepId {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// What is done with a value of `node` that stands at `place`.
    fn step(&mut self, place: PlaceId, node: NodeId) -> StepId {
        if let Some(step) = self.known_steps.get(&(place, node)) {
            return *step;
        }
        let places = self.places;
        let Place { leaves, fields, each, .. } = &places.places[place];
        let mut steps: Vec<StepId> = leaves.iter().map(|leaf| self.leaf(*leaf, node)).collect();
        if !fields.is_empty() {
            let names: Vec<Named> = fields.iter().map(|(name, place)| (name.as_ref(), *place)).collect();
            steps.push(self.fields(&names, node));
        }
        if let Some(each) = each {
            steps.push(self.each(*each, node));
        }
        let step = self.several(steps, node);
        self.known_steps.insert((place, node), step);
        step
    }

    /// All of these steps over one value of `node`.
    fn several(&mut self, mut steps: Vec<StepId>, node: NodeId) -> StepId {
        match steps.len() {
            0 => self.add(Step::Skip(vec![node])),
            1 => steps.remove(0),
            _ => self.add(Step::Several(steps.into())),
        }
    }

    fn leaf(&mut self, leaf: LeafId, node: NodeId) -> StepId {
        let reading = &self.leaves[leaf];
        let fill = self.fill(node, reading.targets[reading.level]);
        self.add(match reading.level == 0 && !reading.has_default {
            true => Step::Fill { column: reading.column, fill },
            false => Step::FillLeaf { leaf, fill },
        })
    }

    /// Paths that go on with names. Through a value that has no fields they lead nowhere.
    fn fields(&mut self, names: &[Named<'c>], node: NodeId) -> StepId {
        let layout = self.layout;
        match layout.kind(node) {
            Kind::Record { .. } => self.record(names, node),
            Kind::Union(branches) => self.union(names, branches),
            Kind::Map(value) if !names.iter().any(|(name, _)| layout.goes_by(node, name)) => {
                let keys: Vec<_> =
                    names.iter().map(|(name, place)| (Box::from(*name), self.step(*place, *value))).collect();
                let missing: Vec<_> = names.iter().map(|(_, place)| self.missing(&[*place])).collect();
                self.add(Step::Keys { value: *value, keys: keys.into(), missing: missing.into() })
            }
            _ => self.by_type_name(names, node, Vec::new()),
        }
    }

    /// Names that are the type's own lead to the value itself; others nowhere.
    fn by_type_name(&mut self, names: &[Named<'c>], node: NodeId, mut steps: Vec<StepId>) -> StepId {
        let (own, others): (Vec<Named>, Vec<Named>) =
            names.iter().partition(|(name, _)| self.layout.goes_by(node, name));
        steps.extend(own.iter().map(|(_, place)| self.step(*place, node)));
        let value = self.several(steps, node);
        if others.is_empty() {
            return value;
        }
        let places: Vec<_> = others.iter().map(|(_, place)| *place).collect();
        let missing = self.missing(&places);
        self.add(Step::Sequence([value, missing].into()))
    }

    /// Fields come in the order of the writer: by name, then by alias. What is left may be the record's own name.
    fn record(&mut self, names: &[Named<'c>], node: NodeId) -> StepId {
        let layout = self.layout;
        let Kind::Record { fields, defaults } = layout.kind(node) else {
            unreachable!("only records are read as records");
        };
        let field_names = fields.iter().map(|field| &field.names);
        let all_names: Vec<_> = field_names.chain(defaults.iter().map(|default| &default.names)).collect();
        let mut places: Vec<Vec<PlaceId>> = vec![Vec::new(); all_names.len()];
        let mut left = Vec::new();
        for (name, place) in names {
            match find(&all_names, name) {
                Some(index) => places[index].push(*place),
                None => left.push((*name, *place)),
            }
        }
        if places.iter().all(Vec::is_empty) {
            return self.by_type_name(&left, node, Vec::new());
        }
        let mut steps = Vec::new();
        for (field, places) in fields.iter().zip(&places) {
            let at_field = places.iter().map(|place| self.step(*place, field.node)).collect();
            let step = self.several(at_field, field.node);
            self.append(&mut steps, step);
        }
        for (default, places) in
            defaults.iter().zip(&places[fields.len()..]).filter(|(_, places)| !places.is_empty())
        {
            let at_default = places.iter().map(|place| self.step(*place, default.node)).collect();
            let step = self.several(at_default, default.node);
            steps.push(self.add(Step::Default { bytes: default.bytes.clone(), step }));
        }
        let record = self.add(Step::Sequence(steps.into()));
        match left.is_empty() {
            true => record,
            false => self.by_type_name(&left, node, vec![record]),
        }
    }

    /// Appends a step to a sequence; what is passed over in a row becomes one step, a sequence its parts.
    fn append(&mut self, steps: &mut Vec<StepId>, step: StepId) {
        match &self.steps[step] {
            Step::Sequence(parts) => steps.extend(parts),
            Step::Skip(nodes) => {
                let nodes = nodes.clone();
                let last = steps.last().map(|last| &self.steps[*last]);
                match last {
                    Some(Step::Skip(before)) => {
                        let joined = before.iter().copied().chain(nodes).collect();
                        steps.pop();
                        steps.push(self.add(Step::Skip(joined)));
                    }
                    _ => steps.push(step),
                }
            }
            _ => steps.push(step),
        }
    }

    /// A name is a field of whichever branch is there or, if no branch has such a field, the name of a branch.
    fn union(&mut self, names: &[Named<'c>], branches: &[NodeId]) -> StepId {
        let (of_fields, of_branches): (Vec<Named>, Vec<Named>) =
            names.iter().partition(|(name, _)| branches.iter().any(|branch| self.has_field(*branch, name)));
        let steps = branches.iter().map(|branch| self.branch(&of_fields, &of_branches, *branch)).collect();
        self.add(Step::Union(steps))
    }

    fn branch(&mut self, of_fields: &[Named<'c>], of_branches: &[Named<'c>], node: NodeId) -> StepId {
        let has_fields = matches!(self.layout.kind(node), Kind::Record { .. });
        let (here, absent): (Vec<Named>, Vec<Named>) =
            of_fields.iter().partition(|(name, _)| has_fields && self.has_field(node, name));
        let mut steps = Vec::new();
        if !here.is_empty() {
            steps.push(self.record(&here, node));
        }
        let others: Vec<Named> = of_branches.iter().chain(&absent).copied().collect();
        match others.is_empty() && !steps.is_empty() {
            true => self.several(steps, node),
            // A map's keys are whatever a record holds, so they count as fields of no branch in particular.
            false if steps.is_empty() && matches!(self.layout.kind(node), Kind::Map(_)) => {
                self.fields(&others, node)
            }
            false => self.by_type_name(&others, node, steps),
        }
    }

    fn has_field(&self, node: NodeId, name: &str) -> bool {
        match self.layout.kind(node) {
            Kind::Record { fields, defaults } => {
                let field_names = fields.iter().map(|field| &field.names);
                let mut names = field_names.chain(defaults.iter().map(|default| &default.names)).flatten();
                names.any(|known| known.as_ref() == name)
            }
            _ => false,
        }
    }

    /// Paths that go on with `[:]`.
    fn each(&mut self, each: PlaceId, node: NodeId) -> StepId {
        let layout = self.layout;
        match layout.kind(node) {
            Kind::Array(item) => {
                let item = self.step(each, *item);
                let level = self.places.places[each].level - 1;
                self.add(Step::Each { item, leaves: self.places.below(each).into(), level })
            }
            Kind::Union(branches) => {
                let steps = branches.iter().map(|branch| self.each(each, *branch)).collect();
                self.add(Step::Union(steps))
            }
            _ => {
                let value = self.add(Step::Skip(vec![node]));
                let level = self.places.places[each].level - 1;
                let leaves = self.places.below(each).into();
                let missing = self.add(Step::Missing { leaves, level });
                self.add(Step::Sequence([value, missing].into()))
            }
        }
    }

    /// Paths that lead nowhere.
    fn missing(&mut self, places: &[PlaceId]) -> StepId {
        let level = self.places.places[places[0]].level;
        let leaves = places.iter().flat_map(|place| self.places.below(*place)).collect();
        self.add(Step::Missing { leaves, level })
    }
}

/// The field of a name: first as it is called now, then as it is also known.
pub(super) fn find(fields: &[&Vec<Box<str>>], name: &str) -> Option<usize> {
    let called = fields.iter().position(|names| names.first().is_some_and(|first| first.as_ref() == name));
    let known = || fields.iter().position(|names| names.iter().any(|known| known.as_ref() == name));
    called.or_else(known)
}
