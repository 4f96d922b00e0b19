//! `[[warmup]]`: addresses that nobody knows yet, which send some more every day.

use super::Settings;
use super::document::{Place, Reader, Section};
use super::source::Label;
use super::value::Text;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy::warmup::{DAYS_MAX, Plan};
use std::net::IpAddr;

/// The most messages of one day of a plan.
const MESSAGES_MAX: u64 = 1_000_000_000;

/// `[[warmup]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warmup {
    /// The addresses: each has the plan for itself.
    pub sources: Vec<IpAddr>,
    /// The site that it is about; none: all sites together.
    pub site: Option<String>,
    /// How many messages a day.
    pub plan: Plan,
}

impl Warmup {
    pub(super) fn read(warmup: &mut Section<'_, '_>) -> Self {
        let sources = warmup.required::<Vec<Address>>(
            "sources",
            "The addresses that warm up, of one [[pool]] or several: each has the plan for itself. One \
             that has sent what its day allows has no turn until the next, and others of its pool \
             take its mail; without others it waits.",
        );
        let site: Option<Label> = warmup.optional(
            "site",
            "What is counted: mail for the [[site]] of this name, be it one that ships. Left out: all \
             mail from the address, to all sites together. Where both are said, both hold.",
        );
        let started = warmup.required::<Started>(
            "started",
            "The first day of the plan. Before it nothing leaves from there.",
        );
        let per_day = warmup.required::<Vec<u64>>(
            "per_day",
            "The most messages (transactions) of each day, from the first on, whatever becomes of them. \
             Behind the last day there is no limit. 0: none on that day.",
        );
        let zone = warmup.key(
            "zone",
            Zone(TimeZone::UTC),
            "Whose midnight ends a day, such as \"Europe/Paris\": a time zone that this system knows.",
        );
        if sources.as_ref().is_some_and(Vec::is_empty) {
            warmup.refuse("sources", "`sources` is empty", "one address or more");
        }
        let per_day = per_day.unwrap_or_default();
        if let Some(much) = per_day.iter().find(|count| **count > MESSAGES_MAX) {
            let wrong = format!("`per_day` cannot have {much}");
            warmup.refuse("per_day", wrong, format!("{MESSAGES_MAX} at most"));
        }
        if per_day.len() > DAYS_MAX {
            let wrong = format!("`per_day` has {} days", per_day.len());
            warmup.refuse("per_day", wrong, format!("{DAYS_MAX} at most"));
        }
        Self {
            sources: sources.unwrap_or_default().into_iter().map(|address| address.0).collect(),
            site: site.map(|site| site.0),
            plan: Plan {
                started: started.map_or(Date::ZERO, |started| started.0),
                per_day: per_day.into(),
                zone: zone.0,
            },
        }
    }
}

impl Settings {
    pub(super) fn check_warmups(&self, reader: &mut Reader<'_>) {
        for (index, warmup) in self.warmups.iter().enumerate() {
            let place = |name| Place { table: "warmup", index: Some(index), name };
            let sources = self.pools.iter().flat_map(|pool| &pool.sources);
            for own in warmup.sources.iter().filter(|own| !own.is_unspecified()) {
                if !sources.clone().any(|source| source.address == *own) {
                    let wrong = format!("no [[pool.source]] has the address {own}");
                    reader.refuse(place("sources"), wrong, "addresses of a [[pool]]");
                }
                let is_same =
                    |other: &Warmup| other.site == warmup.site && other.sources.contains(own);
                if self.warmups[..index].iter().any(is_same) {
                    let wrong = format!("{own} has another plan for the same already");
                    reader.refuse(place("sources"), wrong, "an address once for each site");
                }
            }
            let knows = |name: &String| self.sites.iter().any(|site| site.name == *name);
            if let Some(name) = warmup.site.as_ref().filter(|name| !knows(name)) {
                let wrong = format!("no [[site]] is called \"{name}\"");
                reader.refuse(place("site"), wrong, "the name of a [[site]], or of one that ships");
            }
        }
    }
}

/// An address that mail leaves from.
struct Address(IpAddr);

impl Text for Address {
    fn allowed() -> String {
        "an IP address of a [[pool.source]], such as \"192.0.2.1\"".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

struct Started(Date);

impl Text for Started {
    fn allowed() -> String {
        "a day, such as \"2026-11-28\"".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        // What is more than a date would be taken for one.
        let is_date = text.len() == "2026-11-28".len();
        text.parse().ok().filter(|_| is_date).map(Self)
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

struct Zone(TimeZone);

impl Text for Zone {
    fn allowed() -> String {
        "\"UTC\", or a time zone that this system knows, such as \"Europe/Paris\"".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "UTC" {
            return Some(Self(TimeZone::UTC));
        }
        TimeZone::get(text).ok().filter(|zone| zone.iana_name().is_some()).map(Self)
    }

    fn text(&self) -> String {
        self.0.iana_name().unwrap_or("UTC").to_owned()
    }
}

#[cfg(test)]
mod tests;
