//! Where bytes of a message lie.

use crate::fields::{Put, Take};
use smallvec::SmallVec;

/// A run of bytes in one segment of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The segment's number.
    pub segment: u64,
    /// The first byte, counted from the start of the segment's file.
    pub offset: u32,
    /// How many bytes.
    pub len: u32,
    /// CRC-32C of them.
    pub crc: u32,
}

/// The parts of a message text, in order.
pub type Text = SmallVec<[Place; 1]>;

impl Place {
    /// Whether some of its bytes are among these of its segment.
    pub(crate) fn touches(&self, bytes: &std::ops::Range<u32>) -> bool {
        self.offset < bytes.end && bytes.start < self.offset.saturating_add(self.len)
    }

    /// Bytes a place takes up on disk.
    pub(crate) const LEN: usize = 24;

    pub(crate) fn put(&self, out: &mut Put<'_>) {
        out.u64(self.segment).u32(self.offset).u32(self.len).u32(self.crc).u32(0);
    }

    pub(crate) fn take(from: &mut Take<'_>) -> Option<Self> {
        let place =
            Self { segment: from.u64()?, offset: from.u32()?, len: from.u32()?, crc: from.u32()? };
        from.u32()?;
        Some(place)
    }
}
