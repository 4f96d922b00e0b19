//! The bytes a peer sent that are not dealt with yet, and the message text among them.
//!
//! ```text
//!  0           text              read          len        capacity
//!  |  done     |  text kept | gap | unread      | room     |
//! ```
//!
//! Text is never copied out line by line: it stays where the kernel put it until the spool
//! takes all of it in one piece. Only the command line between two chunks (BDAT) has to make
//! way: what follows it moves up, and what came before stays.

use super::shelf::Shelf;
use kernel::Buffer;
use std::ops::Range;

const LENT: &str = "a read has the buffer, and nobody else asks for it";

/// The buffer outside of message text: a burst of commands.
pub(super) const COMMANDS: usize = 4 * 1_024;
/// The first buffer for a text whose size was not declared.
const TEXT_FIRST: usize = 16 * 1_024;

/// A buffer, and how far it has been read.
pub(super) struct Window {
    shelf: Shelf,
    /// `None` while a read has it.
    buffer: Option<Buffer>,
    /// Ends where `read` is, or before it.
    text: Option<Range<usize>>,
    read: usize,
}

impl Window {
    pub(super) fn new(shelf: &Shelf) -> Self {
        let buffer = Some(shelf.take(COMMANDS));
        Self { shelf: shelf.clone(), buffer, text: None, read: 0 }
    }

    /// What has arrived and is not read.
    pub(super) fn unread(&self) -> &[u8] {
        &self.held()[self.read..]
    }

    /// `count` bytes are read, and not needed any more.
    pub(super) fn skip(&mut self, count: usize) {
        self.read += count;
    }

    /// `count` bytes are read, and are text.
    pub(super) fn keep(&mut self, count: usize) {
        let unread = self.read..self.read + count;
        let text = self.text.get_or_insert(self.read..self.read);
        if text.end < self.read {
            self.buffer.as_mut().expect(LENT).copy_within(unread, text.end);
        }
        text.end += count;
        self.read += count;
    }

    /// The text kept so far.
    pub(super) fn text(&self) -> &[u8] {
        self.text.clone().map_or(&[], |text| &self.held()[text])
    }

    /// The text kept so far, to be changed where it lies.
    pub(super) fn text_mut(&mut self) -> &mut [u8] {
        let text = self.text.clone().unwrap_or(0..0);
        &mut self.buffer.as_mut().expect(LENT)[text]
    }

    /// The first `count` bytes of the text are text no more.
    pub(super) fn cut_front(&mut self, count: usize) {
        if let Some(text) = &mut self.text {
            text.start += count;
        }
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
        self.held().spare() == 0
    }

    pub(super) fn capacity(&self) -> usize {
        self.held().capacity()
    }

    /// Moves what is held to the front, into a buffer of `capacity` if that is more.
    pub(super) fn make_room(&mut self, capacity: usize) {
        self.close_gap();
        let from = self.text.as_ref().map_or(self.read, |text| text.start);
        if capacity > self.capacity() {
            self.change(capacity, from);
        } else if from > 0 {
            self.buffer.as_mut().expect(LENT).consume(from);
        }
        self.read -= from;
        self.text = self.text.take().map(|text| 0..text.len());
    }

    /// Moves what is not read up to the text.
    fn close_gap(&mut self) {
        let Some(end) = self.text.as_ref().map(|text| text.end).filter(|end| *end < self.read)
        else {
            return;
        };
        let buffer = self.buffer.as_mut().expect(LENT);
        buffer.copy_within(self.read.., end);
        buffer.set_len(buffer.len() - (self.read - end));
        self.read = end;
    }

    /// Gives a large buffer back, if what is not read yet fits into a small one.
    pub(super) fn shrink(&mut self) {
        if self.capacity() > TEXT_FIRST + COMMANDS && self.unread().len() < COMMANDS {
            self.change(COMMANDS, self.read);
            self.read = 0;
        }
    }

    /// Gives the buffer to a read, which brings it back to [`Self::filled`].
    pub(super) fn lend(&mut self) -> Buffer {
        self.buffer.take().expect(LENT)
    }

    /// Takes the buffer back.
    pub(super) fn filled(&mut self, buffer: Buffer) {
        self.buffer = Some(buffer);
    }

    fn held(&self) -> &Buffer {
        self.buffer.as_ref().expect(LENT)
    }

    /// Goes on in a buffer of another size, with what the old one holds behind `from`.
    fn change(&mut self, capacity: usize, from: usize) {
        let mut other = self.shelf.take(capacity);
        other.extend(&self.held()[from..]);
        if let Some(old) = self.buffer.replace(other) {
            self.shelf.put(old);
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.shelf.put(buffer);
        }
    }
}

/// How large a buffer a text deserves, from the size its sender declared.
pub(super) fn text_capacity(declared: Option<u64>) -> usize {
    let room = declared.map_or(TEXT_FIRST, |size| usize::try_from(size).unwrap_or(usize::MAX));
    room.saturating_add(COMMANDS).next_multiple_of(COMMANDS).clamp(TEXT_FIRST, TEXT_MAX)
}

/// The largest buffer: one part of a large body, and the commands behind it.
pub(super) const TEXT_MAX: usize = spool::PART_MAX;

/// Octets of the largest message that the spool is sure to take, dots for transparency counted: it
/// has so many parts, and each is what a full buffer holds that holds commands as well.
pub const MESSAGE_BYTES_MAX: u64 = (spool::PARTS_MAX * (TEXT_MAX - COMMANDS)) as u64;

#[cfg(test)]
mod tests;
