//! Where a message lies, in as few bytes as a queue of millions can afford.

use crate::format::{BLOCK_MAX, SEGMENT_HEADER};
use crate::place::Place;
use crate::record::{PART_MAX, RECORD_HEADER};

/// Bits of a length: the payload of a DELIVERY or COPY is shorter than a block.
const LEN_BITS: u32 = 20;
const _: () = assert!(BLOCK_MAX <= 1 << LEN_BITS, "an envelope's length fits its bits");
/// Segments a log can ever have: at a thousand a second, for five hundred years.
const SEGMENT_BITS: u32 = 32 + (32 - LEN_BITS);

/// Where the DELIVERY or COPY of a message lies, and how much text belongs to it. Where the
/// text lies is written there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    segment: u32,
    /// The lower bits are the length of the payload, the upper ones belong to the segment.
    len: u32,
    offset: u32,
    text_len: u32,
}

const _: () = assert!(size_of::<Spot>() == 16, "a queued delivery holds one");

impl Spot {
    /// The payload of `len` bytes at `offset` of `segment`, with so many bytes of text.
    ///
    /// # Panics
    /// If the segment's number or the length is beyond what a log can have.
    #[must_use]
    pub fn new(segment: u64, offset: u32, len: u32, text_len: u32) -> Self {
        Self::checked(segment, offset, len, text_len).expect("within a log's limits")
    }

    /// As [`Self::new`], for numbers that were read from a disk.
    pub(crate) fn checked(segment: u64, offset: u32, len: u32, text_len: u32) -> Option<Self> {
        let upper = ((segment >> 32) as u32) << LEN_BITS;
        (segment >> SEGMENT_BITS == 0 && len >> LEN_BITS == 0).then_some(Self {
            segment: segment as u32,
            len: len | upper,
            offset,
            text_len,
        })
    }

    /// The segment.
    #[must_use]
    pub const fn segment(&self) -> u64 {
        self.segment as u64 | ((self.len >> LEN_BITS) as u64) << 32
    }

    /// Where the payload starts, counted from the start of the file.
    #[must_use]
    pub const fn offset(&self) -> u32 {
        self.offset
    }

    /// Bytes of the payload.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len & ((1 << LEN_BITS) - 1)
    }

    /// Whether the payload is empty: that of no message is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of text, as it lies on disk.
    #[must_use]
    pub const fn text_len(&self) -> u32 {
        self.text_len
    }

    /// Where its record starts.
    #[must_use]
    pub const fn record_offset(&self) -> u32 {
        self.offset - RECORD_HEADER as u32
    }

    /// What a reader fetches at once: the record, and before it the text if that may be there
    /// in one piece. The check is left out.
    #[must_use]
    pub fn reach(&self) -> Place {
        let text = self.text_before().filter(|_| self.text_len as usize <= PART_MAX);
        let offset = text.unwrap_or(self.record_offset());
        let len = self.offset - offset + self.len();
        Place { segment: self.segment(), offset, len, crc: 0 }
    }

    /// Where its text would start if that were one piece right before the envelope.
    #[must_use]
    pub fn text_before(&self) -> Option<u32> {
        let start = self.record_offset().checked_sub(self.text_len.checked_next_multiple_of(8)?)?;
        (start as usize >= SEGMENT_HEADER).then_some(start)
    }

    /// Bytes of both.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.len() as u64 + self.text_len as u64
    }
}

impl std::fmt::Debug for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (segment, offset, len) = (self.segment(), self.offset, self.len());
        write!(f, "{segment}/{offset}+{len} text {}", self.text_len)
    }
}

#[cfg(test)]
mod tests {
    use super::Spot;

    #[test]
    fn all_of_it_comes_back() {
        for segment in [1, u64::from(u32::MAX), (1 << 44) - 1] {
            let spot = Spot::new(segment, 4_128, (1 << 20) - 1, u32::MAX);
            assert_eq!((spot.segment(), spot.offset()), (segment, 4_128));
            assert_eq!((spot.len(), spot.text_len()), ((1 << 20) - 1, u32::MAX));
        }
    }
}
