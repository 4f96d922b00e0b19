//! `[[source]]`: who gives us mail, how we tell, and what it may do.

use super::document::{Place, Reader, Section};
use super::mail::{Network, Pattern, words};
use super::value::{Bytes, Text};
use super::{Listener, Settings};
use policy::rate::Rate;
use policy::source::{Domains, Limits, Lint, Lints, Terms};
use std::net::SocketAddr;

/// `[[source]]`: it is for a connection if everything that was written fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRule {
    /// What it is called, in replies, logs and metrics.
    pub name: String,
    /// Where its connections come from; `None`: from anywhere.
    pub from: Option<Vec<Network>>,
    /// Which of our addresses they come to; `None`: to any.
    pub listener: Option<Vec<SocketAddr>>,
    /// As which users they log in; `None`: as anybody, or not at all.
    pub users: Option<Vec<String>>,
    /// What it may do.
    pub terms: Terms,
}

impl SourceRule {
    pub(super) fn read(rule: &mut Section<'_, '_>) -> Self {
        let name = rule.required::<Label>(
            "name",
            "What the source is called in replies, logs and metrics. Of several that fit a \
             connection the first is meant.",
        );
        let from = list(
            rule,
            "from",
            "The networks it connects from. Left out: any. Who may relay is the listener's to say.",
        );
        let listener = list(rule, "listener", "Our addresses it connects to. Left out: any.");
        let users: Option<Vec<Label>> = list(
            rule,
            "users",
            "The users it logs in as. Left out: anybody, logged in or not. What the users' file says \
             of a user holds besides: the limits of both, its tenant, pool and class before the source's, of \
             lints the stricter.",
        );
        Self {
            name: name.map_or_else(String::new, |name| name.0),
            from,
            listener,
            users: users.map(|users| users.into_iter().map(|user| user.0).collect()),
            terms: read_terms(rule),
        }
    }
}

/// What a source may do, wherever it is described.
pub(super) fn read_terms(section: &mut Section<'_, '_>) -> Terms {
    let tenant: Option<Label> = section.optional("tenant", "Whose mail it is.");
    let pool: Option<Label> = section.optional(
        "pool",
        "The [[pool]] of addresses that its mail leaves by, unless X-Virtual-MTA names another. Left \
         out: the `pool` of [delivery].",
    );
    let domains: Option<Vec<Pattern>> = list(
        section,
        "sender_domains",
        "The domains it may name in MAIL FROM: \"example.com\", or \".example.com\" for all below \
         it. The null sender may always be named. Left out: any domain.",
    );
    let text = |label: Label| label.0.into_boxed_str();
    Terms {
        tenant: tenant.map(text),
        pool: pool.map(text),
        class: section.optional(
            "class",
            "How urgent its mail is: \"transactional\" goes before all \"bulk\" at each site, up to 15 \
             messages of 16. Left out: \"bulk\".",
        ),
        sender_domains: Domains::new(domains.into_iter().flatten().map(|pattern| pattern.0)),
        limits: read_limits(section),
        lints: read_lints(section),
        injects: section.key(
            "injects",
            false,
            "Whether the fields X-Virtual-MTA, X-Job, X-Envid, X-Tenant and X-Campaign of its \
             messages are read and removed. What they say is kept with the message and logged, \
             X-Envid is passed on, and X-Virtual-MTA names the [[pool]] the mail leaves by: one \
             that is not there keeps it waiting. Of others they are left as they are.",
        ),
    }
}

fn read_limits(section: &mut Section<'_, '_>) -> Limits {
    let limits = Limits {
        connections_max: section.optional(
            "connections_max",
            "The most connections at once, all shards together; further ones hear 421.",
        ),
        messages: section
            .optional("messages", "The most messages begun in a time; further ones hear 452."),
        recipients: section
            .optional("recipients", "The most recipients taken in a time; further ones hear 452."),
        bytes: section
            .optional("bytes", "The most bytes of message text in a time; past it MAIL hears 452."),
        message_bytes_max: section
            .optional::<Bytes>(
                "message_bytes_max",
                "The largest message taken, where that is less than the listener's limit.",
            )
            .map(|bytes| bytes.0),
    };
    for (name, limit) in [
        ("connections_max", limits.connections_max),
        ("message_bytes_max", limits.message_bytes_max),
    ] {
        if limit == Some(0) {
            section.refuse(
                name,
                format!("`{name}` cannot be 0: nothing would be taken"),
                "1 or more",
            );
        }
    }
    limits
}

fn read_lints(section: &mut Section<'_, '_>) -> Lints {
    let all = section.key(
        "lint",
        Lint::Off,
        "What is done about a message whose header breaks a rule: \"off\": nothing; \"warn\": it \
         is counted and logged; \"fix\": as \"warn\", and a missing Date or Message-ID is added; \
         \"reject\": it is refused. Keys that begin with lint_ say it for one set of rules.",
    );
    let mut one = |name, help| section.optional(name, help).unwrap_or(all);
    Lints {
        from: one("lint_from", "One From, with an address. Left out: as `lint`."),
        duplicates: one(
            "lint_duplicates",
            "No second one of a field that stands once. Left out: as `lint`.",
        ),
        date: one("lint_date", "A Date that can be read. Left out: as `lint`."),
        message_id: one("lint_message_id", "A Message-ID. Left out: as `lint`."),
        syntax: one(
            "lint_syntax",
            "Field names of legal characters, no line above 998 bytes. Left out: as `lint`.",
        ),
    }
}

/// A list that is left out or has something in it.
fn list<V: super::value::Value>(
    section: &mut Section<'_, '_>,
    name: &'static str,
    help: &'static str,
) -> Option<Vec<V>> {
    let list: Option<Vec<V>> = section.optional(name, help);
    if list.as_ref().is_some_and(Vec::is_empty) {
        section.refuse(
            name,
            format!("`{name}` is empty"),
            format!("one or more, or no `{name}` at all"),
        );
    }
    list
}

impl Settings {
    pub(super) fn check_sources(&self, reader: &mut Reader<'_>) {
        for (index, source) in self.sources.iter().enumerate() {
            let place = |name| Place { table: "source", index: Some(index), name };
            let earlier = &self.sources[..index];
            let named = !source.name.is_empty();
            if named && earlier.iter().any(|other| other.name == source.name) {
                let wrong = format!("another source is called \"{}\"", source.name);
                reader.refuse(place("name"), wrong, "a name used once");
            }
            let for_all = |index| {
                let place = |name| Place { table: "source", index: Some(index), name };
                !["from", "listener", "users"].map(place).iter().any(|key| reader.is_written(*key))
            };
            if let Some(first) = (0..index).find(|other| for_all(*other)) {
                let first = &self.sources[first].name;
                let wrong = format!("no connection gets here: all are \"{first}\"");
                reader.refuse(place("name"), wrong, "a source for all others stands last");
            }
            let known =
                |address| self.listeners.iter().any(|own: &Listener| own.address == address);
            for address in source.listener.iter().flatten().filter(|address| !known(**address)) {
                let wrong = format!("no [[listener]] has the address {address}");
                let own: Vec<_> = self.listeners.iter().map(|own| own.address.text()).collect();
                reader.refuse(place("listener"), wrong, own.join(", "));
            }
        }
    }
}

/// A name of ours: what can stand in a log, a metric and a header without being quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label(pub(super) String);

impl Text for Label {
    fn allowed() -> String {
        "1 to 64 letters, digits and the characters - _ . @".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(sound);
        fits.then(|| Self(text.to_owned()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

impl Text for Rate {
    fn allowed() -> String {
        "so many in a time: N/[M]s, m, h or d, such as \"100/s\", \"83/5s\" or \"250000/d\""
            .to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

words!(Lint {
    "off" => Self::Off,
    "warn" => Self::Warn,
    "fix" => Self::Fix,
    "reject" => Self::Reject,
});
