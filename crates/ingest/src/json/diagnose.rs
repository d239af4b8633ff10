//! A slow second look at a record that did not decode: what is wrong, in words, and what each column would have read.

use super::program::{Action, Program};
use super::scan::{self, Broken, MAX_DEPTH, Next};
use super::text;
use super::walk::Fault;
use crate::convert::Reason;
use crate::quarantine::Defect;

/// The defect of a record that is not valid JSON.
pub(super) fn broken(bytes: &[u8], Broken { at }: Broken) -> Defect {
    let (reason, detail) = match bytes.get(at) {
        None if bytes.is_empty() => (Reason::InvalidJson, "the value is empty".to_owned()),
        None => (Reason::InvalidJson, format!("the value ends early, after {at} bytes")),
        Some(b'[' | b'{') if depth_before(bytes, at) == usize::from(MAX_DEPTH) => {
            (Reason::TooDeep, format!("more than {MAX_DEPTH} arrays and objects in each other at byte {at}"))
        }
        Some(byte) => (Reason::InvalidJson, unexpected(*byte, at)),
    };
    Defect { column: None, reason, detail }
}

fn unexpected(byte: u8, at: usize) -> String {
    if byte.is_ascii_graphic() || byte == b' ' {
        format!("unexpected \"{}\" at byte {at}", char::from(byte))
    } else {
        format!("unexpected byte 0x{byte:02x} at byte {at}")
    }
}

/// The defect of a record that is not UTF-8.
pub(super) fn not_utf8(bytes: &[u8]) -> Defect {
    let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    Defect { column: None, reason: Reason::InvalidJson, detail: format!("not UTF-8 at byte {at}") }
}

/// Number of arrays and objects open before `at`, in text that is valid up to there.
fn depth_before(bytes: &[u8], end: usize) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < end {
        match bytes[at] {
            b'"' => at = scan::string(bytes, at).map_or(end, |token| token.end) - 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    depth
}

/// The defect of a column, with the value that caused it.
pub(super) fn fault(program: &Program, record: &str, fault: Fault) -> Defect {
    let text = fault.at.and_then(|at| value_text(record, at));
    Defect {
        column: Some(program.leaves[fault.leaf].column),
        reason: fault.reason,
        detail: text.unwrap_or_default(),
    }
}

/// The value at `at`: a string's content, anything else as it stands.
fn value_text(record: &str, at: usize) -> Option<String> {
    let end = scan::value(record.as_bytes(), at, 0).ok()?;
    let raw = &record[at..end];
    let Some(quoted) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) else {
        return Some(raw.to_owned());
    };
    let mut content = String::new();
    match text::unescape(quoted, &mut content) {
        Ok(()) => Some(content),
        Err(_) => Some(quoted.to_owned()),
    }
}

/// The text found for each column; `record` is valid JSON.
pub(super) fn found(program: &Program, record: &str, columns: usize) -> Vec<Option<Vec<u8>>> {
    let mut search = Search { program, record, found: vec![None; columns] };
    search.node(scan::skip_space(record.as_bytes(), 0), 0);
    search.found
}

struct Search<'s> {
    program: &'s Program,
    record: &'s str,
    found: Vec<Option<Vec<u8>>>,
}

impl Search<'_> {
    fn node(&mut self, at: usize, node: usize) {
        let program = self.program;
        self.act(at, &program.nodes[node].action);
    }

    fn act(&mut self, at: usize, action: &Action) {
        let program = self.program;
        match action {
            Action::Nothing => {}
            Action::Leaf(leaf) => self.take(at, *leaf),
            Action::Each(item) => {
                let below = program.nodes[*item].leaves.clone();
                below.for_each(|leaf| self.take(at, leaf));
            }
            Action::Fields(names) => {
                // The record was valid when it was walked: there is nothing to tell on the way out.
                let _ = self.fields(at, *names);
            }
            Action::Several(actions) => actions.iter().for_each(|action| self.act(at, action)),
        }
    }

    fn take(&mut self, at: usize, leaf: usize) {
        let text = value_text(self.record, at).map(String::into_bytes);
        self.found[self.program.leaves[leaf].column] = text;
    }

    fn fields(&mut self, at: usize, names: usize) -> Result<(), Broken> {
        let bytes = self.record.as_bytes();
        let mut next = scan::expect(bytes, at, b'{').map(|_| scan::first_item(bytes, at, b'}'))?;
        while let Next::Item(at) = next {
            let value = scan::key(bytes, at)?;
            let name = value_text(self.record, at).unwrap_or_default();
            if let Some(node) = self.program.names[names].find(&name) {
                for leaf in self.program.nodes[node].leaves.clone() {
                    self.found[self.program.leaves[leaf].column] = None;
                }
                self.node(value, node);
            }
            next = scan::next_item(bytes, scan::value(bytes, value, 0)?, b'}')?;
        }
        Ok(())
    }
}
