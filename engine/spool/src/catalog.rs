//! What is live, and what space may be used again.
//!
//! A message lives from its DELIVERY until its last recipient is through. It is counted in its
//! *home*: the oldest segment any byte of it lies in. Segments are given back strictly oldest
//! first, so when one is the head, every completion in it is about messages that are gone, and
//! only messages at home in it must be settled, or carried forward, before it is free.

mod open;
mod table;

use crate::spot::Spot;
use event::{MessageId, Wall};
pub use open::Open;
use std::collections::VecDeque;
pub(crate) use table::hash;
use table::{Slot, Table};

/// The live messages of one log.
#[derive(Debug)]
pub struct Catalog {
    log: u16,
    messages: Table,
    /// The segments in use, oldest first; their numbers have no gap.
    segments: VecDeque<Use>,
    /// The number of the first of them.
    head: u64,
    live_bytes: u64,
    /// Messages that may not be carried forward, and segments that hold parts of messages yet
    /// to come. A handful.
    pins: Vec<(MessageId, u64)>,
}

/// What is at home in one segment.
#[derive(Debug, Default)]
struct Use {
    first: Option<Slot>,
    live_bytes: u64,
}

/// One live message.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) count: u64,
    pub(crate) boot: u32,
    /// How many segments before its DELIVERY its text begins.
    reach: u32,
    spot: Spot,
    /// Neighbours in the list of its home.
    before: Option<Slot>,
    after: Option<Slot>,
    open: Open,
}

const _: () = assert!(size_of::<Option<Entry>>() <= 56, "a queued recipient costs little");

impl Entry {
    fn home(&self) -> u64 {
        self.spot.segment() - u64::from(self.reach)
    }

    fn lie(&mut self, spot: Spot, home: u64) {
        self.spot = spot;
        self.reach = reach(&spot, home);
    }
}

fn reach(spot: &Spot, home: u64) -> u32 {
    let reach = spot.segment().checked_sub(home).map(u32::try_from);
    reach.and_then(Result::ok).expect("text lies before its envelope, and not a whole life before")
}

/// A live message, as the catalog knows it.
#[derive(Clone, Copy, Debug)]
pub struct Live<'a> {
    /// Its name.
    pub id: MessageId,
    /// Where its DELIVERY or COPY lies.
    pub spot: Spot,
    /// The oldest segment any byte of it lies in.
    pub home: u64,
    /// Its open recipients.
    pub open: &'a Open,
}

impl Catalog {
    /// An empty catalog of a log whose oldest segment is `head`.
    #[must_use]
    pub fn new(log: u16, head: u64) -> Self {
        let (messages, segments, pins) = (Table::default(), VecDeque::new(), Vec::new());
        Self { log, messages, segments, head, live_bytes: 0, pins }
    }

    /// Segment `number` is in use from now on.
    pub fn begin(&mut self, number: u64) {
        while self.head + (self.segments.len() as u64) <= number {
            self.segments.push_back(Use::default());
        }
    }

    /// Messages with an open recipient.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of live messages, headers of records not counted.
    #[must_use]
    pub const fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// Segments in use.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The oldest segment in use.
    #[must_use]
    pub const fn head(&self) -> u64 {
        self.head
    }

    /// The message, if it is live.
    #[must_use]
    pub fn get(&self, id: MessageId) -> Option<Live<'_>> {
        let slot = self.messages.find(id.boot, id.count)?;
        Some(self.live(slot))
    }

    /// All live messages, oldest home first.
    pub fn iter(&self) -> impl Iterator<Item = Live<'_>> {
        self.segments.iter().flat_map(|segment| self.at_home(Some(segment)))
    }

    fn at_home(&self, segment: Option<&Use>) -> impl Iterator<Item = Live<'_>> {
        let next = |slot: &Slot| self.messages.at(*slot).after;
        let first = segment.and_then(|segment| segment.first);
        std::iter::successors(first, next).map(|slot| self.live(slot))
    }

    fn live(&self, slot: Slot) -> Live<'_> {
        let entry = self.messages.at(slot);
        let id = MessageId { log: self.log, boot: entry.boot, count: entry.count };
        Live { id, spot: entry.spot, home: entry.home(), open: &entry.open }
    }

    /// A message exists, and its oldest byte lies in segment `home`. One that is live already
    /// only moves: what is through stays so.
    pub fn insert(&mut self, id: MessageId, spot: Spot, home: u64, open: Open) {
        if self.messages.find(id.boot, id.count).is_some() {
            return self.moved(id, spot, home);
        }
        if open.is_empty() {
            return;
        }
        let (before, after) = (None, None);
        let MessageId { boot, count, .. } = id;
        let reach = reach(&spot, home);
        self.live_bytes += spot.bytes();
        let entry = Entry { count, boot, reach, spot, before, after, open };
        let placed = self.messages.insert(entry);
        self.link(placed);
    }

    /// A copy of the message is durable: it lies elsewhere now.
    pub fn moved(&mut self, id: MessageId, spot: Spot, home: u64) {
        let Some(found) = self.messages.find(id.boot, id.count) else { return };
        self.unlink(found);
        let entry = self.messages.at_mut(found);
        let old = entry.spot.bytes();
        entry.lie(spot, home);
        self.live_bytes = self.live_bytes - old + spot.bytes();
        self.link(found);
    }

    /// Recipients are through. Says whether the message is.
    pub fn settle(&mut self, id: MessageId, recipients: impl Iterator<Item = u16>) -> bool {
        let Some(slot) = self.messages.find(id.boot, id.count) else { return false };
        let entry = self.messages.at_mut(slot);
        for recipient in recipients {
            entry.open.settle(recipient);
        }
        let through = entry.open.is_empty();
        if through {
            self.remove(slot);
        }
        through
    }

    /// Recipients were tried; the highest attempt counts, in whatever order they come.
    pub fn defer(
        &mut self,
        id: MessageId,
        recipients: impl Iterator<Item = u16>,
        attempt: u16,
        due: Wall,
    ) {
        let Some(slot) = self.messages.find(id.boot, id.count) else { return };
        let entry = self.messages.at_mut(slot);
        for recipient in recipients {
            entry.open.defer(recipient, attempt, due);
        }
    }

    /// The message does not exist.
    pub fn abort(&mut self, id: MessageId) {
        if let Some(slot) = self.messages.find(id.boot, id.count) {
            self.remove(slot);
        }
    }

    /// Keeps `segment` and those behind it from being given back until [`Self::unpin`].
    pub fn pin(&mut self, id: MessageId, segment: u64) {
        self.pins.push((id, segment));
    }

    /// As [`Self::pin`], for the home of a live message: it is not carried forward meanwhile.
    pub fn hold(&mut self, id: MessageId) {
        let home = self.get(id).map_or(u64::MAX, |live| live.home);
        self.pin(id, home);
    }

    /// Takes back one [`Self::pin`] of `id`, the oldest.
    pub fn unpin(&mut self, id: MessageId) {
        if let Some(at) = self.pins.iter().position(|(pinned, _)| *pinned == id) {
            self.pins.remove(at);
        }
    }

    /// Takes back every [`Self::pin`] of `id`.
    pub fn unpin_all(&mut self, id: MessageId) {
        self.pins.retain(|(pinned, _)| *pinned != id);
    }

    /// Whether something keeps the head from being carried forward.
    #[must_use]
    pub fn head_is_pinned(&self) -> bool {
        self.pins.iter().any(|(_, segment)| *segment <= self.head)
    }

    /// Whether nothing at all needs the head.
    #[must_use]
    pub fn head_is_free(&self) -> bool {
        self.segments.front().is_some_and(|head| head.first.is_none()) && !self.head_is_pinned()
    }

    /// Bytes of the messages at home in the head, headers of records not counted.
    #[must_use]
    pub fn head_live_bytes(&self) -> u64 {
        self.segments.front().map_or(0, |head| head.live_bytes)
    }

    /// The messages at home in `segment`, the last put in first.
    pub fn at_home_in(&self, segment: u64) -> impl Iterator<Item = MessageId> {
        let at = segment.checked_sub(self.head).map(|at| at as usize);
        self.at_home(at.and_then(|at| self.segments.get(at))).map(|live| live.id)
    }

    /// Whether the message is pinned.
    #[must_use]
    pub fn is_pinned(&self, id: MessageId) -> bool {
        self.pins.iter().any(|(pinned, _)| *pinned == id)
    }

    /// The head is no longer in use. Returns its number.
    ///
    /// # Panics
    /// If something needs it.
    pub fn release_head(&mut self) -> u64 {
        assert!(self.head_is_free(), "a segment is given back when nothing needs it");
        self.segments.pop_front();
        self.head += 1;
        self.head - 1
    }

    fn remove(&mut self, slot: Slot) {
        self.unlink(slot);
        let entry = self.messages.remove(slot);
        self.live_bytes -= entry.spot.bytes();
    }

    fn home_of(&mut self, slot: Slot) -> &mut Use {
        let home = self.messages.at(slot).home();
        self.begin(home);
        let at = home.checked_sub(self.head).expect("nothing lives in a segment given back");
        &mut self.segments[at as usize]
    }

    fn link(&mut self, slot: Slot) {
        let bytes = self.messages.at(slot).spot.bytes();
        let home = self.home_of(slot);
        home.live_bytes += bytes;
        let first = home.first.replace(slot);
        self.messages.at_mut(slot).after = first;
        self.messages.at_mut(slot).before = None;
        if let Some(first) = first {
            self.messages.at_mut(first).before = Some(slot);
        }
    }

    fn unlink(&mut self, slot: Slot) {
        let Entry { before, after, spot, .. } = *self.messages.at(slot);
        let home = self.home_of(slot);
        home.live_bytes -= spot.bytes();
        match before {
            Some(before) => self.messages.at_mut(before).after = after,
            None => home.first = after,
        }
        if let Some(after) = after {
            self.messages.at_mut(after).before = before;
        }
    }
}

#[cfg(test)]
mod tests;
