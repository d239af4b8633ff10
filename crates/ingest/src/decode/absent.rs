//! Rows without a document: what the columns read from it get.

use crate::{
    column_batch::Column,
    convert::{Reason, UnsupportedType, Zero},
    document::DocumentColumn,
    quarantine::Defect,
};

/// Fills the columns that are read from a document which a record does not have.
#[derive(Clone, Debug)]
pub(super) struct AbsentDocument {
    columns: Vec<(usize, Zero)>,
}

impl AbsentDocument {
    pub(super) fn compile(columns: &[DocumentColumn<'_>]) -> Result<Self, UnsupportedType> {
        let zeros =
            columns.iter().map(|column| Ok((column.index, Zero::compile(&column.target.column_type)?)));
        Ok(Self { columns: zeros.collect::<Result<_, _>>()? })
    }

    /// Appends a row: DEFAULT where the column has one, else NULL, else the type's zero.
    pub(super) fn fill(&self, columns: &mut [Column]) {
        for (index, zero) in &self.columns {
            let column = &mut columns[*index];
            zero.push(column);
            if let Some(absent) = &mut column.absent {
                absent.push(1);
            }
        }
    }

    /// The columns that need a value: neither a DEFAULT nor NULL could take its place.
    pub(super) fn required(&self, columns: &[Column]) -> Vec<Defect> {
        let needs_value = |column: &Column| column.absent.is_none() && column.nulls.is_none();
        let required = self.columns.iter().filter(|(index, _)| needs_value(&columns[*index]));
        let defect =
            |index| Defect { column: Some(index), reason: Reason::MissingRequired, detail: String::new() };
        required.map(|(index, _)| defect(*index)).collect()
    }
}
