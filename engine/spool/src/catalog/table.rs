//! Entries by id, packed: chunks that never move, and an index of eight bytes an entry.

use super::Entry;
use hashbrown::HashTable;
use std::num::NonZeroU32;

/// Entries in one chunk.
const CHUNK: usize = 1_024;

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
#[derive(Debug, Default)]
pub(super) struct Table {
    index: HashTable<(u32, Slot)>,
    chunks: Vec<Vec<Option<Entry>>>,
    free: Vec<Slot>,
    used: usize,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn find(&self, boot: u32, count: u64) -> Option<Slot> {
        let hash = hash(boot, count);
        let same = |(other, slot): &(u32, Slot)| {
            let entry = || self.at(*slot);
            *other == hash as u32 && entry().count == count && entry().boot == boot
        };
        self.index.find(hash, same).map(|(_, slot)| *slot)
    }

    /// # Panics
    /// If the slot is empty.
    pub(super) fn at(&self, slot: Slot) -> &Entry {
        let position = slot.position();
        self.chunks[position / CHUNK][position % CHUNK].as_ref().expect("a slot in use")
    }

    /// # Panics
    /// If the slot is empty.
    pub(super) fn at_mut(&mut self, slot: Slot) -> &mut Entry {
        let position = slot.position();
        self.chunks[position / CHUNK][position % CHUNK].as_mut().expect("a slot in use")
    }

    /// Adds an entry whose id is not in the table.
    pub(super) fn insert(&mut self, entry: Entry) -> Slot {
        let hash = hash(entry.boot, entry.count);
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        let position = slot.position();
        self.chunks[position / CHUNK][position % CHUNK] = Some(entry);
        self.index.insert_unique(hash, (hash as u32, slot), |(hash, _)| spread(*hash));
        slot
    }

    fn grow(&mut self) -> Slot {
        if self.used.is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let chunk = self.chunks.last_mut().expect("just looked");
        chunk.push(None);
        self.used += 1;
        Slot::new(self.used - 1)
    }

    /// # Panics
    /// If the slot is empty.
    pub(super) fn remove(&mut self, slot: Slot) -> Entry {
        let position = slot.position();
        let taken = self.chunks[position / CHUNK][position % CHUNK].take();
        let entry = taken.expect("a slot in use");
        let hash = hash(entry.boot, entry.count);
        if let Ok(found) = self.index.find_entry(hash, |(_, other)| *other == slot) {
            found.remove();
        }
        self.free.push(slot);
        entry
    }
}

/// Ids are counted, not chosen, so spreading them evenly is enough.
pub(crate) const fn hash(boot: u32, count: u64) -> u64 {
    let mixed = (count ^ ((boot as u64) << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    spread((mixed >> 32) as u32)
}

/// The 32 bits we keep, made 64: the table wants its upper seven bits to differ too.
const fn spread(hash: u32) -> u64 {
    (hash as u64) << 32 | hash as u64
}
