//! A DNS server for a zone that it signs while it answers, and for one that it does not sign.
//!
//! What is not there is denied in the shortest way: the name is there, and has no record of that
//! type. [RFC 9824 §3](https://www.rfc-editor.org/rfc/rfc9824#section-3)

use loadgen::clock;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _, SigningKey as _};
use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use tests::names::{encoded, question};

/// What a name may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Address(Ipv4Addr),
    Mx(u16, String),
    Alias(String),
    /// Usage, selector, matching type, and what it says.
    Tlsa(u8, u8, u8, Vec<u8>),
    /// The same, by a signature that has expired.
    StaleTlsa(u8, u8, u8, Vec<u8>),
}

/// A zone whose names end in [`SIGNED`] or [`UNSIGNED`].
pub(crate) struct Signer {
    key: KeyPair,
    records: Vec<(String, Data)>,
}

pub(crate) const SIGNED: &str = "signed.test";
pub(crate) const UNSIGNED: &str = "plain.test";

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const MX: u16 = 15;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const DNSKEY: u16 = 48;
const TLSA: u16 = 52;

const TTL: [u8; 4] = [0, 0, 0, 60];
/// A response, from a server that knows by itself.
const RESPONSE: u16 = 0x8400;
const RECURSION_DESIRED: u8 = 1;
/// It knows longer messages than those of 1987, and signatures: what a resolver says as well.
const LONG: [u8; 11] = [0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0];
/// ED25519. [RFC 8080](https://www.rfc-editor.org/rfc/rfc8080)
const ALGORITHM: u8 = 15;
const DAY_SECS: u64 = 86_400;

/// All records of one name and one type.
struct Set {
    name: String,
    kind: u16,
    data: BTreeSet<Vec<u8>>,
    stale: bool,
}

impl Signer {
    pub(crate) fn new(records: Vec<(String, Data)>) -> io::Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ED25519).map_err(io::Error::other)?;
        Ok(Self { key, records })
    }

    /// The key of [`SIGNED`], as a resolver is told to trust it.
    pub(crate) fn anchor(&self) -> String {
        let digits: Vec<String> =
            self.key_data().iter().map(|byte| format!("{byte:02x}")).collect();
        // RFC 3597 section 5: a type and data that nobody need know.
        let bytes = digits.len();
        format!("{SIGNED}. IN DNSKEY \\# {bytes} {}", digits.concat())
    }

    /// Serves the zones; as long as the test.
    pub(crate) fn serve(self) -> io::Result<SocketAddr> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let address = socket.local_addr()?;
        thread::spawn(move || {
            let mut query = [0; 4_096];
            while let Ok((len, from)) = socket.recv_from(&mut query) {
                if let Some(response) = self.answer(&query[..len]) {
                    let _ = socket.send_to(&response, from);
                }
            }
        });
        Ok(address)
    }

    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, kind, end) = question(query)?;
        let wanted = self.find(&name, kind).or_else(|| self.find(&name, CNAME));
        let (answers, denials) = match wanted {
            Some(set) => (self.signed(&set), Vec::new()),
            None => (Vec::new(), self.denial(&name)),
        };
        let mut response = query[..2].to_vec();
        let flags = RESPONSE | u16::from(query[2] & RECURSION_DESIRED) << 8;
        for field in [flags, 1, answers.len() as u16, denials.len() as u16, 1] {
            response.extend_from_slice(&field.to_be_bytes());
        }
        response.extend_from_slice(&query[12..end]);
        response.extend(answers.concat());
        response.extend(denials.concat());
        response.extend(LONG);
        Some(response)
    }

    fn find(&self, name: &str, kind: u16) -> Option<Set> {
        let mut set = Set::of(name, kind, []);
        match (kind, zone_of(name)) {
            (DNSKEY, SIGNED) if name == SIGNED => drop(set.data.insert(self.key_data())),
            (SOA, zone) if name == zone => drop(set.data.insert(soa(zone))),
            (NS, zone) if name == zone => drop(set.data.insert(encoded("ns.test"))),
            _ => {
                for (_, data) in self.records.iter().filter(|(known, _)| known == name) {
                    let (of_kind, bytes) = data.encoded();
                    if of_kind == kind {
                        set.data.insert(bytes);
                        set.stale |= matches!(data, Data::StaleTlsa(..));
                    }
                }
            }
        }
        (!set.data.is_empty()).then_some(set)
    }

    /// That a name has no such record.
    fn denial(&self, name: &str) -> Vec<Vec<u8>> {
        let zone = zone_of(name);
        let mut records = self.signed(&Set::of(zone, SOA, [soa(zone)]));
        if zone == SIGNED {
            let mut kinds: BTreeSet<u16> = BTreeSet::from([RRSIG, NSEC]);
            kinds.extend(
                [A, NS, CNAME, SOA, MX, DNSKEY, TLSA]
                    .iter()
                    .filter(|kind| self.find(name, **kind).is_some()),
            );
            let mut map = vec![0; 7];
            for kind in kinds {
                map[usize::from(kind / 8)] |= 0x80 >> (kind % 8);
            }
            // The next name: nothing lies between.
            let data = [&[1, 0], &encoded(name)[..], &[0, 7], &map].concat();
            records.extend(self.signed(&Set::of(name, NSEC, [data])));
        }
        records
    }

    /// The records of a set, and behind them their signature if the zone is signed.
    fn signed(&self, set: &Set) -> Vec<Vec<u8>> {
        let mut records = set.records();
        if zone_of(&set.name) == SIGNED {
            let now = clock::now() / 1_000_000_000;
            let (from, until) = if set.stale {
                (now - 20 * DAY_SECS, now - 10 * DAY_SECS)
            } else {
                (now - DAY_SECS, now + DAY_SECS)
            };
            let [from, until] = [from, until].map(|secs| (secs as u32).to_be_bytes());
            let labels = set.name.split('.').count() as u8;
            let fields = [
                &set.kind.to_be_bytes()[..],
                &[ALGORITHM, labels],
                &TTL,
                &until,
                &from,
                &tag(&self.key_data()).to_be_bytes(),
                &encoded(SIGNED),
            ]
            .concat();
            let said = [fields.clone(), records.concat()].concat();
            let signature = self.key.sign(&said).expect("the key signs");
            records.push(record(&set.name, RRSIG, &[fields, signature].concat()));
        }
        records
    }

    /// [RFC 4034 §2.1](https://www.rfc-editor.org/rfc/rfc4034#section-2.1): a zone's key that is
    /// trusted.
    fn key_data(&self) -> Vec<u8> {
        [&[1, 1, 3, ALGORITHM], self.key.der_bytes()].concat()
    }
}

impl Data {
    fn encoded(&self) -> (u16, Vec<u8>) {
        match self {
            Self::Address(address) => (A, address.octets().to_vec()),
            Self::Mx(preference, host) => {
                (MX, [&preference.to_be_bytes()[..], &encoded(host)].concat())
            }
            Self::Alias(name) => (CNAME, encoded(name)),
            Self::Tlsa(usage, selector, matching, data)
            | Self::StaleTlsa(usage, selector, matching, data) => {
                (TLSA, [&[*usage, *selector, *matching], &data[..]].concat())
            }
        }
    }
}

impl Set {
    fn of<const N: usize>(name: &str, kind: u16, data: [Vec<u8>; N]) -> Self {
        Self { name: name.to_owned(), kind, data: data.into(), stale: false }
    }

    /// In the order in which they are signed.
    fn records(&self) -> Vec<Vec<u8>> {
        self.data.iter().map(|data| record(&self.name, self.kind, data)).collect()
    }
}

fn zone_of(name: &str) -> &'static str {
    if name.ends_with(SIGNED) { SIGNED } else { UNSIGNED }
}

fn soa(zone: &str) -> Vec<u8> {
    let numbers: [u32; 5] = [1, 60, 60, 60, 60];
    [encoded(zone), encoded(zone), numbers.map(u32::to_be_bytes).concat()].concat()
}

fn record(name: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let kind = kind.to_be_bytes();
    [&encoded(name)[..], &kind, &[0, 1], &TTL, &(data.len() as u16).to_be_bytes(), data].concat()
}

/// [RFC 4034 §B](https://www.rfc-editor.org/rfc/rfc4034#appendix-B)
fn tag(key: &[u8]) -> u16 {
    let sum = key.iter().enumerate().fold(0_u32, |sum, (index, byte)| {
        sum + (u32::from(*byte) << if index % 2 == 0 { 8 } else { 0 })
    });
    (sum + (sum >> 16)) as u16
}
