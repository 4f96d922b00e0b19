//! What an envelope carries beyond addresses, flags and our own header fields: tagged fields.
//!
//! ```text
//!  0     1     2        4
//!  +-----+-----+--------+---------- -
//!  | tag | res | length | value
//!  +-----+-----+--------+---------- -
//! ```
//!
//! A tag this version does not know is stepped over and kept: an envelope is copied, never
//! written anew. What nobody asked for is not there, so most envelopes have no field at all.

use super::ENVELOPE_MAX;
use crate::fields::{Put, Take};

/// Bytes in front of a field's value.
const FIELD: usize = 4;

/// Bytes in front of the address in a [`Tag::Recipient`].
const REQUEST: usize = 4;

/// The longest value of a [`Label`], in bytes.
pub const LABEL_MAX: usize = 255;

/// What all labels of an envelope take up, at most.
pub const LABELS_MAX: usize = Label::ALL.len() * (FIELD + LABEL_MAX);

/// The longest original recipient, address type and all.
///
/// [RFC 3461 §4.2](https://www.rfc-editor.org/rfc/rfc3461#section-4.2)
pub const ORIGINAL_MAX: usize = 500;

/// The most bytes of fields in one envelope. A recipient that would not fit waits for a
/// transaction of its own.
pub const EXTRA_MAX: usize = 96 * 1_024;

const _: () = assert!(EXTRA_MAX < ENVELOPE_MAX / 4, "recipients have most of the room");
const _: () = assert!(ORIGINAL_MAX + REQUEST <= u16::MAX as usize, "a length is two bytes");

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    /// RET: one byte.
    Return = 16,
    /// NOTIFY and ORCPT of one recipient: its index, the bits of NOTIFY, a reserved byte, the
    /// original recipient as it came.
    Recipient = 17,
}

/// A word about a message as a whole. It is there once, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// On whose behalf it was sent.
    Tenant = 1,
    /// Which pool of source addresses it leaves by.
    Pool = 2,
    /// The mailing it belongs to.
    Job = 3,
    /// The campaign it belongs to.
    Campaign = 4,
    /// Who had logged in to send it.
    User = 5,
    /// What its sender calls it: ENVID, in xtext.
    /// [RFC 3461 §4.4](https://www.rfc-editor.org/rfc/rfc3461#section-4.4)
    Envid = 6,
    /// How urgent it is: `transactional`, or not there.
    Class = 7,
}

impl Label {
    /// All of them, in the order they are written.
    pub const ALL: [Self; 7] =
        [Self::Tenant, Self::Pool, Self::Job, Self::Campaign, Self::User, Self::Envid, Self::Class];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Pool => "pool",
            Self::Job => "job",
            Self::Campaign => "campaign",
            Self::User => "user",
            Self::Envid => "envid",
            Self::Class => "class",
        }
    }
}

/// How much of a message a report of failure returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// All of it.
    Full = 1,
    /// Its header.
    Headers = 2,
}

/// What a sender asked for about one recipient.
/// [RFC 3461 §4.1, §4.2](https://www.rfc-editor.org/rfc/rfc3461#section-4.1)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// NOTIFY, if it was said.
    pub notify: Option<Notify>,
    /// ORCPT as it came, type and xtext; empty if it was not said.
    pub original: &'a [u8],
}

/// When a sender wants to hear of a recipient. Nothing set: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// When it is delivered, or handed to a host that gives no reports.
    pub success: bool,
    /// When it fails.
    pub failure: bool,
    /// When it is late.
    pub delay: bool,
}

/// NOTIFY was said, whatever it says: so that NEVER is not the same as nothing.
const SAID: u8 = 1;

impl Notify {
    const fn bits(self) -> u8 {
        SAID | (self.success as u8) << 1 | (self.failure as u8) << 2 | (self.delay as u8) << 3
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        let (success, failure, delay) = (bits & 2 != 0, bits & 4 != 0, bits & 8 != 0);
        if bits & SAID == 0 { None } else { Some(Self { success, failure, delay }) }
    }
}

/// Fields on their way into an envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra(Vec<u8>);

impl Extra {
    /// The encoded fields.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Sets a label, or clears it if `value` is empty. False, and nothing is changed, if it is
    /// longer than [`LABEL_MAX`] or there is no room.
    #[must_use]
    pub fn set(&mut self, label: Label, value: &[u8]) -> bool {
        value.len() <= LABEL_MAX && self.replace(label as u8, value)
    }

    /// Sets how much of the message comes back.
    #[must_use]
    pub fn set_return(&mut self, what: Return) -> bool {
        self.replace(Tag::Return as u8, &[what as u8])
    }

    /// Adds what was asked about a recipient; they come in the order of their indices, each at
    /// most once. False if there is no room, or the original is longer than [`ORIGINAL_MAX`].
    #[must_use]
    pub fn request(&mut self, recipient: u16, request: &Request<'_>) -> bool {
        if *request == Request::default() {
            return true;
        }
        let len = REQUEST + request.original.len();
        if request.original.len() > ORIGINAL_MAX || !self.has_room(len) {
            return false;
        }
        let mut front = [0; FIELD + REQUEST];
        let bits = request.notify.map_or(0, Notify::bits);
        Put::new(&mut front)
            .u8(Tag::Recipient as u8)
            .u8(0)
            .u16(len as u16)
            .u16(recipient)
            .u8(bits)
            .u8(0);
        self.0.extend_from_slice(&front);
        self.0.extend_from_slice(request.original);
        true
    }

    /// Whether a recipient with so long an original would still fit.
    #[must_use]
    pub fn has_room_for(&self, original: usize) -> bool {
        self.has_room(REQUEST + original)
    }

    fn has_room(&self, value: usize) -> bool {
        self.0.len() + FIELD + value <= EXTRA_MAX
    }

    /// What is about the message stands in front of what is about recipients.
    fn replace(&mut self, tag: u8, value: &[u8]) -> bool {
        let mut at = 0;
        let mut old = 0..0;
        for (found, field) in Fields(Take::new(&self.0)) {
            let end = at + FIELD + field.len();
            if found == tag {
                old = at..end;
            }
            at = end;
        }
        if self.0.len() - old.len() + FIELD + value.len() > EXTRA_MAX {
            return false;
        }
        self.0.drain(old);
        if !value.is_empty() {
            let mut front = [0; FIELD];
            Put::new(&mut front).u8(tag).u8(0).u16(value.len() as u16);
            self.0.splice(0..0, front.into_iter().chain(value.iter().copied()));
        }
        true
    }
}

/// The fields of `bytes`, or of as much of them as is whole.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a>(Take<'a>);

impl<'a> Fields<'a> {
    /// `None` unless `bytes` are fields to the last of them.
    pub(super) fn checked(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Self(Take::new(bytes));
        while fields.next().is_some() {}
        fields.0.rest().is_empty().then(|| Self::of(bytes))
    }

    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self(Take::new(bytes))
    }

    pub(super) fn label(self, label: Label) -> Option<&'a [u8]> {
        self.first(label as u8)
    }

    pub(super) fn returned(self) -> Option<Return> {
        let value = self.first(Tag::Return as u8)?;
        [Return::Full, Return::Headers].into_iter().find(|what| value == [*what as u8])
    }

    /// The first field with this tag in front of what is about recipients: there may be
    /// thousands of those.
    fn first(self, tag: u8) -> Option<&'a [u8]> {
        let mut about_all = self.take_while(|(found, _)| *found != Tag::Recipient as u8);
        about_all.find_map(|(found, value)| (found == tag).then_some(value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut take = self.0;
        let tag = take.u8()?;
        take.u8()?;
        let len = take.u16()?;
        let value = take.bytes(usize::from(len))?;
        self.0 = take;
        Some((tag, value))
    }
}

/// What was asked about recipients: quick when they are asked for in their order.
#[derive(Clone, Debug)]
pub struct Requests<'a> {
    all: Fields<'a>,
    rest: Fields<'a>,
    last: u16,
}

impl<'a> Requests<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        let all = Fields::of(bytes);
        Self { rest: Fields::of(bytes), all, last: 0 }
    }

    /// What was asked about the recipient with this index.
    pub fn about(&mut self, recipient: u16) -> Request<'a> {
        if recipient < self.last {
            self.rest = self.all.clone();
        }
        self.last = recipient;
        loop {
            let before = self.rest.clone();
            let Some((tag, value)) = self.rest.next() else { return Request::default() };
            if tag != Tag::Recipient as u8 {
                continue;
            }
            let Some((index, request)) = read(value) else { continue };
            if index >= recipient {
                // The next one may be asked for this.
                self.rest = before;
                return if index == recipient { request } else { Request::default() };
            }
        }
    }
}

fn read(value: &[u8]) -> Option<(u16, Request<'_>)> {
    let mut take = Take::new(value);
    let (index, bits) = (take.u16()?, take.u8()?);
    take.u8()?;
    Some((index, Request { notify: Notify::from_bits(bits), original: take.rest() }))
}

#[cfg(test)]
mod tests;
