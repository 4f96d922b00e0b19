//! One store for every delivery of a shard, and lists of them that cost four bytes a link.
//!
//! The store grows by chunks and never moves an entry, so that the ten-millionth delivery
//! costs what the first did. What deliveries leave behind is used again; memory is given back
//! once the store has been empty.

/// Entries in a chunk.
const CHUNK_LEN: u32 = 1 << 12;
/// The end of a list.
const END: u32 = u32::MAX;

/// A delivery, and where its list goes on.
#[derive(Debug)]
struct Entry<D> {
    /// `None` while the entry is free.
    delivery: Option<D>,
    /// When it is due, in the wheel's units, its low 32 bits.
    due: u32,
    next: u32,
}

// What is promised about memory, for a delivery value with and without a niche.
const _: () = {
    assert!(size_of::<Entry<Box<u8>>>() <= size_of::<Box<u8>>() + 16, "16 bytes a delivery");
    assert!(size_of::<Entry<u64>>() <= size_of::<u64>() + 16, "16 bytes a delivery");
};

/// Deliveries in the order they are to be taken. Its entries are in a [`Store`].
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    head: u32,
    tail: u32,
}

impl List {
    /// A list without entries.
    pub(super) const EMPTY: Self = Self { head: END, tail: END };

    /// Whether there is nothing in it.
    pub(super) const fn is_empty(self) -> bool {
        self.head == END
    }
}

/// A handle to an entry that is in no list: put it into one, or take it.
#[derive(Debug)]
pub(super) struct Loose(u32);

impl Loose {
    /// Whether a walk stands behind this very entry.
    pub(super) const fn is_at(&self, cursor: Cursor) -> bool {
        self.0 == cursor.0
    }
}

/// Where a walk through a list stands: behind this entry, which must stay in the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor(u32);

impl Cursor {
    /// Before the first entry.
    pub(super) const START: Self = Self(END);
}

/// What one step of a walk came to.
#[derive(Debug)]
pub(super) enum Step {
    /// The entry passed, and is in no list any more.
    Taken(Loose),
    /// The entry did not pass.
    Left,
    /// There is none. The walk starts again.
    End,
}

/// All deliveries of a shard.
#[derive(Debug)]
pub(super) struct Store<D> {
    chunks: Vec<Vec<Entry<D>>>,
    /// Chunks of a store that had become empty. They are used again, or freed one at a time:
    /// all at once would take a quarter of a second after ten million deliveries.
    spent: Vec<Vec<Entry<D>>>,
    /// The first free entry; the others are linked behind it.
    free: u32,
    len: usize,
}

impl<D> Store<D> {
    /// A store without entries or memory.
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), spent: Vec::new(), free: END, len: 0 }
    }

    /// Deliveries in it.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Frees a little of the memory that is not needed any more. One chunk stays for the next.
    pub(super) fn tidy(&mut self) {
        if self.spent.len() > 1 {
            self.spent.pop();
        }
    }

    /// Keeps `delivery`, due then, in no list yet.
    ///
    /// # Panics
    /// With 2^32 - 1 deliveries in it: the spool's limit is far below.
    pub(super) fn keep(&mut self, delivery: D, due: u32) -> Loose {
        self.len += 1;
        let entry = Entry { delivery: Some(delivery), due, next: END };
        if self.free == END {
            return Loose(self.append(entry));
        }
        let free = self.free;
        self.free = std::mem::replace(self.entry(free), entry).next;
        Loose(free)
    }

    /// Gives back the delivery and frees its entry.
    pub(super) fn take(&mut self, Loose(index): Loose) -> Option<D> {
        let delivery = self.entry(index).delivery.take();
        self.len -= 1;
        self.tidy();
        if self.len == 0 {
            self.spent.append(&mut self.chunks);
            self.free = END;
        } else {
            self.entry(index).next = self.free;
            self.free = index;
        }
        delivery
    }

    /// When the entry is due.
    pub(super) fn due(&self, Loose(index): &Loose) -> u32 {
        self.chunks[(index / CHUNK_LEN) as usize][(index % CHUNK_LEN) as usize].due
    }

    /// The first of `list`, if it is not empty, no longer in it.
    pub(super) fn pop(&mut self, list: &mut List) -> Option<Loose> {
        if list.is_empty() {
            return None;
        }
        let first = list.head;
        list.head = self.entry(first).next;
        if list.head == END {
            list.tail = END;
        }
        Some(Loose(first))
    }

    /// The delivery of the first of `list`.
    pub(super) fn first(&self, list: List) -> Option<&D> {
        let chunk = self.chunks.get((list.head / CHUNK_LEN) as usize)?;
        chunk[(list.head % CHUNK_LEN) as usize].delivery.as_ref()
    }

    /// Puts an entry at the end of `list`.
    pub(super) fn push_back(&mut self, list: &mut List, Loose(index): Loose) {
        self.entry(index).next = END;
        match list.tail {
            END => list.head = index,
            tail => self.entry(tail).next = index,
        }
        list.tail = index;
    }

    /// Puts an entry at the front of `list`.
    pub(super) fn push_front(&mut self, list: &mut List, Loose(index): Loose) {
        self.entry(index).next = list.head;
        if list.is_empty() {
            list.tail = index;
        }
        list.head = index;
    }

    /// Looks at the entry of `list` behind `cursor`: takes it out if its delivery, which is due then,
    /// passes `test`, else moves the cursor on.
    pub(super) fn step(
        &mut self,
        list: &mut List,
        cursor: &mut Cursor,
        test: impl FnOnce(&D, u32) -> bool,
    ) -> Step {
        let before = cursor.0;
        let index = if before == END { list.head } else { self.entry(before).next };
        if index == END {
            *cursor = Cursor::START;
            return Step::End;
        }
        let Entry { delivery, next, due } = self.entry(index);
        let due = *due;
        if !delivery.as_ref().is_some_and(|delivery| test(delivery, due)) {
            *cursor = Cursor(index);
            return Step::Left;
        }
        let next = *next;
        match before {
            END => list.head = next,
            before => self.entry(before).next = next,
        }
        if next == END {
            list.tail = before;
        }
        Step::Taken(Loose(index))
    }

    fn append(&mut self, entry: Entry<D>) -> u32 {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK_LEN as usize) {
            assert!(self.chunks.len() < (END / CHUNK_LEN) as usize, "an index fits its link");
            let chunk = self.spare_chunk();
            self.chunks.push(chunk);
        }
        let chunk = self.chunks.len() - 1;
        self.chunks[chunk].push(entry);
        chunk as u32 * CHUNK_LEN + self.chunks[chunk].len() as u32 - 1
    }

    fn spare_chunk(&mut self) -> Vec<Entry<D>> {
        let Some(mut chunk) = self.spent.pop() else {
            return Vec::with_capacity(CHUNK_LEN as usize);
        };
        chunk.clear();
        chunk
    }

    fn entry(&mut self, index: u32) -> &mut Entry<D> {
        &mut self.chunks[(index / CHUNK_LEN) as usize][(index % CHUNK_LEN) as usize]
    }
}

#[cfg(test)]
mod tests;
