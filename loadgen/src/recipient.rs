//! Who the messages are for, and the sender address that carries the message's number.
//!
//! The sender is `ringload+<id>@domain` (as bulk senders do with VERP), so that the far end
//! knows which message is meant before it has seen a byte of it, and so that a bounce says
//! what it is about.

mod addresses;
mod zipf;

pub use addresses::{ADDRESS_MAX, Addresses, NotAddresses};
pub use zipf::{DOMAINS_MAX, EXPONENT_MAX};

use crate::hash::{hex, scatter, unhex};
use std::fmt;
use std::str::FromStr;
use zipf::Zipf;

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

/// Recipient domains: some with weights, such as `fast.example=3,slow.example`, or many of which
/// few are large, such as `zipf:1000:1.1:example.test`.
#[derive(Clone, Debug, PartialEq)]
pub struct Domains(Choice);

#[derive(Clone, Debug, PartialEq)]
enum Choice {
    Weighted { names: Vec<(String, u32)>, total: u64 },
    Zipf(Zipf),
}

/// Why a list of domains is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDomains(String);

impl fmt::Display for NotDomains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no domain list: give name[=weight],... with weights above 0, or \
             zipf:COUNT:EXPONENT:SUFFIX with up to {DOMAINS_MAX} domains and an exponent from 0 \
             to {EXPONENT_MAX}",
            self.0
        )
    }
}

impl std::error::Error for NotDomains {}

impl FromStr for Domains {
    type Err = NotDomains;
    fn from_str(text: &str) -> Result<Self, NotDomains> {
        let refused = || NotDomains(text.to_owned());
        if let Some(zipf) = text.strip_prefix("zipf:") {
            return Zipf::read(zipf).map(|zipf| Self(Choice::Zipf(zipf))).ok_or_else(refused);
        }
        let part = |part: &str| {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
            let weight = weight.parse().ok().filter(|weight| *weight > 0 && named)?;
            Some((name.to_ascii_lowercase(), weight))
        };
        let names: Vec<_> = text.split(',').map(part).collect::<Option<_>>().ok_or_else(refused)?;
        let total = names.iter().map(|(_, weight)| u64::from(*weight)).sum();
        Ok(Self(Choice::Weighted { names, total }))
    }
}

impl Domains {
    /// Appends the domain that belongs to a random number.
    pub fn append(&self, random: u64, out: &mut Vec<u8>) {
        let (names, total) = match &self.0 {
            Choice::Weighted { names, total } => (names, total),
            Choice::Zipf(zipf) => return zipf.append(random, out),
        };
        let mut ticket = random % total;
        for (name, weight) in names {
            match ticket.checked_sub(u64::from(*weight)) {
                Some(rest) => ticket = rest,
                None => return out.extend_from_slice(name.as_bytes()),
            }
        }
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
        self.append(scatter(random), out);
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

    /// How often each of `names` is chosen of `count` times.
    fn chosen(domains: &str, names: &[&str], count: u64) -> Vec<usize> {
        let domains: Domains = domains.parse().unwrap();
        let mut times = vec![0; names.len()];
        for number in 0..count {
            let mut out = Vec::new();
            domains.append(crate::hash::scatter(number), &mut out);
            let name = names.iter().position(|name| name.as_bytes() == out);
            if let Some(name) = name {
                times[name] += 1;
            }
        }
        times
    }

    #[test]
    fn weights_are_kept() {
        let times = chosen("a.example=3,b.example", &["a.example", "b.example"], 4_000);
        assert!((2_900..3_100).contains(&times[0]) && times[0] + times[1] == 4_000, "{times:?}");
        for wrong in ["", "a=0", "a=x", "a,,b", "=2", "a b"] {
            assert!(wrong.parse::<Domains>().is_err(), "{wrong}");
        }
    }

    /// Of 1,000 domains with exponent 1 the first has 1 / H(1000) = 13.4 %, the tenth a tenth of that.
    #[test]
    fn of_many_domains_few_are_large() {
        let names = ["d1.x.test", "d2.x.test", "d10.x.test", "d1000.x.test", "d1001.x.test"];
        let times = chosen("zipf:1000:1:x.test", &names, 100_000);
        assert!((13_000..13_720).contains(&times[0]), "{times:?}");
        assert!((6_400..6_960).contains(&times[1]), "{times:?}");
        assert!((1_200..1_480).contains(&times[2]), "{times:?}");
        assert!((1..40).contains(&times[3]) && times[4] == 0, "{times:?}");
        let even = chosen("zipf:2:0:x.test", &names, 10_000);
        assert!((4_800..5_200).contains(&even[0]) && even[0] + even[1] == 10_000, "{even:?}");
        for wrong in ["0:1:a", "1000001:1:a", "9:-1:a", "9:11:a", "9:x:a", "9:1:", "9:1", "9"] {
            let refused = format!("zipf:{wrong}").parse::<Domains>().unwrap_err().to_string();
            assert!(refused.contains("zipf:COUNT:EXPONENT:SUFFIX"), "{wrong}");
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
