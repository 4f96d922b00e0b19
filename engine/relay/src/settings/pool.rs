//! `[[pool]]`: the addresses mail leaves from.

use super::document::{Place, Reader, Section};
use super::mail::HostName;
use super::source::Label;
use super::value::{Json, Text, Value};
use super::{Entry, Settings};
use shard::{Detour, Manner};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;
use wire::Credentials;

/// The most pools, and the most sources of all of them together.
const POOLS_MAX: usize = 10_000;

/// `[[pool]]`: addresses of ours that share mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What it is called, in `pool`, in `X-Virtual-MTA` and in the log.
    pub name: String,
    /// Its addresses.
    pub sources: Vec<PoolSource>,
}

/// `[[pool.source]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSource {
    /// Where connections come from.
    pub address: IpAddr,
    /// How we introduce ourselves there; `None`: as everywhere.
    pub ehlo: Option<String>,
    /// Its share of the pool's connections.
    pub weight: u16,
    /// The most connections from it to one site, if it has a limit of its own.
    pub connections_max: Option<u16>,
    /// The most messages over one connection, if that is less than the site takes.
    pub messages_per_connection: Option<u32>,
    /// The proxy that has the address, if it is not on this host.
    pub proxy: Option<Detour>,
}

impl Pool {
    pub(super) fn read(pool: &mut Section<'_, '_>) -> Self {
        let name = pool.required::<Label>(
            "name",
            "What the pool is called: in `pool` of [delivery], of a [[source]] and of a user, and in \
             X-Virtual-MTA. Mail of a name that no pool has waits until there is one, and leaves \
             from nowhere else. Without any [[pool]], all mail leaves from whichever address the \
             system takes.",
        );
        Self {
            name: name.map_or_else(String::new, |name| name.0),
            sources: pool.tables("pool.source", 0, PoolSource::read),
        }
    }
}

impl PoolSource {
    fn read(source: &mut Section<'_, '_>) -> Self {
        let address = source.required::<SourceAddress>(
            "address",
            "The address of this host that connections leave from. One that is not there is said at \
             start, and is out of use until it is: others of the pool take its mail, and without \
             others it waits.",
        );
        let ehlo: Option<HostName> = source.optional(
            "ehlo",
            "How we introduce ourselves from there: the name that the address has in DNS. Left out: \
             `hostname`.",
        );
        let weight = source.bounded(
            "weight",
            0..=1_000,
            1,
            "Its share of the pool's connections: with 3 it opens three for each one of a source \
             with 1. 0: none.",
        );
        let most = |source: &mut Section<'_, '_>, name, most: u64, help| {
            let value: Option<u64> = source.optional(name, help);
            let fits = value.is_none_or(|value| (1..=most).contains(&value));
            if !fits {
                let wrong = format!("`{name}` cannot be {}", value.unwrap_or_default());
                source.refuse(name, wrong, format!("from 1 to {most}"));
            }
            value
        };
        let connections_max = most(
            source,
            "connections_max",
            1_000,
            "The most connections from it at once to one site. Left out: as many as the site may \
             have, all sources of the pool together.",
        );
        let messages_per_connection = most(
            source,
            "messages_per_connection",
            1_000_000,
            "After this many messages a connection from it is closed. Left out: as the site has it.",
        );
        let proxy = source.optional(
            "proxy",
            "The proxy that connects to hosts for us, if the address is there and not on this host: \
             \"haproxy://127.0.0.1:5000\" is told by a PROXY header from which address and to which \
             host; \"socks5://127.0.0.1:1080\" or \"socks5://user:password@127.0.0.1:1080\" by SOCKS \
             to which host, and `address` is the one it is known to use. Its failures are not the \
             hosts'.",
        );
        Self {
            // One that was refused is told from all that were not.
            address: address.map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.0),
            ehlo: ehlo.map(|name| name.0),
            weight: weight as u16,
            connections_max: connections_max.map(|most| most as u16),
            messages_per_connection: messages_per_connection.map(|most| most as u32),
            proxy,
        }
    }
}

/// The key of `[delivery]` that is about pools.
pub(super) fn read_usual(delivery: &mut Section<'_, '_>) -> Option<String> {
    let usual: Option<Label> = delivery.optional(
        "pool",
        "The [[pool]] for mail that nobody has named one for. Left out: such mail leaves from \
         whichever address the system takes.",
    );
    usual.map(|Label(name)| name)
}

impl Settings {
    pub(super) fn check_pools(&self, reader: &mut Reader<'_>) {
        self.check_pool_names(reader);
        let mut number = 0;
        for (index, pool) in self.pools.iter().enumerate() {
            let place = |name| Place { table: "pool", index: Some(index), name };
            if self.pools[..index].iter().any(|other| other.name == pool.name) {
                let wrong = format!("another pool is called \"{}\"", pool.name);
                reader.refuse(place("name"), wrong, "a name used once");
            }
            if pool.sources.iter().all(|source| source.weight == 0) {
                let wrong = format!("no mail could leave by the pool \"{}\"", pool.name);
                let allowed = "one [[pool.source]] or more, not all of weight 0";
                reader.refuse(place("name"), wrong, allowed);
            }
            let mut addresses = HashSet::new();
            for source in &pool.sources {
                let place = Place { table: "pool.source", index: Some(number), name: "address" };
                number += 1;
                let by = source.proxy.as_ref().map(|proxy| proxy.address);
                let is_known = !addresses.insert((source.address, by));
                if is_known && !source.address.is_unspecified() {
                    let wrong = format!("{} is in this pool already", source.address);
                    reader.refuse(
                        place,
                        wrong,
                        "an address once in a pool: `weight` says how often",
                    );
                }
                if number == POOLS_MAX + 1 {
                    reader.refuse(place, "one source too many", format!("{POOLS_MAX} in all"));
                }
            }
        }
    }

    /// Refuses names of pools that there are not.
    fn check_pool_names(&self, reader: &mut Reader<'_>) {
        let usual = ("delivery", None, self.usual_pool.as_deref());
        let sources = self.sources.iter().enumerate();
        let sources =
            sources.map(|(index, source)| ("source", Some(index), source.terms.pool.as_deref()));
        for (table, index, name) in std::iter::once(usual).chain(sources) {
            let Some(name) = name else { continue };
            // Without pools, what a source says of one goes into the log and nowhere else.
            let is_label = self.pools.is_empty() && table == "source";
            if !is_label && !self.knows_pool(name) {
                let wrong = format!("no [[pool]] is called \"{name}\"");
                let place = Place { table, index, name: "pool" };
                reader.refuse(place, wrong, self.pool_names());
            }
        }
    }

    /// Whether there is a pool of this name.
    #[must_use]
    pub fn knows_pool(&self, name: &str) -> bool {
        self.pools.iter().any(|pool| pool.name == name)
    }

    /// What could stand where a pool is named.
    #[must_use]
    pub fn pool_names(&self) -> String {
        let names: Vec<_> = self.pools.iter().map(|pool| format!("\"{}\"", pool.name)).collect();
        if names.is_empty() { "a [[pool]] of this name".to_owned() } else { names.join(", ") }
    }

    /// What to say of pools that are named and not there: the first key that does.
    pub(super) fn warn_of_pools(&self, entries: &[Entry]) -> Option<String> {
        let named = entries
            .iter()
            .any(|entry| (entry.table, entry.name) == ("source", "pool") && entry.value.is_some());
        (self.pools.is_empty() && named).then(|| {
            "a [[source]] has a `pool`, and there is no [[pool]]: it goes into the log and nowhere \
             else"
                .to_owned()
        })
    }
}

impl Settings {
    /// What to say of addresses that are in several pools: the first.
    pub(super) fn warn_of_shared_sources(&self) -> Option<String> {
        let mut seen = HashMap::new();
        for pool in &self.pools {
            for PoolSource { address, proxy, .. } in &pool.sources {
                let at = (address, proxy.as_ref().map(|proxy| proxy.address));
                if let Some(first) = seen.insert(at, &pool.name) {
                    return Some(format!(
                        "{address} is in the pools \"{first}\" and \"{}\": each counts by itself what \
                         a site gets from it",
                        pool.name
                    ));
                }
            }
        }
        None
    }
}

impl Value for Detour {
    // It may hold a password.
    const SECRET: bool = true;

    fn allowed() -> String {
        "\"haproxy://ADDRESS:PORT\", \"socks5://ADDRESS:PORT\" or \
         \"socks5://USER:PASSWORD@ADDRESS:PORT\", with an IP address"
            .to_owned()
    }

    fn schema() -> Json {
        serde_json::json!({ "type": "string", "description": Self::allowed() })
    }

    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, Range<usize>> {
        value.get_ref().as_str().and_then(detour).ok_or_else(|| value.span())
    }

    fn show(&self) -> String {
        let Self { address, manner } = self;
        match manner {
            Manner::Haproxy => format!("\"haproxy://{address}\""),
            Manner::Socks5(None) => format!("\"socks5://{address}\""),
            Manner::Socks5(Some(login)) => format!("\"socks5://{}:***@{address}\"", login.user()),
        }
    }
}

fn detour(text: &str) -> Option<Detour> {
    let (scheme, rest) = text.split_once("://")?;
    let (login, address) =
        rest.rsplit_once('@').map_or((None, rest), |(login, at)| (Some(login), at));
    let address = address.parse().ok()?;
    let login = match login {
        None => None,
        Some(login) => {
            let (user, password) = login.split_once(':')?;
            Some(Credentials::new(user, password)?)
        }
    };
    let manner = match (scheme, login) {
        ("haproxy", None) => Manner::Haproxy,
        ("socks5", login) => Manner::Socks5(login),
        _ => return None,
    };
    Some(Detour { address, manner })
}

/// An address that mail can leave from.
struct SourceAddress(IpAddr);

impl Text for SourceAddress {
    fn allowed() -> String {
        "an IP address of one host, such as \"192.0.2.1\" or \"2001:db8::1\"".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let address: IpAddr = text.parse().ok()?;
        (!address.is_unspecified() && !address.is_multicast()).then_some(Self(address))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}
