//! What a segment comes to: the messages born in it or carried into it that are open at its
//! end, and what it says of messages in older ones.
//!
//! The writer keeps the index of the segment it writes; a scan makes the same from the bytes.
//! When the segment is full its index is written behind its blocks ([`crate::footer`]), so
//! that a start reads some dozens of bytes a live message instead of all there are. What was
//! born and settled within one segment leaves nothing: in steady state an index is short.

mod entries;

pub use entries::{Entries, Entry, Listed, Recipients, Ruling, home};

use crate::catalog::{Open, hash};
use crate::fields::Put;
use crate::place::{Place, Text};
use crate::record::RECORD_HEADER;
use event::Wall;
use hashbrown::HashTable;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes in front of the domains: how many messages, rulings and domains there are.
const FRONT: usize = 12;
/// Bytes of a message without its places, standings and recipients.
const MESSAGE: usize = 40;
/// Bytes of a standing. Every open recipient may come to have one.
const STANDING: usize = 12;
/// Bytes of a ruling without its recipients.
const RULING: usize = 26;
/// The longest domain kept. Nothing is delivered to a longer one.
const DOMAIN_MAX: usize = 255;

/// The standing of some recipients is listed, else all are open and untried.
const STANDINGS: u8 = 1;

/// The index of one segment, as far as it is written.
#[derive(Debug, Default)]
pub struct Index {
    /// `None` where a message was settled.
    messages: Vec<Option<Message>>,
    /// Where each message of this segment is among them, by name.
    places: HashTable<u32>,
    rulings: Vec<Verdict>,
    domains: Vec<Arc<[u8]>>,
    numbers: HashMap<Arc<[u8]>, u32>,
    /// At least the bytes it would take up now.
    bytes: usize,
}

#[derive(Debug)]
struct Message {
    boot: u32,
    count: u64,
    offset: u32,
    len: u32,
    text_len: u32,
    accepted: Wall,
    /// It was carried forward: an older segment has it too, and must hear what became of it.
    copied: bool,
    /// Where its text lies, unless that is one piece right before the envelope.
    text: Option<Box<Text>>,
    open: Open,
    domains: Domains,
}

/// The domain of each recipient, by number.
#[derive(Debug)]
enum Domains {
    One(u32),
    Many(Box<[u32]>),
}

impl Domains {
    fn numbers(&self) -> &[u32] {
        match self {
            Self::One(number) => std::slice::from_ref(number),
            Self::Many(numbers) => numbers,
        }
    }
}

/// There may be a hundred thousand of them in a segment of small mail.
const _: () = assert!(size_of::<Option<Message>>() <= 80, "a message being written costs little");

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
        let Birth { boot, count, envelope, text, accepted, copied, open } = birth;
        let domains: SmallVec<[u32; 4]> = recipients.map(|path| self.domain(path)).collect();
        let domains = match domains[..] {
            [number] => Domains::One(number),
            _ => Domains::Many(domains[..].into()),
        };
        let text_len = text.iter().map(|place| place.len).sum();
        let text = (!adjoins(text, &envelope)).then(|| Box::new(Text::from_slice(text)));
        let places = text.as_ref().map_or(0, |text| text.len());
        let recipients = domains.numbers().len();
        self.bytes += MESSAGE + Place::LEN * places + STANDING * open.len() + 4 * recipients;
        let Place { offset, len, .. } = envelope;
        let message =
            Message { boot, count, offset, len, text_len, accepted, copied, text, open, domains };
        let place = self.messages.len() as u32;
        self.messages.push(Some(message));
        let messages = &self.messages;
        self.places.insert_unique(hash(boot, count), place, |place| {
            let message = messages[*place as usize].as_ref();
            message.map_or(0, |message| hash(message.boot, message.count))
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
        let message = here.and_then(|place| self.messages[place].as_mut());
        let copied = message.as_ref().is_none_or(|message| message.copied);
        if let (Some(message), Some(place)) = (message, here) {
            match ruling {
                Ruling::Through => recipients.clone().for_each(|one| message.open.settle(one)),
                Ruling::Due { attempt, due } => {
                    recipients.clone().for_each(|one| message.open.defer(one, attempt, due));
                }
                Ruling::Void => message.open = Open::All(0),
            }
            if message.open.is_empty() {
                let same = |other: &u32| *other as usize == place;
                if let Ok(found) = self.places.find_entry(hash(boot, count), same) {
                    found.remove();
                }
                self.messages[place] = None;
            }
        }
        if copied {
            let recipients: SmallVec<[u16; 4]> = recipients.collect();
            self.bytes += RULING + 2 * recipients.len();
            self.rulings.push(Verdict { boot, count, ruling, recipients });
        }
    }

    /// Where a message is among those of this segment. Of a message that is there twice, the
    /// copy: it came later.
    fn place(&self, boot: u32, count: u64) -> Option<usize> {
        let is_it = |place: &u32| {
            let message = self.messages[*place as usize].as_ref();
            message.is_some_and(|message| (message.boot, message.count) == (boot, count))
        };
        let places = self.places.iter_hash(hash(boot, count)).filter(|place| is_it(place));
        places.max().map(|place| *place as usize)
    }

    fn domain(&mut self, path: &[u8]) -> u32 {
        let at = memchr::memrchr(b'@', path).map_or(path.len(), |at| at + 1);
        let domain = path.get(at..).filter(|domain| domain.len() <= DOMAIN_MAX).unwrap_or_default();
        let domain: SmallVec<[u8; 64]> = domain.iter().map(u8::to_ascii_lowercase).collect();
        if let Some(number) = self.numbers.get(&domain[..]) {
            return *number;
        }
        let (number, domain) = (self.domains.len() as u32, Arc::<[u8]>::from(&domain[..]));
        self.bytes += 1 + domain.len();
        self.domains.push(Arc::clone(&domain));
        self.numbers.insert(domain, number);
        number
    }

    /// The bytes of it, as they are written behind the blocks: see `FORMAT.md`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.room()];
        let mut put = Put::new(&mut bytes);
        let messages = self.messages.iter().flatten();
        put.u32(messages.clone().count() as u32);
        put.u32(self.rulings.len() as u32).u32(self.domains.len() as u32);
        for domain in &self.domains {
            put.u8(domain.len() as u8).bytes(domain);
        }
        messages.for_each(|message| message.encode(&mut put));
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

impl Message {
    fn encode(&self, put: &mut Put<'_>) {
        let Self { boot, count, offset, len, text_len, accepted, text, open, domains, .. } = self;
        let text = text.as_ref().map_or(&[][..], |text| &text[..]);
        let domains = domains.numbers();
        let untried = matches!(open, Open::All(all) if usize::from(*all) == domains.len());
        let standings = if untried { 0 } else { open.len() as u16 };
        put.u8(if untried { 0 } else { STANDINGS }).u8(0).u16(domains.len() as u16);
        put.u32(*boot).u64(*count).u32(*offset).u32(*len).u32(*text_len).u64(accepted.0);
        put.u16(text.len() as u16).u16(standings);
        for place in text {
            place.put(put);
        }
        for standing in open.iter().take(usize::from(standings)) {
            put.u64(standing.due.0).u16(standing.recipient).u16(standing.attempt);
        }
        for domain in domains {
            put.u32(*domain);
        }
    }
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
