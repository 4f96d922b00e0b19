//! Which rules of which providers were broken.

use crate::ledger::{Row, Rule};
use serde::Serialize;
use std::collections::BTreeMap;

/// A rule of a provider's contract that the relay broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Whose rule.
    pub provider: String,
    /// Which rule, as profiles spell it.
    pub rule: String,
    /// How often it was broken.
    pub times: u64,
    /// The most there were (connections, messages, recipients), where that can be counted.
    pub most: u64,
    /// How many there may be.
    pub limit: u32,
}

/// What is counted while the ledgers are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Breaches(BTreeMap<(String, u16), Tally>);

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    times: u64,
    most: u64,
    limit: u32,
}

/// The names of the providers of one ledger, by their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<u32, String>);

impl Names {
    pub(super) fn learn(&mut self, row: &Row) {
        let (number, name) = row.provider_name();
        self.0.insert(number, name);
    }

    fn of(&self, number: u32) -> String {
        self.0.get(&number).cloned().unwrap_or_else(|| format!("provider {number}"))
    }
}

impl Breaches {
    /// Counts a row that says a rule was broken.
    pub(super) fn add(&mut self, row: &Row, names: &Names) {
        let tally = self.0.entry((names.of(row.header), row.code)).or_default();
        tally.times += 1;
        tally.most = tally.most.max(row.body);
        tally.limit = row.bytes;
    }

    /// One for each provider and rule, sorted.
    pub(super) fn all(&self) -> Vec<Broken> {
        let rule = |number: u16| match Rule::of(number) {
            Some(rule) => rule.name().to_owned(),
            None => format!("rule {number}"),
        };
        let one = |((provider, number), tally): (&(String, u16), &Tally)| {
            let Tally { times, most, limit } = *tally;
            Broken { provider: provider.clone(), rule: rule(*number), times, most, limit }
        };
        self.0.iter().map(one).collect()
    }
}
