//! What an operator orders: a site is paused, goes on, or is tried at once.

use crate::message::Delivery;
use crate::routing::Way;
use crate::shard::Shard;
use event::{Event, Ordered, Wall};
use kernel::Kernel;
use policy::survey::{Limiter, Load, ORDER_MAX, Order, Verb};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Between two slices of what waits.
const PAUSE: Duration = Duration::from_millis(1);

/// Orders that hold, or are being carried out.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pauses: BTreeMap<Arc<str>, Held>,
    /// Sites whose waiting mail is to be tried now, one after the other.
    flushes: VecDeque<Arc<str>>,
}

#[derive(Debug)]
struct Held {
    until: Wall,
    by: Box<str>,
    reason: Box<str>,
}

impl Orders {
    /// The sites that are paused.
    pub(super) fn paused(&self) -> impl Iterator<Item = &Arc<str>> {
        self.pauses.keys()
    }

    /// Has the waiting mail of a site tried; whether somebody must be told to do so.
    fn begin_flush(&mut self, site: &Arc<str>) -> bool {
        let is_idle = self.flushes.is_empty();
        if !self.flushes.contains(site) {
            self.flushes.push_back(Arc::clone(site));
        }
        is_idle
    }
}

impl<K: Kernel> Shard<K> {
    /// Does what is ordered, or counts what it would be about. `None`: there is no such site here.
    pub(super) fn obey(self: &Rc<Self>, order: &Order) -> Option<Load> {
        let load = self.load_of(&order.site);
        if order.is_dry {
            return load;
        }
        match order.verb {
            Verb::Pause => self.pause(order),
            Verb::Resume => self.go_on(&order.site),
            Verb::Flush => self.flush(&order.site),
        }
        if route::home(&order.site, self.shards.len()) == self.index {
            let Load { ready, waiting, .. } = load.unwrap_or_default();
            self.tell(&Event::Ordered(Ordered {
                verb: order.verb.name(),
                site: &order.site,
                by: &order.by,
                reason: &order.reason,
                until: order.until,
                ready: ready as u64,
                waiting: waiting as u64,
            }));
        }
        load
    }

    /// The pause of a site, if it is paused.
    pub(super) fn paused(&self, site: &str) -> Option<Limiter> {
        let accounts = self.accounts.borrow();
        let held = accounts.orders.pauses.get(site)?;
        let (until, by, reason) = (held.until, held.by.clone(), held.reason.clone());
        (self.kernel.wall() < until).then_some(Limiter::Paused { until, by, reason })
    }

    fn pause(&self, order: &Order) {
        let (now, wall) = (self.kernel.now(), self.kernel.wall());
        let span = order.until.map_or(ORDER_MAX, |until| until.since(wall)).min(ORDER_MAX);
        let held = Held { until: wall + span, by: order.by.clone(), reason: order.reason.clone() };
        self.accounts.borrow_mut().orders.pauses.insert(Arc::clone(&order.site), held);
        self.queue.borrow_mut().pause(&order.site, Some(now + span), now);
    }

    fn go_on(self: &Rc<Self>, site: &Arc<str>) {
        self.accounts.borrow_mut().orders.pauses.remove(site);
        let now = self.kernel.now();
        self.queue.borrow_mut().pause(site, None, now);
        self.sites.borrow_mut().dismiss_idle(site);
        self.dial();
    }

    /// Pauses that have ended by themselves are no longer told.
    pub(super) fn forget_pauses(&self) {
        let wall = self.kernel.wall();
        self.accounts.borrow_mut().orders.pauses.retain(|_, held| wall < held.until);
    }

    /// A site that rests is dialled, and what waits for it becomes due.
    fn flush(self: &Rc<Self>, site: &Arc<str>) {
        self.queue.borrow_mut().hurry(site);
        self.dial();
        if self.accounts.borrow_mut().orders.begin_flush(site) {
            self.kernel.spawn(retry_all(Rc::clone(self)));
        }
    }

    /// Whether a delivery that waits is for this site.
    fn waits_for(
        &self,
        delivery: &Delivery,
        site: &str,
        number: Option<u32>,
        none: Option<u32>,
    ) -> bool {
        let waits = Some(delivery.waits_for());
        if waits == number {
            return true;
        }
        let now = self.kernel.now();
        let way = || self.way(&delivery.domain, |domain| self.domains.borrow().peek(domain, now));
        let leads_there =
            || matches!(way(), Way::Site(plan) | Way::Renewed(plan) if *plan.name == *site);
        waits == none && leads_there()
    }
}

/// Goes through all that waits, a slice at a time: there may be millions.
async fn retry_all<K: Kernel>(shard: Rc<Shard<K>>) {
    loop {
        let site = shard.accounts.borrow().orders.flushes.front().cloned();
        let Some(site) = site else { return };
        let is_over = shard.retry_some(&site);
        if is_over || shard.draining() {
            shard.accounts.borrow_mut().orders.flushes.pop_front();
            shard.queue.borrow_mut().restart_look();
        }
        shard.kernel.sleep_until(shard.kernel.now() + PAUSE).await;
    }
}

impl<K: Kernel> Shard<K> {
    /// Tries what waits for a site in the next slice of all that waits; whether that was the last.
    fn retry_some(self: &Rc<Self>, site: &Arc<str>) -> bool {
        let (number, none) = {
            let waits = &self.accounts.borrow().waits;
            (waits.number(site), waits.number(""))
        };
        let is_meant = |delivery: &Delivery| self.waits_for(delivery, site, number, none);
        let (due, is_over) = self.queue.borrow_mut().drain_waiting(is_meant);
        for delivery in due {
            self.retry(delivery);
        }
        is_over
    }
}
