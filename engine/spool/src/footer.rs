//! The end of a full segment: its index, and a page that says where that is.
//!
//! ```text
//!  ... blocks | unused | index, padded to 4,096 | last page |
//! ```
//!
//! A footer is a convenience. It is written once all blocks of the segment are durable, and
//! nothing waits for it; where it is missing or does not check, the blocks are scanned.

use crate::fields::{Put, Take};
use crate::format::{BLOCK_ALIGN, SegmentHeader, crc};
use crate::index::Index;

/// Version 2: its index knows the pool of each recipient's mail. One of version 1 passes for none,
/// and its segment is scanned once more.
const MAGIC: [u8; 8] = *b"RPSEAL\x03\0";

/// Where a segment's blocks end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The segment.
    pub segment: SegmentHeader,
    /// Behind the last block.
    pub offset: u32,
    /// The number the next block has.
    pub block: u64,
    /// The check of the last block.
    pub chain: u32,
    /// The last block was torn by a crash.
    pub torn: bool,
}

/// What the last page of a full segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// Where its blocks end.
    pub end: End,
    /// Where its index starts, counted from the start of the file.
    pub index_offset: u64,
    /// Bytes of the index.
    pub index_len: u32,
    index_check: u32,
}

impl Footer {
    /// Bytes of the page.
    pub const LEN: usize = BLOCK_ALIGN;

    /// Where the page of `segment` lies.
    #[must_use]
    pub const fn offset(segment: &SegmentHeader) -> u64 {
        segment.segment_len.saturating_sub(BLOCK_ALIGN as u64)
    }

    /// Bytes that an index of `index_len` takes up at the end of a segment, page included.
    pub(crate) const fn room(index_len: usize) -> usize {
        index_len.next_multiple_of(BLOCK_ALIGN) + BLOCK_ALIGN
    }

    /// The footer of a segment that ended at `end`: where it starts, and its bytes. `None` if
    /// it does not fit behind the blocks.
    #[must_use]
    pub fn encode(end: &End, index: &Index) -> Option<(u64, Vec<u8>)> {
        let mut bytes = index.encode();
        let index_len = bytes.len();
        let index_check = crc(&bytes);
        let start = end.segment.segment_len.checked_sub(Self::room(index_len) as u64)?;
        if end.torn || start < u64::from(end.offset) {
            return None;
        }
        bytes.resize(Self::room(index_len), 0);
        let page_at = bytes.len() - Self::LEN;
        let page = &mut bytes[page_at..];
        Put::new(page)
            .bytes(&MAGIC)
            .u64(end.segment.salt)
            .u64(end.segment.segment)
            .u64(end.block)
            .u32(end.offset)
            .u32(end.chain)
            .u32(index_len as u32)
            .u32(index_check);
        let check = crc(&page[..Self::LEN - 4]);
        Put::new(&mut page[Self::LEN - 4..]).u32(check);
        Some((start, bytes))
    }

    /// The footer in `page`, if it is that of `segment`, and `next` follows on it.
    #[must_use]
    pub fn decode(page: &[u8], segment: &SegmentHeader, next: &SegmentHeader) -> Option<Self> {
        let (covered, check) = page.get(..Self::LEN)?.split_at(Self::LEN - 4);
        let mut take = Take::new(covered);
        let ours = take.bytes(8)? == MAGIC
            && take.u64()? == segment.salt
            && take.u64()? == segment.segment
            && Take::new(check).u32()? == crc(covered);
        let (block, offset, chain) = (take.u64()?, take.u32()?, take.u32()?);
        let (index_len, index_check) = (take.u32()?, take.u32()?);
        let room = Self::room(index_len as usize) as u64;
        let index_offset = segment.segment_len.checked_sub(room)?;
        let follows = next.first_block == block && next.torn_block == 0;
        let end = End { segment: *segment, offset, block, chain, torn: false };
        (ours && follows).then_some(Self { end, index_offset, index_len, index_check })
    }

    /// Whether these bytes are the index it speaks of.
    #[must_use]
    pub fn checks(&self, index: &[u8]) -> bool {
        index.len() == self.index_len as usize && crc(index) == self.index_check
    }
}

#[cfg(test)]
mod tests;
