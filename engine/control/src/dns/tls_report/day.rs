//! A day's sessions, domain by domain. Days are those of UTC.

use super::document::{DateRange, Detail, Policy, Summary, Tally};
use event::Wall;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most domains of a day. What is for others is not counted.
pub(super) const DOMAINS_MAX: usize = 50_000;
/// The most policies of one domain in a day: each host with TLSA records has one.
pub(super) const POLICIES_MAX: usize = 32;
/// The most kinds of failures under one policy that are told apart. Others are counted.
pub(super) const DETAILS_MAX: usize = 64;
const SECONDS: u64 = 24 * 60 * 60;

/// A day's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Day {
    /// Days since 1970.
    pub(super) number: u64,
    pub(super) domains: BTreeMap<String, Vec<Tally>>,
}

impl Day {
    /// The day of this moment, without any sessions.
    pub(super) fn of(now: Wall) -> Self {
        Self { number: now.0 / 1_000 / SECONDS, domains: BTreeMap::new() }
    }

    /// When it is over.
    pub(super) const fn end(&self) -> Wall {
        Wall((self.number + 1) * SECONDS * 1_000)
    }

    /// It as `2026-11-28`.
    pub(super) fn date(&self) -> String {
        let mut moment = moment(self.number * SECONDS);
        moment.truncate("2026-11-28".len());
        moment
    }

    /// Its first second and its last, counted from 1970.
    pub(super) const fn seconds(&self) -> (u64, u64) {
        (self.number * SECONDS, (self.number + 1) * SECONDS - 1)
    }

    /// The same, as reports have it.
    pub(super) fn range(&self) -> DateRange {
        let (start, end) = self.seconds();
        DateRange { start_datetime: moment(start), end_datetime: moment(end) }
    }

    /// Counts so many sessions of a domain; `false` if there is no room for them.
    pub(super) fn add(
        &mut self,
        domain: &str,
        policy: Policy,
        failure: Option<Detail>,
        count: u64,
    ) -> bool {
        if !self.domains.contains_key(domain) {
            if self.domains.len() >= DOMAINS_MAX {
                return false;
            }
            self.domains.insert(domain.to_owned(), Vec::new());
        }
        let Some(tallies) = self.domains.get_mut(domain) else { return false };
        let place = tallies.iter().position(|tally| tally.policy == policy).or_else(|| {
            let (summary, failure_details) = (Summary::default(), Vec::new());
            let is_room = tallies.len() < POLICIES_MAX;
            is_room.then(|| tallies.push(Tally { policy, summary, failure_details }));
            is_room.then(|| tallies.len() - 1)
        });
        let Some(place) = place else { return false };
        tallies[place].add(failure, count);
        true
    }
}

impl Tally {
    fn add(&mut self, failure: Option<Detail>, count: u64) {
        let Some(failure) = failure else {
            self.summary.total_successful_session_count += count;
            return;
        };
        self.summary.total_failure_session_count += count;
        let details = &mut self.failure_details;
        if let Some(known) = details.iter_mut().find(|known| known.is_like(&failure)) {
            known.failed_session_count += count;
        } else if details.len() < DETAILS_MAX {
            details.push(Detail { failed_session_count: count, ..failure });
        }
    }
}

/// A moment in seconds since 1970, as RFC 3339 has it.
fn moment(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).ok();
    let moment = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests;
