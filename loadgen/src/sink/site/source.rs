//! What a provider knows of one source address.

use super::{Breach, GRACE, breach};
use crate::clock::Nanos;
use crate::ledger::Rule;
use crate::sink::provider::Provider;
use crate::sink::rate::{Meter, Rate};
use crate::sink::reply::Reply;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

/// Source addresses a provider keeps in mind. Others are turned away as if there were a crowd.
const SOURCES_MAX: usize = 65_536;

/// All sources that were met.
#[derive(Debug, Default)]
pub(super) struct Sources(HashMap<IpAddr, Source>);

impl Sources {
    /// The source of that address as it stands now; `None` if there are too many others.
    pub(super) fn meet(
        &mut self,
        source: IpAddr,
        provider: &Provider,
        now: Nanos,
    ) -> Option<&mut Source> {
        if self.0.len() >= SOURCES_MAX && !self.0.contains_key(&source) {
            return None;
        }
        let from = self.0.entry(source).or_insert_with(|| Source::new(provider, now));
        from.heal(provider, now);
        Some(from)
    }

    pub(super) fn seen(&self, source: IpAddr) -> Option<&Source> {
        self.0.get(&source)
    }
}

/// A meter that decides, and one that only notes what no network explains.
#[derive(Debug, Default)]
struct Gauge {
    decides: Meter,
    notes: Meter,
}

/// One source address.
#[derive(Debug)]
pub(super) struct Source {
    /// Connections open.
    pub(super) open: BTreeSet<u32>,
    connections: Gauge,
    messages: Gauge,
    recipients: Gauge,
    /// Reputation, 0 to 100.
    points: f64,
    /// When time last raised it.
    healed_at: Nanos,
    /// When it was last told to stay away.
    told_at: Nanos,
    away_until: Nanos,
}

/// How much is left of what a source may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// So many thousandths of it.
    Welcome(u32),
    Poor,
    Blocked,
}

impl Source {
    fn new(provider: &Provider, now: Nanos) -> Self {
        Self {
            open: BTreeSet::new(),
            connections: Gauge::default(),
            messages: Gauge::default(),
            recipients: Gauge::default(),
            points: provider.reputation.map_or(100.0, |reputation| reputation.start),
            healed_at: now,
            told_at: 0,
            away_until: 0,
        }
    }

    pub(super) const fn points(&self) -> f64 {
        self.points
    }

    fn heal(&mut self, provider: &Provider, now: Nanos) {
        let Some(reputation) = &provider.reputation else { return };
        let minutes = Duration::from_nanos(now.saturating_sub(self.healed_at)).as_secs_f64() / 60.0;
        self.healed_at = self.healed_at.max(now);
        self.lose(Some(-reputation.minute * minutes));
    }

    /// Takes points away, or with less than none, gives some.
    pub(super) fn lose(&mut self, points: Option<f64>) {
        self.points = (self.points - points.unwrap_or(0.0)).clamp(0.0, 100.0);
    }

    fn standing(&self, provider: &Provider) -> Standing {
        let Some(reputation) = &provider.reputation else { return Standing::Welcome(1_000) };
        if self.points < reputation.refuse_below {
            Standing::Blocked
        } else if self.points < reputation.defer_below {
            Standing::Poor
        } else if self.points < reputation.slow_below {
            Standing::Welcome(reputation.slow_percent * 10)
        } else {
            Standing::Welcome(1_000)
        }
    }

    /// It opens a connection. What it is refused with.
    pub(super) fn connect<'p>(
        &mut self,
        provider: &'p Provider,
        now: Nanos,
        breaches: &mut Vec<Breach>,
    ) -> Option<&'p Reply> {
        let replies = &provider.replies;
        let limit = provider.connections_per_source;
        let open = self.open.len() as u64;
        let is_over = limit > 0 && open >= u64::from(limit);
        if is_over {
            let measure = open + 1;
            breach(provider, Rule::Connections, measure, limit, breaches);
        }
        let (rule, rate) = (Rule::ConnectionRate, provider.connection_rate);
        self.connections.note(provider, rule, rate, now, breaches);
        let permille = match self.admit(provider, now, breaches) {
            Ok(permille) => permille,
            Err(refused) => return Some(refused),
        };
        let left = (u64::from(limit) * u64::from(permille) / 1_000).max(1);
        if is_over || (limit > 0 && open >= left) {
            return Some(&replies.crowd);
        }
        if self.connections.take(rate, permille, now) {
            return None;
        }
        self.send_away(provider, now);
        Some(&replies.rate)
    }

    /// It begins a message. What it is refused with.
    pub(super) fn mail<'p>(
        &mut self,
        provider: &'p Provider,
        now: Nanos,
        breaches: &mut Vec<Breach>,
    ) -> Option<&'p Reply> {
        let (rule, rate) = (Rule::MessageRate, provider.message_rate);
        self.messages.note(provider, rule, rate, now, breaches);
        match self.admit(provider, now, breaches) {
            Err(refused) => Some(refused),
            Ok(permille) if self.messages.take(rate, permille, now) => None,
            Ok(_) => {
                self.send_away(provider, now);
                Some(&provider.replies.rate)
            }
        }
    }

    /// It asks for a recipient. What it is refused with.
    pub(super) fn rcpt<'p>(
        &mut self,
        provider: &'p Provider,
        now: Nanos,
        breaches: &mut Vec<Breach>,
    ) -> Option<&'p Reply> {
        let (rule, rate) = (Rule::RecipientRate, provider.recipient_rate);
        self.recipients.note(provider, rule, rate, now, breaches);
        let permille = match self.standing(provider) {
            Standing::Welcome(permille) => permille,
            _ => 1_000,
        };
        if self.recipients.take(rate, permille, now) {
            return None;
        }
        self.send_away(provider, now);
        Some(&provider.replies.rate)
    }

    /// The thousandths of its limits a source has, or what it is turned away with.
    fn admit<'p>(
        &mut self,
        provider: &'p Provider,
        now: Nanos,
        breaches: &mut Vec<Breach>,
    ) -> Result<u32, &'p Reply> {
        let is_away = now < self.away_until;
        if is_away && now > self.told_at + GRACE {
            let secs = provider.backoff.0.as_secs() as u32;
            breach(provider, Rule::Backoff, 0, secs, breaches);
            self.lose(provider.reputation.map(|reputation| reputation.hammer));
        }
        match self.standing(provider) {
            Standing::Blocked => Err(&provider.replies.blocked),
            _ if is_away => Err(&provider.replies.poor),
            Standing::Welcome(permille) => Ok(permille),
            Standing::Poor => {
                self.send_away(provider, now);
                Err(&provider.replies.poor)
            }
        }
    }

    /// From now on it is told to stay away.
    fn send_away(&mut self, provider: &Provider, now: Nanos) {
        if !provider.backoff.is_zero() && now >= self.away_until {
            self.told_at = now;
            self.away_until = now + provider.backoff.nanos();
        }
    }
}

impl Gauge {
    fn take(&mut self, rate: Option<Rate>, permille: u32, now: Nanos) -> bool {
        rate.is_none_or(|rate| self.decides.take(rate, permille, now))
    }

    fn note(
        &mut self,
        provider: &Provider,
        rule: Rule,
        rate: Option<Rate>,
        now: Nanos,
        breaches: &mut Vec<Breach>,
    ) {
        if let Some(rate) = rate.filter(|rate| self.notes.overrun(*rate, now)) {
            breach(provider, rule, 0, rate.count, breaches);
        }
    }
}
