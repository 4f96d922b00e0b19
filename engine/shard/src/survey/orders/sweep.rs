//! All that waits and fits is counted, or given up: a slice at a time, since there may be millions.
//!
//! What waits is in one of four places: in the wheel for its time, ready at a site, parked for DNS, or
//! set aside for its sender's domain. A delivery that goes from one to another meanwhile may be passed over,
//! so whoever takes out goes through them twice. What comes meanwhile may be among it.

use super::drops::{Ending, GIVEN_UP_MAX};
use crate::message::Delivery;
use crate::shard::Shard;
use crate::survey::Tell;
use crate::survey::count::is_of_flow;
use kernel::Kernel;
use policy::survey::{About, Answer, Load};
use queue::{LOOKED_MAX, SiteIndex};
use std::ops::Bound;
use std::rc::Rc;
use std::sync::Arc;

/// What a look at a site or a domain costs at least, in looks at deliveries.
const LOOKED_MIN: usize = 16;

/// What is done to all that fits.
pub(super) struct Sweep {
    about: About,
    deed: Deed,
    found: Load,
    /// Looked at since others had their turn.
    looked: usize,
}

/// What one slice came to.
#[derive(Default)]
struct Seen {
    looked: usize,
    found: usize,
}

/// What was taken out, and the site for which it waited.
type Left = Vec<(Delivery, Arc<str>)>;

/// What is done.
enum Deed {
    Count(Tell),
    GiveUp(Ending),
}

impl Sweep {
    /// Counts what fits, and tells.
    pub(super) fn counting(about: &About, tell: Tell) -> Self {
        Self::new(about, Deed::Count(tell))
    }

    /// Gives up what fits.
    pub(super) fn giving_up(about: &About, ending: Ending) -> Self {
        Self::new(about, Deed::GiveUp(ending))
    }

    fn new(about: &About, deed: Deed) -> Self {
        let domain = about.domain.as_deref().map(|name| {
            // Nothing is called what is no name.
            route::in_our_spelling(name).unwrap_or_else(|| name.to_owned()).into()
        });
        let about = About { domain, ..about.clone() };
        Self { about, deed, found: Load::default(), looked: 0 }
    }

    /// Looks at a delivery where it waits; whether it is to be taken out.
    fn look(&self, delivery: &Delivery, seen: &mut Seen) -> bool {
        let fits = self.fits(delivery);
        seen.looked += 1;
        seen.found += usize::from(fits);
        fits && self.takes()
    }

    /// Whether a delivery fits, wherever it is.
    fn fits(&self, delivery: &Delivery) -> bool {
        let About { domain, message, .. } = &self.about;
        message.is_none_or(|id| delivery.id() == id)
            && domain.as_ref().is_none_or(|domain| *delivery.domain == **domain)
            && is_of_flow(&self.about, delivery.domain.flow())
    }

    /// Whether it fits a site by which it waits.
    fn is_at(&self, site: &str) -> bool {
        self.about.site.as_deref().is_none_or(|meant| meant == site)
    }

    const fn takes(&self) -> bool {
        matches!(self.deed, Deed::GiveUp(_))
    }
}

/// Goes through all that waits.
pub(super) async fn sweep<K: Kernel>(shard: &Rc<Shard<K>>, mut sweep: Sweep) {
    let passes = if sweep.takes() { 2 } else { 1 };
    for _ in 0..passes {
        wheel(shard, &mut sweep).await;
        parked(shard, &mut sweep).await;
        aside(shard, &mut sweep).await;
        ready(shard, &mut sweep).await;
    }
    let Sweep { about, deed, found, .. } = sweep;
    if let Deed::Count(tell) = deed {
        let known = about.only_site().and_then(|site| shard.load_of(site));
        let in_flight = known.map_or(0, |load| load.in_flight);
        tell(Answer::Order(Some(Load { in_flight, ..found })));
    }
}

/// What waits for its time.
async fn wheel<K: Kernel>(shard: &Rc<Shard<K>>, sweep: &mut Sweep) {
    shard.queue.borrow_mut().restart_look();
    let mut is_over = false;
    while !is_over && !shard.draining() {
        let site = sweep.about.site.clone();
        let is_there =
            |delivery: &Delivery| site.as_ref().is_none_or(|site| shard.waits_for(delivery, site));
        let mut seen = Seen::default();
        let fits = |delivery: &Delivery| is_there(delivery) && sweep.look(delivery, &mut seen);
        let taken;
        (taken, is_over) = shard.queue.borrow_mut().drain_waiting(fits);
        sweep.found.waiting += seen.found;
        // Others were looked at, too.
        seen.looked = LOOKED_MAX;
        let left = taken.into_iter().map(|delivery| shard.left_wheel(delivery)).collect();
        sweep.finish(shard, left, seen).await;
    }
}

/// What waits for a connection.
async fn ready<K: Kernel>(shard: &Rc<Shard<K>>, sweep: &mut Sweep) {
    let mut last: Option<SiteIndex> = None;
    while let Some((index, plan)) = shard.site_after(last) {
        last = Some(index);
        if !sweep.is_at(&plan.name) {
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
            let fits = |delivery: &Delivery| sweep.look(delivery, &mut seen);
            let (taken, is_over) = shard.queue.borrow_mut().look_ready(index, fits);
            sweep.found.ready += seen.found;
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
async fn parked<K: Kernel>(shard: &Rc<Shard<K>>, sweep: &mut Sweep) {
    if sweep.about.site.is_some() {
        return;
    }
    let mut last: Option<String> = None;
    while let Some(domain) = shard.parked_after(last.as_deref()) {
        let mut from = 0;
        while let Some((left, seen)) = shard.leave_parked(&domain, from, sweep) {
            sweep.found.ready += seen.found;
            from += seen.looked - left.len();
            sweep.finish(shard, left, seen).await;
        }
        last = Some(domain);
    }
}

/// What is set aside for its sender's domain.
async fn aside<K: Kernel>(shard: &Rc<Shard<K>>, sweep: &mut Sweep) {
    let keys = shard.aside.borrow().keys();
    for key in keys.into_iter().filter(|(site, _)| sweep.is_at(site)).collect::<Vec<_>>() {
        let mut left = shard.aside.borrow().len_of(&key);
        while left > 0 {
            let mut seen = Seen::default();
            let fits = |delivery: &Delivery| sweep.look(delivery, &mut seen);
            let taken = shard.aside.borrow_mut().look(&key, left.min(LOOKED_MAX), fits);
            left = left.saturating_sub(LOOKED_MAX);
            sweep.found.ready += seen.found;
            shard.meters().set_aside.set(shard.aside.borrow().len() as u64);
            let taken = taken.into_iter().map(|one| (one, Arc::clone(&key.0))).collect();
            sweep.finish(shard, taken, seen).await;
        }
    }
}

impl Sweep {
    /// Does with what a slice took out what is to be done. Now and then others have their turn.
    async fn finish<K: Kernel>(&mut self, shard: &Rc<Shard<K>>, left: Left, seen: Seen) {
        self.looked += seen.looked + LOOKED_MIN;
        if let Deed::GiveUp(ending) = &self.deed {
            for (delivery, site) in left {
                self.looked += LOOKED_MAX / GIVEN_UP_MAX;
                if self.looked >= LOOKED_MAX {
                    self.looked = 0;
                    shard.pause_briefly().await;
                }
                shard.give_up(delivery, &site, ending).await;
            }
        }
        if self.looked >= LOOKED_MAX {
            self.looked = 0;
            shard.pause_briefly().await;
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

    /// The next domain behind this one with mail that waits for DNS.
    fn parked_after(&self, last: Option<&str>) -> Option<String> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let parked = self.parked.borrow();
        parked.range::<str, _>((from, Bound::Unbounded)).next().map(|(domain, _)| domain.clone())
    }

    /// Takes out of the next of a domain's parked mail what is to be; `None` behind the last.
    fn leave_parked(&self, domain: &str, from: usize, sweep: &Sweep) -> Option<(Left, Seen)> {
        let mut parked = self.parked.borrow_mut();
        let all = parked.get_mut(domain).filter(|all| from < all.len())?;
        let end = all.len().min(from + LOOKED_MAX);
        let mut seen = Seen::default();
        let fits = |delivery: &mut Delivery| sweep.look(delivery, &mut seen);
        let left: Vec<_> = all.extract_if(from..end, fits).collect();
        self.accounts.borrow_mut().parked -= left.len();
        Some((left.into_iter().map(|one| (one, Arc::default())).collect(), seen))
    }
}
