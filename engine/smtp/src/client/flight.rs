//! How much may be on its way at once, and what carries it.

use super::offers::Offers;
use super::{Body, Envelope};

/// The largest message, in octets, that leaves before anybody was accepted for it. If all are
/// refused it was sent for nothing, which must not cost more than the round trip it saves: 64 KiB
/// are what a path of 10 Mbit/s and 50 ms holds anyway, and what a new connection's windows let
/// through in its first three round trips.
pub const AHEAD_BYTES_MAX: u64 = 64 * 1_024;

/// Octets of messages on their way from which on no other begins: eight of the largest. All of
/// them may have to be sent again if the connection breaks.
pub const IN_FLIGHT_BYTES_MAX: u64 = 8 * AHEAD_BYTES_MAX;

/// The most messages on their way at once: deeper than any connection needs to be full.
pub const DEPTH_MAX: u16 = 64;

/// What carries a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// DATA: it leaves when the peer asks for it.
    Data,
    /// BDAT: it leaves when a recipient was accepted.
    Bdat,
    /// BDAT: it leaves with all that stands before it, in one flight.
    Flight,
}

/// What is on its way, and how much of that may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    /// Messages. One: none leaves before its envelope was answered.
    depth: u16,
    /// Octets of messages that BDAT carries and that are not over.
    octets: u64,
    /// A message was answered on this connection.
    proven: bool,
}

impl Default for Flight {
    fn default() -> Self {
        Self { depth: 1, octets: 0, proven: false }
    }
}

impl Flight {
    /// From now on so many messages, at least one and at most [`DEPTH_MAX`].
    pub(super) fn set_depth(&mut self, depth: u16) {
        self.depth = depth.clamp(1, DEPTH_MAX);
    }

    /// Another may begin behind those that have begun, so many.
    ///
    /// At a depth of one there are two, the text of one and the envelope of another.
    pub(super) fn has_room(&self, begun: usize) -> bool {
        begun < usize::from(self.depth.max(2)) && self.octets < IN_FLIGHT_BYTES_MAX
    }

    /// Others may follow a message that is on its way whole: not before one was answered, or a peer
    /// that only ever greets would leave as many in doubt as we may send.
    pub(super) const fn is_proven(&self) -> bool {
        self.proven
    }

    /// A message was answered, whatever that was.
    pub(super) const fn prove(&mut self) {
        self.proven = true;
    }

    /// What is to carry the text of `envelope` to a peer that takes it. A large text goes by DATA,
    /// which does not keep the next envelope waiting either; what is binary cannot.
    ///
    /// [RFC 3030 §3](https://www.rfc-editor.org/rfc/rfc3030#section-3)
    pub(super) fn carrier(&self, envelope: &Envelope<'_>, offers: &Offers) -> Carrier {
        let is_small = envelope.counted && envelope.size <= AHEAD_BYTES_MAX;
        if self.depth > 1 && offers.pipelining && offers.chunking && is_small {
            Carrier::Flight
        } else if envelope.body == Body::Binary {
            Carrier::Bdat
        } else {
            Carrier::Data
        }
    }

    /// A message of so many octets begins.
    pub(super) const fn begin(&mut self, octets: u64) {
        self.octets += octets;
    }

    /// One of so many is over.
    pub(super) const fn end(&mut self, octets: u64) {
        self.octets -= octets;
    }
}

#[cfg(test)]
mod tests;
