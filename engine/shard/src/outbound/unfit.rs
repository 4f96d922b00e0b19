//! Mail that requires what no host of its site has: it comes back, all that waits there.

use super::slot::Slot;
use crate::shard::Shard;
use event::{Outcome, Response};
use kernel::Kernel;
use queue::{LOOKED_MAX, SiteIndex};
use route::Dane;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Between two slices.
const PAUSE: Duration = Duration::from_millis(1);

/// Every host of the site was asked, and none has it.
///
/// [RFC 8689 §4.2.1](https://www.rfc-editor.org/rfc/rfc8689#section-4.2.1): its senders hear of that.
pub(super) fn give_back<K: Kernel>(slot: &Slot<K>, why: &Response) {
    let (shard, why) = (Rc::clone(&slot.shard), why.clone());
    slot.shard.kernel.spawn(give_back_all(shard, slot.index, why));
}

/// A slice of what waits at a time: there may be much. What comes meanwhile may be among it, as the
/// same would be said of it.
async fn give_back_all<K: Kernel>(shard: Rc<Shard<K>>, index: SiteIndex, why: Response) {
    let Some(pool) = pool(&shard, index) else { return };
    let ready = shard.queue.borrow().view(index).ready_or_held();
    for _ in 0..2 * ready / LOOKED_MAX + 2 {
        // The queue may have given the index of a site it has forgotten to another.
        if !pool_is(&shard, index, &pool) {
            return;
        }
        let waiting = shard.queue.borrow_mut().drain_ready(index, |_| true);
        for delivery in waiting {
            shard.conclude_all(delivery, Some(index), Outcome::Failed, &why);
        }
        shard.kernel.sleep_until(shard.kernel.now() + PAUSE).await;
    }
}

fn pool<K: Kernel>(shard: &Shard<K>, index: SiteIndex) -> Option<Arc<str>> {
    shard.sites.borrow().known(index).map(|site| Arc::clone(&site.plan.pool))
}

fn pool_is<K: Kernel>(shard: &Shard<K>, index: SiteIndex, pool: &str) -> bool {
    shard.sites.borrow().known(index).is_some_and(|site| *site.plan.pool == *pool)
}

impl<K: Kernel> Shard<K> {
    /// Whether all hosts of a site can be asked: of none is it unknown what certificates it has, and
    /// whoever dials `reaches` them.
    pub(super) fn can_ask_all(&self, index: SiteIndex, reaches: impl Fn(IpAddr) -> bool) -> bool {
        let sites = self.sites.borrow();
        let mut hosts = sites.find(index).plan.hosts.iter();
        hosts.all(|host| {
            let is_reached = host.addresses.iter().all(|address| reaches(address.ip()));
            is_reached && !matches!(host.dane, Dane::Unknown(_))
        })
    }
}
