//! All sites of a shard, and which of them may dial.
//!
//! A site that wants a connection is in the ring, or, while it backs off or is paused, among those
//! that rest until a moment. [`Sites::review`] is called after every change of a site and puts it
//! where it belongs. One whose group has no place left, or has used up what it may have in a time, waits
//! there. The ring may hold sites that want nothing any more: they are passed over
//! when their turn comes.

mod rated;

use super::allowance::Till;
use super::flow::Flow;
use super::groups::Groups;
use super::hindrance::Hindrance;
use super::site::{Site, SiteIndex, SiteView};
use event::Tick;
use policy::Limits;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How many sites are remembered that have nothing to do. What is lost with one is its
/// back-off, which it learns again by one failed dial.
pub const IDLE_SITES_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Sites {
    slots: Vec<Slot>,
    free: Vec<SiteIndex>,
    names: BTreeMap<Arc<str>, SiteIndex>,
    groups: Groups,
    /// Sites that began to wait in their group since this was looked at.
    newly_waiting: Vec<SiteIndex>,
    /// Sites that wait no more for what was used up since this was looked at.
    freed: VecDeque<SiteIndex>,
    ring: VecDeque<SiteIndex>,
    resting: BTreeSet<(Tick, SiteIndex)>,
    /// Groups whose sites are paused, and until when.
    paused: BTreeMap<Box<str>, Tick>,
    /// Sites with nothing to do, by when they were last busy.
    idle: BTreeMap<u64, SiteIndex>,
    /// Counts the times a site became idle.
    idle_count: u64,
    /// What time it was when somebody last said so.
    now: Tick,
}

#[derive(Debug, Default)]
struct Slot {
    /// `None` while the slot is free.
    site: Option<Site>,
    /// It has a place in the ring. A site that is forgotten leaves it to the next one here.
    in_ring: bool,
    /// It waits for a place among the connections of its group.
    in_group: bool,
    /// It waits for what its group has used up, by [`Till`].
    in_line: [bool; Till::ALL.len()],
    /// It rests until then.
    rests: Option<Tick>,
}

impl Sites {
    pub(super) fn find_or_make(
        &mut self,
        name: &str,
        group: Option<&str>,
        limits: &Limits,
    ) -> SiteIndex {
        if let Some(&index) = self.names.get(name) {
            self.change(index, |site| site.limits = *limits);
            return index;
        }
        let index = self.free_slot();
        let name = Arc::<str>::from(name);
        let paused = group.and_then(|group| self.paused.get(group)).copied();
        let group = group.map(|group| self.groups.join(group));
        let site = Site { paused, ..Site::new(Arc::clone(&name), index, *limits, group) };
        self.slots[index.0 as usize].site = Some(site);
        self.names.insert(name, index);
        self.review(index);
        index
    }

    pub(super) fn find(&self, name: &str) -> Option<SiteIndex> {
        self.names.get(name).copied()
    }

    /// The site, to be changed. [`Self::review`] must follow.
    ///
    /// # Panics
    /// If no site has this index any more.
    pub(super) fn of(&mut self, index: SiteIndex) -> &mut Site {
        self.slots[index.0 as usize].site.as_mut().expect("the site was forgotten")
    }

    pub(super) fn view(&self, index: SiteIndex) -> SiteView<'_> {
        self.slots[index.0 as usize].site.as_ref().expect("the site was forgotten").view()
    }

    pub(super) fn flows(&self, index: SiteIndex) -> Vec<(Flow, usize)> {
        let site = self.slots[index.0 as usize].site.as_ref();
        site.map_or_else(Vec::new, |site| site.ready.flows())
    }

    pub(super) fn gives(&self, index: SiteIndex) -> bool {
        self.slots[index.0 as usize].site.as_ref().is_some_and(Site::gives)
    }

    pub(super) fn views(&self) -> impl Iterator<Item = SiteView<'_>> {
        self.names.values().map(|index| self.view(*index))
    }

    pub(super) fn dial(&mut self, now: Tick) -> Option<SiteIndex> {
        self.wake(now);
        self.free(now);
        while let Some(index) = self.ring.pop_front() {
            let slot = &mut self.slots[index.0 as usize];
            slot.in_ring = false;
            let wants = |site: &&Site| site.hindrances().next().is_none();
            let Some(site) = slot.site.as_ref().filter(wants) else { continue };
            let (most, group) = (site.limits.connections_max, site.group);
            if group.is_some_and(|group| self.waits_in_line(group, index, now)) {
                continue;
            }
            let slot = &mut self.slots[index.0 as usize];
            slot.in_group = group.is_some_and(|group| !self.groups.take(group, index, most));
            if slot.in_group {
                self.newly_waiting.push(index);
            } else {
                self.connects(index, now);
                self.change(index, |site| {
                    site.opening += 1;
                    site.unanswered += 1;
                });
                return Some(index);
            }
        }
        None
    }

    pub(super) fn is_dial_wanted(&self) -> bool {
        !self.ring.is_empty()
    }

    pub(super) fn answered(&mut self, index: SiteIndex) {
        self.change(index, |site| {
            assert!(site.unanswered > 0, "an answer to a dial that was not waiting for it");
            site.unanswered -= 1;
        });
    }

    pub(super) fn connected(&mut self, index: SiteIndex) {
        self.change(index, |site| {
            assert!(site.opening > site.unanswered, "a connection without an answered dial");
            site.opening -= 1;
            site.open += 1;
            site.backoff.worked();
            site.resume = None;
        });
    }

    pub(super) fn dial_failed(&mut self, index: SiteIndex, now: Tick, random: u64) {
        let site = self.of(index);
        assert!(site.opening > site.unanswered, "a dial failed that still waits for its answer");
        site.opening -= 1;
        self.rest(index, now, random);
        self.leave_group(index);
    }

    pub(super) fn rest(&mut self, index: SiteIndex, now: Tick, random: u64) {
        let site = self.of(index);
        if site.resume.is_none_or(|resume| resume <= now) {
            site.resume = Some(now + site.backoff.failed(random));
        }
        self.review(index);
    }

    pub(super) fn well(&mut self, index: SiteIndex) {
        self.change(index, |site| {
            site.resume = None;
            site.backoff.worked();
        });
    }

    pub(super) fn limit(&mut self, group: &str, places: Option<u16>) {
        let waiting = self.groups.limit(group, places);
        self.ask_again(waiting);
    }

    pub(super) fn cap(&mut self, group: &str, cap: Option<u16>) {
        let waiting = self.groups.cap(group, cap);
        self.ask_again(waiting);
    }

    fn ask_again(&mut self, waiting: VecDeque<SiteIndex>) {
        for site in waiting {
            self.slots[site.0 as usize].in_group = false;
            self.review(site);
        }
    }

    pub(super) fn lanes(&self, group: &str) -> u16 {
        self.groups.lanes(group)
    }

    pub(super) fn must_leave(&mut self, index: SiteIndex) -> bool {
        let Site { group, limits, .. } = self.of(index);
        let most = limits.connections_max;
        group.is_some_and(|group| self.groups.must_leave(group, most))
    }

    /// Pauses the sites of a group, also those yet to come, or ends that. Which there are.
    pub(super) fn pause(&mut self, group: &str, until: Option<Tick>, now: Tick) -> Vec<SiteIndex> {
        self.paused.retain(|_, until| now < *until);
        match until {
            Some(until) => self.paused.insert(group.into(), until),
            None => self.paused.remove(group),
        };
        let members = self.members(group);
        for &index in &members {
            self.change(index, |site| site.paused = until);
        }
        members
    }

    /// All sites, to be changed. Those that `change` says it has changed are returned.
    pub(super) fn change_all(&mut self, change: impl Fn(&mut Site) -> bool) -> Vec<SiteIndex> {
        let sites = self.slots.iter_mut().filter_map(|slot| slot.site.as_mut());
        let changed: Vec<_> = sites.filter_map(|site| change(site).then_some(site.index)).collect();
        for &index in &changed {
            self.review(index);
        }
        changed
    }

    /// The sites of a group rest no longer. Which there are.
    pub(super) fn hurry(&mut self, group: &str) -> Vec<SiteIndex> {
        let members = self.members(group);
        for &index in &members {
            self.change(index, |site| site.resume = None);
        }
        members
    }

    /// Looks at every site: for an operator, not for a delivery.
    fn members(&self, group: &str) -> Vec<SiteIndex> {
        let Some(group) = self.groups.find(group) else { return Vec::new() };
        let sites = self.slots.iter().filter_map(|slot| slot.site.as_ref());
        sites.filter(|site| site.group == Some(group)).map(|site| site.index).collect()
    }

    pub(super) fn closed(&mut self, index: SiteIndex) {
        self.change(index, |site| {
            assert!(site.open > 0, "a connection that was not open has ended");
            site.open -= 1;
            site.awaits = None;
        });
        self.leave_group(index);
    }

    /// Groups there are, and room made for groups.
    #[cfg(test)]
    pub(super) fn groups(&self) -> (usize, usize) {
        self.groups.count()
    }

    /// A site that has begun to wait in its group.
    pub(super) fn newly_waiting(&mut self) -> Option<SiteIndex> {
        self.newly_waiting.pop()
    }

    /// Whether an idle connection of this site is one that others of its group wait for.
    pub(super) fn yields(&self, index: SiteIndex) -> bool {
        let site = self.slots[index.0 as usize].site.as_ref();
        site.filter(|site| site.ready.len() == 0)
            .and_then(|site| site.group)
            .is_some_and(|group| self.groups.is_short(group))
    }

    /// A connection has ended: its place goes to the next of the group that wants one.
    fn leave_group(&mut self, index: SiteIndex) {
        let Some(group) = self.of(index).group else { return };
        self.groups.give_back(group);
        while let Some(next) = self.groups.next(group) {
            self.slots[next.0 as usize].in_group = false;
            self.review(next);
            if self.slots[next.0 as usize].in_ring {
                break;
            }
        }
    }

    pub(super) fn resume_at(&self) -> Option<Tick> {
        let rests = self.resting.first().map(|(resume, _)| *resume);
        rests.into_iter().chain(self.groups.due()).min()
    }

    /// Puts a site where it belongs after a change.
    pub(super) fn review(&mut self, index: SiteIndex) {
        let now = self.now;
        let site = self.of(index);
        site.watch(now);
        let hindrance = site.hindrances().next();
        // It stays among them while it is watched, whatever becomes ready and is taken meanwhile.
        let until = hindrance.and_then(Hindrance::ends).or(site.pace.until);
        self.rest_until(index, until);
        if hindrance.is_none() {
            self.join_ring(index);
        }
        self.review_idle(index);
    }

    fn rest_until(&mut self, index: SiteIndex, until: Option<Tick>) {
        let before = std::mem::replace(&mut self.slots[index.0 as usize].rests, until);
        if before == until {
            return;
        }
        if let Some(before) = before {
            self.resting.remove(&(before, index));
        }
        if let Some(until) = until {
            self.resting.insert((until, index));
        }
    }

    fn join_ring(&mut self, index: SiteIndex) {
        let slot = &mut self.slots[index.0 as usize];
        if !slot.in_ring && !slot.in_group && slot.in_line == [false; Till::ALL.len()] {
            slot.in_ring = true;
            self.ring.push_back(index);
        }
    }

    fn change(&mut self, index: SiteIndex, change: impl FnOnce(&mut Site)) {
        change(self.of(index));
        self.review(index);
    }

    /// Ends the pauses that are over.
    pub(super) fn wake(&mut self, now: Tick) {
        self.now = self.now.max(now);
        while let Some(&(_, index)) = self.resting.first().filter(|(until, _)| *until <= now) {
            self.change(index, |site| {
                site.resume = site.resume.filter(|until| now < *until);
                site.awaits = site.awaits.filter(|until| now < *until);
                site.paused = site.paused.filter(|until| now < *until);
                site.judge(now);
            });
        }
    }

    fn review_idle(&mut self, index: SiteIndex) {
        let stamp = self.idle_count;
        let site = self.of(index);
        match (site.is_idle(), site.idle_since) {
            (true, None) => {
                site.idle_since = Some(stamp);
                self.idle_count += 1;
                self.idle.insert(stamp, index);
                self.forget_oldest();
            }
            (false, Some(since)) => {
                site.idle_since = None;
                self.idle.remove(&since);
            }
            _ => (),
        }
    }

    fn forget_oldest(&mut self) {
        if self.idle.len() <= IDLE_SITES_MAX {
            return;
        }
        let Some((_, index)) = self.idle.pop_first() else { return };
        let slot = &mut self.slots[index.0 as usize];
        slot.in_group = false;
        slot.in_line = Default::default();
        if let Some(site) = slot.site.take() {
            self.names.remove(&site.name);
            if let Some(group) = site.group {
                self.groups.leave(group, index);
            }
        }
        self.free.push(index);
    }

    fn free_slot(&mut self) -> SiteIndex {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            SiteIndex(u32::try_from(self.slots.len() - 1).expect("fewer sites than deliveries"))
        })
    }
}
