//! Virtual MTAs and their pools: `[[pool]]`, with an address of ours in each `[[pool.source]]`.

use super::domain::UNSIGNED;
use super::file::{Directive, Item, Section, sections};
use super::{Config, Origin};
use crate::import::draft::Table;
use crate::import::limits::Limit;
use crate::import::sites::label;
use std::collections::BTreeMap;
use std::net::IpAddr;

impl Config<'_> {
    pub(super) fn egress(&mut self, items: &[Item]) {
        let mut known: BTreeMap<String, Vec<Table>> = BTreeMap::new();
        for section in sections(items).filter(|section| section.name == "virtual-mta") {
            let sources = self.virtual_mta(section);
            known.entry(section.value.to_ascii_lowercase()).or_insert_with(|| sources.clone());
            self.pool(section, sources, "it has no smtp-source-host that came over");
        }
        for section in sections(items).filter(|section| section.name == "virtual-mta-pool") {
            let mut sources = Vec::new();
            for directive in section.directives() {
                let origin = directive.origin();
                match known.get(&directive.value.to_ascii_lowercase()) {
                    _ if directive.name != "virtual-mta" => self.left_out(&origin, "no equivalent"),
                    Some(its) => sources.extend(its.iter().cloned()),
                    None => self.left_out(&origin, "no <virtual-mta> of this name"),
                }
            }
            self.pool(section, sources, "it has no virtual-mta that came over");
        }
    }

    fn pool(&mut self, section: &Section, sources: Vec<Table>, why_none: &str) {
        let origin = Origin::new(section.line, section.title());
        if sources.is_empty() {
            return self.left_out(&origin, why_none);
        }
        let name = label(&section.value);
        if name != section.value {
            let why = format!("its name is now \"{name}\", also in X-Virtual-MTA");
            self.made.notes.differs(origin.line, &origin.what, why);
        }
        let mut pool = Table::new("[[pool]]").with("name", name, &origin);
        pool.inner = sources;
        self.made.draft.tables.push(pool);
    }

    /// The sources of one.
    fn virtual_mta(&mut self, section: &Section) -> Vec<Table> {
        let named = section.directives().find(|directive| directive.name == "host-name");
        let mut sources = Vec::new();
        for directive in section.directives() {
            let origin = directive.origin();
            match directive.name.as_str() {
                "smtp-source-host" => match source(directive, named) {
                    Some(source) => sources.push(source),
                    None => self
                        .left_out(&origin, "an IP address, and perhaps a host name, was expected"),
                },
                "host-name" => (),
                name => self.left_out(&origin, why_not(name)),
            }
        }
        for inner in section.sections() {
            self.limits_of_sources(inner, &mut sources);
        }
        sources
    }

    /// What is said of domains in a virtual MTA.
    fn limits_of_sources(&mut self, section: &Section, sources: &mut [Table]) {
        for directive in section.directives() {
            let origin = directive.origin();
            let limit = match directive.name.as_str() {
                "max-smtp-out" => Limit::OF_SOURCE,
                "max-msg-per-connection" => Limit::MESSAGES,
                name if name.starts_with("dk") => {
                    self.left_out(&origin, UNSIGNED);
                    continue;
                }
                _ => {
                    self.left_out(
                        &origin,
                        "an address has no such limit: a [[site]] has, for each pool",
                    );
                    continue;
                }
            };
            if section.name != "domain" || section.value != "*" {
                self.left_out(&origin, "an address has one limit, at all sites");
                continue;
            }
            let count = match directive.value.as_str() {
                // As much as the site has.
                "0" | "unlimited" => continue,
                text => text.parse::<u64>(),
            };
            let Ok(count) = count else {
                self.left_out(&origin, "a whole number was expected");
                continue;
            };
            let value = limit.within(count, &origin, &mut self.made.notes);
            for source in &mut *sources {
                source.add(limit.name, value, &origin, &mut self.made.notes);
            }
        }
    }
}

/// `192.0.2.1 mta1.example.com`, in either order.
fn source(directive: &Directive, named: Option<&Directive>) -> Option<Table> {
    let origin = directive.origin();
    let (mut address, mut name) = (None, None);
    for word in directive.value.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        match word.parse::<IpAddr>() {
            Ok(parsed) if address.is_none() => address = Some(parsed),
            Err(_) if name.is_none() => name = Some((word.trim_end_matches('.'), &origin)),
            _ => return None,
        }
    }
    let mut table = Table::new("[[pool.source]]").with("address", address?.to_string(), &origin);
    let named_origin = named.map(Directive::origin);
    let usual =
        named.zip(named_origin.as_ref()).map(|(named, origin)| (named.value.as_str(), origin));
    if let Some((name, origin)) = name.or(usual) {
        table.set("ehlo", name, origin);
    }
    Some(table)
}

/// Why there is nothing for a line of a virtual MTA.
fn why_not(name: &str) -> &'static str {
    match name {
        "domain-key" => UNSIGNED,
        "auto-cold-virtual-mta" | "max-cold-virtual-mta-msg" => {
            "no equivalent: an address is not warmed up by itself; `weight` of a [[pool.source]] is its share"
        }
        "smtp-proxy-source-host" | "smtp-proxy" => {
            "`proxy` of a [[pool.source]] names the proxy that has it"
        }
        "include" => "that file has to be imported by itself",
        "max-smtp-out" | "max-smtp-msg-rate" => {
            "`connections_max` of a [[pool.source]] is for each site"
        }
        _ => "no equivalent",
    }
}
