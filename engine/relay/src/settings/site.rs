//! How much goes to one site at once: `[delivery]` says it for all, `[[site]]` for one provider.

use super::document::{Place, Reader, Section};
use super::mail::is_host_name;
use super::profiles::Profile;
use super::rates;
use super::replies::read_heeded;
use super::retry::read_of_site;
use super::source::Label;
use super::tls::{LeastTls, read_least};
use super::value::Text;
use super::{Delivery, Settings};
use policy::Own;
use policy::pace::Rates;
use smtp::client::DEPTH_MAX;
use std::time::Duration;

/// `[[site]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What it is called.
    pub name: String,
    /// The hosts that make a domain one of its: `mx.example.com`, or `.example.com` for all below
    /// it. Lower case.
    pub mx: Vec<String>,
    /// Its limits.
    pub limits: Delivery,
    /// Whether what its hosts ask for is done.
    pub heeds_replies: bool,
    /// What TLS its mail goes under at least, if it says so.
    pub tls: Option<LeastTls>,
    /// What it has of a schedule of its own.
    pub retry: Own,
    /// It is the profile of a provider, which is part of the program.
    pub is_shipped: bool,
}

impl Site {
    /// What it leaves out is as in the profile that has all its hosts, else as in `usual`.
    pub(super) fn read(site: &mut Section<'_, '_>, usual: &Settings, profiles: &[Profile]) -> Self {
        let name = site.required::<Label>(
            "name",
            "What the site is called in logs and metrics: all domains of one provider.",
        );
        let mx = site.required::<Vec<HostPattern>>(
            "mx",
            "The provider's hosts: \"mx.example.com\", or \".example.com\" for all below it. A \
             domain is of the first site that has all of the domain's best hosts.",
        );
        if mx.as_ref().is_some_and(Vec::is_empty) {
            site.refuse("mx", "`mx` is empty", "one host or more");
        }
        let mx = mx.unwrap_or_default().into_iter().map(|pattern| pattern.0).collect::<Vec<_>>();
        let profile = profiles.iter().find(|profile| profile.has(&mx));
        site.beneath(profile.map(Profile::keys).unwrap_or_default());
        let beneath = profile.map(Profile::site);
        let words = Words {
            connections: "connections_max",
            connections_help: "The most connections at once, for all its domains and all sources of \
                               a pool together. Left out: as [delivery] has it for each site.",
            source_help: "The most of them from one source: one address of a [[pool]], or this host \
                          where no pool is named. `connections_max` holds besides, and so does that \
                          of a [[pool.source]]. Left out: as in [delivery].",
            messages_help: "After this many messages a connection is closed and another opened. \
                            Left out: as in [delivery].",
            in_flight_help: "The most messages on their way at once over one connection. Left out: \
                             as in [delivery].",
            first_help: "The same to a host that nobody knows yet. Left out: as in [delivery].",
            recipients_help: "The most recipients in one transaction; the rest follow in another. \
                              Left out: as in [delivery].",
            idle_help: "How long a connection is kept open for the next message. Left out: as in \
                        [delivery].",
            age_help: "How old a connection may grow. Left out: as in [delivery].",
            rates: rates::OF_A_SITE,
            rates_per_source: rates::OF_A_SITE_PER_SOURCE,
        };
        Self {
            name: name.map_or_else(String::new, |name| name.0),
            mx,
            limits: read_limits(site, &words, beneath.map_or(&usual.delivery, |site| &site.limits)),
            heeds_replies: read_heeded(site, usual.replies.heeded),
            tls: read_least(site, beneath.and_then(|site| site.tls)),
            retry: read_of_site(site),
            is_shipped: false,
        }
    }
}

/// Whether the limits of providers hold that are part of the program.
pub(super) fn read_profiles(delivery: &mut Section<'_, '_>) -> bool {
    delivery.key(
        "provider_profiles",
        true,
        "Whether providers that Ringpost knows get what it knows of them (`ringpost config show` \
         lists it): it comes before what [delivery] has for each site, and behind a [[site]] of \
         their hosts, key by key. A [[site]] of the same name stands in its place.",
    )
}

impl Delivery {
    pub(super) fn read(delivery: &mut Section<'_, '_>) -> Self {
        let words = Words {
            connections: "connections_per_site",
            connections_help: "The most connections at once to one site: all domains that share a \
                               set of MX hosts, or one route, or one [[site]]; from all sources of \
                               a pool together.",
            source_help: "The most of them from one source: one address of a [[pool]], or this host \
                          where no pool is named. `connections_per_site` holds besides, and so does \
                          `connections_max` of a [[pool.source]]. Default: no limit but these.",
            messages_help: "After this many messages a connection is closed and another opened.",
            in_flight_help: "The most messages on their way at once over one connection, to hosts \
                             that offer PIPELINING and CHUNKING. With 1 no text leaves before its \
                             envelope was answered: an answer is waited for with each message, \
                             and none is in doubt when a host closes between two.",
            first_help: "The same to a host that nobody knows yet. It doubles after each 25 \
                         messages that went well; a host that lost several with a connection gets \
                         one again, and it takes 100.",
            recipients_help: "The most recipients in one transaction; the rest follow in another.",
            idle_help: "How long a connection is kept open for the next message to its site.",
            age_help: "How old a connection may grow: then it is closed when what is on its way \
                       has been answered, and another opened.",
            rates: rates::USUAL,
            rates_per_source: rates::USUAL_PER_SOURCE,
        };
        let default = Self {
            connections_per_site: 10,
            connections_per_source: 1_000,
            messages_per_connection: 100,
            in_flight_max: 8,
            in_flight_first: 1,
            recipients_per_message: 100,
            idle: Duration::from_secs(5),
            connection_age_max: Duration::from_mins(5),
            rates: Rates::default(),
            rates_per_source: Rates::default(),
        };
        read_limits(delivery, &words, &default)
    }
}

/// With how many deliveries ready a site is served by more than one shard, if ever.
pub(super) fn read_spread_backlog(delivery: &mut Section<'_, '_>) -> Option<u64> {
    let backlog = delivery.bounded(
        "spread_backlog",
        0..=1_000_000_000,
        1_000,
        "With so many deliveries ready for one site and all its connections in use, its shard \
         shares these with the other shards, until there is less to do. 0: never.",
    );
    (backlog > 0).then_some(backlog)
}

/// What the same limits are called and explained with in different tables.
struct Words {
    connections: &'static str,
    connections_help: &'static str,
    source_help: &'static str,
    messages_help: &'static str,
    in_flight_help: &'static str,
    first_help: &'static str,
    recipients_help: &'static str,
    idle_help: &'static str,
    age_help: &'static str,
    rates: rates::Words,
    rates_per_source: rates::Words,
}

fn read_limits(section: &mut Section<'_, '_>, words: &Words, default: &Delivery) -> Delivery {
    Delivery {
        connections_per_site: section.bounded(
            words.connections,
            1..=1_000,
            default.connections_per_site.into(),
            words.connections_help,
        ) as u16,
        connections_per_source: section.bounded(
            "connections_per_source",
            1..=1_000,
            default.connections_per_source.into(),
            words.source_help,
        ) as u16,
        messages_per_connection: section.bounded(
            "messages_per_connection",
            1..=1_000_000,
            default.messages_per_connection.into(),
            words.messages_help,
        ) as u32,
        in_flight_max: section.bounded(
            "in_flight_max",
            1..=DEPTH_MAX.into(),
            default.in_flight_max.into(),
            words.in_flight_help,
        ) as u16,
        in_flight_first: section.bounded(
            "in_flight_first",
            1..=DEPTH_MAX.into(),
            default.in_flight_first.into(),
            words.first_help,
        ) as u16,
        recipients_per_message: section.bounded(
            "recipients_per_message",
            1..=1_000,
            default.recipients_per_message.into(),
            words.recipients_help,
        ) as u16,
        idle: section.bounded(
            "idle",
            Duration::ZERO..=Duration::from_mins(5),
            default.idle,
            words.idle_help,
        ),
        connection_age_max: section.bounded(
            "connection_age_max",
            Duration::from_secs(1)..=Duration::from_hours(24),
            default.connection_age_max,
            words.age_help,
        ),
        rates: rates::read(section, &words.rates, default.rates),
        rates_per_source: rates::read_per_source(
            section,
            &words.rates_per_source,
            default.rates_per_source,
        ),
    }
}

impl Settings {
    pub(super) fn check_sites(&self, reader: &mut Reader<'_>) {
        let own = self.sites.iter().take_while(|site| !site.is_shipped);
        for (index, site) in own.enumerate() {
            let place = |name| Place { table: "site", index: Some(index), name };
            let earlier = &self.sites[..index];
            let named = !site.name.is_empty();
            if named && earlier.iter().any(|other| other.name == site.name) {
                let wrong = format!("another site is called \"{}\"", site.name);
                reader.refuse(place("name"), wrong, "a name used once");
            }
            if site.name == event::OTHER_SITES {
                let wrong = format!("\"{}\" is what metrics call all others", site.name);
                reader.refuse(place("name"), wrong, "another name");
            }
            for pattern in &site.mx {
                let takes = |other: &&Site| other.mx.iter().any(|wider| covers(wider, pattern));
                if let Some(first) = earlier.iter().find(takes) {
                    let wrong = format!("\"{pattern}\" is \"{}\" already", first.name);
                    reader.refuse(place("mx"), wrong, "the narrower above the wider");
                }
            }
        }
    }
}

/// Whether all hosts that `pattern` means are those of `wider`.
pub(super) fn covers(wider: &str, pattern: &str) -> bool {
    wider == pattern || (wider.starts_with('.') && pattern.ends_with(wider))
}

/// Which hosts are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HostPattern(String);

impl Text for HostPattern {
    fn allowed() -> String {
        "a host, such as \"mx.example.com\", or \".example.com\" (what lies below it)".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix('.').unwrap_or(text);
        let fits = is_host_name(name) && route::in_our_spelling(name).is_some();
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}
