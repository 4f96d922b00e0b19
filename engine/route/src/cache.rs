//! What was learnt about domains, and what is being asked.
//!
//! Each domain is asked about once at a time: who looks first is told to ask, who looks
//! before the answer is there is told that it was asked.

use crate::{Answer, RouteFailure, SitePlan};
use event::Tick;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The most domains remembered. Past it, the one that would be forgotten first goes.
pub const DOMAINS_MAX: usize = 100_000;

/// However short DNS says an answer lives, it is believed for so long: asking for every
/// message would make us the flood.
const TTL_MIN: Duration = Duration::from_secs(30);
/// However long DNS says, an answer is asked for again after this.
const TTL_MAX: Duration = Duration::from_hours(1);
/// How long a domain without hosts is believed to have none.
const FAILURE_TTL: Duration = Duration::from_mins(1);
/// How long an answer is waited for. Then the question is put again.
const PATIENCE: Duration = Duration::from_mins(2);

/// What is known of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cached {
    /// This.
    Known(Result<Arc<SitePlan>, RouteFailure>),
    /// It was asked, and the answer is not there yet.
    Asked,
    /// Nothing: ask now. Everybody else is told that it was asked.
    Ask,
}

/// What was learnt about domains.
#[derive(Debug, Default)]
pub struct Cache {
    /// Never iterated: its order is nobody's.
    domains: HashMap<Arc<str>, Entry>,
    /// The same domains by when they are forgotten.
    ends: BTreeMap<(Tick, u64), Arc<str>>,
    /// Tells entries with the same end apart.
    serial: u64,
}

#[derive(Debug)]
struct Entry {
    /// `None` while it is being asked.
    known: Option<Result<Arc<SitePlan>, RouteFailure>>,
    /// Its key among the ends.
    end: (Tick, u64),
}

impl Cache {
    /// What is known of `domain`. [`Cached::Ask`] is a promise of the caller's to ask, and to
    /// say what it learnt.
    pub fn look(&mut self, domain: &str, now: Tick) -> Cached {
        match self.domains.get(domain) {
            Some(entry) if now < entry.end.0 => match &entry.known {
                Some(known) => Cached::Known(known.clone()),
                None => Cached::Asked,
            },
            _ => {
                self.keep(domain, None, now + PATIENCE);
                Cached::Ask
            }
        }
    }

    /// Keeps the plan made of `answer`, for as long as that may be believed.
    pub fn learn(
        &mut self,
        domain: &str,
        plan: Result<Arc<SitePlan>, RouteFailure>,
        answer: &Answer,
        now: Tick,
    ) {
        let ttl = match (&plan, answer) {
            (Ok(_), Answer::Hosts { ttl, .. }) => (*ttl).clamp(TTL_MIN, TTL_MAX),
            _ => FAILURE_TTL,
        };
        self.keep(domain, Some(plan), now + ttl);
    }

    /// Domains in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.domains.len()
    }

    /// Whether it knows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    fn keep(
        &mut self,
        domain: &str,
        known: Option<Result<Arc<SitePlan>, RouteFailure>>,
        end: Tick,
    ) {
        self.serial += 1;
        let end = (end, self.serial);
        let name = match self.domains.remove_entry(domain) {
            Some((name, old)) => {
                self.ends.remove(&old.end);
                name
            }
            None => domain.into(),
        };
        self.make_room();
        self.ends.insert(end, Arc::clone(&name));
        self.domains.insert(name, Entry { known, end });
    }

    fn make_room(&mut self) {
        if self.domains.len() >= DOMAINS_MAX
            && let Some((_, first)) = self.ends.pop_first()
        {
            self.domains.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests;
