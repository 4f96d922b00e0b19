//! Which rules of which providers were broken.

use crate::ledger::{Row, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A rule of a provider's contract that the relay broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, rule, times, most, limit } = self;
        write!(f, "{provider} {rule}, ")?;
        match (rule.as_str(), *most, *limit) {
            ("backoff" | "quota", ..) => write!(f, "within the {limit} s it was told to wait, ")?,
            (_, 0, 0) => (),
            (_, 0, _) => write!(f, "beyond {limit}, ")?,
            _ => write!(f, "{most} where {limit} may be, ")?,
        }
        write!(f, "{times} times")
    }
}

/// What is counted while the ledgers are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Breaches(BTreeMap<(String, u16), Tally>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
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

#[cfg(test)]
mod tests {
    use super::Broken;

    #[test]
    fn a_broken_rule_is_told_in_its_own_words() {
        let told = |rule: &str, most, limit| {
            let (provider, rule) = ("gmail".to_owned(), rule.to_owned());
            Broken { provider, rule, times: 3, most, limit }.to_string()
        };
        assert_eq!(told("connections", 6, 5), "gmail connections, 6 where 5 may be, 3 times");
        assert_eq!(told("message-rate", 0, 100), "gmail message-rate, beyond 100, 3 times");
        assert_eq!(told("tls", 0, 0), "gmail tls, 3 times");
        let backoff = "gmail backoff, within the 600 s it was told to wait, 3 times";
        assert_eq!(told("backoff", 0, 600), backoff);
    }
}
