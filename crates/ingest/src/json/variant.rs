//! One JSON value into one row of a Variant or Dynamic.

use super::choices::Kind;
use super::program::Variant;
use super::scan::{self, Broken, Next};
use super::walk::{Walk, deeper};
use crate::column_batch::{NO_MEMBER, Values};
use crate::convert::Reason;

impl Walk<'_> {
    /// Reads a value into the first member that takes it.
    pub(super) fn variant(
        &mut self,
        values: &mut Values,
        at: usize,
        variant: &Variant,
        leaf: usize,
        depth: u8,
    ) -> Result<usize, Broken> {
        let Values::Variant { discriminators, members } = values else {
            unreachable!("a variant shape was compiled for a variant column");
        };
        let end = scan::value(self.record.as_bytes(), at, depth)?;
        let choices = match self.record.as_bytes()[at] {
            b'[' => variant.choices.of_array(self.item_kind(at, depth)?),
            _ => variant.choices.of_kind(self.kind(at, end)),
        };
        let faults = self.state.faults.clone();
        for &choice in choices {
            let member = &mut members[choice];
            let rows = member.row_count();
            self.state.faults.clear();
            self.value(member, at, variant.members[choice], leaf, depth)?;
            if self.state.faults.is_empty() {
                self.state.faults = faults;
                discriminators.push(choice as u8);
                return Ok(end);
            }
            member.truncate(rows);
        }
        self.state.faults = faults;
        discriminators.push(NO_MEMBER);
        self.fault(leaf, Reason::WrongShape, Some(at));
        Ok(end)
    }

    /// What the value at `at` is; `end` is where it ends.
    fn kind(&self, at: usize, end: usize) -> Kind {
        match self.record.as_bytes()[at] {
            b'"' => Kind::Text,
            b't' | b'f' => Kind::Bool,
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            _ if self.record[at..end].contains(['.', 'e', 'E']) => Kind::Fraction,
            _ => Kind::Integer,
        }
    }

    /// What the items of an array are, null aside; of an empty one they are text.
    fn item_kind(&self, at: usize, depth: u8) -> Result<Option<Kind>, Broken> {
        let bytes = self.record.as_bytes();
        let inside = deeper(depth, at)?;
        let mut common = None;
        let mut next = scan::first_item(bytes, at, b']');
        while let Next::Item(at) = next {
            let end = scan::value(bytes, at, inside)?;
            if bytes[at] != b'n' {
                let kind = self.kind(at, end);
                match common.map_or(Some(kind), |common| kind.and(common)) {
                    Some(kind) => common = Some(kind),
                    None => return Ok(None),
                }
            }
            next = scan::next_item(bytes, end, b']')?;
        }
        Ok(Some(common.unwrap_or(Kind::Text)))
    }
}
