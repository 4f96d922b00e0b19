//! Memory that is lent to the kernel.
#![allow(unsafe_code, reason = "the memory a kernel writes into is not initialised by us")]

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::alloc::{self, Layout};
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;
use std::sync::Arc;

/// A buffer of a multiple of this many bytes starts on such a boundary: it may be used with
/// `O_DIRECT`, which takes no other lengths either.
pub const ALIGNMENT: usize = 4_096;

/// Buffers of this size and above are mapped. A segment to be scanned is one, a block is not.
const MAPPED_MIN: usize = 4 * 1_024 * 1_024;

/// A fixed number of bytes of which the first [`Self::len`] are in use. Owned, never grown.
/// The whole capacity is zeroed when made, so every byte of it may be read.
#[derive(Debug)]
pub struct Buffer {
    start: NonNull<u8>,
    len: usize,
    capacity: usize,
}

// SAFETY: the memory is owned by this value alone, as by a `Box<[u8]>`.
unsafe impl Send for Buffer {}
// SAFETY: as for `Box<[u8]>`: shared access only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// An empty buffer of `capacity` bytes.
    ///
    /// # Panics
    /// If `capacity` is zero.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        assert!(capacity > 0, "a buffer holds something");
        if capacity >= MAPPED_MIN {
            return Self::mapped(capacity);
        }
        let layout = Self::layout(capacity);
        // SAFETY: the layout has a size above zero.
        let start = unsafe { alloc::alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { alloc::handle_alloc_error(layout) };
        Self { start, len: 0, capacity }
    }

    /// A buffer that holds exactly a copy of `bytes` (and has a byte of room if that is none).
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::with_capacity(1);
        }
        if bytes.len() >= MAPPED_MIN {
            let mut copy = Self::mapped(bytes.len());
            copy.extend(bytes);
            return copy;
        }
        let layout = Self::layout(bytes.len());
        // SAFETY: the layout has a size above zero.
        let start = unsafe { alloc::alloc(layout) };
        let Some(start) = NonNull::new(start) else { alloc::handle_alloc_error(layout) };
        // SAFETY: the new memory is as long as `bytes` and nobody else's; all of it is
        // initialised by this.
        unsafe { start.as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Self { start, len: bytes.len(), capacity: bytes.len() }
    }

    /// Memory straight from the system, zeroed by it, and given back as soon as it is dropped:
    /// an allocator keeps what is freed, and of this size that would be seen.
    fn mapped(capacity: usize) -> Self {
        let (rights, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: the kernel chooses where; nothing else can be there.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), capacity, rights, flags) };
        let start = start.ok().and_then(|start| NonNull::new(start.cast()));
        let Some(start) = start else { alloc::handle_alloc_error(Self::layout(capacity)) };
        Self { start, len: 0, capacity }
    }

    fn layout(capacity: usize) -> Layout {
        let alignment = if capacity.is_multiple_of(ALIGNMENT) { ALIGNMENT } else { 16 };
        Layout::from_size_align(capacity, alignment).expect("no buffer is near the address space")
    }

    /// Bytes it can hold in all.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes it can still take.
    #[must_use]
    pub const fn spare(&self) -> usize {
        self.capacity - self.len
    }

    /// Copies `bytes` behind what is there.
    ///
    /// # Panics
    /// If there is no room for them.
    pub fn extend(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.spare(), "the caller made room");
        let from = self.len;
        self.len += bytes.len();
        self[from..].copy_from_slice(bytes);
    }

    /// Sets how many bytes are in use.
    ///
    /// # Panics
    /// If that is more than the capacity.
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= self.capacity, "a buffer is not longer than its memory");
        self.len = len;
    }

    /// Drops the first `count` bytes and moves the rest to the front.
    pub fn consume(&mut self, count: usize) {
        let len = self.len;
        self.copy_within(count..len, 0);
        self.len = len - count;
    }

    /// Where the kernel may write: the spare room behind what is in use.
    pub(crate) fn spare_pointer(&mut self) -> *mut u8 {
        // SAFETY: `len` is at most `capacity`, so this stays inside or one past the memory.
        unsafe { self.start.as_ptr().add(self.len) }
    }
}

impl Deref for Buffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: `start` owns `capacity` initialised bytes and `len` is at most that.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and we are borrowed uniquely.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.capacity >= MAPPED_MIN {
            // SAFETY: all of it was mapped in `mapped`, and nobody else has it. It fails only if
            // that is not so.
            let gone = unsafe { munmap(self.start.as_ptr().cast(), self.capacity) };
            debug_assert!(gone.is_ok(), "{gone:?}");
            return;
        }
        // SAFETY: allocated in `with_capacity` or `copy_of` with this very layout.
        unsafe { alloc::dealloc(self.start.as_ptr(), Self::layout(self.capacity)) }
    }
}

/// A part of a buffer that several owners may read, on any shard.
#[derive(Clone, Debug)]
pub struct Chunk {
    buffer: Arc<Buffer>,
    range: Range<usize>,
}

impl Chunk {
    /// The bytes `range` of `buffer`.
    ///
    /// # Panics
    /// If they are not all in use.
    #[must_use]
    pub fn new(buffer: Arc<Buffer>, range: Range<usize>) -> Self {
        assert!(
            range.start <= range.end && range.end <= buffer.len(),
            "a chunk lies in its buffer"
        );
        Self { buffer, range }
    }
}

impl Deref for Chunk {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.buffer[self.range.clone()]
    }
}

/// One run of bytes to be sent.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Built for this write.
    Owned(Vec<u8>),
    /// Part of a message.
    Shared(Chunk),
    /// A constant.
    Static(&'static [u8]),
}

impl Deref for Piece {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(chunk) => chunk,
            Self::Static(bytes) => bytes,
        }
    }
}

/// What one write sends, in order.
pub type Gather = smallvec::SmallVec<[Piece; 4]>;

#[cfg(test)]
mod tests;
