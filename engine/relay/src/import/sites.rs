//! The `[[site]]`s being written: what other relays limit by domain, limited by MX hosts.

use super::draft::{Draft, Origin, Table};
use super::known::{self, site_of};
use super::limits::Limit;
use super::note::{Notes, plain};
use toml::Value;

/// The header of their tables.
pub(super) const SITE: &str = "[[site]]";

/// What is limited.
pub(super) enum Target {
    /// All sites that have no limits of their own.
    Usual,
    /// These hosts.
    Hosts(Vec<String>),
    /// Those of nobody knows whom: what is set is written as a comment.
    Unknown(String),
}

impl Target {
    /// Where the mail of these domains goes: to one provider, as far as that is known.
    pub(super) fn of(domains: &[String], origin: &Origin, notes: &mut Notes) -> Self {
        let known: Vec<_> = domains.iter().map(|domain| site_of(domain)).collect();
        let Some((site, hosts)) = known.iter().flatten().next() else {
            let names = shortened(domains.iter().map(String::as_str));
            return Self::Unknown(names);
        };
        let is_elsewhere =
            |other: &&Option<(&str, _)>| other.as_ref().is_none_or(|(name, _)| name != site);
        let pairs = || domains.iter().zip(&known);
        if known.iter().any(|other| is_elsewhere(&other)) {
            let others = pairs().filter(|(_, other)| is_elsewhere(other));
            let others = shortened(others.map(|(domain, _)| domain.as_str()));
            let why = format!(
                "the limits are for hosts, those of \"{site}\"; {others} may have others, and is \
                 limited with them only if it has the same"
            );
            notes.differs(origin.line, &origin.what, why);
        } else {
            let why = format!(
                "the limits are for hosts: for all domains at {} together, as MX records were in 2026",
                hosts.join(", ")
            );
            notes.differs(origin.line, &origin.what, why);
        }
        Self::Hosts(hosts.iter().map(|host| (*host).to_owned()).collect())
    }
}

impl Draft {
    /// The table that has the limits of `target`, made if there is none. A new site is called
    /// `name`, unless that is a domain of a provider, or no name that a site can have.
    pub(super) fn limits(&mut self, target: &Target, name: &str, origin: &Origin) -> &mut Table {
        match target {
            Target::Usual => self.table("[delivery]"),
            Target::Hosts(hosts) => {
                let place = self.tables.iter().position(|table| has_hosts(table, hosts));
                let place = place.unwrap_or_else(|| {
                    let name = name_of(name, hosts);
                    let table = Table::new(SITE).with("name", name, origin);
                    self.tables.push(table.with("mx", hosts.clone(), origin));
                    self.tables.len() - 1
                });
                &mut self.tables[place]
            }
            Target::Unknown(domains) => {
                let why = plain(&format!("The hosts of {domains} have to be filled in:"));
                let place =
                    self.tables.iter().position(|table| table.sleeps() == Some(why.as_str()));
                let place = place.unwrap_or_else(|| {
                    let table = Table::new(SITE).with("name", label(name), origin);
                    let table = table.with("mx", Value::Array(Vec::new()), origin);
                    self.tables.push(table.asleep(&why));
                    self.tables.len() - 1
                });
                &mut self.tables[place]
            }
        }
    }
}

/// The key that says the most connections from all sources of a pool together, in the table of `target`.
const fn connections_key(target: &Target) -> &'static str {
    match target {
        Target::Usual => "connections_per_site",
        Target::Hosts(_) | Target::Unknown(_) => "connections_max",
    }
}

impl Table {
    /// Beside a limit of connections for each source: of all sources of a pool together there was none.
    pub(super) fn leave_to_sources(&mut self, target: &Target, limit: &Limit, origin: &Origin) {
        let name = connections_key(target);
        if limit.name == Limit::CONNECTIONS.name && self.key(name).is_none() {
            self.set(name, limit.unlimited(), origin);
        }
    }
}

/// A name that settings take: what they do not take in one becomes a hyphen.
pub(super) fn label(text: &str) -> String {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    let text: String = text.chars().map(|c| if sound(c) { c } else { '-' }).take(64).collect();
    if text.is_empty() { "unnamed".to_owned() } else { text }
}

/// Why what is set for a target that nobody knows is left out.
pub(super) fn why_asleep(domains: &str) -> String {
    format!(
        "a [[site]] is known by its MX hosts, and those of {domains} are not known here: write them \
         into the one that is commented out"
    )
}

/// Whether all of `hosts` are those of the site.
fn has_hosts(table: &Table, hosts: &[String]) -> bool {
    let own = table.key("mx").and_then(|key| key.value.as_array());
    let has = |host: &String| {
        own.is_some_and(|own| own.iter().any(|pattern| pattern.as_str() == Some(host)))
    };
    !hosts.is_empty() && hosts.iter().all(has)
}

/// What a site with these hosts is called, that comes from something of this name.
fn name_of(name: &str, hosts: &[String]) -> String {
    let own = label(name);
    let usual = hosts.first().and_then(|host| known::name_of(host));
    let usual = usual.filter(|_| own != name || site_of(name).is_some());
    usual.map_or(own, str::to_owned)
}

/// The first few of them.
fn shortened<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    let first = names[..names.len().min(3)].join(", ");
    match names.len() {
        0..=3 => first,
        count => format!("{first} and {} more", count - 3),
    }
}
