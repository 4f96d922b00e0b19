//! What names in a configuration stand for: macros of domains, queues, lists of patterns.

use super::file::{Item, Section, directives, sections};
use crate::import::note::Notes;
use std::collections::{BTreeMap, BTreeSet};

/// The most domains that one name may come to.
const DOMAINS_MAX: usize = 10_000;
/// How deep a macro may be in others.
const DEPTH_MAX: usize = 8;

/// All names of a configuration. Of two that are one, the first counts.
#[derive(Debug, Default)]
pub(super) struct Names<'f> {
    macros: BTreeMap<String, Vec<String>>,
    /// The domains that go to a queue.
    queued: BTreeMap<String, Vec<String>>,
    /// The hosts whose domains go to a queue.
    rolled: BTreeMap<String, Vec<String>>,
    /// Lists of patterns.
    pub(super) patterns: BTreeMap<String, &'f Section>,
    /// Those of them that some queue names.
    pub(super) used: BTreeSet<String>,
}

impl<'f> Names<'f> {
    pub(super) fn of(items: &'f [Item], notes: &mut Notes) -> Self {
        let mut names = Self::default();
        for directive in directives(items).filter(|directive| directive.name == "domain-macro") {
            let mut words = directive.value.split(|c: char| c == ',' || c.is_whitespace());
            let Some(name) = words.next().filter(|name| !name.is_empty()) else {
                notes.left_out(directive.line, &directive.name, "it needs a name and domains");
                continue;
            };
            let domains = words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase);
            names.macros.entry(name.to_ascii_lowercase()).or_insert(domains.collect());
        }
        for section in sections(items) {
            match section.name.as_str() {
                "smtp-pattern-list" => {
                    let name = section.value.to_ascii_lowercase();
                    names.patterns.entry(name).or_insert(section);
                }
                "mx-rollup-list" => names.roll_up(section, notes),
                "domain" => names.queue(section),
                _ => (),
            }
        }
        names
    }

    /// The domains that the name of a `<domain>` stands for. Empty if it names a macro that there is
    /// not, or far too many.
    pub(super) fn domains(&self, name: &str) -> Vec<String> {
        let mut all = Vec::new();
        let mut steps = DOMAINS_MAX * DEPTH_MAX;
        self.expand(&name.to_ascii_lowercase(), DEPTH_MAX, &mut steps, &mut all);
        let is_whole = all.len() <= DOMAINS_MAX;
        all.retain(|domain| is_whole && !domain.contains('$'));
        let mut known = BTreeSet::new();
        all.retain(|domain| known.insert(domain.clone()));
        all
    }

    /// The domains that go to a queue of this name.
    pub(super) fn of_queue(&self, queue: &str) -> Option<&[String]> {
        self.queued.get(&queue.to_ascii_lowercase()).map(Vec::as_slice)
    }

    /// The hosts whose domains go to a queue of this name.
    pub(super) fn hosts_of_queue(&self, queue: &str) -> Option<&[String]> {
        self.rolled.get(&queue.to_ascii_lowercase()).map(Vec::as_slice)
    }

    /// Puts in the place of `$macro` each of its domains.
    fn expand(&self, name: &str, depth: usize, steps: &mut usize, all: &mut Vec<String>) {
        // Macros of macros that come to nothing are not followed for ever.
        *steps = steps.saturating_sub(1);
        if all.len() > DOMAINS_MAX || *steps == 0 {
            return;
        }
        let Some((before, rest)) = name.split_once('$').filter(|_| depth > 0) else {
            return all.push(name.to_owned());
        };
        let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
        let (called, behind) = rest.split_at(end);
        let Some(domains) = self.macros.get(called) else { return all.push(name.to_owned()) };
        for domain in domains {
            self.expand(&format!("{before}{domain}{behind}"), depth - 1, steps, all);
        }
    }

    fn queue(&mut self, section: &Section) {
        let domains = self.domains(&section.value);
        for directive in section.directives().filter(|directive| directive.name == "queue-to") {
            let queue = directive.value.to_ascii_lowercase();
            self.queued.entry(queue).or_default().extend(domains.iter().cloned());
        }
    }

    /// `mx *.example.com example.rollup`
    fn roll_up(&mut self, section: &Section, notes: &mut Notes) {
        for directive in section.directives() {
            let mut words = directive.value.split_whitespace();
            let (Some(host), Some(queue), None) = (words.next(), words.next(), words.next()) else {
                let why = "a host, such as *.example.com, and a queue were expected";
                notes.left_out(directive.line, &directive.name, why);
                continue;
            };
            let host = host.to_ascii_lowercase();
            let host = host.strip_prefix('*').map_or_else(|| host.clone(), str::to_owned);
            self.rolled.entry(queue.to_ascii_lowercase()).or_default().push(host);
        }
    }
}
