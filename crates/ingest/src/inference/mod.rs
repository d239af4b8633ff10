//! From sampled records, or from a schema, to the columns of a table.
//!
//! Laws, tested for random records:
//! - the columns take every sampled record: the decoder that will run refuses none of them;
//! - neither the order of the samples nor their grouping matters.
//!
//! A type is the narrowest that all values share: `Int64` before `UInt64`, a time or a UUID where every text is one,
//! `Float64` only where it changes no value, `String` where shapes are mixed. NULL is allowed only where a value was
//! null or missing. Objects become columns `a_b` with the path `$.a.b`, arrays of objects columns of arrays with the
//! path `$.a[:].b`.

mod columns;
mod datasource_text;
mod declared;
mod distinct;
mod fit;
mod from_avro;
mod from_json_schema;
mod keyed;
mod name;
mod number;
mod observed;
mod sample;
mod scalar_type;
mod sorting_key;
mod text;
pub(crate) mod typed;

pub use datasource_text::{DatasourceText, literal};
pub use keyed::{Comparison, Keys, Replacing};
pub use sorting_key::SortingKey;

use crate::avro::AvroSchema;
use crate::protobuf;
use crate::schema::Schema;
use columns::Columns;
use forebay_project::column_type::ColumnType;
use forebay_project::model::{Path, Tombstones};
use observed::Observed;
use sample::Sample;
use typed::Typed;

/// How columns are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What becomes of objects in objects.
    pub nested: Nested,
    /// Whether the table has the automatic columns of a data source that reads Kafka, so that a key may name them.
    pub has_automatic_columns: bool,
}

/// What becomes of objects, or of records of a schema, inside the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nested {
    /// A column for each of their fields.
    #[default]
    Flatten,
    /// One JSON column.
    Json,
}

/// The columns of a table, and why they are what they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Inference {
    /// In the order of the fields.
    pub columns: Vec<InferredColumn>,
    /// What the table is sorted by.
    pub sorting_key: SortingKey,
    /// What else a person should know, such as fields left out.
    pub notes: Vec<String>,
    /// How the rows of one key become one; `None` where every record is a row that stays.
    pub replacing: Option<Replacing>,
    /// What becomes of records without a value.
    pub tombstones: Tombstones,
    has_automatic_columns: bool,
}

/// A column that was inferred.
#[derive(Clone, Debug, PartialEq)]
pub struct InferredColumn {
    /// Column name.
    pub name: String,
    /// Column type.
    pub column_type: ColumnType,
    /// Where its values stand.
    pub path: Path,
    /// `DEFAULT` expression, for types that have no NULL where records may lack the value.
    pub default: Option<String>,
    /// Why the type is what it is, where that is not plain.
    pub reason: Option<String>,
}

/// A type, and why.
#[derive(Clone, Debug, PartialEq)]
struct Chosen {
    column_type: ColumnType,
    reason: Option<String>,
}

impl Chosen {
    fn plain(column_type: ColumnType) -> Self {
        Self { column_type, reason: None }
    }

    fn because(column_type: ColumnType, reason: impl Into<String>) -> Self {
        Self { column_type, reason: Some(reason.into()) }
    }
}

/// JSON records that were looked at.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    documents: Vec<Vec<u8>>,
    observed: Observed,
    unreadable: usize,
}

impl Samples {
    /// Looks at one more record.
    pub fn add(&mut self, document: &[u8]) {
        match Sample::read(document) {
            Some(sample) => {
                self.observed.merge(Observed::of(&sample));
                self.documents.push(document.to_owned());
            }
            None => self.unreadable += 1,
        }
    }

    /// Looks at what others looked at: the same as adding all their records.
    pub fn merge(&mut self, other: Self) {
        self.documents.extend(other.documents);
        self.observed.merge(other.observed);
        self.unreadable += other.unreadable;
    }

    /// How many records were read.
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether no record was read.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// How many records are no JSON, and were left out.
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// The columns that take all of them.
    pub fn infer(&self, options: Options) -> Inference {
        let mut columns = Columns::new(options);
        columns.records(&self.observed);
        fit::widen(&mut columns.columns, &self.documents);
        if self.unreadable > 0 {
            let (noun, verb) =
                if self.unreadable == 1 { ("record is", "was") } else { ("records are", "were") };
            columns.notes.push(format!("{} {noun} no JSON and {verb} left out", self.unreadable));
        }
        columns.finish()
    }

    /// The columns that a JSON Schema declares, made wider where one of the records is not as it says; and columns for
    /// fields that it does not declare.
    ///
    /// # Errors
    /// When the schema is no JSON.
    pub fn infer_declared(&self, schema: &Schema, options: Options) -> Result<Inference, String> {
        let declared = typed::columns(&from_json_schema::typed(schema)?, options);
        if self.is_empty() {
            return Ok(declared);
        }
        let mut inference = self.infer(options);
        inference.columns =
            declared::reconciled(declared.columns, &inference.columns, &self.observed, &self.documents);
        inference.notes.extend(declared.notes);
        inference.propose_sorting_key();
        Ok(inference)
    }
}

impl Inference {
    /// A table of these columns, with a proposal for its sorting key.
    fn new(columns: Vec<InferredColumn>, notes: Vec<String>, options: Options) -> Self {
        let Options { has_automatic_columns, .. } = options;
        let sorting_key = sorting_key::propose(&columns, has_automatic_columns);
        let (replacing, tombstones) = (None, Tombstones::default());
        Self { columns, sorting_key, notes, replacing, tombstones, has_automatic_columns }
    }

    /// Proposes a sorting key for the columns as they are now.
    fn propose_sorting_key(&mut self) {
        self.sorting_key = sorting_key::propose(&self.columns, self.has_automatic_columns);
    }

    /// Makes text of the columns of these indexes, which refuse a record.
    pub fn widen(&mut self, at_fault: impl IntoIterator<Item = usize>) {
        at_fault.into_iter().for_each(|index| self.columns[index].widen());
        self.propose_sorting_key();
    }
}

/// A type that a schema declares for its records.
#[derive(Clone, Debug)]
pub struct Declared(Typed);

impl Declared {
    /// That of an Avro schema.
    pub fn of_avro(schema: &AvroSchema) -> Self {
        Self(from_avro::typed(schema))
    }

    /// That of a Protobuf message; with `unroll` that of the items, if a repeated message is its only field.
    pub fn of_protobuf(message: &protobuf::Message, unroll: bool) -> Self {
        let outline = message.outline();
        Self(if unroll { outline.unrolled() } else { outline })
    }

    /// The columns for records of any of these types, the one that counts most first.
    pub fn infer(types: impl IntoIterator<Item = Self>, options: Options) -> Option<Inference> {
        let types = types.into_iter().map(|Self(declared)| declared);
        let united = types.reduce(|one, other| one.or(other, "the schemas"))?;
        Some(typed::columns(&united, options))
    }
}

/// The one column for records that are text or bytes as a whole.
pub fn of_whole_values(options: Options) -> Inference {
    typed::columns(&Typed::leaf(ColumnType::String), options)
}

/// Columns that a file declares, with a proposal for the sorting key.
pub fn of_columns(columns: Vec<InferredColumn>, options: Options) -> Inference {
    Inference::new(columns, Vec::new(), options)
}

/// The columns for records of an Avro schema.
pub fn of_avro(schema: &AvroSchema, options: Options) -> Inference {
    typed::columns(&from_avro::typed(schema), options)
}

/// The columns for records of a Protobuf message type.
pub fn of_protobuf(message: &protobuf::Message, options: Options) -> Inference {
    typed::columns(&message.outline(), options)
}
