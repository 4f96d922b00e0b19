//! The queue itself: deliveries by due time and by site, and whose turn it is to dial.

mod allowance;
mod flow;
mod groups;
mod hindrance;
mod hold;
mod rated;
mod ready;
mod site;
mod sites;
mod store;
mod wheel;

pub use flow::{Flow, Queued};
pub use hindrance::Hindrance;
pub use hold::Hold;
pub use ready::{COST_MAX, QUANTUM, TRANSACTIONAL_IN_A_ROW_MAX};
pub use site::{DIALLED_WITHIN, READY_PER_LANE, SiteIndex, SiteView, TAKEN_WITHIN};
pub use sites::IDLE_SITES_MAX;
pub use wheel::{HORIZON, SORTED_MAX, UNIT};

use event::Tick;
use hold::Holds;
use policy::Limits;
use ready::End;
use sites::Sites;
use store::Store;
use wheel::{Turn, Wheel};

/// The most ready deliveries looked at in one call of [`Queue::drain_ready`].
pub const LOOKED_MAX: usize = 4_096;

/// The queue of one shard. `D` is what the caller keeps of a delivery; the queue asks it only what
/// [`Queued`] says.
#[derive(Debug)]
pub struct Queue<D> {
    store: Store<D>,
    wheel: Wheel,
    sites: Sites,
    holds: Holds,
    ready: usize,
}

impl<D: Queued> Queue<D> {
    /// An empty queue.
    #[must_use]
    pub fn new(now: Tick) -> Self {
        let (sites, holds) = (Sites::default(), Holds::default());
        Self { store: Store::new(), wheel: Wheel::new(now), sites, holds, ready: 0 }
    }

    /// The site of this name, with these limits from now on.
    pub fn site(&mut self, name: &str, limits: &Limits) -> SiteIndex {
        self.sites.find_or_make(name, None, limits)
    }

    /// As [`Self::site`], in a group with others: of connections, they have together no more than
    /// one of them may have. A site stays in the group it was made in.
    pub fn site_of(&mut self, group: &str, name: &str, limits: &Limits) -> SiteIndex {
        self.sites.find_or_make(name, Some(group), limits)
    }

    /// A site that has begun to wait for a connection of its group, each once. Idle connections of the others now [yield](Self::yields).
    pub fn newly_waiting(&mut self) -> Option<SiteIndex> {
        self.sites.newly_waiting()
    }

    /// The sites of a group have together no more connections than this from now on, besides what
    /// holds for each of them; `None`: no more than that. The group is kept until then.
    pub fn limit(&mut self, group: &str, places: Option<u16>) {
        self.sites.limit(group, places);
    }

    /// Whoever receives will have no more than this of a group: with 0 it gets none, and what is
    /// ready waits. The smaller of this and its [limit](Self::limit) holds.
    pub fn cap(&mut self, group: &str, cap: Option<u16>) {
        self.sites.cap(group, cap);
    }

    /// Connections of the sites of a group, open and opening.
    #[must_use]
    pub fn lanes(&self, group: &str) -> u16 {
        self.sites.lanes(group)
    }

    /// Whether a connection of this site is one too many for its [limit](Self::limit) or
    /// [cap](Self::cap): then it is
    /// counted as about to end, and the next one that asks is not told so for its sake.
    pub fn must_leave(&mut self, site: SiteIndex) -> bool {
        self.sites.must_leave(site)
    }

    /// Leaves a site alone for a while, as if a dial had failed: one did elsewhere.
    pub fn rest(&mut self, site: SiteIndex, now: Tick, random: u64) {
        self.sites.rest(site, now, random);
    }

    /// A site rests no more: it was reached elsewhere.
    pub fn well(&mut self, site: SiteIndex) {
        self.sites.well(site);
    }

    /// Whether an idle connection of this site is one that others of its group wait for.
    #[must_use]
    pub fn yields(&self, site: SiteIndex) -> bool {
        self.sites.yields(site)
    }

    /// Makes `delivery` ready, behind all others of its flow at its site.
    pub fn ready(&mut self, site: SiteIndex, delivery: D) {
        self.put(site, delivery, End::Back);
    }

    /// Makes `delivery` ready again, before all others of its flow at its site: it was taken and not
    /// tried.
    pub fn again(&mut self, site: SiteIndex, delivery: D) {
        self.put(site, delivery, End::Front);
    }

    fn put(&mut self, site: SiteIndex, delivery: D, end: End) {
        let is_held = self.holds.hold(delivery.flow());
        let ready = &mut self.sites.of(site).ready;
        if is_held {
            ready.hold(&mut self.store, delivery, end);
        } else {
            ready.put(&mut self.store, delivery, end);
        }
        self.ready += 1;
        self.sites.review(site);
    }

    /// Keeps `delivery` until `due`, or up to [`UNIT`] longer. A moment more than
    /// [`HORIZON`] ahead counts as that.
    pub fn defer(&mut self, due: Tick, delivery: D) {
        self.wheel.insert(&mut self.store, due, delivery);
    }

    /// Takes a delivery that is due: those of one [`UNIT`] in the order they were deferred.
    ///
    /// `None` if nothing is due, or if sorting what comes next was enough work for one call;
    /// then [`Self::next_due`] is not later than `now`, and the caller comes back after it
    /// has turned its loop.
    pub fn due(&mut self, now: Tick) -> Option<D> {
        self.store.tidy();
        match self.wheel.turn(&mut self.store, now) {
            Turn::Due(entry) => self.store.take(entry),
            Turn::Nothing | Turn::Later => None,
        }
    }

    /// Takes deliveries out of those that wait for their time which pass `test`; it hears when each comes
    /// out, which is less than a [`UNIT`] behind when it was to. One call looks at
    /// [`LOOKED_MAX`] of them at most, and the next goes on behind those; whether it was the last, and
    /// the next one starts again. What is deferred meanwhile may be passed over.
    pub fn drain_waiting(&mut self, test: impl FnMut(&D, Tick) -> bool) -> (Vec<D>, bool) {
        let (taken, is_over) = self.wheel.look(&mut self.store, LOOKED_MAX, test);
        (taken.into_iter().filter_map(|entry| self.store.take(entry)).collect(), is_over)
    }

    /// The next call of [`Self::drain_waiting`] starts again.
    pub const fn restart_look(&mut self) {
        self.wheel.restart_look();
    }

    /// When to call [`Self::due`] next: at or before the first due time. `None` if nothing
    /// is deferred.
    #[must_use]
    pub fn next_due(&self) -> Option<Tick> {
        self.wheel.next()
    }

    /// Takes the ready delivery whose turn it is, of a site that is not paused.
    pub fn take(&mut self, site: SiteIndex) -> Option<D> {
        let state = self.sites.of(site);
        if !state.gives() {
            return None;
        }
        let delivery = state.ready.take(&mut self.store)?;
        state.taken();
        self.ready -= 1;
        self.sites.review(site);
        Some(delivery)
    }

    /// What [`Self::take`] would take, if its site is not paused.
    pub fn first(&mut self, site: SiteIndex) -> Option<&D> {
        let state = self.sites.of(site);
        if state.gives() { state.ready.first(&self.store) } else { None }
    }

    /// Takes ready deliveries of a site that pass `test`, flow by flow, and in order within each. One
    /// call looks at [`LOOKED_MAX`] of them, where the end of a flow counts for one, the next goes on
    /// behind those, and from the front again when it has come to the end.
    pub fn drain_ready(&mut self, site: SiteIndex, test: impl FnMut(&D) -> bool) -> Vec<D> {
        self.look_ready(site, test).0
    }

    /// As [`Self::drain_ready`]; and whether it has come to the end.
    pub fn look_ready(&mut self, site: SiteIndex, test: impl FnMut(&D) -> bool) -> (Vec<D>, bool) {
        let ready = &mut self.sites.of(site).ready;
        let (drained, is_over) = ready.drain(&mut self.store, LOOKED_MAX, test);
        self.ready -= drained.len();
        self.sites.review(site);
        (drained, is_over)
    }

    /// The next call of [`Self::drain_ready`] starts from the front.
    pub fn restart_ready_look(&mut self, site: SiteIndex) {
        self.sites.of(site).ready.restart_look();
    }

    /// The flows that have something ready at a site, and how much, in the order of their names. Looks
    /// at every flow there: for an operator, not for a delivery.
    #[must_use]
    pub fn flows(&self, site: SiteIndex) -> Vec<(Flow, usize)> {
        self.sites.flows(site)
    }

    /// The site whose turn it is to open a connection, which is counted as opening from now
    /// on: say [`Self::answered`], and then [`Self::connected`] or [`Self::dial_failed`], when that
    /// is known. `None` if no site may have another now.
    pub fn dial(&mut self, now: Tick) -> Option<SiteIndex> {
        self.sites.dial(now)
    }

    /// Whether a site may have its turn to dial: some of those that wanted to may not any more.
    #[must_use]
    pub fn is_dial_wanted(&self) -> bool {
        self.sites.is_dial_wanted()
    }

    /// A dial waits no longer: its host was ready for mail, or nobody was.
    ///
    /// # Panics
    /// If none was waiting.
    pub fn answered(&mut self, site: SiteIndex) {
        self.sites.answered(site);
    }

    /// A dial worked: the connection is open until [`Self::closed`].
    ///
    /// # Panics
    /// If none was answered.
    pub fn connected(&mut self, site: SiteIndex) {
        self.sites.connected(site);
    }

    /// A dial did not work. The site is left alone for a while; dials that fail while it is
    /// left alone already do not prolong that.
    ///
    /// # Panics
    /// If none was answered.
    pub fn dial_failed(&mut self, site: SiteIndex, now: Tick, random: u64) {
        self.sites.dial_failed(site, now, random);
    }

    /// An open connection has ended.
    ///
    /// # Panics
    /// If none was open.
    pub fn closed(&mut self, site: SiteIndex) {
        self.sites.closed(site);
    }

    /// The earliest end of a back-off or a pause behind which deliveries wait for a connection, or moment
    /// at which a rate allows more.
    #[must_use]
    pub fn resume_at(&self) -> Option<Tick> {
        self.sites.resume_at()
    }

    /// What keeps a site from another connection now, in the order in which it is looked at: the
    /// first is in force.
    pub fn hindrances(&mut self, site: SiteIndex, now: Tick) -> Vec<Hindrance> {
        self.sites.wake(now);
        self.sites.hindrances(site)
    }

    /// Nothing goes to the sites of a group until then, or from now on it does again. What is on
    /// its way is not stopped. Returns the sites there are.
    pub fn pause(&mut self, group: &str, until: Option<Tick>, now: Tick) -> Vec<SiteIndex> {
        self.sites.pause(group, until, now)
    }

    /// The sites of a group are left alone no longer since dials failed: one may be tried at once.
    /// Returns the sites there are.
    pub fn hurry(&mut self, group: &str) -> Vec<SiteIndex> {
        self.sites.hurry(group)
    }

    /// When time alone makes something to do: the earlier of [`Self::next_due`] and
    /// [`Self::resume_at`].
    #[must_use]
    pub fn wake_at(&self) -> Option<Tick> {
        self.next_due().into_iter().chain(self.resume_at()).min()
    }

    /// Deliveries in the queue, ready or waiting. Those taken are not.
    #[must_use]
    pub const fn queued(&self) -> usize {
        self.store.len()
    }

    /// Deliveries that wait for a connection, held or not.
    #[must_use]
    pub const fn ready_len(&self) -> usize {
        self.ready
    }

    /// Deliveries that wait for their time.
    #[must_use]
    pub const fn deferred_len(&self) -> usize {
        self.store.len() - self.ready
    }

    /// The site of this name, if it is known.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<SiteIndex> {
        self.sites.find(name)
    }

    /// What can be seen of a site.
    #[must_use]
    pub fn view(&self, site: SiteIndex) -> SiteView<'_> {
        self.sites.view(site)
    }

    /// All sites it knows, by name.
    pub fn views(&self) -> impl Iterator<Item = SiteView<'_>> {
        self.sites.views()
    }
}

#[cfg(test)]
mod tests;
