//! Memory of ours that the ring writes into.
#![allow(unsafe_code, reason = "memory lent to the ring")]

use crate::Buffer;
use monoio::buf::IoBufMut;

/// The room behind what a buffer holds.
pub(super) struct Spare(pub(super) Buffer);

// SAFETY: the memory is on the heap, owned by the buffer, and stays where it is while the
// operation that owns this is pending.
unsafe impl IoBufMut for Spare {
    fn write_ptr(&mut self) -> *mut u8 {
        self.0.spare_pointer()
    }

    fn bytes_total(&mut self) -> usize {
        self.0.spare()
    }

    unsafe fn set_init(&mut self, count: usize) {
        let len = self.0.len() + count;
        self.0.set_len(len);
    }
}
