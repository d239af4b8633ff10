//! Rows as one block of ClickHouse's Native format.
//!
//! Source: ClickHouse documentation, "Formats / Native", and the bytes the pinned engine writes itself. A block is the
//! number of columns and of rows as variable-length integers, then for each column its name, its type, and its values.
//!
//! LowCardinality text is sent as a dictionary; any other LowCardinality(T) as T, as it is held here, unless it is a
//! member of a Variant, whose type the engine would not convert. JSON is sent as text, Dynamic with the list of the types
//! it holds ("flattened"). Types that are read in a way of their own say so before the values of the whole column.

use super::dictionary::{self, Dictionary};
use forebay_ingest::{
    column_batch::{Column, Values},
    convert::{Zero, dynamic_members},
};
use forebay_project::column_type::ColumnType;

/// Bytes gathered before they are handed to the sink; longer buffers go to it as they are.
const CHUNK_BYTES: usize = 1 << 20;

/// One column of a block: its name and type, and its values in chunks.
#[derive(Clone, Debug)]
pub struct BlockColumn<'a> {
    /// Name in the table.
    pub name: &'a str,
    /// Type in the table.
    pub column_type: &'a ColumnType,
    /// The values, chunk after chunk.
    pub chunks: Vec<&'a Column>,
}

impl BlockColumn<'_> {
    fn rows(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.row_count()).sum()
    }

    fn has_absent_rows(&self) -> bool {
        self.chunks.iter().any(|chunk| has_absent_rows(chunk))
    }
}

/// Whether some row of the column had no value in its record.
pub(crate) fn has_absent_rows(column: &Column) -> bool {
    column.absent.as_ref().is_some_and(|absent| absent.contains(&1))
}

/// Whether absent rows of a column of this type can be sent as NULL, for which the engine then evaluates DEFAULT.
///
/// A Nullable column would keep the NULL, and composite types have no Nullable form.
pub(crate) fn takes_absent_rows(column_type: &ColumnType) -> bool {
    match column_type {
        ColumnType::LowCardinality(inner) | ColumnType::SimpleAggregateFunction { inner, .. } => {
            takes_absent_rows(inner)
        }
        ColumnType::Nullable(_)
        | ColumnType::Array(_)
        | ColumnType::Tuple(_)
        | ColumnType::Map(..)
        | ColumnType::Json(_)
        | ColumnType::Variant(_)
        | ColumnType::Dynamic { .. }
        | ColumnType::Geo(_) => false,
        _ => true,
    }
}

/// Writes all rows as one block. A column with absent rows must be one that [`takes_absent_rows`].
///
/// # Errors
/// Whatever `sink` returns.
///
/// # Panics
/// When the columns differ in their number of rows.
pub fn encode<E>(columns: &[BlockColumn<'_>], sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let rows = columns.first().map_or(0, BlockColumn::rows);
    let mut out = Out { buffer: Vec::with_capacity(CHUNK_BYTES), sink };
    out.length(columns.len());
    out.length(rows);
    for column in columns {
        assert_eq!(column.rows(), rows, "column {} is as long as the first", column.name);
        write_column(&mut out, column)?;
    }
    out.flush()
}

fn write_column<E, S>(out: &mut Out<S>, column: &BlockColumn<'_>) -> Result<(), E>
where
    S: FnMut(&[u8]) -> Result<(), E>,
{
    let sent = sent_type(column.column_type);
    out.text(column.name.as_bytes());
    if column.rows() == 0 {
        out.text(sent.to_string().as_bytes());
        return Ok(());
    }
    let absent = column.has_absent_rows();
    if !absent
        && dictionary::is_text_dictionary(column.column_type)
        && let Some(dictionary) = Dictionary::of(&column.chunks)
    {
        out.text(column.column_type.to_string().as_bytes());
        out.number(dictionary::VERSION);
        return write_dictionary(out, &dictionary);
    }
    if absent {
        out.text(ColumnType::Nullable(Box::new(sent.clone())).to_string().as_bytes());
        write_absent(out, &column.chunks)?;
    } else {
        out.text(sent.to_string().as_bytes());
        write_prefixes(out, &sent, &column.chunks);
    }
    write_values(out, &sent, &column.chunks)
}

fn write_dictionary<E, S>(out: &mut Out<S>, dictionary: &Dictionary<'_>) -> Result<(), E>
where
    S: FnMut(&[u8]) -> Result<(), E>,
{
    out.number(dictionary.flags());
    out.number(dictionary.keys.len() as u64);
    for key in &dictionary.keys {
        out.text(key);
        out.flush_when_full()?;
    }
    out.number(dictionary.indexes.len() as u64);
    out.bytes(&dictionary.index_bytes())
}

/// The type without LowCardinality and SimpleAggregateFunction at any depth, members of a Variant aside.
fn sent_type(column_type: &ColumnType) -> ColumnType {
    let boxed = |inner: &ColumnType| Box::new(sent_type(inner));
    match column_type {
        ColumnType::LowCardinality(inner) | ColumnType::SimpleAggregateFunction { inner, .. } => {
            sent_type(inner)
        }
        ColumnType::Array(item) => ColumnType::Array(boxed(item)),
        ColumnType::Map(key, value) => ColumnType::Map(boxed(key), boxed(value)),
        ColumnType::Tuple(elements) => ColumnType::Tuple(
            elements.iter().map(|(name, element)| (name.clone(), sent_type(element))).collect(),
        ),
        other => other.clone(),
    }
}

fn write_absent<E, S>(out: &mut Out<S>, chunks: &[&Column]) -> Result<(), E>
where
    S: FnMut(&[u8]) -> Result<(), E>,
{
    for chunk in chunks {
        match &chunk.absent {
            Some(absent) => out.bytes(absent)?,
            None => out.bytes(&vec![0; chunk.row_count()])?,
        }
    }
    Ok(())
}

/// Null flags first, then the values, each over all chunks.
fn write_values<E, S>(out: &mut Out<S>, column_type: &ColumnType, chunks: &[&Column]) -> Result<(), E>
where
    S: FnMut(&[u8]) -> Result<(), E>,
{
    match column_type {
        ColumnType::LowCardinality(inner) => return write_low_cardinality(out, inner, chunks),
        ColumnType::Variant(members) => return write_variant(out, members, chunks),
        ColumnType::Dynamic { .. } => return write_dynamic(out, chunks),
        ColumnType::Geo(geo) => return write_values(out, &geo.stored(), chunks),
        _ => {}
    }
    for nulls in chunks.iter().filter_map(|chunk| chunk.nulls.as_ref()) {
        out.bytes(nulls)?;
    }
    let mut items_before = 0;
    for chunk in chunks {
        match &chunk.values {
            Values::Fixed { bytes, .. } => out.bytes(bytes)?,
            Values::Bytes { ends, bytes } => write_texts(out, ends, bytes)?,
            Values::List { ends, .. } => items_before = write_ends(out, ends, items_before)?,
            Values::Tuple(_) | Values::Variant { .. } => {}
        }
    }
    match column_type.stripped() {
        ColumnType::Array(item) => write_values(out, item, &items_of(chunks)),
        ColumnType::Map(key, value) => {
            let entries = items_of(chunks);
            write_values(out, key, &element_of(&entries, 0))?;
            write_values(out, value, &element_of(&entries, 1))
        }
        ColumnType::Tuple(elements) => elements
            .iter()
            .enumerate()
            .try_for_each(|(index, (_, element))| write_values(out, element, &element_of(chunks, index))),
        _ => Ok(()),
    }
}

/// How the values of a column will be written, for the types that have several ways.
///
/// Source: ClickHouse, `SerializationVariant`, `SerializationDynamic`, `SerializationObject`, and the bytes the pinned
/// engine writes itself.
fn write_prefixes<S>(out: &mut Out<S>, column_type: &ColumnType, chunks: &[&Column]) {
    /// A discriminator a row, no run lengths.
    const BASIC_DISCRIMINATORS: u64 = 0;
    const FLATTENED_DYNAMIC: u64 = 3;
    const JSON_AS_TEXT: u64 = 1;
    match column_type {
        ColumnType::Nullable(inner) => write_prefixes(out, inner, chunks),
        ColumnType::LowCardinality(_) => out.number(dictionary::VERSION),
        ColumnType::Json(_) => out.number(JSON_AS_TEXT),
        ColumnType::Array(item) => write_prefixes(out, item, &items_of(chunks)),
        ColumnType::Map(key, value) => {
            let entries = items_of(chunks);
            write_prefixes(out, key, &element_of(&entries, 0));
            write_prefixes(out, value, &element_of(&entries, 1));
        }
        ColumnType::Tuple(elements) => {
            for (index, (_, element)) in elements.iter().enumerate() {
                write_prefixes(out, element, &element_of(chunks, index));
            }
        }
        ColumnType::Variant(members) => {
            out.number(BASIC_DISCRIMINATORS);
            for (index, member) in members.iter().enumerate() {
                write_prefixes(out, member, &member_of(chunks, index));
            }
        }
        ColumnType::Dynamic { .. } => {
            let held = held_members(chunks);
            out.number(FLATTENED_DYNAMIC);
            out.length(held.len());
            held.iter().for_each(|index| out.text(dynamic_members()[*index].to_string().as_bytes()));
            for index in held {
                write_prefixes(out, &dynamic_members()[index], &member_of(chunks, index));
            }
        }
        _ => {}
    }
}

fn write_variant<E, S>(out: &mut Out<S>, members: &[ColumnType], chunks: &[&Column]) -> Result<(), E>
where
    S: FnMut(&[u8]) -> Result<(), E>,
{
    for chunk in chunks {
        out.bytes(discriminators_of(chunk))?;
    }
    let mut members = members.iter().enumerate();
    members.try_for_each(|(index, member)| write_values(out, member, &member_of(chunks, index)))
}

/// Rows name their type by its place among those that are held; the place after the last is NULL.
fn write_dynamic<E, S>(out: &mut Out<S>, chunks: &[&Column]) -> Result<(), E>
where
    S: FnMut(&[u8]) -> Result<(), E>,
{
    let held = held_members(chunks);
    let mut places = [held.len() as u8; 256];
    for (place, index) in held.iter().enumerate() {
        places[*index] = place as u8;
    }
    for chunk in chunks {
        let row_places = discriminators_of(chunk).iter().map(|member| places[usize::from(*member)]);
        out.bytes(&row_places.collect::<Vec<_>>())?;
    }
    let members = dynamic_members();
    held.iter().try_for_each(|&index| write_values(out, &members[index], &member_of(chunks, index)))
}

/// LowCardinality in a Variant: a dictionary of all values in the order of the rows. The engine finds repetitions itself.
fn write_low_cardinality<E, S>(out: &mut Out<S>, inner: &ColumnType, chunks: &[&Column]) -> Result<(), E>
where
    S: FnMut(&[u8]) -> Result<(), E>,
{
    let rows: usize = chunks.iter().map(|chunk| chunk.row_count()).sum();
    if rows == 0 {
        return Ok(());
    }
    let keys = inner.stripped();
    let mut zero = Column::new_for(keys);
    let is_nullable = inner.is_nullable();
    if is_nullable {
        // Place 0 stands for NULL.
        Zero::compile(keys).expect("a type that values were converted to has a zero").push(&mut zero);
    }
    let plain: Vec<Column> = chunks.iter().map(|chunk| Column { nulls: None, ..(*chunk).clone() }).collect();
    out.number(dictionary::KEYS_FOLLOW | dictionary::WIDE_INDEXES);
    out.number((rows + usize::from(is_nullable)) as u64);
    let all: Vec<&Column> = std::iter::once(&zero).chain(&plain).collect();
    write_values(out, keys, &all)?;
    out.number(rows as u64);
    let nulls = chunks.iter().flat_map(|chunk| {
        (0..chunk.row_count()).map(|row| chunk.nulls.as_ref().is_some_and(|nulls| nulls[row] == 1))
    });
    for (row, null) in nulls.enumerate() {
        out.number(if null { 0 } else { row + usize::from(is_nullable) } as u64);
        out.flush_when_full()?;
    }
    Ok(())
}

fn discriminators_of(chunk: &Column) -> &[u8] {
    match &chunk.values {
        Values::Variant { discriminators, .. } => discriminators,
        _ => &[],
    }
}

/// The rows of one member of a Variant or Dynamic.
fn member_of<'a>(chunks: &[&'a Column], member: usize) -> Vec<&'a Column> {
    let of_chunk = |chunk: &&'a Column| match &chunk.values {
        Values::Variant { members, .. } => members.get(member),
        _ => None,
    };
    chunks.iter().filter_map(of_chunk).collect()
}

/// Members of a Dynamic that some row is of.
fn held_members(chunks: &[&Column]) -> Vec<usize> {
    let has_rows = |member: &usize| member_of(chunks, *member).iter().any(|rows| rows.row_count() > 0);
    (0..dynamic_members().len()).filter(has_rows).collect()
}

fn items_of<'a>(chunks: &[&'a Column]) -> Vec<&'a Column> {
    let of_chunk = |chunk: &&'a Column| match &chunk.values {
        Values::List { items, .. } => Some(&**items),
        _ => None,
    };
    chunks.iter().filter_map(of_chunk).collect()
}

fn element_of<'a>(chunks: &[&'a Column], element: usize) -> Vec<&'a Column> {
    let of_chunk = |chunk: &&'a Column| match &chunk.values {
        Values::Tuple(elements) => elements.get(element),
        _ => None,
    };
    chunks.iter().filter_map(of_chunk).collect()
}

fn write_texts<E, S>(out: &mut Out<S>, ends: &[usize], bytes: &[u8]) -> Result<(), E>
where
    S: FnMut(&[u8]) -> Result<(), E>,
{
    let mut start = 0;
    for &end in ends {
        out.text(&bytes[start..end]);
        start = end;
        out.flush_when_full()?;
    }
    Ok(())
}

/// Ends of lists count over the whole block: `before` is where the chunk before stopped.
fn write_ends<E, S>(out: &mut Out<S>, ends: &[usize], before: usize) -> Result<usize, E>
where
    S: FnMut(&[u8]) -> Result<(), E>,
{
    for end in ends {
        out.buffer.extend_from_slice(&((before + end) as u64).to_le_bytes());
        out.flush_when_full()?;
    }
    Ok(before + ends.last().copied().unwrap_or(0))
}

/// Gathers small writes.
struct Out<S> {
    buffer: Vec<u8>,
    sink: S,
}

impl<S> Out<S> {
    /// A variable-length integer: seven bits a byte, low ones first.
    fn length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.buffer.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.buffer.push(length as u8);
    }

    fn number(&mut self, number: u64) {
        self.buffer.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.length(text.len());
        self.buffer.extend_from_slice(text);
    }

    fn bytes<E>(&mut self, bytes: &[u8]) -> Result<(), E>
    where
        S: FnMut(&[u8]) -> Result<(), E>,
    {
        if bytes.len() < CHUNK_BYTES / 4 {
            self.buffer.extend_from_slice(bytes);
            return self.flush_when_full();
        }
        self.flush()?;
        (self.sink)(bytes)
    }

    fn flush_when_full<E>(&mut self) -> Result<(), E>
    where
        S: FnMut(&[u8]) -> Result<(), E>,
    {
        if self.buffer.len() >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush<E>(&mut self) -> Result<(), E>
    where
        S: FnMut(&[u8]) -> Result<(), E>,
    {
        if !self.buffer.is_empty() {
            (self.sink)(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn encoded(columns: &[BlockColumn<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let outcome: Result<(), Infallible> = encode(columns, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        });
        outcome.expect("the sink takes everything");
        bytes
    }

    fn text_column(values: &[&str]) -> Column {
        let bytes = values.concat().into_bytes();
        let ends = values.iter().scan(0, |end, value| {
            *end += value.len();
            Some(*end)
        });
        Column { values: Values::Bytes { ends: ends.collect(), bytes }, nulls: None, absent: None }
    }

    #[test]
    fn a_block_is_counts_then_columns() {
        let column = text_column(&["ab", ""]);
        let block = [BlockColumn { name: "s", column_type: &ColumnType::String, chunks: vec![&column] }];
        assert_eq!(encoded(&block), b"\x01\x02\x01s\x06String\x02ab\x00");
    }

    #[test]
    fn low_cardinality_text_is_a_dictionary_and_an_index_a_row() {
        let column = text_column(&["ab", "", "ab"]);
        let column_type = ColumnType::LowCardinality(Box::new(ColumnType::String));
        let block = [BlockColumn { name: "s", column_type: &column_type, chunks: vec![&column] }];
        let number = u64::to_le_bytes;
        let expected = [
            &b"\x01\x03\x01s\x16LowCardinality(String)"[..],
            &number(1),
            &number(0x600),
            &number(2),
            b"\x02ab\x00",
            &number(3),
            &[0, 1, 0],
        ];
        assert_eq!(encoded(&block), expected.concat());
    }

    #[test]
    fn absent_rows_are_sent_as_null() {
        let column = Column { absent: Some(vec![0, 1]), ..text_column(&["a", ""]) };
        let block = [BlockColumn { name: "s", column_type: &ColumnType::String, chunks: vec![&column] }];
        assert_eq!(encoded(&block), b"\x01\x02\x01s\x10Nullable(String)\x00\x01\x01a\x00");
    }

    #[test]
    fn ends_of_lists_go_on_over_chunks() {
        let list = |values: &[&str]| Column {
            values: Values::List { ends: vec![values.len()], items: Box::new(text_column(values)) },
            nulls: None,
            absent: None,
        };
        let (first, second) = (list(&["x", "y"]), list(&["z"]));
        let column_type = ColumnType::Array(Box::new(ColumnType::String));
        let block = [BlockColumn { name: "l", column_type: &column_type, chunks: vec![&first, &second] }];
        let mut expected = b"\x01\x02\x01l\x0dArray(String)".to_vec();
        expected.extend_from_slice(&2_u64.to_le_bytes());
        expected.extend_from_slice(&3_u64.to_le_bytes());
        expected.extend_from_slice(b"\x01x\x01y\x01z");
        assert_eq!(encoded(&block), expected);
    }

    #[test]
    fn long_lengths_take_several_bytes() {
        let long = "x".repeat(300);
        let column = text_column(&[&long]);
        let block = [BlockColumn { name: "s", column_type: &ColumnType::String, chunks: vec![&column] }];
        assert_eq!(encoded(&block)[..14], *b"\x01\x01\x01s\x06String\xac\x02x");
    }
}
