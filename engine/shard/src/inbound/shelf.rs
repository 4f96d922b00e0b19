//! Receive buffers that wait to be used again: a new one has to be zeroed, and its memory
//! faulted in, which costs more than reading into it.

use kernel::Buffer;
use std::cell::RefCell;
use std::rc::Rc;

/// Buffers kept; with [`KEPT_BYTES_MAX`] at most 8 MiB a shard.
const KEPT_MAX: usize = 128;
/// The largest buffer kept.
const KEPT_BYTES_MAX: usize = 64 * 1_024;

/// The receive buffers of one shard that nobody uses now.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Rc<RefCell<Vec<Buffer>>>);

impl Shelf {
    /// An empty buffer of exactly `capacity` bytes.
    pub(super) fn take(&self, capacity: usize) -> Buffer {
        let mut kept = self.0.borrow_mut();
        match kept.iter().rposition(|buffer| buffer.capacity() == capacity) {
            Some(at) => kept.swap_remove(at),
            None => Buffer::with_capacity(capacity),
        }
    }

    /// Takes a buffer back. What was in it cannot be read any more.
    pub(super) fn put(&self, mut buffer: Buffer) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT_MAX && buffer.capacity() <= KEPT_BYTES_MAX {
            buffer.set_len(0);
            kept.push(buffer);
        }
    }
}
