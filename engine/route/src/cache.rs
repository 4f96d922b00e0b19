//! What was learnt about domains, and what is being asked.
//!
//! Each domain is asked about once at a time: who looks first is told to ask, who looks
//! before the answer is there is told that it was asked. What is still in use when its time is
//! nearly up is asked again before that, and meanwhile goes on being used. And if DNS then cannot
//! say anything, mail goes on where it went: [RFC 8767](https://www.rfc-editor.org/rfc/rfc8767).

use crate::{Answer, RouteFailure, SitePlan};
use event::Tick;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The most domains remembered. Past it, the one whose time is up first goes.
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
/// Who uses what has less than this part of its life left has it asked again.
const LAST_PART: u32 = 4;
/// How long after its time a plan still serves while DNS cannot say what came after it.
const STALE_MAX: Duration = Duration::from_hours(1);
/// How long DNS is left alone then.
///
/// [RFC 8767 §5](https://www.rfc-editor.org/rfc/rfc8767#section-5)
const STALE_PAUSE: Duration = Duration::from_secs(30);

/// What is known of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cached {
    /// This.
    Known(Result<Arc<SitePlan>, RouteFailure>),
    /// This, for a little while: ask again now, past whatever else remembers the old answer.
    /// Everybody else is told what is known.
    Renew(Arc<SitePlan>),
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
    /// The same domains by when their time is up.
    ends: BTreeMap<(Tick, u64), Arc<str>>,
    /// Tells entries with the same end apart.
    serial: u64,
}

#[derive(Debug)]
struct Entry {
    /// `None` until the first answer.
    known: Option<Known>,
    /// When it was asked last, if no answer came since.
    asked: Option<Tick>,
    /// Its key among the ends.
    end: (Tick, u64),
}

#[derive(Debug)]
struct Known {
    plan: Result<Arc<SitePlan>, RouteFailure>,
    /// Whoever uses it from then on has it asked again.
    renew: Tick,
    /// Until then it is used.
    fresh: Tick,
    /// Until then it is used if there is nothing better.
    stale: Tick,
}

impl Cache {
    /// What is known of `domain`. [`Cached::Ask`] and [`Cached::Renew`] are a promise of the
    /// caller's to ask, and to say what it learnt.
    pub fn look(&mut self, domain: &str, now: Tick) -> Cached {
        let cached = self.peek(domain, now);
        if matches!(cached, Cached::Ask | Cached::Renew(_)) {
            match self.domains.get_mut(domain) {
                Some(entry) => entry.asked = Some(now),
                None => self.keep(domain, None, Some(now), now + PATIENCE),
            }
        }
        cached
    }

    /// The same, from whoever promises nothing.
    #[must_use]
    pub fn peek(&self, domain: &str, now: Tick) -> Cached {
        let Some(entry) = self.domains.get(domain) else { return Cached::Ask };
        let asked = entry.asked.filter(|asked| now < *asked + PATIENCE);
        match (&entry.known, asked) {
            (Some(known), None) if known.renew <= now && now < known.fresh => {
                known.plan.clone().map_or_else(|failure| Cached::Known(Err(failure)), Cached::Renew)
            }
            (Some(known), asked) if known.serves(asked, now) => Cached::Known(known.plan.clone()),
            (_, Some(_)) => Cached::Asked,
            (_, None) => Cached::Ask,
        }
    }

    /// When what is known of `domain` is to be asked again, if anything is.
    #[must_use]
    pub fn fresh_until(&self, domain: &str) -> Option<Tick> {
        Some(self.domains.get(domain)?.known.as_ref()?.fresh)
    }

    /// Keeps the plan made of `answer`, for as long as that may be believed; or the old one, if
    /// DNS could say nothing and that is not too old.
    pub fn learn(
        &mut self,
        domain: &str,
        plan: Result<Arc<SitePlan>, RouteFailure>,
        answer: &Answer,
        now: Tick,
    ) {
        let old = self.domains.get_mut(domain).and_then(|entry| entry.known.take());
        let known = match (plan, answer, old) {
            (Err(RouteFailure::Temporary(_)), _, Some(old))
                if old.plan.is_ok() && now < old.stale =>
            {
                old.prolonged(now)
            }
            (Ok(plan), Answer::Hosts { ttl, .. }, old) => {
                let old = old.filter(|old| ttl.is_zero() && now < old.stale);
                let known = Known::plan(plan, ttl.clamp(&TTL_MIN, &TTL_MAX), now);
                match old {
                    Some(old) => known.completed_by(&old),
                    None => known,
                }
            }
            (plan, ..) => Known::failure(plan, now),
        };
        let end = known.fresh;
        self.keep(domain, Some(known), None, end);
    }

    /// The plan for `domain` that was made last, if there is one, whether it still counts or not.
    #[must_use]
    pub fn last(&self, domain: &str) -> Option<&Arc<SitePlan>> {
        self.domains.get(domain)?.known.as_ref()?.plan.as_ref().ok()
    }

    /// Forgets all plans: they were made by rules that no longer hold. What is being asked is still
    /// waited for.
    pub fn forget(&mut self) {
        self.domains.retain(|_, entry| {
            entry.known = None;
            entry.asked.is_some()
        });
        let domains = &self.domains;
        self.ends.retain(|_, domain| domains.contains_key(domain));
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

    fn keep(&mut self, domain: &str, known: Option<Known>, asked: Option<Tick>, end: Tick) {
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
        self.domains.insert(name, Entry { known, asked, end });
    }

    fn make_room(&mut self) {
        if self.domains.len() >= DOMAINS_MAX
            && let Some((_, first)) = self.ends.pop_first()
        {
            self.domains.remove(&first);
        }
    }
}

impl Known {
    fn plan(plan: Arc<SitePlan>, ttl: &Duration, now: Tick) -> Self {
        let fresh = now + *ttl;
        Self { plan: Ok(plan), renew: fresh - *ttl / LAST_PART, fresh, stale: fresh + STALE_MAX }
    }

    fn failure(plan: Result<Arc<SitePlan>, RouteFailure>, now: Tick) -> Self {
        let end = now + FAILURE_TTL;
        Self { plan, renew: end, fresh: end, stale: end }
    }

    /// The same, with the addresses in `old` of hosts whose own could not be learnt: for as long as
    /// that would have served, however often they cannot.
    fn completed_by(self, old: &Self) -> Self {
        let (Ok(plan), Ok(known)) = (&self.plan, &old.plan) else { return self };
        match plan.completed_by(known) {
            Some(plan) => Self { plan: Ok(Arc::new(plan)), stale: old.stale, ..self },
            None => self,
        }
    }

    /// The same, for want of anything better: it serves while DNS is left alone, and while it is
    /// asked once more.
    fn prolonged(self, now: Tick) -> Self {
        let renew = now + STALE_PAUSE;
        Self { renew, fresh: (renew + PATIENCE).min(self.stale), ..self }
    }

    /// Whether it is used now, after it was asked about then. What was asked in time goes on being
    /// used until the answer is there.
    fn serves(&self, asked: Option<Tick>, now: Tick) -> bool {
        now < self.fresh || asked.is_some_and(|asked| asked < self.fresh && now < self.stale)
    }
}

#[cfg(test)]
mod tests;
