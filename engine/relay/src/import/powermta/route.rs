//! Where a domain's mail goes, and under what TLS: `[[route]]`.

use super::domain::Queue;
use super::file::{Directive, Section};
use super::{Config, Origin};
use crate::import::draft::Table;
use crate::import::known::site_of;
use crate::import::sites::Target;
use std::net::IpAddr;
use toml::Value;

/// The hosts by name that a queue's mail goes to, if it says so: a `[[site]]` knows them, too.
pub(super) fn named_hosts(section: &Section) -> Option<Vec<String>> {
    let hops: Option<Vec<String>> = hops(section).map(|(_, hop)| hop).collect();
    let names = hops?.into_iter().map(|hop| {
        let host = hop.rsplit_once(':').map_or(hop.as_str(), |(host, _)| host).to_owned();
        host.parse::<IpAddr>().is_err().then_some(host).filter(|host| !host.contains(['[', ':']))
    });
    names.collect::<Option<Vec<_>>>().filter(|names| !names.is_empty())
}

/// What a section says of hosts: each line, and the host in our spelling if it is one itself.
fn hops(section: &Section) -> impl Iterator<Item = (&Directive, Option<String>)> {
    let says = |directive: &&Directive| matches!(directive.name.as_str(), "smtp-hosts" | "route");
    section.directives().filter(says).flat_map(|directive| {
        let words = directive.value.split(|c: char| c == ',' || c.is_whitespace());
        words.filter(|word| !word.is_empty()).map(move |word| (directive, hop(word)))
    })
}

/// `[host]:port`, or an address. A name without brackets is a domain, whose MX hosts are meant.
fn hop(word: &str) -> Option<String> {
    if word.parse::<IpAddr>().is_ok() {
        return Some(word.to_owned());
    }
    let (inside, behind) = word.strip_prefix('[')?.split_once(']')?;
    let is_v6 = inside.contains(':');
    let host = if is_v6 { format!("[{inside}]") } else { inside.to_owned() };
    match behind.strip_prefix(':') {
        Some(port) => Some(format!("{host}:{port}")),
        None if !behind.is_empty() => None,
        None if is_v6 => Some(inside.to_owned()),
        None => Some(host),
    }
}

impl Config<'_> {
    /// `smtp-hosts` and `route`, all of a section with the first of them.
    pub(super) fn hosts(&mut self, queue: &Queue<'_>, directive: &Directive) {
        let origin = directive.origin();
        let all: Vec<_> = hops(queue.section).collect();
        if let Some(hops) = all.iter().map(|(_, hop)| hop.clone()).collect::<Option<Vec<String>>>()
        {
            let is_first = all.first().is_none_or(|(first, _)| first.line == directive.line);
            if is_first {
                self.route(queue, &origin, "to", hops);
            }
            return;
        }
        let elsewhere =
            directive.value.split(|c: char| c == ',' || c.is_whitespace()).any(|name| {
                let own = queue.domains.iter().any(|domain| domain.eq_ignore_ascii_case(name));
                let same =
                    |hosts: &[&str]| matches!(&queue.target, Target::Hosts(own) if *own == hosts);
                !name.is_empty() && !own && !site_of(name).is_some_and(|(_, hosts)| same(hosts))
            });
        if elsewhere {
            self.left_out(
                &origin,
                "no equivalent: mail goes by the MX hosts of its own domain, or to the hosts that a \
                 [[route]] names",
            );
        }
    }

    pub(super) fn port(&mut self, queue: &Queue<'_>, directive: &Directive) {
        let origin = directive.origin();
        match directive.value.parse::<i64>() {
            Ok(port) => self.route(queue, &origin, "port", port),
            Err(_) => self.left_out(&origin, "a port was expected, such as 25"),
        }
    }

    /// `use-starttls` and `require-starttls`.
    pub(super) fn starttls(&mut self, queue: &Queue<'_>, directive: &Directive) {
        let origin = directive.origin();
        let requires = |directive: &Directive| {
            directive.name == "require-starttls" && directive.switch() == Some(true)
        };
        let is_required = queue.section.directives().any(requires);
        let wanted = match (directive.name.as_str(), directive.switch()) {
            (_, None) => return self.left_out(&origin, "yes or no was expected"),
            ("require-starttls", Some(true)) => "required",
            // What is not required is what `use-starttls` says.
            ("require-starttls", Some(false)) => return,
            (_, Some(_)) if is_required => return,
            (_, Some(true)) => "opportunistic",
            (_, Some(false)) => "off",
        };
        match queue.target {
            Target::Usual => {
                let table = self.made.draft.table("[delivery]");
                table.add("tls", wanted, &origin, &mut self.made.notes);
            }
            Target::Hosts(_) | Target::Unknown(_) => self.route(queue, &origin, "tls", wanted),
        }
    }

    /// A key of the routes of all domains of a queue.
    fn route(
        &mut self,
        queue: &Queue<'_>,
        origin: &Origin,
        name: &'static str,
        value: impl Into<Value>,
    ) {
        let value = value.into();
        let all = ["*".to_owned()];
        let domains = match queue.target {
            Target::Usual => &all[..],
            Target::Hosts(_) | Target::Unknown(_) => &queue.domains[..],
        };
        if domains.is_empty() {
            return self.left_out(origin, "a [[route]] is for domains, and none is named here");
        }
        for domain in domains {
            // `*.example.com` is all that lies below.
            let domain = domain.strip_prefix('*').filter(|rest| !rest.is_empty()).unwrap_or(domain);
            let route = self.made.draft.route(domain, origin);
            route.add(name, value.clone(), origin, &mut self.made.notes);
        }
    }

    /// Leaves out routes that say no more than what is said for all.
    pub(super) fn drop_needless_routes(&mut self) {
        let draft = &mut self.made.draft;
        let usual = draft.table("[delivery]").key("tls").map(|key| key.value.clone());
        let usual = usual.unwrap_or_else(|| "opportunistic".into());
        let is_wide = |table: &Table| {
            let domain = table.key("domain").and_then(|key| key.value.as_str());
            domain.is_some_and(|domain| domain.starts_with(['.', '*']))
        };
        if !draft.all("[[route]]").any(|table| is_wide(table)) {
            let is_needless = |table: &Table| {
                let says_tls = table.key("tls").is_some_and(|key| key.value == usual);
                table.is("[[route]]") && says_tls && table.keys.len() == 2
            };
            draft.tables.retain(|table| !is_needless(table));
        }
    }
}
