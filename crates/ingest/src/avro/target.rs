//! Target columns as the compiler sees them: shapes without wrappers, and what no value becomes.

use super::program::Lack;
use crate::convert::{Reason, Scalar, UnsupportedType, VariantMembers, Zero};
use crate::json::{CompileCause, WhenMissing};
use forebay_project::column_type::ColumnType;
use std::collections::BTreeSet;

/// A column, or a nested part of one.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) shape: Shape,
    /// Without `Nullable`, `LowCardinality` and `SimpleAggregateFunction` around it.
    pub(super) column_type: ColumnType,
    /// Index of the target column it is or belongs to.
    pub(super) column: usize,
    /// Whether NULL can be stored.
    pub(super) is_nullable: bool,
    /// What a null becomes.
    pub(super) null: Lack,
    /// What a missing value becomes.
    pub(super) missing: Lack,
}

pub(super) type TargetId = usize;

#[derive(Debug)]
pub(super) enum Shape {
    Scalar(Scalar),
    Json(Scalar),
    List(TargetId),
    Map { key: Scalar, value: TargetId },
    Tuple { names: Vec<Option<String>>, elements: Vec<TargetId> },
    Variant { members: VariantMembers, targets: Vec<TargetId> },
}

/// All columns and their parts.
#[derive(Debug)]
pub(super) struct Targets {
    pub(super) targets: Vec<Target>,
    when_missing: WhenMissing,
}

impl Targets {
    pub(super) fn new(when_missing: WhenMissing) -> Self {
        Self { targets: Vec::new(), when_missing }
    }

    /// Adds a column.
    pub(super) fn column(
        &mut self,
        column: usize,
        column_type: &ColumnType,
        has_default: bool,
    ) -> Result<TargetId, CompileCause> {
        let id = self.part(column, column_type)?;
        if has_default {
            let zero = Zero::compile(column_type).map_err(CompileCause::Type)?;
            let target = &mut self.targets[id];
            target.missing = Lack::Absent(zero.clone());
            if !column_type.is_nullable() {
                target.null = Lack::Absent(zero);
            }
        }
        Ok(id)
    }

    fn part(&mut self, column: usize, column_type: &ColumnType) -> Result<TargetId, CompileCause> {
        let zero = Zero::compile(column_type).map_err(CompileCause::Type)?;
        let stripped = match column_type.stripped() {
            ColumnType::Geo(geo) => geo.stored(),
            other => other.clone(),
        };
        let shape = self.shape(column, &stripped)?;
        let or_refuse = |takes_it: bool, reason| match takes_it || self.when_missing == WhenMissing::TypeZero
        {
            true => Lack::Zero(zero.clone()),
            false => Lack::Refuse(reason),
        };
        let is_nullable = column_type.is_nullable();
        let may_be_empty = !matches!(shape, Shape::Scalar(_));
        let null = or_refuse(is_nullable || may_be_empty, Reason::NullForRequired);
        let missing = or_refuse(is_nullable, Reason::MissingRequired);
        self.targets.push(Target { shape, column_type: stripped, column, is_nullable, null, missing });
        Ok(self.targets.len() - 1)
    }

    fn shape(&mut self, column: usize, stripped: &ColumnType) -> Result<Shape, CompileCause> {
        Ok(match stripped {
            ColumnType::Array(item) => Shape::List(self.part(column, item)?),
            ColumnType::Map(key, value) => {
                Shape::Map { key: scalar(key.stripped())?, value: self.part(column, value)? }
            }
            ColumnType::Tuple(elements) => self.tuple(column, elements)?,
            ColumnType::Variant(members) => self.variant(column, VariantMembers::of(members))?,
            ColumnType::Dynamic { .. } => self.variant(column, VariantMembers::of_dynamic().clone())?,
            ColumnType::Json(_) => Shape::Json(scalar(stripped)?),
            other => Shape::Scalar(scalar(other)?),
        })
    }

    fn tuple(
        &mut self,
        column: usize,
        elements: &[(Option<String>, ColumnType)],
    ) -> Result<Shape, CompileCause> {
        if elements.is_empty() {
            return Err(CompileCause::EmptyTuple);
        }
        let mut known = BTreeSet::new();
        for name in elements.iter().filter_map(|(name, _)| name.as_ref()) {
            if !known.insert(name) {
                return Err(CompileCause::RepeatedElement(name.clone()));
            }
        }
        let targets = elements.iter().map(|(_, element)| self.part(column, element));
        let targets = targets.collect::<Result<_, _>>()?;
        Ok(Shape::Tuple { names: elements.iter().map(|(name, _)| name.clone()).collect(), elements: targets })
    }

    fn variant(&mut self, column: usize, members: VariantMembers) -> Result<Shape, CompileCause> {
        let targets = (0..members.len()).map(|member| self.part(column, members.column_type(member)));
        let targets = targets.collect::<Result<_, _>>()?;
        Ok(Shape::Variant { members, targets })
    }

    /// The part `level` lists down.
    pub(super) fn item(&self, target: TargetId, level: usize) -> Result<TargetId, CompileCause> {
        (0..level).try_fold(target, |target, _| match self.targets[target].shape {
            Shape::List(item) => Ok(item),
            _ => Err(CompileCause::TooFewArrays { steps: level }),
        })
    }
}

fn scalar(column_type: &ColumnType) -> Result<Scalar, CompileCause> {
    Scalar::compile(column_type).map_err(|unsupported: UnsupportedType| CompileCause::Type(unsupported))
}
