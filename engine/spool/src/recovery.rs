//! From bytes on disk back to live messages.
//!
//! 1. The caller reads the header of every segment, and of the last one all bytes:
//!    [`scan`] says where writing goes on. New mail may come in from now on.
//! 2. Then, oldest first, each segment's [`Contents`]: from its footer if it has one, else by
//!    a scan. [`Recovery::begin`] and, for each entry, [`Recovery::apply`] bring the catalog up to date.
//! 3. [`Recovery::finish`] names what is wrong with the log.
//!
//! A block that does not check is either the *torn tail* of a crash or *damage*. It is damage
//! if anything behind it says that it was durable: a later block of the same salt, or the
//! next segment's header. Either way its records are looked at one by one, since each has its
//! own check, so that a flipped bit costs only what it hit. In a torn tail that can only
//! bring messages nobody was told about, which their senders may send again.

mod scan;

pub use scan::scan;

use crate::catalog::Catalog;
use crate::footer::{End, Footer};
use crate::format::SegmentHeader;
use crate::index::{Entries, Entry, Listed, Ruling};
use crate::place::Place;
use crate::writer::Position;
use event::MessageId;
use std::ops::Range;

/// Reads one log back.
#[derive(Debug, Default)]
pub struct Recovery {
    damage: Vec<Damage>,
    /// Bytes of bad blocks that no whole record covers.
    holes: Vec<(u64, Range<u32>)>,
    /// Messages that lack a part, and the segment it was in.
    lost: Vec<(MessageId, u64)>,
    last: Option<End>,
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

impl Flaw {
    /// A word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Torn => "torn",
            Self::Damaged => "damaged",
            Self::Missing => "missing",
        }
    }
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

/// What one segment holds.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Where its blocks end.
    pub end: End,
    /// The highest boot that wrote in it, as far as it was looked at.
    pub boot: u32,
    log: u16,
    /// Its index, encoded.
    index: Vec<u8>,
    damage: Vec<Damage>,
    holes: Vec<Range<u32>>,
    /// Messages whose text is damaged.
    lost: Vec<MessageId>,
    scanned: bool,
}

impl Contents {
    /// Those of a full segment, from its footer and the index that checks against it.
    #[must_use]
    pub fn sealed(footer: &Footer, index: Vec<u8>) -> Self {
        let SegmentHeader { boot, log, .. } = footer.end.segment;
        let (damage, holes, lost) = (Vec::new(), Vec::new(), Vec::new());
        Self { end: footer.end, boot, log, index, damage, holes, lost, scanned: false }
    }

    /// Whether its blocks were gone through, and not its footer.
    #[must_use]
    pub const fn is_scanned(&self) -> bool {
        self.scanned
    }

    /// Its messages, and what it says of others.
    #[must_use]
    pub fn entries(&self) -> Option<Entries<'_>> {
        Entries::read(self.log, self.end.segment.segment, &self.index)
    }

    /// Whether nothing is wrong with it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.damage.is_empty()
    }
}

impl Recovery {
    /// A log whose segments with these numbers cannot be read.
    #[must_use]
    pub fn new(unreadable: &[u64]) -> Self {
        let mut recovery = Self::default();
        for number in unreadable {
            recovery.missing(*number);
        }
        recovery
    }

    /// The entries of the next segment follow: it begins where the last one ended, or
    /// something is lacking between them.
    pub fn begin(&mut self, catalog: &mut Catalog, contents: &Contents) {
        let header = &contents.end.segment;
        catalog.begin(header.segment);
        if let Some(end) = self.last
            && end.block + u64::from(header.torn_block == end.block) < header.first_block
        {
            self.lacking(end.segment.segment + 1, header.segment);
        }
        let segment = header.segment;
        self.damage.extend(contents.damage.iter().cloned());
        self.holes.extend(contents.holes.iter().map(|hole| (segment, hole.clone())));
        self.lost.extend(contents.lost.iter().map(|id| (*id, segment)));
        self.last = Some(contents.end);
    }

    /// What one entry does to the catalog.
    pub fn apply(&mut self, catalog: &mut Catalog, entry: Entry<'_>) {
        match entry {
            Entry::Message(message) => self.message(catalog, message),
            Entry::Verdict(id, ruling, recipients) => match ruling {
                Ruling::Through => _ = catalog.settle(id, recipients.iter()),
                Ruling::Due { attempt, due } => catalog.defer(id, recipients.iter(), attempt, due),
                Ruling::Void => catalog.abort(id),
            },
        }
    }

    /// What is wrong with the log.
    #[must_use]
    pub fn finish(mut self, catalog: &Catalog) -> Vec<Damage> {
        self.name_lost(catalog);
        self.damage
    }

    fn message(&mut self, catalog: &mut Catalog, message: Listed<'_>) {
        if let Some(gone) = message.text.iter().find(|place| self.is_gone(catalog, place)) {
            // A message is whole or absent.
            return self.lost.push((message.id, gone.segment));
        }
        let home = message.home();
        catalog.insert(message.id, message.spot, home, message.open);
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

    /// Segment `number` is missing or unreadable.
    fn missing(&mut self, number: u64) {
        let messages = Vec::new();
        self.damage.push(Damage { segment: number, range: 0..0, flaw: Flaw::Missing, messages });
        self.holes.push((number, 0..u32::MAX));
    }

    /// Whether bytes of this place are missing. Texts lie before what refers to them, so
    /// every hole that matters is known by then.
    fn is_gone(&self, catalog: &Catalog, place: &Place) -> bool {
        place.segment < catalog.head()
            || self
                .holes
                .iter()
                .any(|(segment, hole)| *segment == place.segment && place.touches(hole))
    }

    /// Names the messages that lack something. Of a copy, the original may still be there.
    fn name_lost(&mut self, catalog: &Catalog) {
        for (id, segment) in std::mem::take(&mut self.lost) {
            if catalog.get(id).is_some() {
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
}

impl End {
    /// Where writing goes on: in the same segment if it ends cleanly and has room. `salt` is
    /// random, for the next segment if one must be begun, and `segment_len` its length.
    #[must_use]
    pub fn position(self, index_room: usize, boot: u32, salt: u64, segment_len: u64) -> Position {
        let Self { segment, offset, block, chain, torn } = self;
        if !torn && Position::fits(offset, index_room, &segment) {
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
