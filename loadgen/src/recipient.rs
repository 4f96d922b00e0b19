//! Who the messages are for, and the sender address that carries the message's number.
//!
//! The sender is `ringload+<id>@domain` (as bulk senders do with VERP), so that the far end
//! knows which message is meant before it has seen a byte of it, and so that a bounce says
//! what it is about.

use crate::hash::{hex, scatter, unhex};
use std::fmt;
use std::str::FromStr;

const SENDER: &[u8] = b"ringload+";

/// Appends the sender address of message `id`.
pub fn sender(id: u64, domain: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(SENDER);
    hex(id, out);
    out.push(b'@');
    out.extend_from_slice(domain.as_bytes());
}

/// The message number in an address made by [`sender`].
#[must_use]
pub fn id_of(address: &[u8]) -> Option<u64> {
    unhex(address.strip_prefix(SENDER)?.get(..16)?)
}

/// Recipient domains with weights, such as `fast.example=3,slow.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domains {
    weighted: Vec<(String, u32)>,
    total: u64,
}

/// Why a list of domains is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDomains(String);

impl fmt::Display for NotDomains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no domain list: give name[=weight],... with weights above 0", self.0)
    }
}

impl std::error::Error for NotDomains {}

impl FromStr for Domains {
    type Err = NotDomains;
    fn from_str(text: &str) -> Result<Self, NotDomains> {
        let refused = || NotDomains(text.to_owned());
        let part = |part: &str| {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
            let weight = weight.parse().ok().filter(|weight| *weight > 0 && named)?;
            Some((name.to_ascii_lowercase(), weight))
        };
        let weighted: Vec<_> =
            text.split(',').map(part).collect::<Option<_>>().ok_or_else(refused)?;
        let total = weighted.iter().map(|(_, weight)| u64::from(*weight)).sum();
        Ok(Self { weighted, total })
    }
}

impl Domains {
    /// The domain that belongs to a random number.
    #[must_use]
    pub fn pick(&self, random: u64) -> &str {
        let mut ticket = random % self.total.max(1);
        for (name, weight) in &self.weighted {
            match ticket.checked_sub(u64::from(*weight)) {
                Some(rest) => ticket = rest,
                None => return name,
            }
        }
        ""
    }

    /// Appends the address of recipient `index` of message `id`: one of `mailboxes` at each
    /// domain, or a mailbox of its own if that is zero.
    pub fn recipient(&self, seed: u64, id: u64, index: u16, mailboxes: u64, out: &mut Vec<u8>) {
        const NAMES: [&str; 8] = ["ann", "bob", "cho", "dev", "eva", "fay", "gus", "hal"];
        let random = scatter(seed ^ scatter(id) ^ u64::from(index) << 48);
        let mailbox = random.checked_rem(mailboxes).unwrap_or(random);
        out.extend_from_slice(NAMES[mailbox as usize % NAMES.len()].as_bytes());
        out.push(b'.');
        hex(mailbox, out);
        if index > 0 {
            out.extend_from_slice(format!(".{index}").as_bytes());
        }
        out.push(b'@');
        out.extend_from_slice(self.pick(scatter(random)).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{Domains, id_of, sender};

    #[test]
    fn the_sender_carries_the_number() {
        let mut address = Vec::new();
        sender(0x00ab_cdef_0123_4567, "bulk.example", &mut address);
        assert_eq!(address, b"ringload+00abcdef01234567@bulk.example");
        assert_eq!(id_of(&address), Some(0x00ab_cdef_0123_4567));
        for other in [&b""[..], b"ann@bulk.example", b"ringload+1@bulk.example"] {
            assert_eq!(id_of(other), None);
        }
    }

    #[test]
    fn weights_are_kept() {
        let domains: Domains = "a.example=3,b.example".parse().unwrap();
        let of_a = (0..4_000).filter(|n| domains.pick(crate::hash::scatter(*n)) == "a.example");
        assert!((2_900..3_100).contains(&of_a.count()));
        for wrong in ["", "a=0", "a=x", "a,,b", "=2", "a b"] {
            assert!(wrong.parse::<Domains>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn recipients_of_one_message_differ_even_with_one_mailbox() {
        let domains: Domains = "a.example".parse().unwrap();
        let address = |index| {
            let mut out = Vec::new();
            domains.recipient(1, 2, index, 1, &mut out);
            out
        };
        assert_eq!(address(0), b"ann.0000000000000000@a.example");
        assert_eq!(address(1), b"ann.0000000000000000.1@a.example");
    }
}
