//! What a peer offers, and what it therefore cannot take.

use super::answer::Answer;
use super::{Body, Envelope, refused};
use event::Response;

/// The extensions of one peer, as its answer to EHLO lists them; none after HELO.
///
/// [RFC 5321 §4.1.1.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword, listed or not")]
pub(super) struct Offers {
    /// Commands may be said ahead of their answers (RFC 2920).
    pub(super) pipelining: bool,
    /// `SIZE=` may be said (RFC 1870).
    pub(super) size: bool,
    /// The largest message, in octets.
    pub(super) bytes_max: Option<u64>,
    /// `BDAT` may be said in the place of `DATA` (RFC 3030).
    pub(super) chunking: bool,
    /// A message need not consist of lines (RFC 3030); nothing without `chunking`.
    pub(super) binary: bool,
    /// TLS may begin (RFC 3207).
    pub(super) starttls: bool,
    /// It reports to senders itself, as they ask for it (RFC 3461).
    pub(super) dsn: bool,
    /// It passes mail on under TLS only, to hosts that do so too, where it is asked to (RFC 8689).
    /// Nothing in the clear.
    pub(super) requiretls: bool,
    /// RFC 6152.
    pub(super) eight_bit: bool,
    /// RFC 6531.
    pub(super) utf8: bool,
    /// Transactions on one connection (RFC 9422).
    pub(super) messages_max: Option<u32>,
    /// Recipients in one transaction (RFC 9422).
    pub(super) recipients_max: Option<u16>,
}

/// What is said of a peer that does not offer REQUIRETLS.
pub(super) const NO_REQUIRETLS: &str = "the host does not offer REQUIRETLS";

impl Offers {
    /// Reads them. Keywords we do not know are skipped, as they must be.
    pub(super) fn read(answer: &Answer<'_>) -> Self {
        let mut offers = Self::default();
        for line in answer.lines().skip(1) {
            let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
            match words.next().unwrap_or_default().to_ascii_uppercase().as_slice() {
                b"PIPELINING" => offers.pipelining = true,
                b"8BITMIME" => offers.eight_bit = true,
                b"SMTPUTF8" => offers.utf8 = true,
                b"CHUNKING" => offers.chunking = true,
                b"BINARYMIME" => offers.binary = true,
                b"DSN" => offers.dsn = true,
                b"STARTTLS" => offers.starttls = true,
                b"REQUIRETLS" => offers.requiretls = true,
                b"LIMITS" => words.for_each(|limit| offers.limit(limit)),
                b"SIZE" => {
                    offers.size = true;
                    // RFC 1870 §4: zero, or no number, is no limit.
                    offers.bytes_max = words.next().and_then(number).filter(|max| *max > 0);
                }
                _ => {}
            }
        }
        offers
    }

    /// [RFC 9422 §3](https://www.rfc-editor.org/rfc/rfc9422#section-3): `NAME=number`.
    fn limit(&mut self, limit: &[u8]) {
        let Some(equals) = limit.iter().position(|byte| *byte == b'=') else { return };
        let (name, value) = limit.split_at(equals);
        let value = value.get(1..).and_then(number).filter(|value| *value > 0);
        if name.eq_ignore_ascii_case(b"MAILMAX") {
            self.messages_max = value.map(|max| u32::try_from(max).unwrap_or(u32::MAX));
        } else if name.eq_ignore_ascii_case(b"RCPTMAX") {
            self.recipients_max = value.map(|max| u16::try_from(max).unwrap_or(u16::MAX));
        }
    }

    /// Why this peer cannot take this message at all, if so.
    pub(super) fn refuse(&self, envelope: &Envelope<'_>) -> Option<Response> {
        if envelope.is_unspeakable() {
            // One writer guards what leaves, wherever it came from.
            return Some(refused(553, (1, 3), "an address holds a control character"));
        }
        if envelope.needs_utf8(self) && !self.utf8 {
            return Some(refused(553, (6, 7), "the host does not offer SMTPUTF8"));
        }
        // RFC 8689 §5: a report is not lost for that; it is under TLS, or its caller would not ask.
        if envelope.requiretls && !self.requiretls && !envelope.sender.is_empty() {
            return Some(refused(550, (7, 30), NO_REQUIRETLS));
        }
        match envelope.body {
            Body::EightBit if !self.eight_bit => {
                return Some(refused(554, (6, 3), "the host does not offer 8BITMIME"));
            }
            // RFC 3030 section 3: what is binary has no other way to travel.
            Body::Binary if !self.chunking || !self.binary => {
                return Some(refused(554, (6, 3), "the host does not offer BINARYMIME"));
            }
            _ => {}
        }
        let max = self.bytes_max.filter(|max| envelope.counted && envelope.size > *max)?;
        Some(refused(552, (3, 4), &format!("the host takes at most {max} octets")))
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
