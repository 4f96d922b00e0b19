//! The sites this shard is home to: who waits for them, and which lanes could take more.

use crate::egress::{Egress, Pool};
use crate::message::Delivery;
use crate::outbound::{self, Standing, Standings};
use crate::setup::Live;
use crate::shard::Shard;
use event::{Meters, SiteMeters};
use kernel::{Kernel, Signal};
use policy::pace::Rates;
use policy::pool::{Member, Turns};
use policy::{Limits, Recent};
use queue::SiteIndex;
use route::SitePlan;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;
use std::sync::Arc;

/// The most connections one shard has open or opening, to all sites together: a list of ten
/// thousand dead domains must leave descriptors for everything else.
pub const LANES_MAX: usize = 1_000;

/// What the shard knows of a site beside its queue.
#[derive(Debug)]
pub(crate) struct Site {
    /// The hosts, as DNS or the settings gave them last.
    pub(crate) plan: Arc<SitePlan>,
    pub(crate) name: Arc<str>,
    pub(crate) meters: Arc<SiteMeters>,
    /// How it is treated.
    pub(crate) limits: Limits,
    /// How the sources of its pool stand there, if it has one.
    pub(crate) standing: Option<Standing>,
    /// Deliveries on its connections.
    pub(crate) carrying: Cell<usize>,
    /// How fast messages go there.
    pub(crate) recent: Cell<Recent>,
    /// Lanes that could take another delivery, the most recently used last.
    idle: Vec<Signal>,
    /// Lanes that could but for their source, which has had all that it may have for now.
    unready: Vec<(usize, Signal)>,
}

impl Site {
    fn new(
        plan: &Arc<SitePlan>,
        limits: Limits,
        meters: &Meters,
        standing: Option<Standing>,
    ) -> Self {
        let name = Arc::clone(&plan.name);
        let meters = meters.site(&name);
        let (plan, carrying, recent) = (Arc::clone(plan), Cell::default(), Cell::default());
        let (idle, unready) = Default::default();
        Self { plan, name, meters, limits, standing, carrying, recent, idle, unready }
    }

    fn wake_all(&mut self) {
        self.idle.drain(..).for_each(|signal| signal.ring());
        self.unready.drain(..).for_each(|(_, signal)| signal.ring());
    }

    /// Whether a lane of the source at this place waits for leave to send: another would wait as well.
    pub(crate) fn is_served_from(&self, place: usize) -> bool {
        self.unready.iter().any(|(own, _)| *own == place)
    }
}

/// Sites looked at in one search for an idle lane.
const LOOKED_MAX: usize = 64;

/// All sites this shard sends to.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    all: BTreeMap<SiteIndex, Site>,
    standings: Standings,
    /// Where the last search for an idle lane ended.
    searched: Option<SiteIndex>,
}

impl Sites {
    pub(crate) fn find(&self, index: SiteIndex) -> &Site {
        &self.all[&index]
    }

    /// The same, if it is one.
    pub(crate) fn known(&self, index: SiteIndex) -> Option<&Site> {
        self.all.get(&index)
    }

    /// Brings the site at `index` up to date. Whether it is new.
    fn at(
        &mut self,
        index: SiteIndex,
        plan: &Arc<SitePlan>,
        limits: &Limits,
        (meters, egress): (&Meters, &Egress),
    ) -> bool {
        let is_known = self.all.get(&index).is_some_and(|site| *site.plan.pool == *plan.pool);
        let standings = &mut self.standings;
        let mut new = || {
            let pool = plan.leaves_by.map(|place| egress.pool(place));
            let turns = |pool: &Pool| standings.of(plan, || Turns::new(pool.members(limits)));
            Site::new(plan, *limits, meters, pool.map(turns))
        };
        let site = self.all.entry(index).or_insert_with(&mut new);
        if *site.plan.pool == *plan.pool {
            site.limits = *limits;
            if !Arc::ptr_eq(&site.plan, plan) {
                site.plan = Arc::clone(plan);
            }
        } else {
            // The queue gave the index of a site it had forgotten to another.
            *site = new();
        }
        !is_known
    }

    /// Tells the sites how their sources are treated now.
    pub(crate) fn change_sources(&self, live: &Live) {
        for site in self.all.values() {
            if let Some((standing, place)) = site.standing.as_ref().zip(site.plan.leaves_by) {
                let members = live.egress.pool(place).members(live.limits_of(&site.plan));
                standing.borrow_mut().change(members);
            }
        }
    }

    /// What each source of a site may have in a time is this now.
    pub(crate) fn rate_sources(&mut self, index: SiteIndex, rates: Rates) {
        let Some(site) = self.all.get_mut(&index) else { return };
        if site.standing.is_none() && !rates.is_empty() {
            // Whichever address the system takes: it counts as one.
            let alone = Member { weight: 1, connections_max: u16::MAX };
            site.standing = Some(self.standings.of(&site.plan, || Turns::new([alone])));
        }
        if let Some(standing) = &site.standing {
            standing.borrow_mut().rate(rates);
        }
    }

    /// The first site behind this one, or of all.
    pub(crate) fn after(&self, last: Option<SiteIndex>) -> Option<(SiteIndex, &Site)> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.all.range((from, Bound::Unbounded)).next();
        next.map(|(index, site)| (*index, site))
    }

    /// The plans of the sites of this name.
    pub(crate) fn named(&self, name: &str) -> Vec<Arc<SitePlan>> {
        let named = self.all.values().filter(|site| *site.name == *name);
        named.map(|site| Arc::clone(&site.plan)).collect()
    }

    /// Those to which mail goes by these connections, or by those of a pool of sources among them.
    pub(crate) fn of_pool(&self, pool: &str) -> Vec<SiteIndex> {
        let is_meant = |site: &Site| {
            let rest = site.plan.pool.strip_prefix(pool);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
        };
        self.all.iter().filter(|(_, site)| is_meant(site)).map(|(index, _)| *index).collect()
    }

    /// A lane could take more: ring `signal` when there is some. One that is `free` goes
    /// before those that still wait for an answer, since that may take its peer minutes.
    pub(crate) fn offer(&mut self, index: SiteIndex, signal: &Signal, free: bool) {
        self.withdraw(index, signal);
        if let Some(site) = self.all.get_mut(&index) {
            let place = if free { site.idle.len() } else { 0 };
            site.idle.insert(place, signal.clone());
        }
    }

    /// As [`Self::offer`], of a lane whose source has had all that it may have for now: it is not rung for
    /// mail, but when something changed for it.
    pub(crate) fn offer_later(&mut self, index: SiteIndex, place: usize, signal: &Signal) {
        self.withdraw(index, signal);
        if let Some(site) = self.all.get_mut(&index) {
            site.unready.push((place, signal.clone()));
        }
    }

    /// A lane is busy again, or gone.
    pub(crate) fn withdraw(&mut self, index: SiteIndex, signal: &Signal) {
        if let Some(site) = self.all.get_mut(&index) {
            site.idle.retain(|idle| !idle.is(signal));
            site.unready.retain(|(_, unready)| !unready.is(signal));
        }
    }

    /// Wakes all lanes: something changed for each of them.
    pub(crate) fn wake_all(&mut self) {
        self.all.values_mut().for_each(Site::wake_all);
    }

    /// Wakes the idle lanes of the sites of this name: their places are wanted.
    pub(crate) fn dismiss_idle(&mut self, name: &str) {
        let same = self.all.values_mut().filter(|site| *site.name == *name);
        same.for_each(Site::wake_all);
    }

    /// Wakes the lane that was used last: a warm one, and the others may grow old.
    pub(crate) fn wake(&mut self, index: SiteIndex) -> bool {
        let idle = self.all.get_mut(&index).and_then(|site| site.idle.pop());
        idle.inspect(Signal::ring).is_some()
    }

    /// Wakes an idle lane of some site, each in its turn: another site wants its place. Looks at a
    /// few at a time.
    fn wake_any(&mut self) {
        for _ in 0..LOOKED_MAX {
            let from = self.searched.map_or(Bound::Unbounded, Bound::Excluded);
            let next = self.all.range_mut((from, Bound::Unbounded)).next();
            self.searched = next.as_ref().map(|(index, _)| **index);
            if let Some(signal) = next.and_then(|(_, site)| site.idle.pop()) {
                return signal.ring();
            }
        }
    }
}

impl<K: Kernel> Shard<K> {
    /// Puts a delivery at the end of its site's queue, and sees that somebody takes it. If it is
    /// for more recipients than the site takes at once, it becomes several.
    pub(crate) fn enqueue(self: &Rc<Self>, plan: &Arc<SitePlan>, delivery: Delivery) {
        let most = usize::from(self.limits_of(plan).recipients_per_message_max);
        let now = self.kernel.now();
        let line_up = |mut delivery: Delivery| {
            delivery.queue(now);
            self.line_up(plan, delivery);
        };
        if delivery.recipients.len() <= most {
            return line_up(delivery);
        }
        delivery.recipients.chunks(most).for_each(|some| line_up(delivery.only(some)));
    }

    /// As [`Self::enqueue`], of one that is in the queue by its own account, and not too large.
    pub(crate) fn line_up(self: &Rc<Self>, plan: &Arc<SitePlan>, mut delivery: Delivery) {
        let index = self.site_of(plan);
        self.sites.borrow().find(index).meters.queued.add(delivery.recipients.len() as u64);
        let mut queue = self.queue.borrow_mut();
        if queue.view(index).failures > 0 {
            // It may wait for hours: others can use the memory.
            delivery.message = None;
        }
        queue.ready(index, delivery);
        drop(queue);
        self.serve(index);
    }

    /// How a site is treated.
    pub(crate) fn limits_of(&self, plan: &SitePlan) -> Limits {
        let live = self.live.borrow();
        live.egress.limit(*live.limits_of(plan), plan)
    }

    /// The site of this plan, which may be new, brought up to date.
    pub(crate) fn site_of(&self, plan: &Arc<SitePlan>) -> SiteIndex {
        let limits = self.limits_of(plan);
        let index = self.queue.borrow_mut().site_of(&plan.name, &plan.pool, &limits);
        let egress = Arc::clone(&self.live.borrow().egress);
        let world = (&*self.all_meters, &*egress);
        let is_new = self.sites.borrow_mut().at(index, plan, &limits, world);
        if is_new {
            self.rate_site(index, plan);
        }
        let is_capped = || self.gates.borrow().at(&plan.name).is_some() || self.has_disabled();
        if is_new && is_capped() {
            self.cap_site(index, plan);
        }
        index
    }

    /// Something is ready for this site: sees that a lane takes it.
    pub(crate) fn serve(self: &Rc<Self>, index: SiteIndex) {
        let ready = self.queue.borrow().view(index).ready;
        let has_work = self.has_work(index);
        if ready >= self.live.borrow().spread_backlog {
            self.spread(index);
        }
        if !(has_work && self.sites.borrow_mut().wake(index)) {
            self.dial();
        }
    }

    /// Opens every connection that is due and allowed.
    pub(crate) fn dial(self: &Rc<Self>) {
        self.go_on_by_rate();
        while self.hindrance().is_none() {
            let next = self.queue.borrow_mut().dial(self.kernel.now());
            let Some(index) = next else { break };
            outbound::start(self, index);
        }
        self.make_way();
        self.await_rates();
    }

    /// Whether there is a lane too many for one of another site to be dialled.
    pub(crate) fn is_crowded(&self) -> bool {
        self.lanes.get() >= LANES_MAX && self.queue.borrow().is_dial_wanted()
    }

    /// Ends idle connections whose places other sites wait for, of their group or of all.
    fn make_way(&self) {
        if self.is_crowded() {
            self.sites.borrow_mut().wake_any();
        }
        while let Some(index) = self.queue.borrow_mut().newly_waiting() {
            let name = self.site_name(index);
            self.sites.borrow_mut().dismiss_idle(&name);
        }
    }
}
