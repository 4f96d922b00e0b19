//! Paths and mailboxes, borrowed from a command line.
//!
//! [RFC 5321 §4.1.2](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2), with two liberties the
//! world needs: dots may stand anywhere in a local part (carriers have issued such addresses),
//! and a domain label may hold an underscore (hosts are called that).

use crate::reply::Refusal;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str;

/// The longest local part, in octets.
///
/// [RFC 5321 §4.5.3.1.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.1)
pub const LOCAL_PART_MAX: usize = 64;

/// The longest domain, in octets.
///
/// [RFC 5321 §4.5.3.1.2](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.2)
pub const DOMAIN_MAX: usize = 255;

/// The longest label of a domain, in octets.
///
/// [RFC 1035 §2.3.4](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4)
pub const LABEL_MAX: usize = 63;

/// The longest mailbox we pass on: [RFC 5321 §4.5.3.1.3] says 256 for a path with its brackets,
/// [errata 1690] that the two parts above are what counts.
///
/// [RFC 5321 §4.5.3.1.3]: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.3
/// [errata 1690]: https://www.rfc-editor.org/errata/eid1690
pub const MAILBOX_MAX: usize = LOCAL_PART_MAX + 1 + DOMAIN_MAX;

/// What stood between the angle brackets, its source route removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<'i> {
    /// `local@domain`; `postmaster` alone; or nothing for `<>`.
    pub mailbox: &'i [u8],
    /// It holds characters beyond ASCII (and is valid UTF-8).
    pub utf8: bool,
    /// Its domain is an address in brackets.
    pub literal: bool,
}

impl<'i> Path<'i> {
    /// Parses the path `input` starts with. Returns it and what follows its closing bracket.
    ///
    /// # Errors
    /// [`Refusal::BadAddress`] if it is none, or one of its parts is too long.
    pub fn parse(input: &'i [u8]) -> Result<(Self, &'i [u8]), Refusal> {
        let rest = input.strip_prefix(b"<").ok_or(Refusal::BadAddress)?;
        if let Some(after) = rest.strip_prefix(b">") {
            return Ok((Self { mailbox: b"", utf8: false, literal: false }, after));
        }
        let rest = after_source_route(rest).ok_or(Refusal::BadAddress)?;
        mailbox(rest).ok_or(Refusal::BadAddress)
    }

    /// `postmaster`, or `postmaster` at `hostname`: the one mailbox every host has.
    ///
    /// [RFC 5321 §4.5.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.1)
    #[must_use]
    pub fn is_postmaster_of(&self, hostname: &str) -> bool {
        let Some((local, domain)) = self.mailbox.split_at_checked(POSTMASTER.len()) else {
            return false;
        };
        local.eq_ignore_ascii_case(POSTMASTER)
            && match domain.strip_prefix(b"@") {
                Some(domain) => domain.eq_ignore_ascii_case(hostname.as_bytes()),
                None => domain.is_empty(),
            }
    }
}

const POSTMASTER: &[u8] = b"postmaster";

/// Skips `@one,@two:`. It must be accepted and should be ignored.
///
/// [RFC 5321 §C](https://www.rfc-editor.org/rfc/rfc5321#appendix-C)
fn after_source_route(mut input: &[u8]) -> Option<&[u8]> {
    while let Some(rest) = input.strip_prefix(b"@") {
        let (_, rest) = rest.split_at_checked(domain(rest)?)?;
        match rest {
            [b':', mailbox @ ..] => return Some(mailbox),
            [b',', next @ ..] if next.starts_with(b"@") => input = next,
            _ => return None,
        }
    }
    Some(input)
}

/// Parses `mailbox>`.
fn mailbox(input: &[u8]) -> Option<(Path<'_>, &[u8])> {
    let local = local_part(input)?;
    let (len, literal) = match input.get(local..)? {
        [b'@', domain_part @ ..] => {
            (local + 1 + domain(domain_part)?, domain_part.starts_with(b"["))
        }
        // Only the postmaster needs no domain.
        _ if input.get(..local)?.eq_ignore_ascii_case(POSTMASTER) => (local, false),
        _ => return None,
    };
    let (mailbox, rest) = input.split_at_checked(len)?;
    let after = rest.strip_prefix(b">")?;
    let utf8 = !mailbox.is_ascii();
    if utf8 {
        str::from_utf8(mailbox).ok()?;
    }
    Some((Path { mailbox, utf8, literal }, after))
}

/// How long the local part is that `input` starts with.
fn local_part(input: &[u8]) -> Option<usize> {
    let len = match input {
        [b'"', quoted @ ..] => 1 + quoted_string(quoted)?,
        _ => input.iter().position(|byte| !is(*byte, ATEXT)).unwrap_or(input.len()),
    };
    (1..=LOCAL_PART_MAX).contains(&len).then_some(len)
}

/// How long the quoted string is, its closing quote included, that `input` is inside of.
fn quoted_string(input: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in input.iter().enumerate().take(LOCAL_PART_MAX) {
        match byte {
            0..0x20 | 0x7f => return None,
            b' '..=b'~' if escaped => escaped = false,
            _ if escaped => return None,
            b'\\' => escaped = true,
            // An empty one names nobody.
            b'"' => return (at > 0).then_some(at + 1),
            _ => {}
        }
    }
    None
}

/// How long the domain is that `input` starts with: labels, or an address in brackets.
fn domain(input: &[u8]) -> Option<usize> {
    let len = match input {
        [b'[', literal @ ..] => 2 + address_literal(literal)?,
        _ => labels(input)?,
    };
    (len <= DOMAIN_MAX).then_some(len)
}

fn labels(input: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        let label = input.get(start..)?;
        let len = label.iter().position(|byte| !is(*byte, LABEL)).unwrap_or(label.len());
        let label = label.get(..len)?;
        if !(1..=LABEL_MAX).contains(&len) || label.starts_with(b"-") || label.ends_with(b"-") {
            return None;
        }
        match input.get(start + len) {
            Some(b'.') => start += len + 1,
            _ => return Some(start + len),
        }
    }
}

/// How long the address is, without brackets, that `input` starts with.
fn address_literal(input: &[u8]) -> Option<usize> {
    let len = input.iter().take(DOMAIN_MAX).position(|byte| *byte == b']')?;
    let text = str::from_utf8(input.get(..len)?).ok()?;
    match text.split_at_checked(5) {
        Some((tag, v6)) if tag.eq_ignore_ascii_case("IPv6:") => {
            v6.parse::<Ipv6Addr>().ok()?;
        }
        _ => {
            text.parse::<Ipv4Addr>().ok()?;
        }
    }
    Some(len)
}

/// May stand in an unquoted local part: `atext`, the dot, and everything beyond ASCII.
const ATEXT: u8 = 1;
/// May stand in a label: letters, digits, hyphen, underscore, and everything beyond ASCII.
const LABEL: u8 = 2;

fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

static CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
#[expect(clippy::match_same_arms, reason = "one arm would not fit a line")]
const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | 0x80.. => ATEXT | LABEL,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'.' | b'/' | b'=' | b'?' => ATEXT,
            b'^' | b'`' | b'{'..=b'~' => ATEXT,
            _ => 0,
        };
        byte += 1;
    }
    classes
}

#[cfg(test)]
mod tests;
