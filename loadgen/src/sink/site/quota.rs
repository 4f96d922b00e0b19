//! What is left of the quota of each sending domain.

use super::GRACE;
use crate::clock::Nanos;
use crate::hash::{self, scatter};
use crate::sink::provider::Quota;
use crate::sink::rate::{Meter, Rate};
use std::collections::HashMap;

/// Sending domains whose mail is counted. More are let through.
const DOMAINS_MAX: usize = 65_536;

/// The accounts of all domains, by how they signed for the mail.
#[derive(Debug, Default)]
pub(super) struct Accounts(HashMap<u64, Account>);

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    meter: Meter,
    told_at: Nanos,
    spent_until: Nanos,
}

/// A quota is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spent<'d> {
    /// Whose.
    pub(super) domain: &'d str,
    /// The sender had been told so.
    pub(super) in_spite: bool,
}

impl Accounts {
    /// A message of these domains comes. The first of them whose quota is spent.
    pub(super) fn charge<'d>(
        &mut self,
        rules: &Quota,
        mail_from: &'d str,
        signers: &'d [String],
        now: Nanos,
    ) -> Option<Spent<'d>> {
        let sender = rules.mail_from.filter(|_| !mail_from.is_empty());
        let sender = sender.map(|rate| (0, mail_from, rate));
        let signers = signers.iter().filter_map(|domain| Some((1, domain.as_str(), rules.dkim?)));
        sender.into_iter().chain(signers).find_map(|(kind, domain, rate)| {
            let key = scatter(kind ^ hash::address(domain.as_bytes()));
            if self.0.len() >= DOMAINS_MAX && !self.0.contains_key(&key) {
                return None;
            }
            let account = self.0.entry(key).or_default();
            let in_spite = account.charge(rate, rules.recovery.nanos(), now)?;
            Some(Spent { domain, in_spite })
        })
    }
}

impl Account {
    /// One more message. If the quota is spent, whether the sender knew.
    fn charge(&mut self, rate: Rate, recovery: Nanos, now: Nanos) -> Option<bool> {
        let was_told = now < self.spent_until;
        let in_spite = was_told && now > self.told_at + GRACE;
        if !was_told && self.meter.take(rate, 1_000, now) {
            return None;
        }
        if !was_told || in_spite {
            self.told_at = if was_told { self.told_at } else { now };
            self.spent_until = now + recovery;
            self.meter.drain(rate, self.spent_until);
            // Recovered, it begins with one.
            self.meter.refund(rate);
        }
        Some(in_spite)
    }
}
