//! What waits for a site is tried at once.

use super::{Job, PAUSE};
use crate::message::Delivery;
use crate::routing::Way;
use crate::shard::Shard;
use kernel::Kernel;
use std::rc::Rc;
use std::sync::Arc;

/// How what waits for a site is told from the rest.
pub(super) struct There {
    site: Arc<str>,
    /// Its number, and that of what waits for nothing that is known.
    number: Option<u32>,
    none: Option<u32>,
}

impl<K: Kernel> Shard<K> {
    /// A site that rests is dialled, and what waits for it becomes due.
    pub(super) fn flush(self: &Rc<Self>, site: &Arc<str>) {
        self.queue.borrow_mut().hurry(site);
        self.dial();
        self.begin(Job::Flush(Arc::clone(site)));
    }

    /// What waits for a site, for now: numbers change.
    pub(super) fn there(&self, site: &Arc<str>) -> There {
        let waits = &self.accounts.borrow().waits;
        There { site: Arc::clone(site), number: waits.number(site), none: waits.number("") }
    }

    /// Whether a delivery that waits is for this site.
    pub(super) fn waits_for(&self, delivery: &Delivery, there: &There) -> bool {
        let waits = Some(delivery.waits_for());
        if waits == there.number {
            return true;
        }
        let now = self.kernel.now();
        let way = || self.way(&delivery.domain, |domain| self.domains.borrow().peek(domain, now));
        let leads_there =
            || matches!(way(), Way::Site(plan) | Way::Renewed(plan) if plan.name == there.site);
        waits == there.none && leads_there()
    }
}

/// Goes through all that waits, a slice at a time: there may be millions.
pub(super) async fn flush<K: Kernel>(shard: &Rc<Shard<K>>, site: &Arc<str>) {
    shard.queue.borrow_mut().restart_look();
    let mut is_over = false;
    while !is_over && !shard.draining() {
        let there = shard.there(site);
        let is_meant = |delivery: &Delivery| shard.waits_for(delivery, &there);
        let due;
        (due, is_over) = shard.queue.borrow_mut().drain_waiting(is_meant);
        for delivery in due {
            shard.retry(delivery);
        }
        shard.kernel.sleep_until(shard.kernel.now() + PAUSE).await;
    }
}
