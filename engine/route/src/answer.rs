//! What DNS says about where a domain's mail goes.

use crate::{Dane, StsPolicy};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The most hosts of a domain that are looked at, best first.
pub const HOSTS_MAX: usize = 16;
/// The most addresses of a host that are looked at.
pub const ADDRESSES_MAX: usize = 8;

/// A host that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxHost {
    /// The lower, the better.
    pub preference: u16,
    /// Its name.
    pub name: String,
    /// Its addresses, in the order they are to be tried. None, if it has none or they could
    /// not be learnt.
    pub addresses: Vec<IpAddr>,
    /// What is proven of its certificates.
    pub dane: Dane,
}

/// What DNS says: MX records looked up, the implicit MX applied, addresses attached.
/// [RFC 5321 §5.1](https://www.rfc-editor.org/rfc/rfc5321#section-5.1)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These hosts take its mail.
    Hosts {
        /// In any order.
        hosts: Vec<MxHost>,
        /// How long this may be believed; zero if there may be more than could be learnt.
        ttl: Duration,
        /// What the domain demands of whoever sends it mail, if it demands anything.
        policy: Option<Arc<StsPolicy>>,
        /// Nobody can have changed which hosts these are: DNSSEC proves the MX records, or there
        /// are none and the one host is called as the domain.
        authentic: bool,
    },
    /// It takes no mail. [RFC 7505](https://www.rfc-editor.org/rfc/rfc7505)
    NullMx,
    /// There is no such domain.
    NoDomain,
    /// None of its hosts has an address.
    NoAddress,
    /// DNS could not say, and why.
    Temporary(String),
}

impl Answer {
    /// One answer out of several, each about one host of a route, in the order of the route:
    /// the first that can be reached is preferred.
    #[must_use]
    pub fn join(answers: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        let mut shortest = Duration::MAX;
        let mut unknown = None;
        for (preference, answer) in (0..).zip(answers) {
            match answer {
                Self::Hosts { hosts, ttl, .. } => {
                    shortest = shortest.min(ttl);
                    all.extend(hosts.into_iter().map(|host| MxHost { preference, ..host }));
                }
                Self::Temporary(cause) => unknown = unknown.or(Some(cause)),
                Self::NullMx | Self::NoDomain | Self::NoAddress => (),
            }
        }
        match unknown {
            Some(cause) if all.is_empty() => Self::Temporary(cause),
            None if all.is_empty() => Self::NoAddress,
            partial => {
                let ttl = if partial.is_some() { Duration::ZERO } else { shortest };
                // The settings say which hosts these are.
                Self::Hosts { hosts: all, ttl, policy: None, authentic: true }
            }
        }
    }

    /// The same of a domain with this policy, which is known to hold for so long.
    #[must_use]
    pub fn under(self, policy: Option<Arc<StsPolicy>>, life: Duration) -> Self {
        match self {
            Self::Hosts { hosts, ttl, authentic, .. } => {
                Self::Hosts { hosts, ttl: ttl.min(life), policy, authentic }
            }
            nowhere => nowhere,
        }
    }
}
