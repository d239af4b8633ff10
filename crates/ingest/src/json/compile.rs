//! From columns and their paths to a [`Program`].

use super::choices::Choices;
use super::program::{Action, Leaf, Names, Node, Program, Shape, Variant};
use crate::convert::{Scalar, UnsupportedType, dynamic_members};
use crate::document::DocumentColumn;
use crate::target::TargetColumn;
use forebay_project::column_type::ColumnType;
use forebay_project::model::PathStep;
use std::{collections::BTreeMap, fmt};

/// A column that no decoder can be built for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// Name of the column.
    pub column: String,
    /// What stands in the way.
    pub cause: CompileCause,
}

/// Why a column cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileCause {
    /// The type has no conversion.
    Type(UnsupportedType),
    /// The path goes through more arrays than the type has.
    TooFewArrays {
        /// Number of `[:]` in the path.
        steps: usize,
    },
    /// The tuple has no element.
    EmptyTuple,
    /// Two elements of a tuple have the same name.
    RepeatedElement(String),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column \"{}\": ", self.column)?;
        match &self.cause {
            CompileCause::Type(unsupported) => unsupported.fmt(f),
            CompileCause::TooFewArrays { steps } => write!(
                f,
                "its path has {steps} [:], its type fewer arrays\nwrap the type in Array(...) or drop [:] from the path"
            ),
            CompileCause::EmptyTuple => f.write_str("a tuple needs an element"),
            CompileCause::RepeatedElement(name) => {
                write!(f, "two elements of a tuple are named \"{name}\"")
            }
        }
    }
}

impl std::error::Error for CompileError {}

/// The program for `columns`.
pub(super) fn compile(columns: &[DocumentColumn<'_>]) -> Result<Program, CompileError> {
    let mut compiler = Compiler::default();
    let mut root = Place::default();
    for DocumentColumn { index, target, steps } in columns {
        let leaf = compiler.leaf(*index, target, steps);
        let leaf = leaf.map_err(|cause| CompileError { column: target.name.clone(), cause })?;
        root.at(&steps[..used_steps(steps)]).leaves.push(leaf);
    }
    compiler.node(root);
    Ok(compiler.program)
}

/// Steps before the trailing `[:]`: those only say that the value is an array, which the type says too.
fn used_steps(steps: &[PathStep]) -> usize {
    let last_field = steps.iter().rposition(|step| matches!(step, PathStep::Field(_)));
    last_field.map_or(0, |last| last + 1)
}

/// The trie of paths while it grows.
#[derive(Default)]
struct Place {
    leaves: Vec<Leaf>,
    fields: BTreeMap<Box<str>, Place>,
    each: Option<Box<Place>>,
}

impl Place {
    fn at(&mut self, steps: &[PathStep]) -> &mut Self {
        steps.iter().fold(self, |place, step| match step {
            PathStep::Field(name) => place.fields.entry(name.as_str().into()).or_default(),
            PathStep::Each => place.each.get_or_insert_default(),
        })
    }
}

#[derive(Default)]
struct Compiler {
    program: Program,
}

impl Compiler {
    fn leaf(
        &mut self,
        index: usize,
        column: &TargetColumn,
        steps: &[PathStep],
    ) -> Result<Leaf, CompileCause> {
        let is_each = |step: &&PathStep| matches!(step, PathStep::Each);
        let column_shape = self.shape(&column.column_type)?;
        self.item_shape(column_shape, steps.iter().filter(is_each).count())?;
        let level = steps[..used_steps(steps)].iter().filter(is_each).count();
        Ok(Leaf { column: index, shape: self.item_shape(column_shape, level)?, column_shape })
    }

    /// The shape `level` lists down.
    fn item_shape(&self, shape: usize, level: usize) -> Result<usize, CompileCause> {
        (0..level).try_fold(shape, |shape, _| match self.program.shapes[shape] {
            Shape::List(item) => Ok(item),
            _ => Err(CompileCause::TooFewArrays { steps: level }),
        })
    }

    fn shape(&mut self, column_type: &ColumnType) -> Result<usize, CompileCause> {
        let shape = match column_type {
            ColumnType::Nullable(inner)
            | ColumnType::LowCardinality(inner)
            | ColumnType::SimpleAggregateFunction { inner, .. } => return self.shape(inner),
            ColumnType::Geo(geo) => return self.shape(&geo.stored()),
            ColumnType::Variant(members) => self.variant(members)?,
            ColumnType::Dynamic { .. } => self.variant(dynamic_members())?,
            ColumnType::Array(item) => Shape::List(self.shape(item)?),
            ColumnType::Map(key, value) => {
                Shape::Map { key: scalar(unwrapped(key))?, value: self.shape(value)? }
            }
            ColumnType::Tuple(elements) => self.tuple(elements)?,
            other => Shape::Scalar(scalar(other)?),
        };
        Ok(self.add(shape))
    }

    fn add(&mut self, shape: Shape) -> usize {
        self.program.shapes.push(shape);
        self.program.shapes.len() - 1
    }

    fn tuple(&mut self, elements: &[(Option<String>, ColumnType)]) -> Result<Shape, CompileCause> {
        if elements.is_empty() {
            return Err(CompileCause::EmptyTuple);
        }
        let mut named = BTreeMap::new();
        for (index, (name, _)) in elements.iter().enumerate() {
            let Some(name) = name else { continue };
            if named.insert(Box::from(name.as_str()), index).is_some() {
                return Err(CompileCause::RepeatedElement(name.clone()));
            }
        }
        let names = (!named.is_empty()).then(|| self.names(Names::new(named)));
        let shapes = elements.iter().map(|(_, element)| self.shape(element));
        let elements = shapes.collect::<Result<_, _>>()?;
        Ok(Shape::Tuple { names, elements })
    }

    fn variant(&mut self, members: &[ColumnType]) -> Result<Shape, CompileCause> {
        let shapes = members.iter().map(|member| self.shape(member));
        let shapes = shapes.collect::<Result<_, _>>()?;
        Ok(Shape::Variant(Box::new(Variant { members: shapes, choices: Choices::of(members) })))
    }

    fn names(&mut self, names: Names) -> usize {
        self.program.names.push(names);
        self.program.names.len() - 1
    }

    /// Lays out a place and what is below it; leaves of one subtree end up side by side.
    fn node(&mut self, place: Place) -> usize {
        let index = self.program.nodes.len();
        let first_leaf = self.program.leaves.len();
        self.program.nodes.push(Node { action: Action::Nothing, leaves: 0..0 });
        let leaves = first_leaf..first_leaf + place.leaves.len();
        let mut actions: Vec<Action> = leaves.map(Action::Leaf).collect();
        self.program.leaves.extend(place.leaves);
        if !place.fields.is_empty() {
            let fields = place.fields.into_iter();
            let nodes: Vec<_> = fields.map(|(name, place)| (name, self.node(place))).collect();
            actions.push(Action::Fields(self.names(Names::new(nodes))));
        }
        if let Some(each) = place.each {
            actions.push(Action::Each(self.node(*each)));
        }
        self.program.nodes[index] = Node {
            action: match actions.len() {
                0 => Action::Nothing,
                1 => actions.remove(0),
                _ => Action::Several(actions.into()),
            },
            leaves: first_leaf..self.program.leaves.len(),
        };
        index
    }
}

fn unwrapped(column_type: &ColumnType) -> &ColumnType {
    match column_type {
        ColumnType::LowCardinality(inner) => unwrapped(inner),
        other => other,
    }
}

fn scalar(column_type: &ColumnType) -> Result<Scalar, CompileCause> {
    Scalar::compile(column_type).map_err(CompileCause::Type)
}
