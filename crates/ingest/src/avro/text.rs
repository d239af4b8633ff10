//! Values of any node as JSON text.

use super::cursor::Broken;
use super::layout::{Kind, NodeId};
use super::walk::{Failed, Walk};
use crate::convert::Reason;
use crate::json_text;

impl Walk<'_, '_> {
    /// Appends the value that stands next. A union's value is written as that of its branch.
    pub(super) fn json(&mut self, node: NodeId, depth: usize, out: &mut Vec<u8>) -> Result<(), Failed> {
        let layout = self.layout;
        match layout.kind(node) {
            Kind::Scalar { .. } if layout.is_null(node) => out.extend_from_slice(b"null"),
            Kind::Scalar { wire, meaning } => {
                let value = self.value(*wire, *meaning)?;
                return json_text::push_value(out, value).map_err(|error| self.refused(error.reason));
            }
            Kind::Enum { symbols } => {
                let index = self.cursor.index(symbols.len(), Broken::NoSuchSymbol);
                let symbol = &symbols[self.check(index)?];
                let name = symbol.known.as_deref().ok_or_else(|| self.unknown(symbol))?;
                json_text::push_string(out, name);
            }
            Kind::Union(branches) => {
                let branch = self.branch(branches)?;
                return self.json(branch, depth, out);
            }
            Kind::Mismatch(_) => return Err(self.refused(Reason::WrongShape)),
            Kind::Array(item) => {
                let inside = self.deeper(depth)?;
                out.push(b'[');
                self.items(|walk| {
                    json_text::push_comma(out);
                    walk.json(*item, inside, out)
                })?;
                out.push(b']');
            }
            Kind::Map(value) => {
                let inside = self.deeper(depth)?;
                out.push(b'{');
                self.items(|walk| {
                    let key = walk.text()?;
                    json_text::push_name(out, key);
                    walk.json(*value, inside, out)
                })?;
                out.push(b'}');
            }
            Kind::Record { .. } => return self.json_record(node, depth, out),
        }
        Ok(())
    }

    fn json_record(&mut self, node: NodeId, depth: usize, out: &mut Vec<u8>) -> Result<(), Failed> {
        let layout = self.layout;
        let Kind::Record { fields, defaults } = layout.kind(node) else {
            unreachable!("only records are written as records");
        };
        let inside = self.deeper(depth)?;
        out.push(b'{');
        for field in fields {
            match field.names.first() {
                Some(name) => {
                    json_text::push_name(out, name);
                    self.json(field.node, inside, out)?;
                }
                None => self.skip(field.node, inside)?,
            }
        }
        for default in defaults {
            json_text::push_name(out, &default.names[0]);
            self.over(&default.bytes, |walk| walk.json(default.node, inside, out))?;
        }
        out.push(b'}');
        Ok(())
    }

    /// The value as it is shown to people: a scalar's text without quotes, anything else as JSON.
    pub(super) fn shown(&mut self, node: NodeId) -> Result<Vec<u8>, Failed> {
        let layout = self.layout;
        let mut out = Vec::new();
        match layout.kind(node) {
            Kind::Scalar { wire, meaning } if !layout.is_null(node) => {
                let value = self.value(*wire, *meaning)?;
                value.write_text(&mut out).map_err(|error| self.refused(error.reason))?;
            }
            Kind::Enum { symbols } => {
                let index = self.cursor.index(symbols.len(), Broken::NoSuchSymbol);
                out.extend_from_slice(symbols[self.check(index)?].written.as_bytes());
            }
            Kind::Union(branches) => {
                let branch = self.branch(branches)?;
                return self.shown(branch);
            }
            Kind::Mismatch(wire) => return self.shown(*wire),
            _ => self.json(node, 0, &mut out)?,
        }
        Ok(out)
    }
}
