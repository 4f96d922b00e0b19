//! Whose mail it is: what a source of mail may do, and what it is doing.
//!
//! One [`Source`] is shared by all shards, and counts for all of them together. Who belongs to
//! which is decided where connections are known.

mod counts;

use crate::rate::{Meter, Rate};
use crate::tenant::Class;
use counts::Counts;
use event::Tick;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use counts::Reading;

/// What a source may have. What is `None` has no limit of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time.
    pub connections_max: Option<u64>,
    /// Messages begun.
    pub messages: Option<Rate>,
    /// Recipients taken.
    pub recipients: Option<Rate>,
    /// Octets of message text.
    pub bytes: Option<Rate>,
    /// Octets of one message; the listener's limit holds as well.
    pub message_bytes_max: Option<u64>,
}

/// What is done about a message that breaks a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lint {
    /// Nothing: nobody looks.
    #[default]
    Off,
    /// It is taken, counted, and the log says which rule it broke.
    Warn,
    /// As `Warn`, and a field that is missing is added where there is only one right one.
    Fix,
    /// It is refused, and the reply names the rule.
    Reject,
}

/// Rules of a header, in sets that an operator decides about as one.
///
/// [RFC 5322 §3.6](https://www.rfc-editor.org/rfc/rfc5322#section-3.6)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lints {
    /// One From, with an address.
    pub from: Lint,
    /// No second one of a field that stands once.
    pub duplicates: Lint,
    /// A Date, and one that can be read.
    pub date: Lint,
    /// A Message-ID.
    pub message_id: Lint,
    /// Names of fields made of the right characters, and lines of 998 octets at most.
    pub syntax: Lint,
}

impl Lints {
    /// All of them alike.
    #[must_use]
    pub const fn all(lint: Lint) -> Self {
        Self { from: lint, duplicates: lint, date: lint, message_id: lint, syntax: lint }
    }

    /// Whether nobody looks at anything.
    #[must_use]
    pub fn are_off(&self) -> bool {
        *self == Self::all(Lint::Off)
    }
}

/// Domains a source may send from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains(Vec<Box<str>>);

impl Domains {
    /// `example.com`, `.example.com` for all below it, or `*`. None at all: any domain.
    #[must_use]
    pub fn new(patterns: impl IntoIterator<Item = String>) -> Self {
        let lower = |pattern: String| pattern.to_ascii_lowercase().into_boxed_str();
        Self(patterns.into_iter().map(lower).collect())
    }

    /// Whether mail from this path may come. The null path names no domain, so it always may.
    #[must_use]
    pub fn allow(&self, sender: &[u8]) -> bool {
        if self.0.is_empty() || sender.is_empty() {
            return true;
        }
        let Some(at) = sender.iter().rposition(|byte| *byte == b'@') else { return false };
        let (_, domain) = sender.split_at(at + 1);
        self.0.iter().any(|pattern| matches(pattern.as_bytes(), domain))
    }
}

fn matches(pattern: &[u8], domain: &[u8]) -> bool {
    match pattern {
        b"*" => true,
        [b'.', ..] => {
            let below = domain.len().checked_sub(pattern.len()).filter(|below| *below > 0);
            below.is_some_and(|below| domain.split_at(below).1.eq_ignore_ascii_case(pattern))
        }
        exact => domain.eq_ignore_ascii_case(exact),
    }
}

/// What an operator says about a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whose mail it is.
    pub tenant: Option<Box<str>>,
    /// By which pool of addresses it leaves.
    pub pool: Option<Box<str>>,
    /// How urgent it is; where nobody says, bulk.
    pub class: Option<Class>,
    /// The domains it may name in MAIL FROM.
    pub sender_domains: Domains,
    /// How much it may do.
    pub limits: Limits,
    /// What a header has to be like.
    pub lints: Lints,
    /// Whether it may say in its header what becomes of the message: such fields are obeyed and
    /// removed. From others they are text like any other, since a field that anybody can write
    /// must not choose a tenant, and a relay does not change what it has no business with.
    pub injects: bool,
}

impl Terms {
    /// These of a user, and besides those of where it connects from: what the user's say of where
    /// its mail belongs comes first, of what is done about a header the stricter holds. What is
    /// counted each source counts for itself, so it is in neither.
    #[must_use]
    pub fn beside(&self, others: &Self) -> Self {
        let (a, b) = (self.lints, others.lints);
        Self {
            tenant: self.tenant.clone().or_else(|| others.tenant.clone()),
            pool: self.pool.clone().or_else(|| others.pool.clone()),
            class: self.class.or(others.class),
            lints: Lints {
                from: a.from.max(b.from),
                duplicates: a.duplicates.max(b.duplicates),
                date: a.date.max(b.date),
                message_id: a.message_id.max(b.message_id),
                syntax: a.syntax.max(b.syntax),
            },
            injects: self.injects || others.injects,
            ..Self::default()
        }
    }
}

/// What of a source is spent, or not as it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// [`Limits::bytes`].
    Bytes,
    /// [`Limits::connections_max`].
    Connections,
    /// [`Terms::lints`]: a header that is rejected.
    Header,
    /// [`Limits::message_bytes_max`].
    MessageBytes,
    /// [`Limits::messages`].
    Messages,
    /// [`Limits::recipients`].
    Recipients,
    /// [`Terms::sender_domains`].
    SenderDomain,
}

/// One source of mail, for all shards.
#[derive(Debug)]
pub struct Source {
    name: Box<str>,
    terms: Terms,
    free: bool,
    /// What it has and has brought, whatever terms it is under.
    held: Arc<Held>,
    /// What it has spent of each rate.
    messages: Arc<Meter>,
    recipients: Arc<Meter>,
    bytes: Arc<Meter>,
}

#[derive(Debug, Default)]
struct Held {
    connections: AtomicU64,
    counts: Counts,
}

impl Default for Source {
    /// Of whom nothing was said: nothing is asked of it beyond what is asked of all.
    fn default() -> Self {
        Self::new("", Terms::default())
    }
}

impl Source {
    /// One that has done nothing yet.
    #[must_use]
    pub fn new(name: &str, terms: Terms) -> Self {
        let free = terms.limits == Limits::default() && terms.sender_domains == Domains::default();
        Self {
            name: name.into(),
            terms,
            free,
            held: Arc::default(),
            messages: Arc::default(),
            recipients: Arc::default(),
            bytes: Arc::default(),
        }
    }

    /// The same source under other terms: what it has and has spent counts on; but of a rate that is
    /// another one nothing is spent.
    #[must_use]
    pub fn under(&self, terms: Terms) -> Self {
        let (old, new) = (self.terms.limits, terms.limits);
        let kept = |is_same: bool, meter: &Arc<Meter>| {
            if is_same { Arc::clone(meter) } else { Arc::default() }
        };
        Self {
            held: Arc::clone(&self.held),
            messages: kept(old.messages == new.messages, &self.messages),
            recipients: kept(old.recipients == new.recipients, &self.recipients),
            bytes: kept(old.bytes == new.bytes, &self.bytes),
            ..Self::new(&self.name, terms)
        }
    }

    /// What the operator calls it; empty if nothing was said of it.
    #[must_use]
    pub const fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may send whatever and as much as it likes: then nothing has to be counted.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.free
    }

    /// What the operator says about it.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Its connections now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.held.connections.load(Ordering::Relaxed)
    }

    /// Counts a connection in, until the seat is dropped; `None` if there is none free.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Option<Seat> {
        let most = self.terms.limits.connections_max.unwrap_or(u64::MAX);
        let enter = |inside: u64| (inside < most).then(|| inside + 1);
        let entered =
            self.held.connections.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).is_ok();
        if !entered {
            self.refuse(Excess::Connections);
            return None;
        }
        self.held.counts.entered();
        Some(Seat(Arc::clone(self)))
    }

    /// A message begins, of so many octets if that was declared. It is counted, and what it
    /// declared with it.
    ///
    /// # Errors
    /// What is spent; then nothing is counted.
    pub fn begin(&self, sender: &[u8], declared: Option<u64>, now: Tick) -> Result<(), Excess> {
        let Limits { messages, bytes, message_bytes_max, .. } = self.terms.limits;
        let declared = declared.unwrap_or(0);
        if !self.terms.sender_domains.allow(sender) {
            return Err(self.refuse(Excess::SenderDomain));
        }
        if message_bytes_max.is_some_and(|most| declared > most) {
            return Err(self.refuse(Excess::MessageBytes));
        }
        if bytes.is_some_and(|rate| !self.bytes.is_ready(rate, now)) {
            return Err(self.refuse(Excess::Bytes));
        }
        if messages.is_some_and(|rate| !self.messages.take(rate, 1, now)) {
            return Err(self.refuse(Excess::Messages));
        }
        if let Some(rate) = bytes {
            self.bytes.charge(rate, declared, now);
        }
        Ok(())
    }

    /// One more recipient, which is counted.
    ///
    /// # Errors
    /// If there have been as many as there may be; then it is not counted.
    pub fn address(&self, now: Tick) -> Result<(), Excess> {
        match self.terms.limits.recipients {
            Some(rate) if !self.recipients.take(rate, 1, now) => {
                Err(self.refuse(Excess::Recipients))
            }
            _ => Ok(()),
        }
    }

    /// As [`Self::end`] for a text that comes to nothing.
    pub fn spend(&self, bytes: u64, declared: Option<u64>, now: Tick) {
        if let Some(rate) = self.terms.limits.bytes {
            self.bytes.charge(rate, bytes.saturating_sub(declared.unwrap_or(0)), now);
        }
    }

    /// A text has come, of so many octets where `declared` were counted already.
    ///
    /// # Errors
    /// If it is larger than a message may be. It is counted all the same: it was sent.
    pub fn end(&self, bytes: u64, declared: Option<u64>, now: Tick) -> Result<(), Excess> {
        self.spend(bytes, declared, now);
        match self.terms.limits.message_bytes_max {
            Some(most) if bytes > most => Err(self.refuse(Excess::MessageBytes)),
            _ => Ok(()),
        }
    }
}

/// A connection of a source, counted until it is dropped.
#[derive(Debug)]
pub struct Seat(Arc<Source>);

impl Seat {
    /// The same seat under the terms of `source`, if it is the same source.
    ///
    /// # Errors
    /// Itself, if it is another.
    pub fn under(mut self, source: &Arc<Source>) -> Result<Self, Self> {
        if !Arc::ptr_eq(&self.0.held, &source.held) {
            return Err(self);
        }
        // Both count in one place: what this drops is not the seat.
        self.0 = Arc::clone(source);
        Ok(self)
    }

    /// Whose it is.
    #[must_use]
    pub const fn source(&self) -> &Arc<Source> {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.held.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
