//! Entries by id, packed: chunks that never move, and an index of four bytes an entry.

use super::Entry;
use crate::chunks::Chunks;
use hashbrown::HashTable;
use std::num::NonZeroU32;

/// Parts of the index. One grows at a time, so that nobody waits for a million entries to be
/// placed anew.
const PARTS: usize = 64;

/// Where an entry is kept: its position plus one, so that `Option<Slot>` is four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(NonZeroU32);

impl Slot {
    fn new(position: usize) -> Self {
        let number = u32::try_from(position + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("four thousand million messages do not fit one log"))
    }

    const fn position(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The entries of a log. Memory of removed ones is used again, and never given back.
#[derive(Debug)]
pub(super) struct Table {
    index: [HashTable<Slot>; PARTS],
    entries: Chunks<Option<Entry>>,
    free: Vec<Slot>,
    len: usize,
}

impl Default for Table {
    fn default() -> Self {
        let index = std::array::from_fn(|_| HashTable::new());
        Self { index, entries: Chunks::default(), free: Vec::new(), len: 0 }
    }
}

impl Table {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn find(&self, boot: u32, count: u64) -> Option<Slot> {
        let hash = hash(boot, count);
        let same = |slot: &Slot| {
            let entry = self.at(*slot);
            entry.count == count && entry.boot == boot
        };
        self.index[part(hash)].find(hash, same).copied()
    }

    /// # Panics
    /// If the slot is empty.
    pub(super) fn at(&self, slot: Slot) -> &Entry {
        self.entries[slot.position()].as_ref().expect("a slot in use")
    }

    /// # Panics
    /// If the slot is empty.
    pub(super) fn at_mut(&mut self, slot: Slot) -> &mut Entry {
        self.entries[slot.position()].as_mut().expect("a slot in use")
    }

    /// Adds an entry whose id is not in the table.
    pub(super) fn insert(&mut self, entry: Entry) -> Slot {
        let hash = hash(entry.boot, entry.count);
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        self.entries[slot.position()] = Some(entry);
        self.len += 1;
        let entries = &self.entries;
        self.index[part(hash)].insert_unique(hash, slot, |slot| hash_at(entries, *slot));
        slot
    }

    fn grow(&mut self) -> Slot {
        self.entries.push(None);
        Slot::new(self.entries.len() - 1)
    }

    /// # Panics
    /// If the slot is empty.
    pub(super) fn remove(&mut self, slot: Slot) -> Entry {
        let taken = self.entries[slot.position()].take();
        let entry = taken.expect("a slot in use");
        self.len -= 1;
        let hash = hash(entry.boot, entry.count);
        if let Ok(found) = self.index[part(hash)].find_entry(hash, |other| *other == slot) {
            found.remove();
        }
        self.free.push(slot);
        entry
    }
}

fn hash_at(entries: &Chunks<Option<Entry>>, slot: Slot) -> u64 {
    let entry = entries[slot.position()].as_ref();
    entry.map_or(0, |entry| hash(entry.boot, entry.count))
}

/// The part of the index this hash is in: by bits that the parts themselves look at last.
const fn part(hash: u64) -> usize {
    (hash >> 32) as usize % PARTS
}

/// Ids are counted, not chosen, so spreading them evenly is enough.
pub(crate) const fn hash(boot: u32, count: u64) -> u64 {
    (count ^ ((boot as u64) << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
