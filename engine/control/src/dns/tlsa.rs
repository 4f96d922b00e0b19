//! What is proven of the certificates of a host: the TLSA records of its port.
//!
//! They are asked for only where the host's addresses are authentic: nobody could trust them
//! elsewhere, and servers that know nothing of TLSA records are seldom among those that sign.
//! [RFC 7672 §2.2.3](https://www.rfc-editor.org/rfc/rfc7672#section-2.2.3)

use super::lookup::{Found, Names, Nothing, plain};
use event::{Tlsa, TlsaSet};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use route::Dane;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How look-ups of TLSA records ended.
#[derive(Debug, Default)]
pub(crate) struct Counts([AtomicU64; Self::NAMES.len()]);

impl Counts {
    /// `insecure` are records that are there and not proven. `bogus` is SERVFAIL, by which a resolver
    /// that validates keeps back what is forged; it may have another reason.
    const NAMES: [&str; 5] = ["found", "none", "insecure", "bogus", "failed"];

    pub(super) fn count(&self, known: &Result<Found, Nothing>, is_bogus: bool) {
        let index = match known {
            Ok(found) if found.authentic => 0,
            Err(Nothing::NoName | Nothing::NoRecord) => 1,
            Ok(_) => 2,
            Err(Nothing::Unknown(_)) if is_bogus => 3,
            Err(Nothing::Unknown(_)) => 4,
        };
        self.0[index].fetch_add(1, Ordering::Relaxed);
    }

    /// Each way with how often it was.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Self::NAMES.into_iter().zip(self.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

impl Names {
    /// What is proven of the certificates at `port` of a host called `name`, whose addresses are
    /// authentic and were found under `owner`; and how long that may be believed: not at all, if
    /// it could not be learnt.
    ///
    /// [RFC 7672 §2.2.2](https://www.rfc-editor.org/rfc/rfc7672#section-2.2.2): where an alias
    /// leads to, first; then its own name.
    pub(super) async fn dane(&self, name: &Name, owner: &Name, port: u16) -> (Dane, Duration) {
        let bases = [owner, name];
        let bases = if owner == name { &bases[..1] } else { &bases[..] };
        for base in bases {
            match self.tlsa(base, port).await {
                // What is there and not proven is nothing.
                Ok(found) if found.authentic => {
                    let records = found.records.iter().filter_map(read);
                    let set = TlsaSet::new(&plain(base), records);
                    return (Dane::Known(Arc::new(set)), found.ttl);
                }
                Ok(_) | Err(Nothing::NoName | Nothing::NoRecord) => (),
                Err(Nothing::Unknown(cause)) => {
                    let cause = format!("TLSA of {}: {cause}", plain(base));
                    return (Dane::Unknown(cause.into()), Duration::ZERO);
                }
            }
        }
        (Dane::Absent, Duration::MAX)
    }

    async fn tlsa(&self, base: &Name, port: u16) -> Result<Found, Nothing> {
        let prefix = Name::from_labels([format!("_{port}").as_bytes(), b"_tcp".as_slice()]);
        // A name with no room for it has none.
        let name = prefix.and_then(|prefix| prefix.append_domain(base));
        let Ok(name) = name else { return Err(Nothing::NoName) };
        self.records(name, RecordType::TLSA).await
    }
}

/// A record, if it is of use.
fn read(record: &Record) -> Option<Tlsa> {
    let RData::TLSA(tlsa) = &record.data else { return None };
    let (usage, selector) = (tlsa.cert_usage.into(), tlsa.selector.into());
    Tlsa::read(usage, selector, tlsa.matching.into(), &tlsa.cert_data)
}
