//! What a transaction is told to send, apart from the text.

use super::offers::Offers;
use super::{Body, Notify, Ret};
use crate::command::ENVID_MAX;

/// A message to be sent: everything but its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The reverse path without brackets; empty for `<>`.
    pub sender: &'a [u8],
    /// Their order numbers their verdicts.
    pub recipients: &'a [Recipient<'a>],
    /// Octets of the message, our own header fields included, dots for transparency not.
    pub size: u64,
    /// That is the number. Else it is a guess, which is not told to the peer, nor held against
    /// what it takes.
    pub counted: bool,
    /// What kind of octets these are.
    pub body: Body,
    /// The message was taken with SMTPUTF8. It goes on so where it has to.
    pub utf8: bool,
    /// It was taken with REQUIRETLS: the peer is asked for the same, where it offers that. A peer
    /// that does not gets it only if it is a report, which has no sender.
    /// [RFC 8689 §4.2.1](https://www.rfc-editor.org/rfc/rfc8689#section-4.2.1)
    pub requiretls: bool,
    /// How much of it comes back if it fails, if its sender said so.
    pub ret: Option<Ret>,
    /// What its sender calls it, in xtext; empty if nothing.
    pub envid: &'a [u8],
}

/// One recipient, and what the sender asked about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recipient<'a> {
    /// The forward path without brackets.
    pub path: &'a [u8],
    /// When the sender wants to hear of it, if that was said.
    pub notify: Option<Notify>,
    /// Who it was at first: type and xtext as they came; empty if that was not said.
    pub original: &'a [u8],
}

impl<'a> From<&'a [u8]> for Recipient<'a> {
    fn from(path: &'a [u8]) -> Self {
        Self { path, ..Self::default() }
    }
}

impl<'a> Envelope<'a> {
    fn paths(&self) -> impl Iterator<Item = &'a [u8]> {
        let recipients = self.recipients.iter().map(|recipient| recipient.path);
        [self.sender].into_iter().chain(recipients)
    }

    /// What came from outside would say more than it is, if it were said.
    pub(super) fn is_unspeakable(&self) -> bool {
        let originals = self.recipients.iter().map(|recipient| recipient.original);
        let mut values = [self.envid].into_iter().chain(originals);
        // A value has no brackets around it: a space in it would begin another parameter.
        let ends_word = |byte: &u8| *byte <= b' ' || *byte == 0x7F;
        self.paths().any(|path| path.iter().any(u8::is_ascii_control))
            || values.any(|value| value.iter().any(ends_word))
    }

    /// What `offers` lets us say of it cannot be said in ASCII. Whoever gave us the message may
    /// say SMTPUTF8 of any, so that alone does not count: it has to hold something beyond ASCII,
    /// wherever that is.
    ///
    /// [RFC 6531 §3.4](https://www.rfc-editor.org/rfc/rfc6531#section-3.4)
    pub(super) fn needs_utf8(&self, offers: &Offers) -> bool {
        let originals = self.recipients.iter().map(|recipient| recipient.original);
        let mut said = self.paths().chain(originals.filter(|_| offers.dsn));
        self.utf8 && self.body != Body::SevenBit || said.any(|word| !word.is_ascii())
    }

    /// What its sender calls it, unless that is longer than any host has to take: a name is not
    /// worth the message.
    ///
    /// [RFC 3461 §4.4](https://www.rfc-editor.org/rfc/rfc3461#section-4.4)
    pub(super) fn name(&self) -> Option<&'a [u8]> {
        Some(self.envid).filter(|envid| (1..=ENVID_MAX).contains(&envid.len()))
    }
}
