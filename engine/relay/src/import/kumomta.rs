//! KumoMTA's shaping files: TOML tables by domain, by provider, and for all (`default`).
//!
//! As its manual has it (docs.kumomta.com, Traffic Shaping, 2026): the values of `default` are the
//! base, then come providers, then domains. A domain there means its MX hosts, unless `mx_rollup` is
//! false; a provider is known by its hosts, as a `[[site]]` is.

mod automation;
mod options;

use super::Translation;
use super::draft::Origin;
use super::lines::Lines;
use super::sites::{Target, why_asleep};
use crate::settings::Faults;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is otherwise in all of it.
const PREFACE: &str = "\
A limit is for each source of a [[pool]], as it was; what a [[site]] says is for all domains at its
hosts together.";

/// Translates a file.
///
/// # Errors
/// It is not TOML; where, and what was expected.
pub(super) fn translate(file: &str, text: &str) -> Result<Translation, Faults> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(super::unreadable(file, text, &errors));
    }
    let mut shaping = Shaping { lines: Lines::of(text), made: Translation::default() };
    shaping.made.draft.preface = PREFACE;
    shaping.read(table.get_ref());
    Ok(shaping.made)
}

/// A shaping file being translated.
struct Shaping {
    lines: Lines,
    made: Translation,
}

/// A block of options: for whom, and what it is called.
struct Block<'b> {
    target: Target,
    name: &'b str,
    kind: Kind,
}

/// By what a block is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Default,
    Provider,
    Domain,
}

impl Shaping {
    /// The base first, then providers, then domains: a later one overrules.
    fn read(&mut self, top: &DeTable<'_>) {
        let place = |name: &str| match name {
            "default" => 0,
            "provider" => 1,
            _ => 2,
        };
        let mut entries = in_order(top);
        entries.sort_by_key(|(_, name, _)| place(name));
        for (start, name, value) in entries {
            let origin = self.origin(start, name);
            match (name, value.get_ref().as_table()) {
                (_, None) => self.left_out(&origin, "a table was expected: [\"example.com\"]"),
                ("default", Some(table)) => {
                    self.block(&Block { target: Target::Usual, name, kind: Kind::Default }, table);
                }
                ("provider", Some(table)) => self.providers(table),
                (_, Some(table)) => self.domain(name, &origin, table),
            }
        }
    }

    fn providers(&mut self, providers: &DeTable<'_>) {
        for (start, name, value) in in_order(providers) {
            let origin = self.origin(start, name);
            let Some(table) = value.get_ref().as_table() else {
                self.left_out(&origin, "a table was expected: [provider.\"example\"]");
                continue;
            };
            let target = match self.hosts(table) {
                hosts if hosts.is_empty() => Target::Unknown(format!("the provider \"{name}\"")),
                hosts => Target::Hosts(hosts),
            };
            self.block(&Block { target, name, kind: Kind::Provider }, table);
        }
    }

    /// The host patterns of a provider's `match`.
    fn hosts(&mut self, provider: &DeTable<'_>) -> Vec<String> {
        let Some(value) = provider.get("match") else { return Vec::new() };
        let one = std::slice::from_ref(value);
        let all = value.get_ref().as_array().map_or(one, |list| &list[..]);
        let mut hosts = Vec::new();
        for candidate in all {
            let origin = self.origin(candidate.span().start, "match");
            let table = candidate.get_ref().as_table();
            let said = |name: &str| table?.get(name)?.get_ref().as_str();
            match (said("MXSuffix"), said("HostName"), said("DomainSuffix")) {
                (Some(suffix), _, _) => {
                    let suffix = suffix.trim_end_matches('.').to_ascii_lowercase();
                    if !suffix.starts_with('.') {
                        let why = format!("\"{suffix}\" is taken for a host, and all below it");
                        self.made.notes.differs(origin.line, &origin.what, why);
                        hosts.push(suffix.clone());
                    }
                    hosts.push(format!(".{}", suffix.trim_start_matches('.')));
                }
                (_, Some(host), _) => {
                    hosts.push(host.trim_end_matches('.').to_ascii_lowercase());
                }
                (_, _, Some(_)) => self.left_out(
                    &origin,
                    "a [[site]] is known by its MX hosts, never by the domain of a recipient",
                ),
                _ => self.left_out(&origin, "MXSuffix, HostName or DomainSuffix was expected"),
            }
        }
        hosts.dedup();
        hosts
    }

    fn domain(&mut self, name: &str, origin: &Origin, table: &DeTable<'_>) {
        let is_split = !table.is_empty()
            && table.iter().all(|(key, value)| {
                let key: &str = key.get_ref();
                value.get_ref().is_table()
                    && !matches!(key, "sources" | "additional_connection_limits")
            });
        if is_split {
            let why = "a domain stands in quotes there: [\"example.com\"]";
            return self.left_out(origin, why);
        }
        let rollup = in_order(table).into_iter().find(|(_, key, _)| *key == "mx_rollup");
        let target = match rollup {
            Some((start, key, value)) if value.get_ref().as_bool() == Some(false) => {
                let origin = self.origin(start, key);
                let why = "a [[site]] limits all domains at its hosts, not one of them";
                self.made.notes.differs(origin.line, &origin.what, why);
                Target::Unknown(name.to_owned())
            }
            _ => Target::of(&[name.to_owned()], origin, &mut self.made.notes),
        };
        self.block(&Block { target, name, kind: Kind::Domain }, table);
    }

    fn block(&mut self, block: &Block<'_>, table: &DeTable<'_>) {
        for (start, name, value) in in_order(table) {
            let origin = self.origin(start, name);
            match name {
                // Read already, or about other files.
                "match" | "mx_rollup" => (),
                "replace_base" => self.left_out(
                    &origin,
                    "each file is translated alone: what others say is not known here",
                ),
                "automation" => self.automation(block, value),
                "sources" => self.sources(value),
                "connection_limit" if table.contains_key("provider_connection_limit") => self
                    .left_out(
                        &origin,
                        "a [[site]] has one limit, for all its hosts: provider_connection_limit",
                    ),
                "max_message_rate" if table.contains_key("provider_max_message_rate") => self
                    .left_out(
                        &origin,
                        "a [[site]] has one limit, for all its hosts: provider_max_message_rate",
                    ),
                _ => self.option(block, &origin, value.get_ref()),
            }
        }
    }

    /// What is said of single sources: which addresses they are is not said there.
    fn sources(&mut self, value: &Spanned<DeValue<'_>>) {
        for (_, _, source) in value.get_ref().as_table().into_iter().flat_map(in_order) {
            let options = source.get_ref().as_table().into_iter().flat_map(in_order);
            for (start, name, _) in options {
                let origin = self.origin(start, format!("sources: {name}"));
                self.left_out(
                    &origin,
                    "which address a source is, its shaping does not say: `connections_max` and \
                     `messages_per_connection` of a [[pool.source]] limit one",
                );
            }
        }
    }

    fn origin(&self, start: usize, what: impl Into<String>) -> Origin {
        Origin::new(self.lines.at(start), what)
    }

    fn left_out(&mut self, origin: &Origin, why: &str) {
        self.made.notes.left_out(origin.line, &origin.what, why);
    }

    /// Where the options of a block go, if that is known.
    fn asleep(&mut self, block: &Block<'_>, origin: &Origin) {
        if let Target::Unknown(domains) = &block.target {
            self.made.notes.left_out(origin.line, &origin.what, why_asleep(domains));
        }
    }
}

/// The entries of a table in the order in which they were written, each with where it starts.
fn in_order<'t>(table: &'t DeTable<'t>) -> Vec<(usize, &'t str, &'t Spanned<DeValue<'t>>)> {
    let entries =
        table.iter().map(|(key, value)| (key.span().start, key.get_ref().as_ref(), value));
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|(start, ..)| *start);
    entries
}
