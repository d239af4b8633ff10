//! What Apicurio's serializers write: headers, as those of version 2 do unless told otherwise, and further kinds of prefixes.

use super::{Form, FrameError, Split};
use crate::schema::SchemaId;
use std::str;

/// The headers of a record that are Apicurio's.
pub(super) struct ApicurioHeaders<'a> {
    is_key: bool,
    global_id: Option<&'a [u8]>,
    content_id: Option<&'a [u8]>,
    encoding: Option<&'a [u8]>,
    message: Option<&'a [u8]>,
}

impl<'a> ApicurioHeaders<'a> {
    /// Those of keys have other names than those of values.
    pub(super) fn new(is_key: bool) -> Self {
        Self { is_key, global_id: None, content_id: None, encoding: None, message: None }
    }

    /// Takes note of a header, if it is one of them.
    pub(super) fn see(&mut self, name: &[u8], value: Option<&'a [u8]>) {
        let Some(name) = name.strip_prefix(b"apicurio.") else {
            return;
        };
        let value = Some(value.unwrap_or_default());
        // This name is the same for keys and values; the key is serialized first.
        if name == b"protobuf.type" {
            self.message = if self.is_key { self.message.or(value) } else { value };
            return;
        }
        let part: &[u8] = if self.is_key { b"key." } else { b"value." };
        match name.strip_prefix(part) {
            Some(b"globalId") => self.global_id = value,
            Some(b"contentId") => self.content_id = value,
            Some(b"encoding") => self.encoding = value,
            _ => {}
        }
    }

    /// The schema they name, if they name one.
    pub(super) fn schema(&self) -> Result<Option<SchemaId>, FrameError> {
        let (name, value) = match (self.content_id, self.global_id, self.is_key) {
            (Some(id), _, false) => ("apicurio.value.contentId", id),
            (Some(id), _, true) => ("apicurio.key.contentId", id),
            (None, Some(id), false) => ("apicurio.value.globalId", id),
            (None, Some(id), true) => ("apicurio.key.globalId", id),
            (None, None, _) => return Ok(None),
        };
        let id = value.try_into().ok().map(u64::from_be_bytes);
        let schema = match self.content_id {
            Some(_) => id.and_then(content_id),
            None => id.map(SchemaId::Apicurio),
        };
        schema.map(Some).ok_or(FrameError::ApicurioHeader { name, length: value.len() })
    }

    /// Whether an Avro datum is in Avro's JSON encoding.
    pub(super) fn is_json(&self) -> bool {
        self.encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case(b"JSON"))
    }

    /// Name of the Protobuf message, without the package.
    pub(super) fn message(&self) -> Option<&'a str> {
        str::from_utf8(self.message?).ok()
    }
}

/// `00` and a content id of 8 bytes.
pub(super) fn split_content_id(bytes: &[u8]) -> Option<Split<'_>> {
    let (id, rest) = bytes.strip_prefix(&[0])?.split_first_chunk()?;
    Some((Form::ApicurioPrefix, content_id(u64::from_be_bytes(*id))?, rest))
}

/// `00` and a global id of 4 bytes.
pub(super) fn split_short_global_id(bytes: &[u8]) -> Option<Split<'_>> {
    let (id, rest) = bytes.strip_prefix(&[0])?.split_first_chunk()?;
    Some((Form::ApicurioPrefix, SchemaId::Apicurio(u32::from_be_bytes(*id).into()), rest))
}

/// What a content id is to the interface for Confluent's clients, whose ids have 32 bits.
fn content_id(id: u64) -> Option<SchemaId> {
    u32::try_from(id).ok().map(SchemaId::Confluent)
}
