//! Batches become commit blocks.
//!
//! The caller owns the file and runs one loop:
//!
//! 1. put records in ([`Writer::text`], [`Writer::delivery`], ...) while [`Writer::has_room`];
//! 2. when [`Writer::flush_at`] has come and nothing is in flight, [`Writer::seal`] (it may
//!    come later while [`Writer::expect`]ed company is on its way);
//! 3. if the sealed block begins a segment, make that segment's header durable first;
//! 4. write the block, durably, and say [`Writer::written`], or [`Writer::failed`].
//!
//! One block is in flight at a time, and meanwhile the next one fills. Blocks are numbered
//! without a gap, so `durable` alone says what may be acknowledged.

mod carry;
mod put;

use crate::envelope::{ENVELOPE_MAX, RECIPIENTS_MAX};
use crate::footer::{End, Footer};
use crate::format::{
    BLOCK_HEADER, BLOCK_MAX, BlockHeader, SEGMENT_HEADER, SEGMENT_MIN, SegmentHeader, crc, link,
};
use crate::index::Index;
use crate::place::Place;
use crate::record::{PART_MAX, PARTS_MAX, RECORD_HEADER, STANDING, record_len, verdict_len};
use crate::spot::Spot;
use carry::{Carried, Carry};
use event::{Tick, Wall};
use put::Tag;
use std::ops::DerefMut;
use std::time::Duration;

/// A batch of this size leaves as soon as nothing is in flight.
pub const BATCH_FULL: usize = 256 * 1_024;
/// How long a completion may wait for company.
pub const SETTLE_AGE: Duration = Duration::from_millis(10);
/// How long after one batch has left the next waits for messages that are on their way: a
/// commit costs the same for one as for fifty. A log at rest writes at once.
pub const GATHER_AGE: Duration = Duration::from_millis(1);
/// What the index is expected to grow by in one block. Where it grows by more, the segment
/// may end without a footer.
const INDEX_GROWTH: usize = BLOCK_MAX / 2;
/// Room that only completions may use, so that they need not wait.
const RESERVE: usize = 64 * 1_024;

const _: () = {
    let envelope = ENVELOPE_MAX + PARTS_MAX * Place::LEN;
    let room = BLOCK_MAX - BLOCK_HEADER - RESERVE - 4 * (RECORD_HEADER + 8);
    assert!(PART_MAX + envelope <= room, "a last part and its envelope fit an empty batch");
    assert!(envelope + RECIPIENTS_MAX * STANDING <= room, "the largest copy fits an empty batch");
    assert!(verdict_len(RECIPIENTS_MAX) < RESERVE, "the largest completion fits the reserve");
};

/// Where the next block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The segment; its header's `first_block` counts only if `begun` is false.
    pub segment: SegmentHeader,
    /// Whether the segment's header is durable already.
    pub begun: bool,
    /// The offset of the next block.
    pub offset: u32,
    /// Its number.
    pub block: u64,
    /// The check of the block before it in the segment.
    pub chain: u32,
}

impl Position {
    /// The start of a segment that does not exist yet.
    #[must_use]
    pub fn start_of(segment: SegmentHeader) -> Self {
        let (block, chain) = (segment.first_block, segment.chain());
        Self { segment, begun: false, offset: SEGMENT_HEADER as u32, block, chain }
    }

    /// Whether the longest block fits `segment` at `offset`, and then its footer.
    pub(crate) fn fits(offset: u32, index_room: usize, segment: &SegmentHeader) -> bool {
        let rest = BLOCK_MAX + Footer::room(index_room + INDEX_GROWTH);
        u64::from(offset) + rest as u64 <= segment.segment_len
    }
}

/// Fills batches. `B` is memory of [`BLOCK_MAX`] bytes, aligned as the file asks.
#[derive(Debug)]
pub struct Writer<B> {
    at: Position,
    boot: u32,
    /// Bytes of segments yet to begin.
    segment_len: u64,
    durable: u64,
    open: Batch<B>,
    /// The memory not in use; lent out while a block is in flight.
    spare: Option<B>,
    in_flight: Option<Flight>,
    /// When the last batch left.
    left: Tick,
    /// Messages are on their way.
    expecting: bool,
    /// What the segment at the position comes to.
    index: Index,
    /// The same of the segment before, until somebody writes it down.
    finished: Option<(End, Index)>,
    /// Completions that found no room, or whose write failed.
    carry: Carry,
}

#[derive(Debug)]
struct Batch<B> {
    memory: B,
    /// Bytes used, the block's header included.
    used: usize,
    records: u32,
    /// Their checks, linked.
    check: u32,
    /// Somebody waits for it.
    urgent: bool,
    /// It leaves even if it is empty.
    closing: bool,
    since: Tick,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    block: u64,
    len: usize,
}

/// A block ready to be written.
#[derive(Debug)]
pub struct Sealed<B> {
    /// The bytes: the first `len` of them.
    pub memory: B,
    /// How many.
    pub len: usize,
    /// The segment they belong to.
    pub segment: u64,
    /// Where in it.
    pub offset: u64,
    /// The block's number.
    pub block: u64,
    /// How many records are in it.
    pub records: u32,
    /// The segment's header, if this is its first block.
    pub begins: Option<SegmentHeader>,
}

/// A message put into a batch. It exists when block `block` is durable.
#[derive(Clone, Copy, Debug)]
pub struct Staged {
    /// The block it is in.
    pub block: u64,
    /// Where it lies.
    pub spot: Spot,
    /// The oldest segment any byte of it lies in.
    pub home: u64,
}

impl<B: DerefMut<Target = [u8]>> Writer<B> {
    /// A writer whose next block goes to `at`; every block before is durable, and `index` is
    /// what those in the same segment come to.
    ///
    /// # Panics
    /// If the memory or the segments are too small.
    pub fn new(at: Position, index: Index, boot: u32, segment_len: u64, memory: [B; 2]) -> Self {
        assert!(segment_len >= SEGMENT_MIN as u64, "a segment holds the longest block");
        assert!(memory.iter().all(|memory| memory.len() >= BLOCK_MAX), "a batch is a block");
        let [open, spare] = memory;
        Self {
            durable: at.block - 1,
            at,
            boot,
            segment_len,
            open: Batch::new(open),
            spare: Some(spare),
            in_flight: None,
            left: Tick::ZERO,
            expecting: false,
            index,
            finished: None,
            carry: Carry::default(),
        }
    }

    /// Where the batch now filling will go.
    pub fn position(&self) -> Position {
        self.at
    }

    /// The highest block that is durable.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// The highest block that anything was put into. What was said by now is durable once
    /// that is.
    pub fn staged(&self) -> u64 {
        let carried = u64::from(!self.carry.is_empty());
        match (self.open.records, self.in_flight) {
            (1.., _) => self.at.block + carried,
            (0, Some(flight)) => flight.block + carried,
            (0, None) => self.durable + carried,
        }
    }

    /// Whether the open batch takes records of `bytes` more. An empty batch does for any
    /// message within the limits.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.carry.is_empty() && self.open.used + bytes + RESERVE <= BLOCK_MAX
    }

    /// When the open batch should leave: at once if it is full, or somebody waits for it and
    /// no company for him is on its way.
    pub fn flush_at(&self) -> Option<Tick> {
        if self.open.records == 0 {
            return self.open.closing.then_some(Tick::ZERO);
        }
        let full = self.open.used >= BATCH_FULL || !self.carry.is_empty();
        Some(match self.open.urgent {
            _ if full => Tick::ZERO,
            true if self.expecting => self.left + GATHER_AGE,
            true => Tick::ZERO,
            false => self.open.since + SETTLE_AGE,
        })
    }

    /// Whether messages are on their way, for whose sake a batch may wait [`GATHER_AGE`].
    pub fn expect(&mut self, company: bool) {
        self.expecting = company;
    }

    /// Asks for a last block, even an empty one: what says that the block before it was durable.
    /// Without it, bytes of that which go bad look like a block torn by a crash.
    pub fn close(&mut self) {
        self.open.closing = true;
    }

    /// Asks for the open batch to leave at once.
    pub fn hurry(&mut self) {
        self.open.urgent = true;
    }

    /// Closes the open batch and starts the next. `salt` is random: it is used if the next
    /// batch begins a segment. `None` if a block is in flight.
    pub fn seal(&mut self, salt: u64, now: Tick, wall: Wall) -> Option<Sealed<B>> {
        if self.in_flight.is_some() {
            return None;
        }
        let fresh = Batch::new(self.spare.take()?);
        let batch = std::mem::replace(&mut self.open, fresh);
        let header = self.header(&batch, wall);
        let Batch { mut memory, used, records, .. } = batch;
        let len = header.block_len();
        memory[used..len].fill(0);
        self.at.chain = header.encode(&mut memory);
        let Position { segment, begun, offset, block, .. } = self.at;
        self.in_flight = Some(Flight { block, len });
        self.left = now;
        self.advance(len, salt);
        self.restage(now);
        let begins = (!begun).then_some(segment);
        Some(Sealed {
            memory,
            len,
            segment: segment.segment,
            offset: u64::from(offset),
            block,
            records,
            begins,
        })
    }

    fn header(&self, batch: &Batch<B>, wall: Wall) -> BlockHeader {
        BlockHeader {
            salt: self.at.segment.salt,
            number: self.at.block,
            durable_upto: self.durable,
            payload_len: (batch.used - BLOCK_HEADER) as u32,
            records: batch.records,
            records_check: batch.check,
            previous: self.at.chain,
            boot: self.boot,
            wall: wall.0,
        }
    }

    /// Moves behind a block of `len`; into the next segment if the longest block would no
    /// longer fit this one.
    fn advance(&mut self, len: usize, salt: u64) {
        self.at.begun = true;
        self.at.offset += len as u32;
        self.at.block += 1;
        let Position { segment, offset, block, chain, .. } = self.at;
        if !Position::fits(offset, self.index.room(), &segment) {
            let end = End { segment, offset, block, chain, torn: false };
            self.finished = Some((end, std::mem::take(&mut self.index)));
            self.turn(block, salt);
        }
    }

    /// The segment that was left last, once: where it ended and what it comes to. All of it is
    /// durable when a block of the next one is to be written.
    pub fn finished(&mut self) -> Option<(End, Index)> {
        self.finished.take()
    }

    fn turn(&mut self, first_block: u64, salt: u64) {
        self.at = Position::start_of(SegmentHeader {
            boot: self.boot,
            segment: self.at.segment.segment + 1,
            salt,
            first_block,
            torn_block: 0,
            segment_len: self.segment_len,
            ..self.at.segment
        });
    }

    /// The block in flight is durable.
    ///
    /// # Panics
    /// If none was in flight.
    pub fn written(&mut self, memory: B) {
        let flight = self.in_flight.take().expect("a block was in flight");
        self.durable = flight.block;
        self.spare = Some(memory);
    }

    /// The block in flight failed, and its file must not be used again. What was in it and in
    /// the open batch is void, except completions: they go into the next block, which
    /// begins a new segment, along with ABORTs for the messages. `salt` is random.
    ///
    /// # Panics
    /// If none was in flight.
    pub fn failed(&mut self, memory: B, salt: u64, now: Tick) {
        let flight = self.in_flight.take().expect("a block was in flight");
        let mut carry = Carry::default();
        carry.salvage(&memory[BLOCK_HEADER..flight.len]);
        carry.salvage(&self.open.memory[BLOCK_HEADER..self.open.used]);
        carry.append(std::mem::take(&mut self.carry));
        self.carry = carry;
        self.spare = Some(memory);
        self.open.clear();
        // Also where the open batch was to begin a segment: its number goes with the places
        // that were given out in it, so that nobody takes what comes there for theirs.
        self.turn(flight.block, salt);
        self.index = Index::default();
        self.finished.take_if(|(end, _)| end.block > flight.block);
        self.restage(now);
    }

    /// Moves what was carried into the open batch, as much as fits.
    fn restage(&mut self, now: Tick) {
        while let Some(len) = self.carry.first_len() {
            if self.open.used + record_len(len) > BLOCK_MAX {
                return;
            }
            let Some(Carried { kind, boot, count, payload }) = self.carry.take() else { return };
            self.rule(boot, count, kind, &payload);
            self.push(Tag { kind, bound: false, boot, count }, len, now, |out| {
                out.copy_from_slice(&payload);
                crc(&payload)
            });
        }
    }
}

impl<B: DerefMut<Target = [u8]>> Batch<B> {
    fn new(memory: B) -> Self {
        let (used, since) = (BLOCK_HEADER, Tick::ZERO);
        Self { memory, used, records: 0, check: 0, urgent: false, closing: false, since }
    }

    fn clear(&mut self) {
        (self.used, self.records, self.check, self.urgent) = (BLOCK_HEADER, 0, 0, false);
    }

    fn took(&mut self, bytes: usize, check: u32, now: Tick) {
        if self.records == 0 {
            self.since = now;
        }
        self.used += bytes;
        self.records += 1;
        self.check = link(self.check, check);
    }
}

#[cfg(test)]
mod tests;
