//! The bytes a peer sent that are not dealt with yet, and the message text among them.
//!
//! ```text
//!  0           text         read          len        capacity
//!  |  done     |  text kept | unread      | room     |
//! ```
//!
//! Text is never copied out line by line: it stays where the kernel put it until the spool
//! takes all of it in one piece.

use kernel::Buffer;
use std::ops::Range;

/// The buffer outside of message text: a burst of commands.
pub(super) const COMMANDS: usize = 4 * 1_024;
/// The first buffer for a text whose size was not declared.
const TEXT_FIRST: usize = 16 * 1_024;

/// A buffer, and how far it has been read.
pub(super) struct Window {
    buffer: Buffer,
    text: Option<usize>,
    read: usize,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { buffer: Buffer::with_capacity(COMMANDS), text: None, read: 0 }
    }

    /// What has arrived and is not read.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.read..]
    }

    /// `count` bytes are read, and not needed any more.
    pub(super) fn skip(&mut self, count: usize) {
        self.read += count;
    }

    /// `count` bytes are read, and are text.
    pub(super) fn keep(&mut self, count: usize) {
        self.text.get_or_insert(self.read);
        self.read += count;
    }

    /// The text kept so far.
    pub(super) fn text(&self) -> &[u8] {
        &self.buffer[self.text_range()]
    }

    /// Lets go of the text.
    pub(super) fn release(&mut self) {
        self.text = None;
    }

    /// Whether nothing at all is held.
    pub(super) fn is_spent(&self) -> bool {
        self.text.is_none() && self.unread().is_empty()
    }

    /// Whether there is room left to read into.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.spare() == 0
    }

    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Moves what is held to the front, into a buffer of `capacity` if that is more.
    pub(super) fn make_room(&mut self, capacity: usize) {
        let from = self.text.unwrap_or(self.read);
        if capacity > self.buffer.capacity() {
            let mut larger = Buffer::with_capacity(capacity);
            larger.extend(&self.buffer[from..]);
            self.buffer = larger;
        } else if from > 0 {
            self.buffer.consume(from);
        }
        self.read -= from;
        self.text = self.text.map(|_| 0);
    }

    /// Gives a large buffer back, if what is not read yet fits into a small one.
    pub(super) fn shrink(&mut self) {
        if self.buffer.capacity() > TEXT_FIRST + COMMANDS && self.unread().len() < COMMANDS {
            let mut small = Buffer::with_capacity(COMMANDS);
            small.extend(self.unread());
            (self.buffer, self.read) = (small, 0);
        }
    }

    /// Gives the buffer to a read, which brings it back to [`Self::filled`].
    pub(super) fn lend(&mut self) -> Buffer {
        std::mem::replace(&mut self.buffer, Buffer::with_capacity(1))
    }

    /// Takes the buffer back.
    pub(super) fn filled(&mut self, buffer: Buffer) {
        self.buffer = buffer;
    }

    fn text_range(&self) -> Range<usize> {
        self.text.unwrap_or(self.read)..self.read
    }
}

/// How large a buffer a text deserves, from the size its sender declared.
pub(super) fn text_capacity(declared: Option<u64>) -> usize {
    let room = declared.map_or(TEXT_FIRST, |size| usize::try_from(size).unwrap_or(usize::MAX));
    room.saturating_add(COMMANDS).next_multiple_of(COMMANDS).clamp(TEXT_FIRST, TEXT_MAX)
}

/// The largest buffer: one part of a large body, and the commands behind it.
pub(super) const TEXT_MAX: usize = spool::PART_MAX;
