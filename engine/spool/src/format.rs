//! Segments and blocks, byte by byte. `FORMAT.md` has the drawings.

use crate::fields::{Put, Take};

/// Every block starts and ends on such a boundary.
pub const BLOCK_ALIGN: usize = 4_096;
/// The longest block, header and padding included: one batch.
pub const BLOCK_MAX: usize = 1_024 * 1_024;
/// The smallest segment we work with: its header and four of the longest blocks.
pub const SEGMENT_MIN: usize = BLOCK_ALIGN + 4 * BLOCK_MAX;
/// The largest segment: offsets in it are 32 bits.
pub const SEGMENT_MAX: usize = 2 * 1_024 * 1_024 * 1_024;
/// Bytes of a segment's header; the first block follows.
pub(crate) const SEGMENT_HEADER: usize = BLOCK_ALIGN;
/// Bytes of a block's header; the first record follows.
pub(crate) const BLOCK_HEADER: usize = 96;

const _: () = {
    assert!(BLOCK_MAX.is_multiple_of(BLOCK_ALIGN), "the longest block is whole");
    assert!(BLOCK_HEADER.is_multiple_of(8), "records start aligned");
    assert!(SEGMENT_MAX + BLOCK_MAX <= u32::MAX as usize, "an offset fits its field");
    assert!(BLOCK_HEADER < BLOCK_ALIGN, "a block's header is written whole or not at all");
};

/// The header of a segment is there twice.
const HEADER_COPY: usize = SEGMENT_HEADER / 2;
const SEGMENT_MAGIC: [u8; 8] = *b"RPSPOOL\x01";
const BLOCK_MAGIC: [u8; 4] = *b"RPBK";
/// What is written: since 2 a text may be raw, and an envelope may have fields. A version that
/// knows nothing of either would send the one as if its dots were doubled, and drop the others.
const VERSION: u32 = 2;
/// The oldest that is read.
const VERSION_MIN: u32 = 1;

/// CRC-32C.
#[must_use]
pub fn crc(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// What the first 4 KiB of a segment say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The log's identity, random, the same in all its segments.
    pub log_uuid: [u8; 16],
    /// Which log of the spool this is.
    pub log: u16,
    /// The boot in which it was begun.
    pub boot: u32,
    /// This segment's number: one more than that of the segment before.
    pub segment: u64,
    /// Random for each use of a file, so that what it held before never passes for a block.
    pub salt: u64,
    /// The number of the first block. Blocks of this number and above in the segment before
    /// are void: they were never acknowledged.
    pub first_block: u64,
    /// If the last block of the segment before was torn by a crash: its number, else 0. Whole
    /// records in it count, but it was never acknowledged.
    pub torn_block: u64,
    /// Bytes of the file when it is full.
    pub segment_len: u64,
}

impl SegmentHeader {
    /// Encodes into the first 4 KiB of a segment, all of them: twice, so that no single flaw
    /// makes a segment unreadable.
    ///
    /// # Panics
    /// If `out` is not 4 KiB.
    pub fn encode(&self, out: &mut [u8]) {
        assert_eq!(out.len(), SEGMENT_HEADER, "a segment header is one aligned piece");
        for copy in out.chunks_exact_mut(HEADER_COPY) {
            self.encode_copy(copy);
        }
    }

    fn encode_copy(&self, out: &mut [u8]) {
        out.fill(0);
        Put::new(out)
            .bytes(&SEGMENT_MAGIC)
            .u32(VERSION)
            .u16(self.log)
            .u16(0)
            .bytes(&self.log_uuid)
            .u64(self.segment)
            .u64(self.salt)
            .u64(self.first_block)
            .u64(self.torn_block)
            .u64(self.segment_len)
            .u32(self.boot);
        let check = crc(&out[..HEADER_COPY - 4]);
        Put::new(&mut out[HEADER_COPY - 4..]).u32(check);
    }

    /// The header in the first 4 KiB of `bytes`.
    ///
    /// # Errors
    /// If neither copy is whole, or another version wrote it than those we know.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let page = bytes.get(..SEGMENT_HEADER).ok_or(HeaderFault::Unreadable)?;
        let mut copies = page.chunks_exact(HEADER_COPY).filter_map(whole_copy);
        let mut take = copies.next().ok_or(HeaderFault::Unreadable)?;
        if !(VERSION_MIN..=VERSION).contains(&take.u32().unwrap_or(0)) {
            return Err(HeaderFault::Version);
        }
        Self::decode_copy(take).ok_or(HeaderFault::Unreadable)
    }

    fn decode_copy(mut take: Take<'_>) -> Option<Self> {
        let log = take.u16()?;
        take.u16()?;
        Some(Self {
            log,
            log_uuid: take.bytes(16)?.try_into().ok()?,
            segment: take.u64()?,
            salt: take.u64()?,
            first_block: take.u64()?,
            torn_block: take.u64()?,
            segment_len: take.u64()?,
            boot: take.u32()?,
        })
    }

    /// What the first block's `previous` must be.
    pub(crate) fn chain(&self) -> u32 {
        crc(&[self.salt.to_le_bytes(), self.segment.to_le_bytes()].concat())
    }
}

/// What is behind the magic of one copy of a segment's header, if it checks.
fn whole_copy(bytes: &[u8]) -> Option<Take<'_>> {
    let (covered, check) = bytes.split_at(HEADER_COPY - 4);
    let mut take = Take::new(covered);
    let whole = take.bytes(8)? == SEGMENT_MAGIC && Take::new(check).u32()? == crc(covered);
    whole.then_some(take)
}

/// Why a segment's header does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// No copy of it is whole.
    Unreadable,
    /// A later version wrote it.
    Version,
}

/// What the front of a commit block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// The salt of the segment it was written for.
    pub salt: u64,
    /// Counts the blocks of a log, across segments, from 1.
    pub number: u64,
    /// The highest block known durable when this one was written.
    pub durable_upto: u64,
    /// Bytes of records behind the header, padding not counted.
    pub payload_len: u32,
    /// How many records they are.
    pub records: u32,
    /// The checks of them all, linked: see [`link`]. Each has the CRC of its payload in it, so
    /// a text is gone over once, not twice.
    pub records_check: u32,
    /// The check of the block before, or what the segment's header makes of itself.
    pub previous: u32,
    /// The boot that wrote it.
    pub boot: u32,
    /// When, in milliseconds of the wall clock: for people, never for decisions.
    pub wall: u64,
}

impl BlockHeader {
    /// Bytes from the start of this block to the start of the next.
    #[must_use]
    pub const fn block_len(&self) -> usize {
        (BLOCK_HEADER + self.payload_len as usize).next_multiple_of(BLOCK_ALIGN)
    }

    /// Encodes into the first bytes of `out`; returns the check, for the next block.
    pub(crate) fn encode(&self, out: &mut [u8]) -> u32 {
        let out = &mut out[..BLOCK_HEADER];
        out.fill(0);
        Put::new(out)
            .bytes(&BLOCK_MAGIC)
            .u32(self.boot)
            .u64(self.salt)
            .u64(self.number)
            .u64(self.durable_upto)
            .u32(self.payload_len)
            .u32(self.records)
            .u32(self.records_check)
            .u32(self.previous)
            .u64(self.wall);
        let check = crc(&out[..BLOCK_HEADER - 4]);
        Put::new(&mut out[BLOCK_HEADER - 4..]).u32(check);
        check
    }

    /// The header at the front of `bytes` and its check, if a whole one of this salt is there.
    pub(crate) fn decode(bytes: &[u8], salt: u64) -> Option<(Self, u32)> {
        let bytes = bytes.get(..BLOCK_HEADER)?;
        let (covered, check) = bytes.split_at(BLOCK_HEADER - 4);
        let mut take = Take::new(covered);
        if take.bytes(4)? != BLOCK_MAGIC {
            return None;
        }
        let boot = take.u32()?;
        let check = Take::new(check).u32()?;
        if take.u64()? != salt || check != crc(covered) {
            return None;
        }
        let header = Self {
            salt,
            boot,
            number: take.u64()?,
            durable_upto: take.u64()?,
            payload_len: take.u32()?,
            records: take.u32()?,
            records_check: take.u32()?,
            previous: take.u32()?,
            wall: take.u64()?,
        };
        (header.block_len() <= BLOCK_MAX).then_some((header, check))
    }
}

/// The checks of records in a row, made one: from 0, with each in turn.
#[must_use]
pub fn link(so_far: u32, check: u32) -> u32 {
    let both = u64::from(so_far) << 32 | u64::from(check);
    crc(&both.to_le_bytes())
}

#[cfg(test)]
mod tests;
