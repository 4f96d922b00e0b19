//! What each of our addresses may have of a site for now, where that is limited ([`policy::pool::Turns`]).
//!
//! A site whose addresses may open no connection is held off in the queue, which charges nobody for that;
//! a connection whose address may send nothing is not rung for mail, and looks again when it may.

use crate::egress::{Pool, Source, Warmup};
use crate::message::Delivery;
use crate::outbound::Standing;
use crate::routing::local;
use crate::shard::Shard;
use event::Tick;
use kernel::{Kernel, Signal};
use policy::pool::Turns;
use policy::survey::{Key, Limiter};
use queue::{Queued as _, SiteIndex};
use route::SitePlan;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How long a site is held off at most before its addresses are asked again: one may have room by then.
const HELD_MAX: Duration = Duration::from_secs(10);
/// The same where connections are about to go on.
const HELD_SHORT: Duration = Duration::from_millis(100);
/// A connection that would wait for longer than this has ended by then, since it is idle.
const LEAVE_MAX: Duration = Duration::from_mins(10);

impl<K: Kernel> Shard<K> {
    /// A site whose turn it was to dial does not, since no address of ours may have a connection there
    /// before `until`.
    pub(crate) fn hold_off(self: &Rc<Self>, index: SiteIndex, until: Tick) {
        let now = self.kernel.now();
        if until.since(now) > HELD_MAX {
            let shard = Rc::clone(self);
            self.kernel.spawn(async move { shard.expire_held_off(index) });
        }
        let until = if until <= now { now + HELD_SHORT } else { until.min(now + HELD_MAX) };
        self.queue.borrow_mut().hold_off(index, until);
        self.dial_at(until);
    }

    /// Gives up what runs out of time while it is held off.
    fn expire_held_off(self: &Rc<Self>, index: SiteIndex) {
        if self.sites.borrow().known(index).is_some() {
            let text = "its time was up while no source of its pool might send more";
            self.expire_ready(index, &local(451, (4, 4, 7), text));
        }
    }

    /// Until when nothing may go to a site from the source at this place, by what it may have in a time,
    /// if nothing may now.
    pub(crate) fn source_spent(&self, index: SiteIndex, place: usize) -> Option<Tick> {
        let standing = self.source_standing(index)?;
        let spent = standing.borrow().messages_spent(place, self.kernel.now());
        spent.map(|spent| spent.until)
    }

    /// Counts a message to a site from the source at this place into its day, if that has room; else the
    /// source rests.
    fn take_of_day(&self, standing: &Standing, index: SiteIndex, place: usize) -> bool {
        let Some((source, plan)) = self.warming(index, place) else { return true };
        let wall = self.kernel.wall();
        let mut taken = Vec::new();
        for Warmup { quota, .. } in source.warmups_at(&plan) {
            let day = match quota.take(wall) {
                Err(day) => day,
                Ok(day) => {
                    taken.push((quota, day));
                    continue;
                }
            };
            for (quota, day) in &taken {
                quota.give_back(day);
            }
            let until = self.kernel.now() + day.ends.since(wall);
            standing.borrow_mut().rest(place, until);
            return false;
        }
        true
    }

    /// Which sources of a pool have had all of their day, and until when, is as the wall clock says now.
    pub(crate) fn look_at_days(&self, turns: &mut Turns, pool: &Pool, plan: &SitePlan) {
        let (now, wall) = (self.kernel.now(), self.kernel.wall());
        let warming = pool.sources.iter().enumerate().filter(|(_, one)| !one.warmups.is_empty());
        for (place, source) in warming {
            let spent = source.day_spent(plan, wall);
            let until = spent.map_or(Tick::ZERO, |(_, day)| now + day.ends.since(wall));
            turns.rest(place, until);
        }
    }

    /// The first source of a plan's pool whose next day begins, of those that have had all of theirs.
    pub(crate) fn first_spent(&self, plan: &SitePlan) -> Option<Limiter> {
        let (live, wall) = (self.live.borrow(), self.kernel.wall());
        let pool = live.egress.pool(plan.leaves_by?);
        let spent = pool.used_at(plan).filter_map(|source| {
            let (warmup, day) = source.day_spent(plan, wall)?;
            Some((source, warmup.index, day))
        });
        let (source, index, day) = spent.min_by_key(|(.., day)| day.ends)?;
        Some(Limiter::Warmup {
            pool: Arc::clone(&pool.name),
            source: source.address.to_string().into(),
            most: day.most.unwrap_or_default(),
            until: day.ends,
            key: Key { table: "warmup", index: Some(index), name: "per_day" },
        })
    }

    /// Whether a source warms up by which mail for a site leaves.
    pub(crate) fn is_warming(&self, plan: &SitePlan) -> bool {
        let live = self.live.borrow();
        let pool = plan.leaves_by.map(|place| live.egress.pool(place));
        pool.is_some_and(|pool| {
            pool.sources.iter().any(|source| source.warmups_at(plan).next().is_some())
        })
    }

    /// The source at this place, and the plan of the site, if it warms up.
    fn warming(&self, index: SiteIndex, place: usize) -> Option<(Arc<Source>, Arc<SitePlan>)> {
        let sites = self.sites.borrow();
        let plan = &sites.find(index).plan;
        let live = self.live.borrow();
        let source = live.egress.pool(plan.leaves_by?).sources.get(place)?;
        (!source.warmups.is_empty()).then(|| (Arc::clone(source), Arc::clone(plan)))
    }

    /// What goes next to a site from the source at this place, if it may send and there is anything.
    pub(crate) fn next_from(
        &self,
        standing: &Standing,
        index: SiteIndex,
        place: usize,
    ) -> Option<Delivery> {
        let now = self.kernel.now();
        let is_spent = standing.borrow().messages_spent(place, now).is_some();
        // Nothing is counted into a day that does not go.
        if is_spent || !self.queue.borrow_mut().has_work(index, || now) {
            return None;
        }
        if !self.take_of_day(standing, index, place) {
            return None;
        }
        let next = self.queue.borrow_mut().send(index, || now)?;
        standing.borrow_mut().sends(place, next.bytes(), now);
        Some(next)
    }

    /// A message of so many octets that was to go to a site from a source did not. It may count into its
    /// day all the same.
    pub(crate) fn unsent_from(&self, index: SiteIndex, place: usize, bytes: u64) {
        if let Some(standing) = self.source_standing(index) {
            standing.borrow_mut().unsent(place, bytes);
        }
    }

    /// Rings a connection that waits for leave, once it may send.
    pub(crate) fn ring_at(&self, signal: &Signal, at: Tick) {
        if at.since(self.kernel.now()) <= LEAVE_MAX {
            self.kernel.spawn(ring(self.kernel.clone(), signal.clone(), at));
        }
    }

    /// How our addresses stand at a site, if any of that is counted.
    pub(crate) fn source_standing(&self, index: SiteIndex) -> Option<Standing> {
        self.sites.borrow().find(index).standing.clone()
    }
}

async fn ring<K: Kernel>(kernel: K, signal: Signal, at: Tick) {
    kernel.sleep_until(at).await;
    signal.ring();
}
