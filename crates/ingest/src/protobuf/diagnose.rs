//! A slow second look at a record that did not decode: what is wrong, in words, and what each column would have read.

use super::catalog::{Catalog, Field, Kind, Known, Rank};
use super::compile::used_steps;
use super::lookup::{Any, type_name};
use super::program::Source;
use super::text::{Json, typed};
use super::together::{take_field, values};
use super::walk::{Fault, Place, State, Stop};
use super::wire::{Broken, Flaw, Raw};
use super::{Decoder, canonical, items};
use crate::convert::Reason;
use crate::document::{Diagnosis, DocumentColumn, Texts};
use crate::quarantine::Defect;
use forebay_project::model::PathStep;

/// A column and the fields on the way to its values.
#[derive(Clone, Debug)]
pub(super) struct Sought {
    /// Index of the target column.
    pub(super) column: usize,
    /// Names of fields up to the first list.
    names: Vec<String>,
}

impl Sought {
    pub(super) fn of(column: &DocumentColumn<'_>) -> Self {
        let steps = &column.steps[..used_steps(column.steps)];
        let names = steps.iter().map_while(|step| match step {
            PathStep::Field(name) => Some(name.clone()),
            PathStep::Each => None,
        });
        Self { column: column.index, names: names.collect() }
    }
}

/// What is wrong with a record.
pub(super) fn diagnose(decoder: &Decoder, document: &[u8]) -> Diagnosis {
    let rows: Result<Vec<&[u8]>, Broken> = match decoder.unrolled {
        Some(wanted) => items(document, wanted).collect(),
        None => Ok(vec![document]),
    };
    let rows = match rows {
        Ok(rows) => rows,
        Err(broken) => return Diagnosis::whole(of_broken(broken, document)),
    };
    let mut state = State::new(&decoder.program, Texts::CheckedAtOnce);
    let found = rows.into_iter().find_map(|row| diagnose_row(decoder, &mut state, row, document));
    found.unwrap_or_else(|| Diagnosis::whole(unexplained()))
}

fn diagnose_row(decoder: &Decoder, state: &mut State, row: &[u8], document: &[u8]) -> Option<Diagnosis> {
    match faults(decoder, state, row) {
        Err(Stop::Broken(broken)) => Some(Diagnosis::whole(of_broken(broken, document))),
        Err(Stop::Again | Stop::Fault) => Some(Diagnosis::whole(unexplained())),
        Ok(faults) if faults.is_empty() => None,
        Ok(faults) => {
            let mut defects: Vec<Defect> = faults.into_iter().map(defect).collect();
            defects.sort_by_key(|defect| defect.column);
            Some(Diagnosis { defects, found: found(decoder, row) })
        }
    }
}

/// Decodes a row to nowhere, and gathers what is wrong.
fn faults(decoder: &Decoder, state: &mut State, row: &[u8]) -> Result<Vec<Fault>, Stop> {
    const TOP: Place = Place { level: 0, depth: 1 };
    let mut gather = |bytes: &[u8], is_canonical| {
        let mut walk = decoder.walk(state, is_canonical);
        walk.faults = Some(Vec::new());
        walk.message(0, bytes, &mut decoder.empty.clone(), TOP)?;
        Ok(walk.faults.unwrap_or_default())
    };
    match gather(row, false) {
        Err(Stop::Again) => {
            let mut bytes = Vec::new();
            canonical::write(&decoder.catalog, decoder.message, row, TOP.depth, &mut bytes)?;
            gather(&bytes, true)
        }
        result => result,
    }
}

fn defect(fault: Fault) -> Defect {
    Defect { column: Some(fault.target), reason: fault.reason, detail: fault.detail }
}

fn unexplained() -> Defect {
    Defect { column: None, reason: Reason::InvalidProtobuf, detail: "the record does not decode".to_owned() }
}

fn of_broken(broken: Broken, document: &[u8]) -> Defect {
    let what = match broken.flaw {
        Flaw::Truncated => "the record ends inside a value".to_owned(),
        Flaw::Varint => "a varint of more than 64 bits".to_owned(),
        Flaw::Key => "a field number beyond 536,870,911".to_owned(),
        Flaw::FieldZero => "field number 0".to_owned(),
        Flaw::Form(form) => format!("wire type {form}"),
        Flaw::EndGroup(number) => format!("the end of a group {number} that is not open"),
        Flaw::TooDeep => format!("more than {} messages in each other", super::program::MAX_DEPTH),
        Flaw::NotUtf8 => "text that is not UTF-8".to_owned(),
    };
    let reason = match broken.flaw {
        Flaw::TooDeep => Reason::TooDeep,
        Flaw::NotUtf8 => Reason::InvalidUtf8,
        _ => Reason::InvalidProtobuf,
    };
    // The place is only known in the record itself, not in a form made from it.
    let at = broken.address.checked_sub(document.as_ptr() as usize).filter(|at| *at <= document.len());
    let detail = at.map_or_else(|| what.clone(), |at| format!("{what} at byte {at}"));
    Defect { column: None, reason, detail }
}

/// The text found for each column.
fn found(decoder: &Decoder, row: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut found = vec![None; decoder.empty.len()];
    let mut bytes = Vec::new();
    if canonical::write(&decoder.catalog, decoder.message, row, 1, &mut bytes).is_ok() {
        for sought in &decoder.sought {
            found[sought.column] = text_at(&decoder.catalog, decoder.message, &bytes, &sought.names);
        }
    }
    found
}

/// The text at a path of a message in canonical form.
fn text_at(catalog: &Catalog, message: usize, body: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let Some((name, rest)) = names.split_first() else {
        let mut text = Vec::new();
        Json { catalog, out: &mut text, depth: 0 }.message(message, body).ok()?;
        return Some(text);
    };
    let message_type = &catalog.messages[message];
    let step = PathStep::Field(name.clone());
    let stand_in = catalog.stand_in(message, &step);
    if message_type.known == Some(Known::Any)
        && let Some(text) = packed_text_at(catalog, body, names)
    {
        return Some(text);
    }
    let mut remaining = body;
    let wanted = stand_in.or_else(|| message_type.field_named(name))?;
    for (index, field) in message_type.fields.iter().enumerate() {
        let region = take_field(&mut remaining, field).ok()?;
        if index == wanted {
            return text_of(catalog, field, region, if stand_in.is_some() { names } else { rest });
        }
    }
    None
}

/// The text at a path of the message that an Any packs.
fn packed_text_at(catalog: &Catalog, any: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let Any { url, value } = Any::of(any).ok()?;
    let message = catalog.find(type_name(std::str::from_utf8(url).ok()?))?;
    let mut packed = Vec::new();
    canonical::write(catalog, message, value, 1, &mut packed).ok()?;
    match (catalog.messages[message].known, names) {
        (None, names) => text_at(catalog, message, &packed, names),
        (Some(_), [name, rest @ ..]) if name == "value" => text_at(catalog, message, &packed, rest),
        _ => None,
    }
}

fn text_of(catalog: &Catalog, field: &Field, region: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let last = values(region).last().transpose().ok()?;
    match (field.rank, field.kind, last, names) {
        (_, _, None, _) => None,
        (Rank::Single, Kind::Message(inner), Some(Raw::Bytes(body)), [_, ..]) => {
            text_at(catalog, inner, body, names)
        }
        (Rank::Map, Kind::Message(entry), _, [key, rest @ ..]) => {
            let [keys, items] = catalog.messages[entry].fields.as_slice() else { return None };
            let found = values(region).find_map(|raw| {
                let Ok(Raw::Bytes(mut entry)) = raw else { return None };
                let region = take_field(&mut entry, keys).ok()?;
                (shown(catalog, keys, region)? == key.as_bytes()).then_some(entry)
            });
            text_of(catalog, items, found?, rest)
        }
        (_, _, _, []) => shown(catalog, field, region),
        _ => None,
    }
}

/// All values of a field as text; of a single one without quotes.
fn shown(catalog: &Catalog, field: &Field, region: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let source = match (field.rank, field.kind) {
        (Rank::Single, Kind::Number(number)) => Source::Number(number),
        (Rank::Single, Kind::Enum(enum_type)) => Source::Enum(enum_type),
        (Rank::Single, Kind::Text { .. }) => Source::Text,
        (Rank::Single, Kind::Bytes) => Source::Bytes,
        _ => {
            Json { catalog, out: &mut text, depth: 0 }.field_value(field, region).ok()?;
            return Some(text);
        }
    };
    let last = values(region).last().transpose().ok()??;
    typed(catalog, source, last).ok()?.write_text(&mut text).ok()?;
    Some(text)
}
