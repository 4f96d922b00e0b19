//! What is kept in memory of each message in the segment being written.

use super::STANDINGS;
use crate::catalog::Open;
use crate::fields::Put;
use crate::place::Text;
use event::Wall;
use smallvec::SmallVec;

/// A message of the segment. There may be a hundred thousand of them, nearly all plain.
#[derive(Debug)]
pub(super) enum Kept {
    /// It was settled.
    Gone,
    /// New, for one recipient, and its text is one piece right before the envelope.
    Plain(Plain),
    Full(Box<Message>),
}

const _: () = assert!(size_of::<Kept>() <= 40, "a message being written costs little");

#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    pub(super) count: u64,
    pub(super) boot: u32,
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) text_len: u32,
    pub(super) way: u32,
    /// Milliseconds it was accepted after the first of its segment.
    pub(super) age: u32,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) boot: u32,
    pub(super) count: u64,
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) text_len: u32,
    pub(super) accepted: Wall,
    /// It was carried forward: an older segment has it too, and must hear what became of it.
    pub(super) copied: bool,
    /// Where its text lies, unless that is one piece right before the envelope.
    pub(super) text: Option<Text>,
    pub(super) open: Open,
    /// The way of each recipient, by number.
    pub(super) ways: SmallVec<[u32; 4]>,
}

impl Kept {
    /// A message of a segment whose first was accepted at `since`.
    pub(super) fn new(message: Message, since: Wall) -> Self {
        let age = message.accepted.0.checked_sub(since.0).and_then(|age| u32::try_from(age).ok());
        match (&message, age, &message.ways[..]) {
            (Message { copied: false, text: None, open: Open::All(1), .. }, Some(age), [way]) => {
                let (way, Message { boot, count, offset, len, text_len, .. }) = (*way, message);
                Self::Plain(Plain { count, boot, offset, len, text_len, way, age })
            }
            _ => Self::Full(Box::new(message)),
        }
    }

    /// Its boot and count.
    pub(super) fn name(&self) -> Option<(u32, u64)> {
        match self {
            Self::Gone => None,
            Self::Plain(Plain { boot, count, .. }) => Some((*boot, *count)),
            Self::Full(message) => Some((message.boot, message.count)),
        }
    }

    /// Whether an older segment has it too.
    pub(super) fn is_copied(&self) -> bool {
        matches!(self, Self::Full(message) if message.copied)
    }

    /// All of it, to be changed.
    pub(super) fn full(&mut self, since: Wall) -> Option<&mut Message> {
        if let Self::Plain(plain) = self {
            *self = Self::Full(Box::new(plain.message(since)));
        }
        match self {
            Self::Full(message) => Some(message),
            Self::Gone | Self::Plain(_) => None,
        }
    }

    /// Puts down its entry in the index, if there is one.
    pub(super) fn encode(&self, since: Wall, put: &mut Put<'_>) {
        match self {
            Self::Gone => (),
            Self::Plain(plain) => plain.message(since).encode(put),
            Self::Full(message) => message.encode(put),
        }
    }
}

impl Plain {
    fn message(self, since: Wall) -> Message {
        let Self { boot, count, offset, len, text_len, way, age } = self;
        let accepted = Wall(since.0 + u64::from(age));
        let (copied, text, open) = (false, None, Open::All(1));
        let ways = SmallVec::from_slice(&[way]);
        Message { boot, count, offset, len, text_len, accepted, copied, text, open, ways }
    }
}

impl Message {
    fn encode(&self, put: &mut Put<'_>) {
        let Self { boot, count, offset, len, text_len, accepted, text, open, ways, .. } = self;
        let text = text.as_ref().map_or(&[][..], |text| &text[..]);
        let untried = matches!(open, Open::All(all) if usize::from(*all) == ways.len());
        let standings = if untried { 0 } else { open.len() as u16 };
        put.u8(if untried { 0 } else { STANDINGS }).u8(0).u16(ways.len() as u16);
        put.u32(*boot).u64(*count).u32(*offset).u32(*len).u32(*text_len).u64(accepted.0);
        put.u16(text.len() as u16).u16(standings);
        for place in text {
            place.put(put);
        }
        for standing in open.iter().take(usize::from(standings)) {
            put.u64(standing.due.0).u16(standing.recipient).u16(standing.attempt);
        }
        for way in ways {
            put.u32(*way);
        }
    }
}
