//! What waits for a site is tried at once.

use super::{Job, PAUSE};
use crate::message::Delivery;
use crate::routing::Way;
use crate::shard::Shard;
use kernel::Kernel;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Kernel> Shard<K> {
    /// A site that rests is dialled, and what waits for it becomes due.
    pub(super) fn flush(self: &Rc<Self>, site: &Arc<str>) {
        self.queue.borrow_mut().hurry(site);
        self.dial();
        self.begin(Job::Flush(Arc::clone(site)));
    }

    /// Whether a delivery that waits is for this site: it put it off, or, where none did, it is where it
    /// would go.
    pub(super) fn waits_for(&self, delivery: &Delivery, site: &str) -> bool {
        {
            let accounts = self.accounts.borrow();
            let waits = accounts.waits.site(delivery.waits_for());
            if waits.is_some_and(|waits| !waits.is_empty()) {
                return waits.is_some_and(|waits| **waits == *site);
            }
        }
        let now = self.kernel.now();
        let way = self.way(&delivery.domain, |domain| self.domains.borrow().peek(domain, now));
        matches!(way, Way::Site(plan) | Way::Renewed(plan) if *plan.name == *site)
    }
}

/// Goes through all that waits, a slice at a time: there may be millions.
pub(super) async fn flush<K: Kernel>(shard: &Rc<Shard<K>>, site: &Arc<str>) {
    shard.queue.borrow_mut().restart_look();
    let mut is_over = false;
    while !is_over && !shard.draining() {
        let is_meant = |delivery: &Delivery| shard.waits_for(delivery, site);
        let due;
        (due, is_over) = shard.queue.borrow_mut().drain_waiting(is_meant);
        for delivery in due {
            shard.retry(delivery);
        }
        shard.kernel.sleep_until(shard.kernel.now() + PAUSE).await;
    }
}
