//! What one made-up mailbox provider is like: its profile.

mod file;
mod parts;

pub use file::BadProvider;
pub use parts::{Close, Fault, FaultKind, Greylist, Quota, Reputation, Stage, Tls};

use super::rate::{Rate, Span};
use super::reply::{Replies, Reply};
use crate::ledger::{NAME_LEN, Rule};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// A provider, as written in a profile, in a providers file, or on the command line.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an extension, announced or not")]
pub struct Provider {
    /// What it is called in reports; at most 24 bytes, so that it fits a row of the ledger.
    pub name: String,
    /// What it stands for, in a line.
    pub about: String,
    /// The profile whose keys hold where this one says nothing.
    pub extends: Option<String>,
    /// Where it listens; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// What its greeting says.
    pub hostname: String,
    /// Domains whose mail it takes, for the DNS server.
    pub domains: Vec<String>,
    /// Its mail exchangers, the most preferred first: one for each address of `listen`, in
    /// that order. Without them `hostname` is the only one and has all the addresses.
    pub hosts: Vec<String>,
    /// Milliseconds by which every reply is late: an imitated round trip.
    pub delay_ms: u64,
    /// Milliseconds by which the greeting is late, on top of that.
    pub greeting_delay_ms: u64,
    /// Share of recipients (or messages, see `verdict_at`) that is deferred at first.
    pub defer: f64,
    /// How often such a one is deferred before it is taken.
    pub defer_times: u16,
    /// Share of recipients (or messages) that is never taken.
    pub fail: f64,
    /// Whether it says so at RCPT or after the final dot.
    pub verdict_at: Stage,
    /// Recipients with a fate of their own: by local part (up to the first `.` or `+`), what
    /// RCPT is answered.
    pub recipients: BTreeMap<String, Reply>,
    /// Messages it takes on one connection; 0 is any number.
    pub messages_per_connection: u32,
    /// How it ends a connection that has had its messages.
    pub close: Close,
    /// Connections it serves at once; 0 is any number. Others are greeted with 421.
    pub connections_max: u32,
    /// Connections it serves at once from one source address; 0 is any number.
    pub connections_per_source: u32,
    /// Recipients it takes of one message, 1 to 1000.
    pub recipients_per_message: u16,
    /// Recipients of one message must be at one domain.
    pub one_domain_per_message: bool,
    /// Connections it takes from one source address in a time.
    pub connection_rate: Option<Rate>,
    /// Messages it takes from one source address in a time.
    pub message_rate: Option<Rate>,
    /// Recipients it takes from one source address in a time.
    pub recipient_rate: Option<Rate>,
    /// How long a source stays away that was told 421 for its rate or its repute; none: it may
    /// come again when it likes.
    pub backoff: Span,
    /// What it does about TLS.
    pub tls: Tls,
    /// Whether it announces PIPELINING.
    pub pipelining: bool,
    /// Whether it announces 8BITMIME.
    pub eight_bit: bool,
    /// Whether it announces CHUNKING, and knows BDAT.
    pub chunking: bool,
    /// Whether it announces BINARYMIME, if it knows BDAT.
    pub binary: bool,
    /// Whether it announces DSN. It reports nothing all the same.
    pub dsn: bool,
    /// What SIZE announces; 0 leaves it out.
    pub size_max: u64,
    /// Greylisting, if it does that.
    pub greylist: Option<Greylist>,
    /// Messages it takes of one sending domain in a time, if it counts them.
    pub quota: Option<Quota>,
    /// How it takes to senders, if it does not take to all alike.
    pub reputation: Option<Reputation>,
    /// What goes wrong with some of its connections.
    pub fault: Option<Fault>,
    /// The rules its senders know (it has published them, or told them) and so can keep: a
    /// relay that breaks one of these is out of contract.
    pub contract: Vec<Rule>,
    /// What it says when it says no.
    pub replies: Replies,
}

/// Recipients of one message, at most.
pub const RECIPIENTS_MAX: u16 = 1_000;

impl Default for Provider {
    fn default() -> Self {
        Self {
            name: "sink".to_owned(),
            about: "takes everything".to_owned(),
            extends: None,
            listen: Vec::new(),
            hostname: "mx.sink.example".to_owned(),
            domains: Vec::new(),
            hosts: Vec::new(),
            delay_ms: 0,
            greeting_delay_ms: 0,
            defer: 0.0,
            defer_times: 1,
            fail: 0.0,
            verdict_at: Stage::default(),
            recipients: BTreeMap::new(),
            messages_per_connection: 0,
            close: Close::default(),
            connections_max: 0,
            connections_per_source: 0,
            recipients_per_message: RECIPIENTS_MAX,
            one_domain_per_message: false,
            connection_rate: None,
            message_rate: None,
            recipient_rate: None,
            backoff: Span::default(),
            tls: Tls::default(),
            pipelining: true,
            eight_bit: true,
            chunking: true,
            binary: false,
            dsn: false,
            size_max: 52_428_800,
            greylist: None,
            quota: None,
            reputation: None,
            fault: None,
            contract: Vec::new(),
            replies: Replies::default(),
        }
    }
}

impl Provider {
    /// By how much every reply is late.
    #[must_use]
    pub const fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// Whether senders can know this rule, and break it.
    #[must_use]
    pub fn is_in_contract(&self, rule: Rule) -> bool {
        self.contract.contains(&rule)
    }

    /// The first thing wrong with it, but for its addresses.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        let share = |share: f64| (0.0..=1.0).contains(&share);
        let says = |wrong: bool, what: &str| wrong.then(|| what.to_owned());
        says(
            self.name.is_empty() || self.name.len() > NAME_LEN,
            "name is 1 to 24 bytes: it must fit a row of the ledger",
        )
        .or(says(
            !share(self.defer) || !share(self.fail),
            "defer and fail are shares from 0.0 to 1.0",
        ))
        .or(says(self.defer + self.fail > 1.0, "defer and fail together are more than all"))
        .or(says(
            !self.hostname.bytes().all(|byte| byte.is_ascii_graphic()) || self.hostname.is_empty(),
            "hostname is no name",
        ))
        .or(says(
            !(1..=RECIPIENTS_MAX).contains(&self.recipients_per_message),
            "recipients_per_message is 1 to 1000",
        ))
        .or(says(
            !self.hosts.is_empty()
                && !self.listen.is_empty()
                && self.hosts.len() != self.listen.len(),
            "hosts and listen must be as many, or hosts left out",
        ))
        .or(self.reputation.as_ref().and_then(Reputation::flaw))
        .or(self.fault.as_ref().and_then(Fault::flaw))
        .or(self.quota.as_ref().and_then(Quota::flaw))
        .or(self.contract.iter().find(|rule| !self.has_limit(**rule)).map(|rule| {
            format!("contract names {}, but the profile sets no such limit", rule.name())
        }))
    }

    fn has_limit(&self, rule: Rule) -> bool {
        match rule {
            Rule::Connections => self.connections_per_source > 0,
            Rule::Messages => self.messages_per_connection > 0,
            Rule::Recipients => true,
            Rule::ConnectionRate => self.connection_rate.is_some(),
            Rule::MessageRate => self.message_rate.is_some(),
            Rule::RecipientRate => self.recipient_rate.is_some(),
            Rule::Backoff => !self.backoff.is_zero(),
            Rule::Quota => self.quota.is_some(),
            Rule::Tls => self.tls == Tls::Demanded,
            Rule::Domains => self.one_domain_per_message,
        }
    }
}

#[cfg(test)]
mod tests;
