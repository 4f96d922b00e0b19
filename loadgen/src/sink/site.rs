//! The provider as one machine: what it knows of all its senders, and what it says to each.
//!
//! The contract: [`Site::connect`] for each connection, before anything is said; then
//! [`Site::mail`], [`Site::rcpt`] and [`Site::text`] as the commands come; and
//! [`Site::disconnect`] once, when the last word is said or the peer is gone. Time is passed in
//! and never goes back. The same calls give the same answers: nothing here reads a clock or
//! draws at random. Behind a lock, so that threads can share it; without threads it never waits.

mod fates;
mod greylist;
mod quota;
mod source;

use super::provider::{Fault, Provider, Stage, Tls};
use super::reply::Reply;
use crate::clock::Nanos;
use crate::hash::{scatter, share};
use crate::ledger::{Rule, Verdict};
use fates::{Again, Fates};
use greylist::{Greylisted, Triplets};
use quota::Accounts;
use source::Sources;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is under way when a source is told to stay away may still arrive for so long.
pub(super) const GRACE: Nanos = 1_000_000_000;

/// A rule of the contract that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub rule: Rule,
    /// How many there were: connections, messages or recipients; for a rate, and where there
    /// is nothing to count, 0.
    pub measure: u64,
    /// How many there may be; for a back-off, the seconds it was to last.
    pub limit: u32,
}

/// A connection, as the provider sees it.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// Where it comes from.
    pub source: IpAddr,
    /// Which connection, counted from 1.
    pub number: u32,
}

/// A recipient as it is being asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The message, 0 if it has no number.
    pub id: u64,
    /// The address in MAIL FROM.
    pub sender: &'a [u8],
    /// The address in RCPT TO.
    pub recipient: &'a [u8],
    /// [`crate::hash::address`] of it.
    pub hash: u64,
    /// Recipients this transaction has already.
    pub others: usize,
    /// The domain of the first of them.
    pub first_domain: &'a [u8],
}

/// A message that has arrived in full.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The message, if it has a number and is to be judged by it.
    pub id: Option<u64>,
    /// [`crate::hash::address`] of its first recipient.
    pub first: u64,
    /// How many it has.
    pub recipients: u16,
    /// The domain in MAIL FROM, in lower case.
    pub mail_from: &'a str,
    /// The domains that signed it, in lower case.
    pub signers: &'a [String],
}

/// A no: what is said, and the domain it is about.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// What is said.
    pub reply: &'a Reply,
    /// Whose quota is spent.
    pub domain: &'a str,
}

/// A provider and what it remembers.
#[derive(Debug)]
pub struct Site {
    provider: Provider,
    seed: u64,
    /// It matters who sends: only then is it looked up.
    minds_sources: bool,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    /// Connections open.
    open: u32,
    sources: Sources,
    fates: Fates,
    triplets: Triplets,
    accounts: Accounts,
}

impl Site {
    /// The site of `provider`, which knows nobody yet. The same seed decides the same.
    #[must_use]
    pub fn new(provider: Provider, seed: u64) -> Self {
        let minds_sources = provider.reputation.is_some()
            || provider.message_rate.is_some()
            || provider.recipient_rate.is_some()
            || !provider.backoff.is_zero();
        Self { provider, seed, minds_sources, books: Mutex::default() }
    }

    /// Whose site it is.
    #[must_use]
    pub const fn provider(&self) -> &Provider {
        &self.provider
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connections from `source`, if one more is more than it may have. A driver on real
    /// sockets looks then which of them the peer has closed without our having been told, and
    /// calls [`Self::forget`] for these.
    #[must_use]
    pub fn rivals(&self, source: IpAddr) -> Vec<u32> {
        let limit = self.provider.connections_per_source as usize;
        if limit == 0 {
            return Vec::new();
        }
        let books = self.books();
        let open = books.sources.seen(source).map(|from| &from.open);
        open.filter(|open| open.len() >= limit)
            .map(|open| open.iter().copied().collect())
            .unwrap_or_default()
    }

    /// A connection is there. Counts it, or says what it is refused with.
    pub fn connect(&self, guest: &Guest, now: Nanos, breaches: &mut Vec<Breach>) -> Option<&Reply> {
        let (provider, replies) = (&self.provider, &self.provider.replies);
        let mut books = self.books();
        let crowded = provider.connections_max > 0 && books.open >= provider.connections_max;
        let Some(from) = books.sources.meet(guest.source, provider, now) else {
            return Some(&replies.crowd);
        };
        let refused = from.connect(provider, now, breaches);
        if refused.is_none() && crowded {
            return Some(&replies.crowd);
        }
        if refused.is_none() {
            from.open.insert(guest.number);
            books.open += 1;
        }
        refused
    }

    /// The connection counts no longer.
    pub fn forget(&self, guest: &Guest, now: Nanos) {
        let mut books = self.books();
        let from = books.sources.meet(guest.source, &self.provider, now);
        let counted = from.is_some_and(|from| from.open.remove(&guest.number));
        books.open -= u32::from(counted);
    }

    /// The last word was said, or the peer is gone, after so many messages.
    pub fn disconnect(&self, guest: &Guest, messages: u32, now: Nanos) {
        self.forget(guest, now);
        if messages == 0 {
            self.lose(guest, now, |reputation| reputation.churn);
        }
    }

    /// What goes wrong with this connection, if anything does.
    #[must_use]
    pub fn fault(&self, number: u32) -> Option<Fault> {
        let draw = share(scatter(self.seed ^ scatter(u64::from(number) ^ 0xfa17)));
        self.provider.fault.filter(|fault| draw < fault.share)
    }

    /// A message begins, behind `taken` others on this connection. What it is refused with.
    pub fn mail(
        &self,
        guest: &Guest,
        is_encrypted: bool,
        now: Nanos,
        breaches: &mut Vec<Breach>,
    ) -> Option<&Reply> {
        let provider = &self.provider;
        if provider.tls == Tls::Demanded && !is_encrypted {
            self.breach(Rule::Tls, 0, 0, breaches);
            return Some(&provider.replies.tls);
        }
        if !self.minds_sources {
            return None;
        }
        let mut books = self.books();
        let from = books.sources.meet(guest.source, provider, now)?;
        from.mail(provider, now, breaches)
    }

    /// A recipient is asked for. What it is refused with.
    pub fn rcpt(
        &self,
        guest: &Guest,
        asked: Asked<'_>,
        now: Nanos,
        breaches: &mut Vec<Breach>,
    ) -> Option<&Reply> {
        let (provider, replies) = (&self.provider, &self.provider.replies);
        if asked.others >= usize::from(provider.recipients_per_message) {
            let limit = u32::from(provider.recipients_per_message);
            self.breach(Rule::Recipients, asked.others as u64 + 1, limit, breaches);
            return Some(&replies.recipients);
        }
        let mixed = asked.others > 0
            && !asked.first_domain.eq_ignore_ascii_case(domain_of(asked.recipient));
        if provider.one_domain_per_message && mixed {
            self.breach(Rule::Domains, 0, 1, breaches);
            return Some(&replies.domains);
        }
        if self.minds_sources {
            let mut books = self.books();
            let from = books.sources.meet(guest.source, provider, now)?;
            if let Some(refused) = from.rcpt(provider, now, breaches) {
                return Some(refused);
            }
        }
        let refused = self.fate_of(guest, asked, now);
        if refused.is_some_and(Reply::is_permanent) {
            self.lose(guest, now, |reputation| reputation.unknown);
        }
        refused
    }

    /// What this recipient is answered, whoever asks.
    fn fate_of(&self, guest: &Guest, asked: Asked<'_>, now: Nanos) -> Option<&Reply> {
        let (provider, replies) = (&self.provider, &self.provider.replies);
        if let Some(own) = self.own_fate(asked.recipient) {
            return Some(own);
        }
        if let Some(rules) = &provider.greylist {
            let (key, patience) = (greylist::triplet(guest.source, asked), self.patience());
            let seen = self.books().triplets.see(key, rules, patience, now);
            match seen {
                Greylisted::Known => (),
                Greylisted::Waits { ignored } => {
                    if ignored {
                        self.lose(guest, now, |reputation| reputation.impatient);
                    }
                    return Some(&replies.greylist);
                }
            }
        }
        match self.decide(guest, Stage::Recipient, asked.id, asked.hash, now) {
            Verdict::Deferred => Some(&replies.defer),
            Verdict::Failed => Some(&replies.fail),
            _ => None,
        }
    }

    fn own_fate(&self, recipient: &[u8]) -> Option<&Reply> {
        if self.provider.recipients.is_empty() {
            return None;
        }
        let end = recipient.iter().position(|byte| b".+@".contains(byte))?;
        self.provider.recipients.get(std::str::from_utf8(&recipient[..end]).ok()?)
    }

    /// A message has arrived in full. What it is refused with.
    pub fn text<'a>(
        &'a self,
        guest: &Guest,
        text: Text<'a>,
        now: Nanos,
        breaches: &mut Vec<Breach>,
    ) -> Option<Refusal<'a>> {
        let provider = &self.provider;
        if let Some(rules) = &provider.quota {
            let spent = self.books().accounts.charge(rules, text.mail_from, text.signers, now);
            if let Some(spent) = spent {
                if spent.in_spite {
                    let secs = rules.recovery.0.as_secs() as u32;
                    self.breach(Rule::Quota, 0, secs, breaches);
                    self.lose(guest, now, |reputation| reputation.hammer);
                }
                return Some(Refusal { reply: &provider.replies.quota, domain: spent.domain });
            }
        }
        let said = match text.id {
            Some(id) => self.decide(guest, Stage::Final, id, text.first, now),
            None => Verdict::Delivered,
        };
        let reply = match said {
            Verdict::Deferred => &provider.replies.defer,
            Verdict::Failed => &provider.replies.fail,
            _ => {
                let good = f64::from(text.recipients);
                self.lose(guest, now, |reputation| -reputation.good * good);
                return None;
            }
        };
        if reply.is_permanent() {
            self.lose(guest, now, |reputation| reputation.unknown);
        }
        Some(Refusal { reply, domain: "" })
    }

    /// One more message begins on a connection that has had all it may.
    pub fn overstay(&self, taken: u32, breaches: &mut Vec<Breach>) {
        let limit = self.provider.messages_per_connection;
        self.breach(Rule::Messages, u64::from(taken) + 1, limit, breaches);
    }

    /// The standing of a source in points, where a provider keeps one.
    #[must_use]
    pub fn points(&self, source: IpAddr, now: Nanos) -> Option<f64> {
        self.provider.reputation?;
        Some(self.books().sources.meet(source, &self.provider, now)?.points())
    }

    fn decide(&self, guest: &Guest, stage: Stage, id: u64, recipient: u64, now: Nanos) -> Verdict {
        let provider = &self.provider;
        if stage != provider.verdict_at || provider.defer + provider.fail <= 0.0 {
            return Verdict::Delivered;
        }
        let case = scatter(self.seed ^ scatter(id).wrapping_add(recipient));
        let fate = share(case);
        if fate < provider.fail {
            return Verdict::Failed;
        }
        if fate >= provider.fail + provider.defer {
            return Verdict::Delivered;
        }
        let again = self.books().fates.again(case, provider.defer_times, self.patience(), now);
        match again {
            Again::Enough => return Verdict::Delivered,
            Again::TooSoon => self.lose(guest, now, |reputation| reputation.impatient),
            Again::Deferred => (),
        }
        Verdict::Deferred
    }

    fn patience(&self) -> Nanos {
        self.provider.reputation.map_or(0, |reputation| reputation.patience.nanos())
    }

    fn lose(&self, guest: &Guest, now: Nanos, points: impl FnOnce(&super::Reputation) -> f64) {
        let Some(reputation) = &self.provider.reputation else { return };
        if let Some(from) = self.books().sources.meet(guest.source, &self.provider, now) {
            from.lose(Some(points(reputation)));
        }
    }

    fn breach(&self, rule: Rule, measure: u64, limit: u32, breaches: &mut Vec<Breach>) {
        breach(&self.provider, rule, measure, limit, breaches);
    }
}

/// Notes that a rule was broken, if it is one of the contract.
fn breach(provider: &Provider, rule: Rule, measure: u64, limit: u32, breaches: &mut Vec<Breach>) {
    if provider.is_in_contract(rule) {
        breaches.push(Breach { rule, measure, limit });
    }
}

/// What stands behind the last `@`.
pub(super) fn domain_of(address: &[u8]) -> &[u8] {
    address.iter().rposition(|byte| *byte == b'@').map_or(&[], |at| &address[at + 1..])
}

#[cfg(test)]
mod tests;
