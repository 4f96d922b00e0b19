//! Where a delivery may wait: in the wheel for its time, parked for DNS, set aside for its sender's domain,
//! or ready at a site. Each is gone through by slices.

use super::{Deed, Left, Place, Seen, Sweep};
use crate::message::Delivery;
use crate::shard::Shard;
use kernel::Kernel;
use queue::{LOOKED_MAX, SiteIndex};
use std::ops::Bound;
use std::rc::Rc;
use std::sync::Arc;

/// What waits for its time.
pub(super) async fn wheel<K: Kernel>(shard: &Rc<Shard<K>>, sweep: &mut Sweep) {
    shard.queue.borrow_mut().restart_look();
    let mut is_over = false;
    while !is_over && !shard.draining() {
        let site = sweep.about.site.clone();
        let is_there =
            |delivery: &Delivery| site.as_ref().is_none_or(|site| shard.waits_for(delivery, site));
        let mut seen = Seen::default();
        let fits = |delivery: &Delivery, due| {
            is_there(delivery) && sweep.look(shard, Place::Wheel(due), delivery, &mut seen)
        };
        let taken;
        (taken, is_over) = shard.queue.borrow_mut().drain_waiting(fits);
        sweep.found.load.waiting += seen.found;
        // Others were looked at, too.
        seen.looked = LOOKED_MAX;
        let left = taken.into_iter().map(|delivery| shard.left_wheel(delivery)).collect();
        sweep.finish(shard, left, seen).await;
    }
}

/// What waits for a connection.
pub(super) async fn ready<K: Kernel>(shard: &Rc<Shard<K>>, sweep: &mut Sweep) {
    let mut last: Option<SiteIndex> = None;
    while let Some((index, plan)) = shard.site_after(last) {
        last = Some(index);
        let is_led = match &sweep.deed {
            Deed::Return(order) => shard.is_led_by(order, &plan),
            _ => true,
        };
        if !is_led || !sweep.is_at(&plan.name) {
            continue;
        }
        shard.queue.borrow_mut().restart_ready_look(index);
        let ready = shard.queue.borrow().view(index).ready_or_held();
        // Where a flow ends counts for a look, and each has a delivery at least.
        for _ in 0..2 * ready / LOOKED_MAX + 2 {
            // The queue may have given the index of a site it has forgotten to another.
            if shard.queue.borrow().find(&plan.pool) != Some(index) || shard.draining() {
                break;
            }
            let mut seen = Seen::default();
            let fits =
                |delivery: &Delivery| sweep.look(shard, Place::Ready(&plan), delivery, &mut seen);
            let (taken, is_over) = shard.queue.borrow_mut().look_ready(index, fits);
            sweep.found.load.ready += seen.found;
            let recipients = taken.iter().map(|delivery| delivery.recipients.len() as u64).sum();
            shard.sites.borrow().find(index).meters.queued.sub(recipients);
            let left = taken.into_iter().map(|one| (one, Arc::clone(&plan.name))).collect();
            sweep.finish(shard, left, seen).await;
            if is_over {
                break;
            }
        }
    }
}

/// What waits to hear from DNS where it goes.
pub(super) async fn parked<K: Kernel>(shard: &Rc<Shard<K>>, sweep: &mut Sweep) {
    if sweep.about.site.is_some() {
        return;
    }
    let mut last: Option<String> = None;
    while let Some(key) = shard.parked_after(last.as_deref()) {
        let mut from = 0;
        while let Some((left, seen)) = shard.leave_parked(&key, from, sweep) {
            sweep.found.load.ready += seen.found;
            from += seen.looked - left.len();
            sweep.finish(shard, left, seen).await;
        }
        last = Some(key);
    }
}

/// What is set aside for its sender's domain.
pub(super) async fn aside<K: Kernel>(shard: &Rc<Shard<K>>, sweep: &mut Sweep) {
    let keys = shard.aside.borrow().keys();
    for key in keys.into_iter().filter(|(site, _)| sweep.is_at(site)).collect::<Vec<_>>() {
        let mut left = shard.aside.borrow().len_of(&key);
        while left > 0 {
            let mut seen = Seen::default();
            let place = Place::Aside(&key.0);
            let fits = |delivery: &Delivery| sweep.look(shard, place, delivery, &mut seen);
            let taken = shard.aside.borrow_mut().look(&key, left.min(LOOKED_MAX), fits);
            left = left.saturating_sub(LOOKED_MAX);
            sweep.found.load.ready += seen.found;
            shard.meters().set_aside.set(shard.aside.borrow().len() as u64);
            let taken = taken.into_iter().map(|one| (one, Arc::clone(&key.0))).collect();
            sweep.finish(shard, taken, seen).await;
        }
    }
}

impl<K: Kernel> Shard<K> {
    /// A delivery does not wait for its time any more; and for which site it did.
    fn left_wheel(&self, mut delivery: Delivery) -> (Delivery, Arc<str>) {
        let waits = &mut self.accounts.borrow_mut().waits;
        let number = delivery.waits_for();
        let site = waits.site(number).cloned().unwrap_or_default();
        waits.leave(number);
        delivery.queue(self.kernel.now());
        (delivery, site)
    }

    /// The next domain, or what stands in the place of one, behind this one with mail that waits for DNS.
    fn parked_after(&self, last: Option<&str>) -> Option<String> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let parked = self.parked.borrow();
        parked.range::<str, _>((from, Bound::Unbounded)).next().map(|(key, _)| key.clone())
    }

    /// Takes out of the next of a domain's parked mail what is to be; `None` behind the last.
    fn leave_parked(&self, key: &str, from: usize, sweep: &Sweep) -> Option<(Left, Seen)> {
        let mut parked = self.parked.borrow_mut();
        let all = parked.get_mut(key).filter(|all| from < all.len())?;
        let end = all.len().min(from + LOOKED_MAX);
        let mut seen = Seen::default();
        let fits =
            |delivery: &mut Delivery| sweep.look(self, Place::Parked(key), delivery, &mut seen);
        let left: Vec<_> = all.extract_if(from..end, fits).collect();
        self.accounts.borrow_mut().parked -= left.len();
        Some((left.into_iter().map(|one| (one, Arc::default())).collect(), seen))
    }
}
