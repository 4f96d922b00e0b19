//! An index, read back.

use super::STANDINGS;
use crate::catalog::Open;
use crate::fields::Take;
use crate::place::{Place, Text};
use crate::record::Standing;
use crate::spot::Spot;
use event::{MessageId, Wall};

pub(super) const THROUGH: u8 = 1;
pub(super) const DUE: u8 = 2;
pub(super) const VOID: u8 = 3;

/// The entries of one segment's index: its messages first.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    log: u16,
    segment: u64,
    ways: Vec<Way<'a>>,
    messages: u32,
    rulings: u32,
    rest: Take<'a>,
}

/// Where a recipient is, and what of its message's labels decides when and how it leaves. What the
/// message does not have is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way<'a> {
    /// The domain, in lower case.
    pub domain: &'a [u8],
    /// [`crate::Label::Pool`].
    pub pool: &'a [u8],
    /// [`crate::Label::Class`].
    pub class: &'a [u8],
    /// [`crate::Label::Tenant`].
    pub tenant: &'a [u8],
    /// [`crate::Label::Campaign`], else [`crate::Label::Job`].
    pub campaign: &'a [u8],
}

/// One of them.
#[derive(Clone, Debug)]
pub enum Entry<'a> {
    /// A message that lies in the segment.
    Message(Listed<'a>),
    /// What became of recipients of a message that lies in an older one.
    Verdict(MessageId, Ruling, Recipients<'a>),
}

/// What became of recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// They are through.
    Through,
    /// They were tried, and are due again.
    Due {
        /// Attempts made so far.
        attempt: u16,
        /// When.
        due: Wall,
    },
    /// The message does not exist.
    Void,
}

/// A message as its segment's index knows it.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// Its name.
    pub id: MessageId,
    /// Where it lies.
    pub spot: Spot,
    /// When it was accepted.
    pub accepted: Wall,
    /// Where its text lies; empty if that is one piece right before the envelope.
    pub text: Text,
    /// Its open recipients, at the end of the segment.
    pub open: Open,
    ways: &'a [u8],
}

/// Indices of recipients.
#[derive(Clone, Copy, Debug)]
pub struct Recipients<'a>(&'a [u8]);

impl<'a> Entries<'a> {
    /// The entries in `bytes`, of segment `segment` of log `log`; `None` if no index starts so.
    #[must_use]
    pub fn read(log: u16, segment: u64, bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Take::new(bytes);
        let (messages, rulings, ways) = (rest.u32()?, rest.u32()?, rest.u32()?);
        let mut word = || {
            let len = rest.u8()?;
            rest.bytes(usize::from(len))
        };
        let mut way = || {
            let (domain, pool) = (word()?, word()?);
            Some(Way { domain, pool, class: word()?, tenant: word()?, campaign: word()? })
        };
        let ways = (0..ways).map(|_| way()).collect::<Option<_>>()?;
        Some(Self { log, segment, ways, messages, rulings, rest })
    }

    /// The way of a recipient of a message of this index.
    #[must_use]
    pub fn way(&self, message: &Listed<'_>, recipient: u16) -> Way<'a> {
        let at = usize::from(recipient) * 4;
        let number = message.ways.get(at..).and_then(|rest| Take::new(rest).u32());
        number.and_then(|number| self.ways.get(number as usize)).copied().unwrap_or_default()
    }

    /// Entries not yet read.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.messages + self.rulings
    }

    fn message(&mut self) -> Option<Listed<'a>> {
        let (flags, _, recipients) = (self.rest.u8()?, self.rest.u8()?, self.rest.u16()?);
        let id = self.id()?;
        let (offset, len, text_len) = (self.rest.u32()?, self.rest.u32()?, self.rest.u32()?);
        let accepted = Wall(self.rest.u64()?);
        let (places, standings) = (self.rest.u16()?, self.rest.u16()?);
        let text = (0..places).map(|_| Place::take(&mut self.rest)).collect::<Option<_>>()?;
        let open = match flags & STANDINGS {
            0 => Open::All(recipients),
            _ => Open::of(&(0..standings).map(|_| self.standing()).collect::<Option<Vec<_>>>()?),
        };
        let ways = self.rest.bytes(4 * usize::from(recipients))?;
        let spot = Spot::checked(self.segment, offset, len, text_len)?;
        Some(Listed { id, spot, accepted, text, open, ways })
    }

    fn standing(&mut self) -> Option<Standing> {
        let due = Wall(self.rest.u64()?);
        Some(Standing { due, recipient: self.rest.u16()?, attempt: self.rest.u16()? })
    }

    fn verdict(&mut self) -> Option<Entry<'a>> {
        let (kind, _, recipients) = (self.rest.u8()?, self.rest.u8()?, self.rest.u16()?);
        let id = self.id()?;
        let (due, attempt) = (Wall(self.rest.u64()?), self.rest.u16()?);
        let ruling = match kind {
            THROUGH => Ruling::Through,
            DUE => Ruling::Due { attempt, due },
            VOID => Ruling::Void,
            _ => return None,
        };
        let recipients = Recipients(self.rest.bytes(2 * usize::from(recipients))?);
        Some(Entry::Verdict(id, ruling, recipients))
    }

    fn id(&mut self) -> Option<MessageId> {
        Some(MessageId { log: self.log, boot: self.rest.u32()?, count: self.rest.u64()? })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    /// The next entry; `None` at the end, and where the bytes make no sense.
    fn next(&mut self) -> Option<Entry<'a>> {
        if let Some(messages) = self.messages.checked_sub(1) {
            self.messages = messages;
            return self.message().map(Entry::Message);
        }
        self.rulings = self.rulings.checked_sub(1)?;
        self.verdict()
    }
}

impl Listed<'_> {
    /// The oldest segment any byte of it lies in.
    #[must_use]
    pub fn home(&self) -> u64 {
        home(self.spot.segment(), &self.text)
    }
}

/// The oldest segment of a message whose envelope lies in `segment`, and its text there.
#[must_use]
pub fn home(segment: u64, text: &[Place]) -> u64 {
    text.iter().map(|place| place.segment).fold(segment, u64::min)
}

impl Recipients<'_> {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.0.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
    }
}
