//! Hosts that an order names, as a route of the settings would.
//!
//! What DNS knows of them is asked, and kept, under a [key](Hops::key) in the place of a domain. No domain
//! is called so.

use super::SitePlan;
use crate::{HOSTS_MAX, Host, HostPort, NotAHost, SMTP_PORT, Tls};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

/// What a key begins with, and no domain.
const MARK: char = '=';

/// Some hosts, to be tried in this order: one at least, [`HOSTS_MAX`] at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hops {
    hosts: Vec<HostPort>,
    key: Arc<str>,
}

impl Hops {
    /// What stands for them where domains are looked up.
    #[must_use]
    pub const fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Where mail for them goes, if all are known by address; otherwise DNS must say.
    #[must_use]
    pub fn fixed(&self, tls: Tls) -> Option<Arc<SitePlan>> {
        let address = |host: &HostPort| match host.host {
            Host::Ip(ip) => Some(SocketAddr::new(ip, host.port)),
            Host::Name(_) => None,
        };
        let addresses: Option<Vec<_>> = self.hosts.iter().map(address).collect();
        Some(Arc::new(SitePlan::fixed(&addresses?, tls)))
    }

    /// Those that a key stands for, if it is one.
    pub(super) fn of_key(key: &str) -> Option<Vec<HostPort>> {
        key.strip_prefix(MARK).and_then(|text| Self::from_str(text).ok()).map(|hops| hops.hosts)
    }

    /// The names of those that a key stands for, each with its port; `None` if it is none.
    pub(super) fn names_in(key: &str) -> Option<Vec<(&str, u16)>> {
        let hosts = key.strip_prefix(MARK)?.split(',');
        let named = hosts.filter(|host| host.parse::<SocketAddr>().is_err());
        let split = named.map(|host| match host.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().unwrap_or(SMTP_PORT)),
            None => (host, SMTP_PORT),
        });
        Some(split.collect())
    }
}

impl FromStr for Hops {
    type Err = NotAHost;

    /// Reads hosts as a route has them, with commas between.
    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let hosts: Vec<HostPort> =
            text.split(',').map(|host| host.trim().parse()).collect::<Result<_, _>>()?;
        if hosts.len() > HOSTS_MAX {
            return Err(NotAHost);
        }
        let names: Vec<_> = hosts.iter().map(HostPort::to_string).collect();
        let key = format!("{MARK}{}", names.join(",")).into();
        Ok(Self { hosts, key })
    }
}

impl fmt::Display for Hops {
    /// As [`FromStr`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key.trim_start_matches(MARK))
    }
}

#[cfg(test)]
mod tests {
    use super::Hops;
    use crate::plan::{Question, Rules, Table, plan};
    use crate::{Answer, Dane, MxHost, RouteFailure, Tls};
    use std::sync::Arc;
    use std::time::Duration;

    fn hops(text: &str) -> Hops {
        text.parse().unwrap()
    }

    #[test]
    fn hosts_are_read_as_a_route_has_them() {
        let several = hops("MX.Other.test:2525, 192.0.2.1,[2001:db8::1]:26, mx.test");
        assert_eq!(several.to_string(), "mx.other.test:2525,192.0.2.1:25,[2001:db8::1]:26,mx.test");
        assert_eq!(hops(&several.to_string()), several);
        for wrong in ["", ",", "mx.test,", "mx test", "mx.test:smtp", "a,".repeat(17).as_str()] {
            assert!(wrong.parse::<Hops>().is_err(), "{wrong}");
        }
        assert!(crate::in_our_spelling(several.key()).is_none(), "no domain is called so");
    }

    #[test]
    fn addresses_need_no_dns_and_names_are_asked_about() {
        let fixed = hops("192.0.2.1:2525,192.0.2.2").fixed(Tls::default()).unwrap();
        assert_eq!(&*fixed.pool, "192.0.2.1:2525>192.0.2.2:25");
        let mixed = hops("192.0.2.1:2525,mx.test,other.test:26");
        assert_eq!(mixed.fixed(Tls::default()), None);
        let table = Table::default().otherwise_under(Tls::Off);
        let asked = Question::Hosts(vec![("mx.test", None), ("other.test", None)]);
        assert_eq!(table.question(mixed.key()), asked);

        let rules = Rules { table: Arc::new(table), ..Rules::default() };
        let host = |name: &str, address: &str| MxHost {
            preference: 0,
            name: name.to_owned(),
            addresses: vec![address.parse().unwrap()],
            dane: Dane::Absent,
        };
        let (ttl, policy, authentic) = (Duration::from_mins(1), None, true);
        let hosts = vec![host("mx.test", "192.0.2.7")];
        let answer = Answer::Hosts { hosts, ttl, policy, authentic };
        let made = plan(mixed.key(), &answer, &rules).unwrap();
        let places: Vec<_> = made.hosts.iter().flat_map(|host| &host.addresses).collect();
        assert_eq!(places, [&"192.0.2.1:2525".parse().unwrap(), &"192.0.2.7:25".parse().unwrap()]);
        assert_eq!(
            (&*made.name, made.tls),
            ("192.0.2.1:2525,mx.test,other.test:26;tls=off", Tls::Off)
        );
        let nobody = plan(hops("mx.test").key(), &Answer::NoAddress, &rules);
        assert!(matches!(nobody, Err(RouteFailure::Temporary(_))), "{nobody:?}");
    }
}
