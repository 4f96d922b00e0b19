//! One segment, block by block, for people: everything in it, and every rule it breaks.
//!
//! Recovery wants what is live and gets over the rest. A [`Walk`] shows each block and record
//! where it lies, with what is wrong with it. It knows one segment and the header of the next;
//! what holds between segments is the caller's to compare, with [`Walk::block`] at the end.

mod fault;
mod seen;

pub use fault::Fault;
pub use seen::{Message, Ruling, Seen, What};

use crate::format::{
    BLOCK_ALIGN, BLOCK_HEADER, BLOCK_MAX, BlockHeader, SEGMENT_HEADER, SegmentHeader, crc, link,
};
use crate::record::{Kind, RecordHeader};
use std::ops::Range;

/// How closely a walk looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// At everything but the bytes of texts.
    Structure,
    /// At every byte.
    Texts,
}

/// A block, or bytes where one should be.
#[derive(Debug)]
pub struct Stretch {
    /// Its bytes, counted from the start of the file.
    pub range: Range<u64>,
    /// Its header, if one was found.
    pub block: Option<BlockHeader>,
    /// What is wrong with it, each with its place in the file.
    pub faults: Vec<(u64, Fault)>,
    /// The records in it that have a header, in order.
    pub records: Vec<Seen>,
    /// A crash cut it off, or it is being written: nothing in it was acknowledged.
    pub torn: bool,
}

/// Goes through a segment until its end, its tail, or what its successor declares void.
#[derive(Debug)]
pub struct Walk<'a> {
    header: &'a SegmentHeader,
    bytes: &'a [u8],
    next: Option<&'a SegmentHeader>,
    depth: Depth,
    at: usize,
    block: u64,
    chain: u32,
    durable: u64,
    boot: u32,
    ended: bool,
}

impl<'a> Walk<'a> {
    /// A walk through all `bytes` of a segment: its header, and that of its successor.
    #[must_use]
    pub fn new(
        header: &'a SegmentHeader,
        bytes: &'a [u8],
        next: Option<&'a SegmentHeader>,
        depth: Depth,
    ) -> Self {
        let (block, chain, boot) = (header.first_block, header.chain(), header.boot);
        let at = SEGMENT_HEADER;
        Self { header, bytes, next, depth, at, block, chain, durable: 0, boot, ended: false }
    }

    /// The number the next block has; at the end, of the one that is not there.
    #[must_use]
    pub const fn block(&self) -> u64 {
        self.block
    }

    /// Where the next block starts; at the end, where the blocks end.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.at as u64
    }

    /// The highest block that one of those passed says is durable.
    #[must_use]
    pub const fn durable(&self) -> u64 {
        self.durable
    }

    fn stretch(&mut self) -> Option<Stretch> {
        if self.next.is_some_and(|next| self.block >= next.first_block) {
            return None;
        }
        let Some((header, check)) = self.header_at(self.at, self.block) else {
            return self.gap();
        };
        let at = self.at;
        let end = (at + header.block_len()).min(self.bytes.len());
        let mut stretch = Stretch::over(at..end);
        self.compare(&header, &mut stretch);
        self.records(&header, &mut stretch);
        stretch.block = Some(header);
        if !stretch.is_whole() && !self.was_durable(end) {
            stretch.torn = true;
            self.ended = true;
            return Some(stretch);
        }
        (self.at, self.block, self.chain) = (end, header.number + 1, check);
        self.durable = self.durable.max(header.durable_upto);
        self.boot = header.boot;
        Some(stretch)
    }

    /// What a block's header says of its neighbours and of itself.
    fn compare(&self, header: &BlockHeader, stretch: &mut Stretch) {
        if header.number != self.block {
            stretch.fault(self.at, Fault::Number { expected: self.block, found: header.number });
        }
        if header.previous != self.chain {
            stretch.fault(self.at, Fault::Chain);
        }
        let claim = header.durable_upto;
        if claim >= header.number || claim < self.durable {
            stretch.fault(self.at, Fault::DurableUpto { claim, block: header.number });
        }
        if header.boot < self.boot {
            stretch.fault(self.at, Fault::Boot { before: self.boot, found: header.boot });
        }
    }

    fn records(&self, header: &BlockHeader, stretch: &mut Stretch) {
        let start = self.at + BLOCK_HEADER;
        let end = (start + header.payload_len as usize).min(self.bytes.len());
        let (mut check, mut count) = (0, 0);
        let mut at = start;
        while let Some((record, own)) = self.record_at(at..end) {
            self.look(at, &record, stretch);
            check = link(check, own);
            count += 1;
            at += record.record_len();
        }
        if at != end {
            stretch.fault(at, Fault::Record);
            self.search(at..end, stretch);
        } else if (count, check) != (header.records, header.records_check) {
            stretch.fault(self.at, Fault::Records);
        }
        let padding = &self.bytes[end..(stretch.range.end as usize).max(end)];
        if let Some(odd) = padding.iter().position(|byte| *byte != 0) {
            stretch.fault(end + odd, Fault::Padding);
        }
    }

    /// Records in a range where they do not follow each other.
    fn search(&self, range: Range<usize>, stretch: &mut Stretch) {
        let mut at = range.start;
        while at + 8 <= range.end {
            if let Some((record, _)) = self.record_at(at..range.end) {
                self.look(at, &record, stretch);
                at += record.record_len();
            } else {
                at += 8;
            }
        }
    }

    fn look(&self, at: usize, record: &RecordHeader, stretch: &mut Stretch) {
        let bytes = &self.bytes[at..at + record.record_len()];
        let payload = record.payload(bytes);
        let looked_at = self.depth == Depth::Texts || record.kind != Kind::Text;
        let whole = !looked_at || crc(payload) == record.payload_crc;
        let seen = Seen::new(self.header, at, record, whole.then_some(payload));
        if !whole {
            stretch.fault(at, Fault::Payload(seen.id));
        } else if matches!(seen.what, What::Bad) {
            stretch.fault(at, Fault::Unreadable(seen.id));
        }
        stretch.records.push(seen);
    }

    /// No header is where a block should be: bytes went bad, or it is the end.
    fn gap(&mut self) -> Option<Stretch> {
        self.ended = true;
        let at = self.at;
        if let Some((next, header)) = self.look_ahead(at + BLOCK_ALIGN)
            && header.durable_upto >= self.block
        {
            let mut stretch = Stretch::over(at..next);
            stretch.fault(at, Fault::NoBlock { expected: self.block });
            self.search(at..next, &mut stretch);
            (self.at, self.block, self.chain) = (next, header.number, header.previous);
            self.ended = false;
            return Some(stretch);
        }
        let torn = !self.is_followed();
        let reach = if torn { at + BLOCK_MAX } else { self.bytes.len() };
        let mut stretch = Stretch::over(at..reach.min(self.bytes.len()));
        self.search(at..reach.min(self.bytes.len()), &mut stretch);
        if torn && stretch.records.is_empty() {
            return None;
        }
        stretch.torn = torn;
        stretch.fault(at, Fault::NoBlock { expected: self.block });
        Some(stretch)
    }

    /// Whether the block we are at was durable, by what lies behind `end`.
    fn was_durable(&self, end: usize) -> bool {
        let later = self.look_ahead(end);
        later.is_some_and(|(_, later)| later.durable_upto >= self.block) || self.is_followed()
    }

    /// Whether the next segment says that the block we are at was durable.
    fn is_followed(&self) -> bool {
        self.next.is_some_and(|next| {
            next.torn_block != self.block
                && next.segment == self.header.segment + 1
                && next.first_block > self.block
        })
    }

    /// The next header of this segment's blocks at `from` or behind.
    fn look_ahead(&self, from: usize) -> Option<(usize, BlockHeader)> {
        let void = self.next.map_or(u64::MAX, |next| next.first_block);
        (from..self.bytes.len()).step_by(BLOCK_ALIGN).find_map(|at| {
            let (header, _) = self.header_at(at, self.block + 1)?;
            (header.number < void).then_some((at, header))
        })
    }

    fn header_at(&self, at: usize, least: u64) -> Option<(BlockHeader, u32)> {
        let (header, check) = BlockHeader::decode(self.bytes.get(at..)?, self.header.salt)?;
        (header.number >= least).then_some((header, check))
    }

    /// The header of a record that lies wholly in `range`, at its start, and its check.
    fn record_at(&self, range: Range<usize>) -> Option<(RecordHeader, u32)> {
        let bytes = self.bytes.get(range)?;
        let (header, check) = RecordHeader::decode(self.header.salt, bytes)?;
        (header.record_len() <= bytes.len()).then_some((header, check))
    }
}

impl Iterator for Walk<'_> {
    type Item = Stretch;

    fn next(&mut self) -> Option<Stretch> {
        if self.ended { None } else { self.stretch() }
    }
}

impl Stretch {
    fn over(range: Range<usize>) -> Self {
        let range = range.start as u64..range.end as u64;
        Self { range, block: None, faults: Vec::new(), records: Vec::new(), torn: false }
    }

    fn fault(&mut self, at: usize, fault: Fault) {
        self.faults.push((at as u64, fault));
    }

    /// Whether all its records are what was written.
    fn is_whole(&self) -> bool {
        self.faults.iter().all(|(_, fault)| !fault.is_of_content())
    }
}

#[cfg(test)]
mod tests;
