//! What waits for a site is tried at once.

use super::PAUSE;
use super::jobs::Task;
use crate::message::Delivery;
use crate::routing::Way;
use crate::shard::Shard;
use kernel::Kernel;
use policy::survey::Order;
use std::rc::Rc;
use std::sync::Arc;

impl<K: Kernel> Shard<K> {
    /// A site that rests is dialled, and what waits for it becomes due.
    pub(super) fn flush(self: &Rc<Self>, site: &Arc<str>, order: &Order) {
        self.queue.borrow_mut().hurry(site);
        self.dial();
        self.begin(Task::Flush(Arc::clone(site)), Some(order));
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
        let way = self.known_way(&delivery.domain, Some(delivery.id()));
        matches!(way, Way::Site(plan) | Way::Renewed(plan, _) if *plan.name == *site)
    }
}

/// Goes through all that waits, a slice at a time: there may be millions.
pub(super) async fn flush<K: Kernel>(shard: &Rc<Shard<K>>, site: &Arc<str>) {
    shard.queue.borrow_mut().restart_look();
    let mut is_over = false;
    while !is_over && !shard.draining() {
        let is_meant = |delivery: &Delivery, _| shard.waits_for(delivery, site);
        let due;
        (due, is_over) = shard.queue.borrow_mut().drain_waiting(is_meant);
        for delivery in due {
            shard.retry(delivery);
        }
        shard.kernel.sleep_until(shard.kernel.now() + PAUSE).await;
    }
}
