//! The values of an Enum.

use super::{Reason, number, scalar::push_low};
use crate::column_batch::Values;

/// The values of an Enum, for look-up by name and by number.
#[derive(Clone, Debug)]
pub(super) struct EnumValues {
    pub(super) width: usize,
    /// Sorted by name.
    by_name: Vec<(Box<str>, i16)>,
    pub(super) smallest: i16,
}

impl EnumValues {
    pub(super) fn new(bits: u16, values: &[(String, i16)]) -> Self {
        let mut by_name: Vec<(Box<str>, i16)> =
            values.iter().map(|(name, number)| (name.as_str().into(), *number)).collect();
        by_name.sort_unstable();
        Self {
            width: usize::from(bits / 8),
            smallest: values.iter().map(|(_, number)| *number).min().unwrap_or(0),
            by_name,
        }
    }

    pub(super) fn by_name(&self, name: &str) -> Result<i16, Reason> {
        let found = self.by_name.binary_search_by(|(candidate, _)| candidate.as_ref().cmp(name));
        found.map(|position| self.by_name[position].1).map_err(|_| Reason::UnknownEnumValue)
    }

    pub(super) fn by_number(&self, token: &str) -> Result<i16, Reason> {
        let wanted = number::scaled(token, 0).map_err(|_| Reason::UnknownEnumValue)?;
        self.by_name
            .iter()
            .map(|(_, number)| *number)
            .find(|number| i128::from(*number) == wanted)
            .ok_or(Reason::UnknownEnumValue)
    }

    pub(super) fn has_number(&self, number: i16) -> bool {
        self.by_name.iter().any(|(_, known)| *known == number)
    }

    pub(super) fn by_text(&self, text: &str) -> Result<i16, Reason> {
        match self.by_name(text) {
            Err(_) if number::is_json_number(text) => self.by_number(text),
            found => found,
        }
    }

    pub(super) fn push(&self, out: &mut Values, number: i16) {
        push_low(out, number as u64, self.width);
    }
}
