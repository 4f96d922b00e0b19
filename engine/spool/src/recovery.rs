//! From bytes on disk back to live messages.
//!
//! The caller reads the header of every segment, then gives the segments, oldest first and
//! each with the header of its successor, to [`Recovery::segment`]; [`Recovery::finish`] says
//! what is live and where to go on writing.
//!
//! A block that does not check is either the *torn tail* of a crash or *damage*. It is damage
//! if anything behind it says that it was durable: a later block of the same salt, or the
//! next segment's header. Either way its records are looked at one by one, since each has its
//! own check, so that a flipped bit costs only what it hit. In a torn tail that can only
//! bring messages nobody was told about, which their senders may send again.

mod scan;

use crate::catalog::Catalog;
use crate::envelope::Envelope;
use crate::format::SegmentHeader;
use crate::place::{Place, Text};
use crate::record::{Delivery, Record, Standing};
use crate::writer::Position;
use event::{MessageId, Wall};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// Reads one log back.
#[derive(Debug)]
pub struct Recovery {
    log: u16,
    catalog: Catalog,
    envelopes: HashMap<MessageId, Envelope>,
    boot: u32,
    damage: Vec<Damage>,
    /// Bytes of bad blocks that no whole record covers.
    holes: Vec<(u64, Range<u32>)>,
    /// Messages that lack a part, and the segment it was in.
    lost: Vec<(MessageId, u64)>,
    end: Option<End>,
}

/// Where the last segment ended.
#[derive(Clone, Copy, Debug)]
struct End {
    segment: SegmentHeader,
    offset: u32,
    block: u64,
    chain: u32,
    torn: bool,
}

/// What is wrong with a part of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A crash cut the last block off. Nothing in it was acknowledged.
    Torn,
    /// Acknowledged bytes are not what was written.
    Damaged,
    /// A whole segment is missing or unreadable.
    Missing,
}

/// A part of a log that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub segment: u64,
    /// The bytes, counted from its start.
    pub range: Range<u64>,
    /// What is wrong.
    pub flaw: Flaw,
    /// Messages known to have been hit, in order. What is not live of them is lost.
    pub messages: Vec<MessageId>,
}

/// A live message.
#[derive(Clone, Debug)]
pub struct Survivor {
    /// Its name.
    pub id: MessageId,
    /// Who it is from and for.
    pub envelope: Envelope,
    /// Where its text lies.
    pub text: Text,
    /// What is open of it.
    pub open: Vec<Standing>,
}

/// What a log holds.
#[derive(Debug)]
pub struct Found {
    /// What is live.
    pub catalog: Catalog,
    /// The same with envelopes, in the order of their names.
    pub survivors: Vec<Survivor>,
    /// What is wrong with it.
    pub damage: Vec<Damage>,
    /// The boot this start is.
    pub boot: u32,
    /// Where writing goes on, or `None` in a log without segments.
    pub position: Option<Position>,
}

impl Recovery {
    /// Starts on log number `log`, whose oldest segment is `head`.
    #[must_use]
    pub fn new(log: u16, head: u64) -> Self {
        Self {
            log,
            catalog: Catalog::new(log, head),
            envelopes: HashMap::new(),
            boot: 0,
            damage: Vec::new(),
            holes: Vec::new(),
            lost: Vec::new(),
            end: None,
        }
    }

    /// Takes the next segment: its header, all its bytes, and the header of the one after it.
    pub fn segment(&mut self, header: &SegmentHeader, bytes: &[u8], next: Option<&SegmentHeader>) {
        self.catalog.begin(header.segment);
        self.boot = self.boot.max(header.boot);
        if let Some(end) = self.end
            && end.block + u64::from(header.torn_block == end.block) < header.first_block
        {
            self.lacking(end.segment.segment + 1, header.segment);
        }
        scan::segment(self, header, bytes, next);
    }

    /// Blocks are lacking between two segments. If there is none between them whose name is
    /// missing, the scan of the first has said so already.
    fn lacking(&mut self, from: u64, to: u64) {
        for number in from..to {
            if !self.damage.iter().any(|damage| damage.segment == number) {
                self.missing(number);
            }
        }
    }

    /// Takes note that segment `number` is missing or unreadable.
    pub fn missing(&mut self, number: u64) {
        let messages = Vec::new();
        self.damage.push(Damage { segment: number, range: 0..0, flaw: Flaw::Missing, messages });
        self.holes.push((number, 0..u32::MAX));
    }

    /// Says what is live. `salt` is random, for the next segment if one must be begun, and
    /// `segment_len` its length.
    #[must_use]
    pub fn finish(mut self, salt: u64, segment_len: u64) -> Found {
        self.name_lost();
        let boot = self.boot + 1;
        let position = self.end.map(|end| end.position(boot, salt, segment_len));
        let mut survivors: Vec<_> = self.catalog.iter().map(|live| live.id).collect();
        survivors.sort_unstable();
        let survivors = survivors.into_iter().filter_map(|id| {
            let live = self.catalog.get(id)?;
            let envelope = self.envelopes.remove(&id)?;
            Some(Survivor { id, envelope, text: live.text.clone(), open: live.open.to_vec() })
        });
        let survivors = survivors.collect();
        Found { survivors, boot, position, catalog: self.catalog, damage: self.damage }
    }

    /// Whether bytes of this place are missing. Texts lie before what refers to them, so
    /// every hole that matters is known by then.
    fn is_gone(&self, place: &Place) -> bool {
        let end = place.offset + place.len;
        let hit = |hole: &Range<u32>| place.offset < hole.end && hole.start < end;
        place.segment < self.catalog.head()
            || self.holes.iter().any(|(segment, hole)| *segment == place.segment && hit(hole))
    }

    /// Names the messages that lack something. Of a copy, the original may still be there.
    fn name_lost(&mut self) {
        for (id, segment) in std::mem::take(&mut self.lost) {
            if self.catalog.get(id).is_some() {
                continue;
            }
            if !self.damage.iter().any(|damage| damage.segment == segment) {
                self.missing(segment);
            }
            for damage in self.damage.iter_mut().filter(|damage| damage.segment == segment) {
                if let Err(at) = damage.messages.binary_search(&id) {
                    damage.messages.insert(at, id);
                }
            }
        }
    }

    /// What one record does to the table.
    fn apply(&mut self, id: MessageId, record: Record<'_>, delivery: Place) {
        match record {
            Record::Text => (),
            Record::Delivery(message) | Record::Copy(message) => {
                self.message(id, message, delivery);
            }
            Record::Verdict(verdict) if verdict.outcome.is_final() => {
                if self.catalog.settle(id, verdict.recipients.iter()) {
                    self.envelopes.remove(&id);
                }
            }
            Record::Verdict(verdict) => {
                self.catalog.defer(id, verdict.recipients.iter(), verdict.attempt, verdict.due);
            }
            Record::Abort => {
                self.catalog.abort(id);
                self.envelopes.remove(&id);
            }
        }
    }

    fn message(&mut self, id: MessageId, message: Delivery<'_>, place: Place) {
        let Some(envelope) = Envelope::decode(message.envelope) else { return };
        if let Some(gone) = message.text.iter().find(|place| self.is_gone(place)) {
            // A message is whole or absent.
            return self.lost.push((id, gone.segment));
        }
        let mut open = message.open;
        if open.is_empty() {
            let fresh = |recipient| Standing { recipient, attempt: 0, due: Wall(0) };
            open = (0..envelope.recipient_count()).map(fresh).collect();
        }
        self.catalog.insert(id, place, message.text, &open);
        self.envelopes.insert(id, envelope);
    }

    fn note(&mut self, segment: u64, range: Range<usize>, flaw: Flaw, hit: &BTreeSet<MessageId>) {
        let range = range.start as u64..range.end as u64;
        let messages = hit.iter().copied().collect();
        self.damage.push(Damage { segment, range, flaw, messages });
    }
}

impl End {
    /// Where writing goes on: in the same segment if it ends cleanly and has room.
    fn position(self, boot: u32, salt: u64, segment_len: u64) -> Position {
        let Self { segment, offset, block, chain, torn } = self;
        if !torn && Position::fits(offset, &segment) {
            return Position { segment, begun: true, offset, block, chain };
        }
        Position::start_of(SegmentHeader {
            boot,
            segment: segment.segment + 1,
            salt,
            first_block: block + u64::from(torn),
            torn_block: if torn { block } else { 0 },
            segment_len,
            ..segment
        })
    }
}

#[cfg(test)]
mod tests;
