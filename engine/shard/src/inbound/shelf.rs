//! Receive buffers that wait to be used again: a new one has to be zeroed, and its memory
//! faulted in, which costs more than reading into it.

use kernel::Buffer;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Buffers kept; with [`KEPT_BYTES_MAX`] at most 8 MiB a shard.
const KEPT_MAX: usize = 128;
/// The largest buffer kept.
const KEPT_BYTES_MAX: usize = 64 * 1_024;

/// The receive buffers of one shard that nobody uses now.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    kept: Rc<RefCell<Vec<Buffer>>>,
    /// Bytes of those in use.
    lent: Rc<Cell<usize>>,
}

impl Shelf {
    /// An empty buffer of exactly `capacity` bytes.
    pub(crate) fn take(&self, capacity: usize) -> Buffer {
        self.lent.set(self.lent.get() + capacity);
        let mut kept = self.kept.borrow_mut();
        match kept.iter().rposition(|buffer| buffer.capacity() == capacity) {
            Some(at) => kept.swap_remove(at),
            None => Buffer::with_capacity(capacity),
        }
    }

    /// Bytes of all buffers that somebody uses now.
    pub(crate) fn lent(&self) -> usize {
        self.lent.get()
    }

    /// Takes a buffer back. What was in it cannot be read any more.
    pub(crate) fn put(&self, mut buffer: Buffer) {
        self.lent.set(self.lent.get().saturating_sub(buffer.capacity()));
        let mut kept = self.kept.borrow_mut();
        if kept.len() < KEPT_MAX && buffer.capacity() <= KEPT_BYTES_MAX {
            buffer.set_len(0);
            kept.push(buffer);
        }
    }
}
