//! What became of mail: counted from the lines of a delivery log, of yesterday's or of a replay's.

use super::line::Attempt;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of the mail of one site, or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Tally {
    /// Recipients that mail was for.
    pub(super) messages: u64,
    pub(super) delivered: u64,
    /// Recipients given up, by category; `message-expired` where their time was up.
    pub(super) failed: BTreeMap<String, u64>,
    /// By an order of the operator's.
    pub(super) dropped: u64,
    /// Tries that were put off, by category.
    pub(super) deferred: BTreeMap<String, u64>,
    /// From accept to delivery.
    #[serde(rename = "delivery_ms")]
    pub(super) times: Times,
    /// Connections that hosts saw; the log does not tell.
    pub(super) connections: Option<u64>,
    /// Dials that came to nothing.
    pub(super) dials_failed: u64,
    /// How often a host was understood to ask for less.
    pub(super) limits_hit: u64,
    /// How long each limiter was in force while mail was ready, in milliseconds, as `why` names them; the
    /// log does not tell.
    #[serde(rename = "held_ms")]
    pub(super) held: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// Counts one try at a recipient. Says whether it was the last.
    pub(super) fn note(&mut self, attempt: &Attempt<'_>) -> bool {
        match &*attempt.outcome {
            "deferred" => {
                *self.deferred.entry(attempt.category().to_owned()).or_default() += 1;
                return false;
            }
            "delivered" => {
                self.delivered += 1;
                self.times.record(attempt.answered.unwrap_or_default());
            }
            "dropped" => self.dropped += 1,
            _ => *self.failed.entry(attempt.category().to_owned()).or_default() += 1,
        }
        true
    }

    pub(super) fn deferrals(&self) -> u64 {
        self.deferred.values().sum()
    }

    pub(super) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Recipients that were still open at the end.
    pub(super) fn open(&self) -> u64 {
        self.messages.saturating_sub(self.delivered + self.failures() + self.dropped)
    }

    /// Adds what became of other mail.
    pub(super) fn add(&mut self, other: &Self) {
        let sum = |to: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>| {
            for (name, count) in from {
                *to.entry(name.clone()).or_default() += count;
            }
        };
        sum(&mut self.failed, &other.failed);
        sum(&mut self.deferred, &other.deferred);
        for (name, millis) in &other.held {
            *self.held.entry(name).or_default() += millis;
        }
        self.messages += other.messages;
        self.delivered += other.delivered;
        self.dropped += other.dropped;
        self.times.add(&other.times);
        self.dials_failed += other.dials_failed;
        self.limits_hit += other.limits_hit;
        if let Some(connections) = other.connections {
            *self.connections.get_or_insert(0) += connections;
        }
    }
}

/// How long things took, to one part in a hundred: some 2,400 counts whatever there is to count.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Times(Vec<u64>);

/// How much longer the times of a count are than those of the one before.
const STEP: f64 = 1.01;

impl Times {
    /// Counts one of so many milliseconds.
    #[expect(clippy::cast_sign_loss, reason = "the logarithm of what is one at least")]
    pub(super) fn record(&mut self, millis: f64) {
        let place = millis.max(1.0).log(STEP).round() as usize;
        if self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        self.0[place] += 1;
    }

    /// So many of a hundred took no longer; `None` if there are none.
    #[expect(clippy::cast_precision_loss, reason = "there are some 2,400 places")]
    pub(super) fn percentile(&self, percent: u64) -> Option<Duration> {
        let count: u64 = self.0.iter().sum();
        let rank = (count * percent).div_ceil(100).max(1);
        let mut below = 0;
        let place = self.0.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        Duration::try_from_secs_f64(STEP.powf(place as f64) / 1_000.0).ok()
    }

    fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(to, from)| *to += from);
    }
}

impl Serialize for Times {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            median: Option<u128>,
            p99: Option<u128>,
        }
        let millis = |percent| self.percentile(percent).map(|it| it.as_millis());
        Told { median: millis(50), p99: millis(99) }.serialize(to)
    }
}

#[cfg(test)]
mod tests;
