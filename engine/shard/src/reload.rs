//! New settings while the shard runs.
//!
//! They hold for whatever begins from now on. What is on its way is not disturbed: a connection
//! keeps the limits it was opened with, and ends behind the message it carries if it is one too
//! many by now; a delivery that waits is due when it was, and goes by the new settings then. What is
//! *ready* for a site, and would go elsewhere by now, is sent there.

use crate::message::Delivery;
use crate::routing::Way;
use crate::setup::Live;
use crate::shard::Shard;
use event::Event;
use kernel::Kernel;
use queue::{LOOKED_MAX, SiteIndex};
use route::SitePlan;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Between two slices of what is ready.
const PAUSE: Duration = Duration::from_millis(1);

/// What holds from now on.
#[derive(Clone, Debug)]
pub struct Reload {
    /// All of it.
    pub live: Live,
    /// Domains may go elsewhere than before.
    pub reroutes: bool,
    /// Who wanted it.
    pub by: Arc<str>,
    /// The keys that were changed, with commas between.
    pub changed: Arc<str>,
}

impl<K: Kernel> Shard<K> {
    /// Puts new settings in force.
    pub(crate) fn reload(self: &Rc<Self>, reload: Reload) {
        let Reload { live, reroutes, by, changed } = reload;
        // One tells it for all.
        if self.index == 0 {
            self.tell(&Event::Reloaded { by: &by, changed: &changed });
        }
        self.sites.borrow().change_sources(&live);
        *self.live.borrow_mut() = live;
        self.renew_reroutes();
        let mut last = None;
        while let Some((index, plan)) = self.site_after(last) {
            last = Some(index);
            self.site_of(&plan);
            self.cap_site(index, &plan);
            self.rate_site(index, &plan);
        }
        // Those that are too many see it now.
        self.sites.borrow_mut().wake_all();
        self.dial();
        if reroutes {
            self.domains.borrow_mut().forget();
            self.kernel.spawn(reroute(Rc::clone(self)));
        }
    }

    /// The next site behind this one that still is one, and where its mail goes.
    pub(crate) fn site_after(
        &self,
        mut last: Option<SiteIndex>,
    ) -> Option<(SiteIndex, Arc<SitePlan>)> {
        let (sites, queue) = (self.sites.borrow(), self.queue.borrow());
        loop {
            let (index, site) = sites.after(last)?;
            if queue.find(&site.plan.pool) == Some(index) {
                return Some((index, Arc::clone(&site.plan)));
            }
            last = Some(index);
        }
    }

    /// Whether a delivery that is ready for a site may have to go elsewhere. Where it goes by DNS,
    /// that is not known before it was asked again.
    pub(crate) fn goes_elsewhere(&self, delivery: &Delivery, pool: &str) -> bool {
        match self.known_way(&delivery.domain, Some(delivery.id())) {
            Way::Site(plan) | Way::Renewed(plan, _) => *plan.pool != *pool,
            Way::Nowhere(_) | Way::UnknownPool | Way::Asked(_) | Way::Ask(_) => true,
        }
    }
}

/// Goes through what is ready, site by site, a slice at a time: there may be millions.
async fn reroute<K: Kernel>(shard: Rc<Shard<K>>) {
    let mut last: Option<SiteIndex> = None;
    while let Some((index, plan)) = shard.site_after(last) {
        last = Some(index);
        let ready = shard.queue.borrow().view(index).ready_or_held();
        // Where the last look at them ended is not known: they are gone through once more.
        // Where a flow ends counts for a look, and each has a delivery at least.
        for _ in 0..2 * ready / LOOKED_MAX + 2 {
            if shard.queue.borrow().find(&plan.pool) != Some(index) || shard.draining() {
                break;
            }
            shard.reroute_some(index, &plan.pool);
            shard.kernel.sleep_until(shard.kernel.now() + PAUSE).await;
        }
    }
}

impl<K: Kernel> Shard<K> {
    /// Looks at the next slice of what is ready for a site.
    fn reroute_some(self: &Rc<Self>, index: SiteIndex, pool: &str) {
        let is_meant = |delivery: &Delivery| self.goes_elsewhere(delivery, pool);
        let moved = self.queue.borrow_mut().drain_ready(index, is_meant);
        for delivery in moved {
            let recipients = delivery.recipients.len() as u64;
            self.sites.borrow().find(index).meters.queued.sub(recipients);
            self.route(delivery);
        }
    }
}
