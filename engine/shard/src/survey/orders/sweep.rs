//! All that waits and fits is counted, given up, sent elsewhere or put off: a slice at a time, since there
//! may be millions.
//!
//! A delivery that goes from one place to another meanwhile may be passed over, so whoever does something
//! goes through them twice ([`walk`]). What comes meanwhile may be among it. What is done to one twice comes
//! to the same: what is given up is gone, what has been sent elsewhere waits where it should, and what was
//! put off is due when it should be.

mod walk;

use super::drops::{Ending, GIVEN_UP_MAX};
use super::reroutes::Reroute;
use super::schedule::Times;
use super::{fits, in_our_words};
use crate::message::Delivery;
use crate::routing::Way;
use crate::shard::Shard;
use crate::survey::Tell;
use event::Tick;
use kernel::Kernel;
use policy::survey::{About, Answer, Counted, Order, Verb};
use queue::{LOOKED_MAX, UNIT};
use route::SitePlan;
use std::rc::Rc;
use std::sync::Arc;

/// What a look at a site or a domain costs at least, in looks at deliveries.
const LOOKED_MIN: usize = 16;

/// What is done to all that fits.
pub(super) struct Sweep {
    about: About,
    /// Of that only what goes elsewhere by this order.
    by: Option<About>,
    deed: Deed,
    found: Counted,
    /// Looked at since others had their turn.
    looked: usize,
}

/// What is done.
enum Deed {
    /// It is counted, and how much of it is due before then.
    Count(Tell, Option<Times>),
    GiveUp(Ending),
    /// It goes where it has to go by now, and at once.
    Move,
    /// The same, of what waits for a connection or for DNS by this order, which is over.
    Return(Rc<Reroute>),
    /// It is due then.
    Schedule(Times),
}

/// Where a delivery waits.
#[derive(Clone, Copy)]
enum Place<'p> {
    /// For its time, which is then.
    Wheel(Tick),
    /// For a connection of this plan.
    Ready(&'p SitePlan),
    /// For what DNS says of this.
    Parked(&'p str),
    /// For the turn of its sender's domain at this site.
    Aside(&'p str),
}

/// What one slice came to.
#[derive(Default)]
struct Seen {
    looked: usize,
    found: usize,
    expiring: usize,
}

/// What was taken out, and the site for which it waited.
type Left = Vec<(Delivery, Arc<str>)>;

impl Sweep {
    /// Counts what an order would be about, and tells.
    pub(super) fn counting(order: &Order, times: Option<Times>, tell: Tell) -> Self {
        let sweep = Self::new(&order.about, Deed::Count(tell, times));
        if order.verb != Verb::EndReroute {
            return sweep;
        }
        // What goes elsewhere waits at other sites than the one that is named.
        let by = Some(sweep.about.clone());
        Self { about: About { site: None, ..sweep.about }, by, ..sweep }
    }

    /// Gives up what fits.
    pub(super) fn giving_up(about: &About, ending: Ending) -> Self {
        Self::new(about, Deed::GiveUp(ending))
    }

    /// Sends what fits where it has to go by now.
    pub(super) fn moving(about: &About) -> Self {
        Self::new(about, Deed::Move)
    }

    /// Sends what waits by an order, which is over, where it has to go by now.
    pub(super) fn returning(order: Rc<Reroute>) -> Self {
        let about = About { site: None, ..order.about.clone() };
        Self::new(&about, Deed::Return(order))
    }

    /// Puts off what fits.
    pub(super) fn scheduling(about: &About, times: Times) -> Self {
        Self::new(about, Deed::Schedule(times))
    }

    fn new(about: &About, deed: Deed) -> Self {
        let (about, by, found) = (in_our_words(about), None, Counted::default());
        Self { about, by, deed, found, looked: 0 }
    }

    /// Looks at a delivery where it waits; whether it is to be taken out.
    fn look<K: Kernel>(
        &self,
        shard: &Shard<K>,
        place: Place<'_>,
        delivery: &Delivery,
        seen: &mut Seen,
    ) -> bool {
        let by = || shard.rerouted(&delivery.domain, Some(delivery.id()));
        let is_meant = fits(&self.about, &delivery.domain, Some(delivery.id()))
            && self.by.as_ref().is_none_or(|meant| by().is_some_and(|by| by.about == *meant));
        seen.looked += 1;
        seen.found += usize::from(is_meant);
        is_meant && self.takes_one(shard, place, delivery, seen)
    }

    fn takes_one<K: Kernel>(
        &self,
        shard: &Shard<K>,
        place: Place<'_>,
        delivery: &Delivery,
        seen: &mut Seen,
    ) -> bool {
        match &self.deed {
            Deed::Count(_, times) => {
                let due = |times: &Times| shard.due_by(*times, delivery);
                let expires = times.as_ref().is_some_and(|one| due(one) != Some(one.due));
                seen.expiring += usize::from(expires);
                false
            }
            Deed::GiveUp(_) => true,
            Deed::Move | Deed::Return(_) => shard.belongs_elsewhere(place, delivery),
            Deed::Schedule(times) => shard.is_due_otherwise(*times, place, delivery),
        }
    }

    /// Whether it fits a site by which it waits.
    fn is_at(&self, site: &str) -> bool {
        self.about.site.as_deref().is_none_or(|meant| meant == site)
    }

    const fn takes(&self) -> bool {
        !matches!(self.deed, Deed::Count(..))
    }

    /// Does with what a slice took out what is to be done. Now and then others have their turn.
    async fn finish<K: Kernel>(&mut self, shard: &Rc<Shard<K>>, left: Left, seen: Seen) {
        self.looked += seen.looked + LOOKED_MIN;
        self.found.expiring += seen.expiring;
        for (delivery, site) in left {
            let is_recorded = matches!(self.deed, Deed::GiveUp(_) | Deed::Schedule(_));
            self.looked += if is_recorded { LOOKED_MAX / GIVEN_UP_MAX } else { 1 };
            self.yield_if_long(shard).await;
            match &self.deed {
                Deed::GiveUp(ending) => shard.give_up(delivery, &site, ending).await,
                Deed::Schedule(times) => shard.put_off_until(delivery, &site, *times),
                Deed::Move | Deed::Return(_) | Deed::Count(..) => shard.route(delivery),
            }
        }
        self.yield_if_long(shard).await;
    }

    async fn yield_if_long<K: Kernel>(&mut self, shard: &Rc<Shard<K>>) {
        if self.looked >= LOOKED_MAX {
            self.looked = 0;
            shard.pause_briefly().await;
        }
    }
}

/// Goes through all that waits.
pub(super) async fn sweep<K: Kernel>(shard: &Rc<Shard<K>>, mut sweep: Sweep) {
    let passes = if sweep.takes() { 2 } else { 1 };
    let is_return = matches!(sweep.deed, Deed::Return(_));
    for _ in 0..passes {
        if !is_return {
            walk::wheel(shard, &mut sweep).await;
        }
        walk::parked(shard, &mut sweep).await;
        if !is_return {
            walk::aside(shard, &mut sweep).await;
        }
        walk::ready(shard, &mut sweep).await;
    }
    let Sweep { about, deed, found, .. } = sweep;
    if let Deed::Count(tell, _) = deed {
        let known = about.only_site().and_then(|site| shard.load_of(site));
        let in_flight = known.map_or(0, |load| load.in_flight);
        let load = policy::survey::Load { in_flight, ..found.load };
        tell(Answer::Order(Some(Counted { load, ..found })));
    }
}

impl<K: Kernel> Shard<K> {
    /// Whether a delivery that waits here has to go elsewhere by now, as far as that is known. What waits for
    /// its time by a site that is not known, and still is not, is routed when it has come.
    fn belongs_elsewhere(&self, place: Place<'_>, delivery: &Delivery) -> bool {
        let way = || self.known_way(&delivery.domain, Some(delivery.id()));
        let name = match place {
            Place::Ready(plan) => return self.goes_elsewhere(delivery, &plan.pool),
            Place::Parked(key) => {
                let (Way::Asked(hosts) | Way::Ask(hosts)) = way() else { return true };
                return hosts.key(&delivery.domain) != key;
            }
            Place::Wheel(_) => {
                let accounts = self.accounts.borrow();
                let name = accounts.waits.site(delivery.waits_for());
                name.map_or_else(Arc::default, Arc::clone)
            }
            Place::Aside(site) => site.into(),
        };
        match way() {
            Way::Site(plan) | Way::Renewed(plan, _) => plan.name != name,
            Way::Asked(_) | Way::Ask(_) => !name.is_empty(),
            Way::Nowhere(_) | Way::UnknownPool => false,
        }
    }

    /// Whether a delivery is to be due at another time than it is.
    fn is_due_otherwise(&self, times: Times, place: Place<'_>, delivery: &Delivery) -> bool {
        let Some(due) = self.due_by(times, delivery) else { return false };
        let (wanted, now) = (times.tick(due), self.kernel.now());
        let is_right = |due: Tick| wanted <= due && due < wanted + UNIT || wanted.max(due) <= now;
        !matches!(place, Place::Wheel(due) if is_right(due))
    }
}
