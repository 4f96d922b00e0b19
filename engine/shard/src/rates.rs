//! Sites that may have only so much in a time.
//!
//! The queue counts, at the home of a site, and says who may go on when ([`queue::Queue::freed`]); here
//! is who hears it: connections that wait for leave to send, and a timer where the loop of the shard
//! would look too late. A site with rates is served by its home alone, as one with gates is, so that
//! one number holds for all of it. What each of our addresses may have there is in `leave.rs`.

use crate::message::Delivery;
use crate::setup::Allowed;
use crate::shard::Shard;
use event::Tick;
use kernel::Kernel;
use policy::gate::SiteGates;
use policy::pace::{Rates, every};
use queue::SiteIndex;
use route::SitePlan;
use std::rc::Rc;
use std::time::Duration;

/// The shortest time to wait for.
const PAUSE: Duration = Duration::from_millis(1);
/// What is further off than this the loop of the shard sees in time.
const SOON: Duration = Duration::from_millis(100);

impl<K: Kernel> Shard<K> {
    /// What goes next to a site from the source at this place, if anything may now.
    pub(crate) fn next_to_send(
        self: &Rc<Self>,
        index: SiteIndex,
        place: usize,
    ) -> Option<Delivery> {
        let next = match self.source_standing(index) {
            None => self.queue.borrow_mut().send(index, || self.kernel.now()),
            Some(standing) => self.next_from(&standing, index, place),
        };
        self.await_rates();
        next
    }

    /// What was to go, of so many octets, does not.
    pub(crate) fn unsent(&self, index: SiteIndex, place: usize, bytes: u64) {
        self.queue.borrow_mut().unsent(index, bytes);
        self.unsent_from(index, place, bytes);
    }

    /// Whether anything may go to a site now.
    pub(crate) fn has_work(self: &Rc<Self>, index: SiteIndex) -> bool {
        let has_work = self.queue.borrow_mut().has_work(index, || self.kernel.now());
        if !has_work {
            self.await_rates();
        }
        has_work
    }

    /// What a site may have in a time is what the settings say now, or what was learnt of its hosts, where
    /// that is less. If it is anything, its home alone serves it.
    pub(crate) fn rate_site(&self, index: SiteIndex, plan: &SitePlan) {
        let Allowed { site, source } = self.live.borrow().rates_of(plan);
        let learnt = self.gates.borrow().at(&plan.name).and_then(SiteGates::message_rate);
        let messages = site.messages.into_iter().chain(learnt).max_by_key(|rate| every(*rate));
        self.queue.borrow_mut().rate(index, Rates { messages, ..site });
        self.sites.borrow_mut().rate_sources(index, source);
        self.queue.borrow_mut().ask_sources(index);
        if learnt.is_some() || self.is_rated(plan) {
            self.recall_shares(&plan.name);
            self.end_share(&plan.name);
        }
    }

    /// Whether there is a rate for a site, or for our addresses there.
    pub(crate) fn is_rated(&self, plan: &SitePlan) -> bool {
        let Allowed { site, source } = self.live.borrow().rates_of(plan);
        !site.is_empty() || !source.is_empty() || self.is_warming(plan)
    }

    /// Has idle connections take what may go by now.
    pub(crate) fn go_on_by_rate(self: &Rc<Self>) {
        while self.queue.borrow().free_at().is_some() && !self.draining() {
            let now = self.kernel.now();
            let freed = self.queue.borrow_mut().freed(now);
            let Some(index) = freed else { break };
            let has_work = self.queue.borrow_mut().has_work(index, || now);
            if has_work && !self.sites.borrow_mut().wake(index) {
                self.queue.borrow_mut().lacks(index);
            }
        }
    }

    /// Sees that the shard dials when there is something to do by a rate.
    pub(crate) fn await_rates(self: &Rc<Self>) {
        let at = self.queue.borrow().free_at();
        if let Some(at) = at {
            self.dial_at(at);
        }
    }

    /// Sees that the shard dials then, where that is so soon that its loop would be late.
    pub(crate) fn dial_at(self: &Rc<Self>, at: Tick) {
        if self.draining() {
            return;
        }
        let now = self.kernel.now();
        let at = at.max(now + PAUSE);
        if at < self.awaits_rates.get() && at.since(now) < SOON {
            self.awaits_rates.set(at);
            self.kernel.spawn(go_on(Rc::clone(self), at));
        }
    }
}

async fn go_on<K: Kernel>(shard: Rc<Shard<K>>, at: Tick) {
    shard.kernel.sleep_until(at).await;
    if shard.awaits_rates.get() >= at {
        shard.awaits_rates.set(Tick::NEVER);
    }
    shard.dial();
}
