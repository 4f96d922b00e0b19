//! What a segment comes to: the messages born in it or carried into it that are open at its
//! end, and what it says of messages in older ones.
//!
//! The writer keeps the index of the segment it writes; a scan makes the same from the bytes.
//! When the segment is full its index is written behind its blocks ([`crate::footer`]), so
//! that a start reads some dozens of bytes a live message instead of all there are. What was
//! born and settled within one segment leaves nothing: in steady state an index is short.

mod entries;
mod kept;

pub use entries::{Entries, Entry, Listed, Recipients, Ruling, Way, home};

use crate::catalog::{Open, hash};
use crate::chunks::Chunks;
use crate::envelope::LABEL_MAX;
use crate::fields::Put;
use crate::place::{Place, Text};
use crate::record::RECORD_HEADER;
use event::Wall;
use hashbrown::HashTable;
use kept::{Kept, Message};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes in front of the ways: how many messages, rulings and ways there are.
const FRONT: usize = 12;
/// Bytes of a message without its places, standings and recipients.
const MESSAGE: usize = 40;
/// Bytes of a standing. Every open recipient may come to have one.
const STANDING: usize = 12;
/// Bytes of a ruling without its recipients.
const RULING: usize = 26;
/// The longest domain kept. Nothing is delivered to a longer one.
const DOMAIN_MAX: usize = 255;

const _: () = assert!(DOMAIN_MAX <= 255 && LABEL_MAX <= 255, "a length is a byte");

/// The standing of some recipients is listed, else all are open and untried.
const STANDINGS: u8 = 1;

/// The index of one segment, as far as it is written.
#[derive(Debug, Default)]
pub struct Index {
    messages: Chunks<Kept>,
    /// When the first of them was accepted.
    since: Wall,
    /// Where each message of this segment is among them, by name.
    places: HashTable<u32>,
    rulings: Vec<Verdict>,
    /// Each as it is written.
    ways: Vec<Arc<[u8]>>,
    numbers: HashMap<Arc<[u8]>, u32>,
    /// At least the bytes it would take up now.
    bytes: usize,
}

#[derive(Debug)]
struct Verdict {
    boot: u32,
    count: u64,
    ruling: Ruling,
    recipients: SmallVec<[u16; 4]>,
}

/// A message on its way into an index.
#[derive(Debug)]
pub(crate) struct Birth<'a> {
    pub(crate) boot: u32,
    pub(crate) count: u64,
    /// Where its DELIVERY or COPY lies.
    pub(crate) envelope: Place,
    pub(crate) text: &'a [Place],
    pub(crate) accepted: Wall,
    /// By which way it leaves, as [`Envelope::way`] says it.
    pub(crate) way: Way<'a>,
    pub(crate) copied: bool,
    pub(crate) open: Open,
}

impl Index {
    /// Bytes it takes up at most.
    #[must_use]
    pub fn room(&self) -> usize {
        FRONT + self.bytes
    }

    /// A message is in the segment from now on.
    pub(crate) fn born<'r>(
        &mut self,
        birth: Birth<'_>,
        recipients: impl Iterator<Item = &'r [u8]>,
    ) {
        let Birth { boot, count, envelope, text, accepted, way, copied, open } = birth;
        let ways: SmallVec<[u32; 4]> = recipients.map(|path| self.way(path, &way)).collect();
        let text_len = text.iter().map(|place| place.len).sum();
        let text = (!adjoins(text, &envelope)).then(|| Text::from_slice(text));
        let places = text.as_ref().map_or(0, Text::len);
        self.bytes += MESSAGE + Place::LEN * places + STANDING * open.len() + 4 * ways.len();
        let Place { offset, len, .. } = envelope;
        let message =
            Message { boot, count, offset, len, text_len, accepted, copied, text, open, ways };
        let place = self.messages.len();
        if place == 0 {
            self.since = accepted;
        }
        self.messages.push(Kept::new(message, self.since));
        let messages = &self.messages;
        self.places.insert_unique(hash(boot, count), place as u32, |place| {
            messages[*place as usize].name().map_or(0, |(boot, count)| hash(boot, count))
        });
    }

    /// Something was said of recipients of a message.
    pub(crate) fn ruled(
        &mut self,
        boot: u32,
        count: u64,
        ruling: Ruling,
        recipients: impl Iterator<Item = u16> + Clone,
    ) {
        let here = self.place(boot, count);
        let copied = here.is_none_or(|place| self.messages[place].is_copied());
        if let Some(place) = here
            && self.rule(place, ruling, recipients.clone())
        {
            let same = |other: &u32| *other as usize == place;
            if let Ok(found) = self.places.find_entry(hash(boot, count), same) {
                found.remove();
            }
            self.messages[place] = Kept::Gone;
        }
        if copied {
            let recipients: SmallVec<[u16; 4]> = recipients.collect();
            self.bytes += RULING + 2 * recipients.len();
            self.rulings.push(Verdict { boot, count, ruling, recipients });
        }
    }

    /// Something was said of the message at `place`. Says whether it is settled.
    fn rule(
        &mut self,
        place: usize,
        ruling: Ruling,
        mut recipients: impl Iterator<Item = u16>,
    ) -> bool {
        let kept = &mut self.messages[place];
        match (&*kept, ruling) {
            (_, Ruling::Void) => return true,
            (Kept::Plain(_), Ruling::Through) => return recipients.any(|recipient| recipient == 0),
            _ => (),
        }
        let Some(message) = kept.full(self.since) else { return false };
        for recipient in recipients {
            match ruling {
                Ruling::Due { attempt, due } => message.open.defer(recipient, attempt, due),
                Ruling::Through | Ruling::Void => message.open.settle(recipient),
            }
        }
        message.open.is_empty()
    }

    /// Where a message is among those of this segment. Of a message that is there twice, the
    /// copy: it came later.
    fn place(&self, boot: u32, count: u64) -> Option<usize> {
        let is_it = |place: &u32| self.messages[*place as usize].name() == Some((boot, count));
        let places = self.places.iter_hash(hash(boot, count)).filter(|place| is_it(place));
        places.max().map(|place| *place as usize)
    }

    fn way(&mut self, path: &[u8], of: &Way<'_>) -> u32 {
        let at = memchr::memrchr(b'@', path).map_or(path.len(), |at| at + 1);
        let domain = path.get(at..).filter(|domain| domain.len() <= DOMAIN_MAX).unwrap_or_default();
        let mut way = SmallVec::<[u8; 64]>::new();
        way.push(domain.len() as u8);
        way.extend(domain.iter().map(u8::to_ascii_lowercase));
        for word in [of.pool, of.class, of.tenant, of.campaign] {
            way.push(word.len() as u8);
            way.extend_from_slice(word);
        }
        if let Some(number) = self.numbers.get(&way[..]) {
            return *number;
        }
        let (number, way) = (self.ways.len() as u32, Arc::<[u8]>::from(&way[..]));
        self.bytes += way.len();
        self.ways.push(Arc::clone(&way));
        self.numbers.insert(way, number);
        number
    }

    /// The bytes of it, as they are written behind the blocks: see `FORMAT.md`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.room()];
        let mut put = Put::new(&mut bytes);
        let messages = self.messages.iter().filter(|kept| kept.name().is_some());
        put.u32(messages.clone().count() as u32);
        put.u32(self.rulings.len() as u32).u32(self.ways.len() as u32);
        for way in &self.ways {
            put.bytes(way);
        }
        messages.for_each(|message| message.encode(self.since, &mut put));
        self.rulings.iter().for_each(|verdict| verdict.encode(&mut put));
        let unused = put.left();
        bytes.truncate(bytes.len() - unused);
        bytes
    }
}

/// Whether the text is one piece, right before its envelope.
fn adjoins(text: &[Place], envelope: &Place) -> bool {
    let [text] = text else { return false };
    let end = u64::from(text.offset) + u64::from(text.len).next_multiple_of(8);
    text.segment == envelope.segment && end + RECORD_HEADER as u64 == u64::from(envelope.offset)
}

impl Verdict {
    fn encode(&self, put: &mut Put<'_>) {
        let (kind, attempt, due) = match self.ruling {
            Ruling::Through => (entries::THROUGH, 0, Wall(0)),
            Ruling::Due { attempt, due } => (entries::DUE, attempt, due),
            Ruling::Void => (entries::VOID, 0, Wall(0)),
        };
        put.u8(kind).u8(0).u16(self.recipients.len() as u16).u32(self.boot).u64(self.count);
        put.u64(due.0).u16(attempt);
        for recipient in &self.recipients {
            put.u16(*recipient);
        }
    }
}

#[cfg(test)]
mod tests;
