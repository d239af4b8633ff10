//! Documents taken whole: `string` and `binary`, formats without fields.

use crate::{
    column_batch::Column,
    convert::{ConvertError, Reason, Scalar, Value, Zero},
    document::{self, Diagnosis, DocumentColumn, DocumentDecoder, Texts, Undecodable},
    error::{Error, Kind},
    quarantine::Defect,
};

/// Puts the whole document into every column it was compiled for.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    columns: Vec<WholeColumn>,
    is_text: bool,
    empty: crate::column_batch::ColumnBatch,
}

#[derive(Clone, Debug)]
struct WholeColumn {
    index: usize,
    scalar: Scalar,
    zero: Zero,
    /// Whether the path leads into the document, where a whole has nothing.
    reads_field: bool,
}

impl Decoder {
    /// `is_text` when the documents must be UTF-8, and convert to numbers and times as JSON strings do.
    pub(super) fn compile(columns: &[DocumentColumn<'_>], is_text: bool) -> Result<Self, Error> {
        let compiled = columns.iter().map(|column| {
            let column_type = &column.target.column_type;
            let refused = |what: &dyn std::fmt::Display| {
                let fact = format!("column \"{}\": {what}", column.target.name);
                Error::new(Kind::Invalid, fact)
                    .hint("values without fields go into String columns, numbers and times")
            };
            Ok(WholeColumn {
                index: column.index,
                scalar: Scalar::compile(column_type.stripped()).map_err(|error| refused(&error))?,
                zero: Zero::compile(column_type).map_err(|error| refused(&error))?,
                reads_field: !column.steps.is_empty(),
            })
        });
        Ok(Self { columns: compiled.collect::<Result<_, _>>()?, is_text, empty: document::scratch(columns) })
    }

    fn push(&self, whole: &WholeColumn, document: &[u8], column: &mut Column) -> Result<(), ConvertError> {
        if whole.reads_field {
            return missing(whole, column);
        }
        if self.is_text {
            let text = simdutf8::basic::from_utf8(document).map_err(|_| Reason::InvalidUtf8)?;
            whole.scalar.push_text(text, &mut column.values)?;
        } else {
            whole.scalar.push(Value::Bytes(document), &mut column.values)?;
        }
        if let Some(nulls) = &mut column.nulls {
            nulls.push(0);
        }
        if let Some(absent) = &mut column.absent {
            absent.push(0);
        }
        Ok(())
    }
}

fn missing(whole: &WholeColumn, column: &mut Column) -> Result<(), ConvertError> {
    whole.zero.push(column);
    match &mut column.absent {
        Some(absent) => absent.push(1),
        None if column.nulls.is_none() => return Err(Reason::MissingRequired.into()),
        None => {}
    }
    Ok(())
}

impl DocumentDecoder for Decoder {
    type State = ();

    fn new_state(&self, _texts: Texts) {}

    fn decode(&self, (): &mut (), document: &[u8], columns: &mut [Column]) -> Result<usize, Undecodable> {
        for whole in &self.columns {
            self.push(whole, document, &mut columns[whole.index]).map_err(|_| Undecodable)?;
        }
        Ok(1)
    }

    fn diagnose(&self, document: &[u8]) -> Diagnosis {
        let mut scratch = self.empty.clone();
        let mut diagnosis = Diagnosis { defects: Vec::new(), found: vec![None; scratch.columns.len()] };
        for whole in &self.columns {
            let pushed = self.push(whole, document, &mut scratch.columns[whole.index]);
            diagnosis.found[whole.index] = (!whole.reads_field).then(|| document.to_vec());
            if let Err(ConvertError { reason }) = pushed {
                let detail = String::from_utf8_lossy(document).into_owned();
                diagnosis.defects.push(Defect { column: Some(whole.index), reason, detail });
            }
        }
        diagnosis
    }
}
