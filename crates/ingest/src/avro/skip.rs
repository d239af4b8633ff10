//! Passes over values, checking them as far as their bytes go.

use super::cursor::Broken;
use super::layout::{Kind, NodeId, Wire};
use super::walk::{Failed, Walk};

/// Records, arrays, maps in each other: what bounds the recursion over recursive types.
pub(super) const MAX_DEPTH: usize = 64;

/// Items that take no byte, such as nulls, in one record: an array of them could claim any number.
pub(super) const MAX_EMPTY_ITEMS: u64 = 1 << 16;

impl Walk<'_, '_> {
    pub(super) fn skip(&mut self, node: NodeId, depth: usize) -> Result<(), Failed> {
        let layout = self.layout;
        match layout.kind(node) {
            Kind::Scalar { wire, .. } => self.skip_scalar(*wire),
            Kind::Enum { symbols } => {
                let index = self.cursor.index(symbols.len(), Broken::NoSuchSymbol);
                self.check(index).map(|_| ())
            }
            Kind::Union(branches) => {
                let branch = self.branch(branches)?;
                self.skip(branch, depth)
            }
            Kind::Mismatch(wire) => self.skip(*wire, depth),
            Kind::Record { fields, .. } => {
                let inside = self.deeper(depth)?;
                fields.iter().try_for_each(|field| self.skip(field.node, inside))
            }
            Kind::Array(item) => {
                let inside = self.deeper(depth)?;
                self.items(|walk| walk.skip(*item, inside))
            }
            Kind::Map(value) => {
                let inside = self.deeper(depth)?;
                self.items(|walk| {
                    walk.bytes(Wire::Block)?;
                    walk.skip(*value, inside)
                })
            }
        }
    }

    #[inline(always)]
    fn skip_scalar(&mut self, wire: Wire) -> Result<(), Failed> {
        let passed = match wire {
            Wire::Null => Ok(()),
            Wire::Boolean => self.cursor.boolean().map(|_| ()),
            Wire::Int => self.cursor.int().map(|_| ()),
            Wire::Long => self.cursor.long().map(|_| ()),
            Wire::Float => self.cursor.take(4).map(|_| ()),
            Wire::Double => self.cursor.take(8).map(|_| ()),
            Wire::Block => self.cursor.block().map(|_| ()),
            Wire::Fixed(size) => self.cursor.take(size).map(|_| ()),
            Wire::Rest => self.cursor.take(self.cursor.remaining()).map(|_| ()),
        };
        self.check(passed)
    }

    /// The branch of a union whose number stands next.
    pub(super) fn branch(&mut self, branches: &[NodeId]) -> Result<NodeId, Failed> {
        let index = self.cursor.index(branches.len(), Broken::NoSuchBranch);
        Ok(branches[self.check(index)?])
    }

    pub(super) fn deeper(&mut self, depth: usize) -> Result<usize, Failed> {
        match depth < MAX_DEPTH {
            true => Ok(depth + 1),
            false => Err(self.too_deep()),
        }
    }

    /// Reads the items of an array or the entries of a map, each by `item`.
    #[inline(always)]
    pub(super) fn items(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        loop {
            let count = self.item_count()?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                item(self)?;
            }
        }
    }

    /// The number of items in the next block. Those beyond the bytes that are left must take none.
    #[inline(always)]
    pub(super) fn item_count(&mut self) -> Result<u64, Failed> {
        let count = self.cursor.item_count();
        let count = self.check(count)?;
        let bytes = self.cursor.remaining() as u64;
        if count > bytes {
            self.take_empty_items(count - bytes)?;
        }
        Ok(count)
    }

    #[cold]
    fn take_empty_items(&mut self, count: u64) -> Result<(), Failed> {
        match self.empty_items.checked_sub(count) {
            Some(left) => {
                self.empty_items = left;
                Ok(())
            }
            None => Err(self.broken(Broken::TooManyItems)),
        }
    }
}
