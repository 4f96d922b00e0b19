//! Mail that waits for a site, and whose domain demands more by now.
//!
//! A delivery is routed when it comes, and when it is tried again. In between a policy may come
//! into force that does not let it go the way it waits for.

use crate::letter::Letter;
use crate::message::Delivery;
use crate::shard::Shard;
use kernel::Kernel;
use queue::{LOOKED_MAX, SiteIndex};
use route::{RouteFailure, SitePlan};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Between two slices.
const PAUSE: Duration = Duration::from_millis(1);

/// Where mail for a domain goes, or why nowhere.
type Plan = Result<Arc<SitePlan>, RouteFailure>;

/// What waits for a site is of a domain that goes elsewhere now.
#[derive(Clone, Debug)]
pub struct Recall {
    domain: Box<str>,
    /// What connections it waits for.
    pool: Arc<str>,
    plan: Plan,
}

impl<K: Kernel> Shard<K> {
    /// Sees that what waits under the `old` plan of a domain goes by the new one, if a policy asks
    /// for that.
    pub(crate) fn recall(self: &Rc<Self>, domain: &str, old: Option<Arc<SitePlan>>, plan: &Plan) {
        let Some(old) = old else { return };
        let asks_more = match plan {
            Ok(new) => new.is_enforced() && new.pool != old.pool,
            Err(failure) => matches!(failure, RouteFailure::Policy(_)),
        };
        if !asks_more {
            return;
        }
        for shard in 0..self.shards.len() {
            let (domain, pool) = (domain.into(), Arc::clone(&old.pool));
            let recall = Recall { domain, pool, plan: plan.clone() };
            self.post(shard, Letter::Recall(Box::new(recall)));
        }
    }

    /// Does so, for the sites of this shard.
    pub(crate) fn heed(self: &Rc<Self>, recall: &Recall) {
        for index in self.sites.borrow().of_pool(&recall.pool) {
            self.kernel.spawn(fetch_back(Rc::clone(self), index, recall.clone()));
        }
    }
}

/// A slice of what waits at a time: there may be millions.
async fn fetch_back<K: Kernel>(shard: Rc<Shard<K>>, index: SiteIndex, recall: Recall) {
    let ready = shard.queue.borrow().view(index).ready_or_held();
    // Where the last look at them ended is not known: they are gone through once more.
    // Where a flow ends counts for a look, and each has a delivery at least.
    for _ in 0..2 * ready / LOOKED_MAX + 2 {
        if shard.sites.borrow().of_pool(&recall.pool).iter().all(|known| *known != index) {
            return;
        }
        let is_meant = |delivery: &Delivery| *delivery.domain == *recall.domain;
        let waiting = shard.queue.borrow_mut().drain_ready(index, is_meant);
        for delivery in waiting {
            let recipients = delivery.recipients.len() as u64;
            shard.sites.borrow().find(index).meters.queued.sub(recipients);
            match &recall.plan {
                Ok(plan) => shard.dispatch(plan, delivery),
                Err(failure) => shard.unroutable(delivery, failure),
            }
        }
        shard.kernel.sleep_until(shard.kernel.now() + PAUSE).await;
    }
}
