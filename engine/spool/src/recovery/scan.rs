//! One segment, block by block.

use super::{Contents, Damage, Flaw};
use crate::catalog::Open;
use crate::envelope::Envelope;
use crate::footer::End;
use crate::format::{
    BLOCK_ALIGN, BLOCK_HEADER, BLOCK_MAX, BlockHeader, SEGMENT_HEADER, SegmentHeader, crc, link,
};
use crate::index::{Birth, Index, Ruling};
use crate::place::Place;
use crate::record::{Delivery, Kind, Record, RecordHeader};
use event::MessageId;
use std::collections::BTreeSet;
use std::ops::Range;

/// Goes through all bytes of a segment until its end, its tail, or what the header of its
/// successor declares void. The index is the same as in the contents, to be written on.
#[must_use]
pub fn scan(
    header: &SegmentHeader,
    bytes: &[u8],
    next: Option<&SegmentHeader>,
) -> (Contents, Index) {
    let mut scan = Scan {
        bytes,
        header,
        next,
        at: SEGMENT_HEADER,
        block: header.first_block,
        chain: header.chain(),
        torn: false,
        boot: header.boot,
        index: Index::default(),
        damage: Vec::new(),
        holes: Vec::new(),
        lost: Vec::new(),
    };
    while scan.step() {}
    scan.end()
}

struct Scan<'a> {
    bytes: &'a [u8],
    header: &'a SegmentHeader,
    next: Option<&'a SegmentHeader>,
    /// Where the next block should be, its number, and what it should chain to.
    at: usize,
    block: u64,
    chain: u32,
    torn: bool,
    boot: u32,
    index: Index,
    damage: Vec<Damage>,
    holes: Vec<Range<u32>>,
    lost: Vec<MessageId>,
}

impl Scan<'_> {
    /// Takes one block, or gets over one that is bad. False at the end.
    fn step(&mut self) -> bool {
        if self.next.is_some_and(|next| self.block >= next.first_block) {
            return false;
        }
        let Some((header, check)) = self.header_at(self.at, self.block) else {
            return self.bad(BLOCK_ALIGN);
        };
        if header.number != self.block || header.previous != self.chain || !self.checks(&header) {
            return self.bad(header.block_len());
        }
        let range = self.payload(&header);
        self.records(range);
        self.boot = self.boot.max(header.boot);
        self.at += header.block_len();
        self.block += 1;
        self.chain = check;
        true
    }

    fn header_at(&self, at: usize, least: u64) -> Option<(BlockHeader, u32)> {
        let bytes = self.bytes.get(at..)?;
        let (header, check) = BlockHeader::decode(bytes, self.header.salt)?;
        (header.number >= least).then_some((header, check))
    }

    fn payload(&self, header: &BlockHeader) -> Range<usize> {
        let start = self.at + BLOCK_HEADER;
        start..start + header.payload_len as usize
    }

    /// Whether every record of the block is what was written, and no other.
    fn checks(&self, header: &BlockHeader) -> bool {
        let range = self.payload(header);
        let (mut at, mut check) = (range.start, 0);
        for _ in 0..header.records {
            let Some((record, own)) = self.record_at(at..range.end) else { return false };
            if !self.is_whole(at, &record) {
                return false;
            }
            at += record.record_len();
            check = link(check, own);
        }
        at == range.end && check == header.records_check
    }

    /// The header of a record that lies wholly in `range`, at its start, and its check.
    fn record_at(&self, range: Range<usize>) -> Option<(RecordHeader, u32)> {
        let bytes = self.bytes.get(range)?;
        let (header, check) = RecordHeader::decode(self.header.salt, bytes)?;
        (header.record_len() <= bytes.len()).then_some((header, check))
    }

    /// The records of a block whose check was right.
    fn records(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let Some(header) = RecordHeader::read(&self.bytes[at..range.end]) else { return };
            self.record(at, &header);
            at += header.record_len();
        }
    }

    fn record(&mut self, at: usize, header: &RecordHeader) {
        let record = &self.bytes[at..];
        let Some(decoded) = Record::decode(header.kind, header.payload(record)) else { return };
        let RecordHeader { boot, count, .. } = *header;
        match decoded {
            Record::Text => (),
            Record::Delivery(message) | Record::Copy(message) => self.message(at, header, &message),
            Record::Verdict(verdict) => {
                self.index.ruled(boot, count, verdict.ruling(), verdict.recipients.iter());
            }
            Record::Abort => self.index.ruled(boot, count, Ruling::Void, std::iter::empty()),
        }
    }

    fn message(&mut self, at: usize, header: &RecordHeader, message: &Delivery<'_>) {
        let Some(envelope) = Envelope::decode(message.envelope) else { return };
        let RecordHeader { boot, count, payload_len: len, payload_crc: crc, .. } = *header;
        let segment = self.header.segment;
        let gone = |place: &Place| {
            place.segment == segment && self.holes.iter().any(|hole| place.touches(hole))
        };
        if message.text.iter().any(gone) {
            // A message is whole or absent.
            return self.lost.push(header.id(self.header.log));
        }
        let open = match &message.open[..] {
            [] => Open::All(envelope.recipient_count()),
            open => Open::of(open),
        };
        let birth = Birth {
            boot,
            count,
            envelope: Place { segment, offset: RecordHeader::payload_offset(at), len, crc },
            text: &message.text,
            accepted: envelope.accepted(),
            way: envelope.way(),
            copied: header.kind == Kind::Copy,
            open,
        };
        self.index.born(birth, envelope.recipients());
    }

    /// What is here does not check, at least `len` bytes of it.
    fn bad(&mut self, len: usize) -> bool {
        let start = self.at;
        let Some((at, header)) = self.look_ahead(start + len) else {
            return self.tail();
        };
        if header.durable_upto < self.block {
            return self.tail();
        }
        self.salvage(start..at, Flaw::Damaged);
        self.at = at;
        self.block = header.number;
        self.chain = header.previous;
        true
    }

    /// The next header of this segment's blocks at `from` or behind.
    fn look_ahead(&self, from: usize) -> Option<(usize, BlockHeader)> {
        let void = self.next.map_or(u64::MAX, |next| next.first_block);
        (from..self.bytes.len()).step_by(BLOCK_ALIGN).find_map(|at| {
            let (header, _) = self.header_at(at, self.block + 1)?;
            (header.number < void).then_some((at, header))
        })
    }

    /// Nothing follows. Whether what is here was durable, only the next segment can tell; if
    /// that is missing, it is reported as such.
    fn tail(&mut self) -> bool {
        let flaw = match self.next {
            Some(next) if next.torn_block == self.block => Flaw::Torn,
            Some(next) if next.segment == self.header.segment + 1 => Flaw::Damaged,
            _ => Flaw::Torn,
        };
        let reach = if flaw == Flaw::Torn { self.at + BLOCK_MAX } else { self.bytes.len() };
        let range = self.at..reach.min(self.bytes.len());
        self.torn = self.salvage(range, flaw);
        false
    }

    /// Takes the whole records out of a bad range, and names the others. Says whether the
    /// range held anything of this segment.
    fn salvage(&mut self, range: Range<usize>, flaw: Flaw) -> bool {
        let mut hit = BTreeSet::new();
        let mut texts = BTreeSet::new();
        let mut found = self.header_at(range.start, self.block).is_some();
        let (mut at, mut hole) = (range.start, range.start);
        while at + 8 <= range.end {
            let bytes = &self.bytes[at..range.end];
            let Some((header, _)) = RecordHeader::decode(self.header.salt, bytes) else {
                at += 8;
                continue;
            };
            found = true;
            let id = header.id(self.header.log);
            let end = at + header.record_len();
            if end <= range.end && self.is_whole(at, &header) {
                self.hole(hole..at);
                self.keep(at, &header, flaw, &mut texts);
                hole = end;
            } else {
                hit.insert(id);
            }
            at = end;
        }
        self.hole(hole..range.end);
        if found || flaw == Flaw::Damaged {
            hit.append(&mut texts);
            let (segment, messages) = (self.header.segment, hit.into_iter().collect());
            let range = range.start as u64..range.end as u64;
            self.damage.push(Damage { segment, range, flaw, messages });
        }
        found
    }

    fn is_whole(&self, at: usize, header: &RecordHeader) -> bool {
        crc(header.payload(&self.bytes[at..])) == header.payload_crc
    }

    /// A whole record in a bad range. `texts` are those whose envelope has not been seen.
    fn keep(
        &mut self,
        at: usize,
        header: &RecordHeader,
        flaw: Flaw,
        texts: &mut BTreeSet<MessageId>,
    ) {
        let id = header.id(self.header.log);
        if header.kind == Kind::Text {
            texts.insert(id);
        } else {
            texts.remove(&id);
        }
        // A bounce and what it settles hang together. In a torn block neither counts; a bounce
        // that was durable is mail, and what it tells of is tried again.
        let acknowledged = flaw == Flaw::Damaged && header.kind == Kind::Delivery;
        if acknowledged || !header.bound {
            self.record(at, header);
        }
    }

    fn hole(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.holes.push(range.start as u32..range.end as u32);
        }
    }

    fn end(self) -> (Contents, Index) {
        let Self { header, at, block, chain, torn, boot, damage, holes, lost, index, .. } = self;
        let end = End { segment: *header, offset: at as u32, block, chain, torn };
        let (log, encoded) = (header.log, index.encode());
        (Contents { end, boot, log, index: encoded, damage, holes, lost, scanned: true }, index)
    }
}
