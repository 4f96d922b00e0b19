//! All sites of a shard, and which of them may dial.
//!
//! A site that wants a connection is in the ring, or, while it backs off, among those that
//! rest until a moment. [`Sites::review`] is called after every change of a site and puts it
//! where it belongs. The ring may hold sites that want nothing any more: they are passed over
//! when their turn comes.

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
    free: Vec<u32>,
    names: BTreeMap<Arc<str>, u32>,
    ring: VecDeque<SiteIndex>,
    resting: BTreeSet<(Tick, u32)>,
    /// Sites with nothing to do, by when they were last busy.
    idle: BTreeMap<u64, u32>,
    /// Counts the times a site became idle.
    idle_count: u64,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    site: Option<Site>,
}

impl Sites {
    pub(super) fn find_or_make(&mut self, name: &str, limits: &Limits) -> SiteIndex {
        if let Some(slot) = self.names.get(name) {
            let index =
                SiteIndex { slot: *slot, generation: self.slots[*slot as usize].generation };
            self.change(index, |site| site.limits = *limits);
            return index;
        }
        let slot = self.free_slot();
        let index = SiteIndex { slot, generation: self.slots[slot as usize].generation };
        let name = Arc::<str>::from(name);
        self.slots[slot as usize].site = Some(Site::new(Arc::clone(&name), index, *limits));
        self.names.insert(name, slot);
        self.review(index);
        index
    }

    /// The site, to be changed. [`Self::review`] must follow.
    pub(super) fn of(&mut self, index: SiteIndex) -> &mut Site {
        let slot = &mut self.slots[index.slot as usize];
        assert_eq!(slot.generation, index.generation, "the site was forgotten");
        slot.site.as_mut().expect("a slot of this generation has its site")
    }

    pub(super) fn view(&self, index: SiteIndex) -> SiteView<'_> {
        let slot = &self.slots[index.slot as usize];
        assert_eq!(slot.generation, index.generation, "the site was forgotten");
        slot.site.as_ref().expect("a slot of this generation has its site").view()
    }

    pub(super) fn views(&self) -> impl Iterator<Item = SiteView<'_>> {
        self.names
            .values()
            .filter_map(|slot| self.slots[*slot as usize].site.as_ref())
            .map(Site::view)
    }

    pub(super) fn dial(&mut self, now: Tick) -> Option<SiteIndex> {
        self.wake(now);
        while let Some(index) = self.ring.pop_front() {
            // A site that was forgotten left its place behind.
            if self.slots[index.slot as usize].generation != index.generation {
                continue;
            }
            let site = self.of(index);
            site.in_ring = false;
            if site.resume.is_none() && site.wants_lane() {
                self.change(index, |site| site.opening += 1);
                return Some(index);
            }
        }
        None
    }

    pub(super) fn connected(&mut self, index: SiteIndex) {
        self.end_rest(index);
        self.change(index, |site| {
            assert!(site.opening > 0, "a connection that was not being dialled came about");
            site.opening -= 1;
            site.open += 1;
            site.backoff.worked();
        });
    }

    pub(super) fn dial_failed(&mut self, index: SiteIndex, now: Tick, random: u64) {
        let site = self.of(index);
        assert!(site.opening > 0, "a connection that was not being dialled failed");
        site.opening -= 1;
        if site.resume.is_none_or(|resume| resume <= now) {
            let pause = site.backoff.failed(random);
            self.end_rest(index);
            self.of(index).resume = Some(now + pause);
        }
        self.review(index);
    }

    pub(super) fn closed(&mut self, index: SiteIndex) {
        self.change(index, |site| {
            assert!(site.open > 0, "a connection that was not open has ended");
            site.open -= 1;
        });
    }

    pub(super) fn resume_at(&self) -> Option<Tick> {
        self.resting.first().map(|(resume, _)| *resume)
    }

    /// Puts a site where it belongs after a change.
    pub(super) fn review(&mut self, index: SiteIndex) {
        let site = self.of(index);
        let (wants, resume) = (site.wants_lane(), site.resume);
        match resume {
            Some(resume) if wants => {
                self.resting.insert((resume, index.slot));
            }
            Some(resume) => {
                self.resting.remove(&(resume, index.slot));
            }
            None if wants && !site.in_ring => {
                site.in_ring = true;
                self.ring.push_back(index);
            }
            None => (),
        }
        self.review_idle(index);
    }

    fn change(&mut self, index: SiteIndex, change: impl FnOnce(&mut Site)) {
        change(self.of(index));
        self.review(index);
    }

    /// Ends the pauses that are over.
    fn wake(&mut self, now: Tick) {
        while let Some((_, slot)) = self.resting.first().filter(|(resume, _)| *resume <= now) {
            let index =
                SiteIndex { slot: *slot, generation: self.slots[*slot as usize].generation };
            self.end_rest(index);
            self.review(index);
        }
    }

    fn end_rest(&mut self, index: SiteIndex) {
        if let Some(resume) = self.of(index).resume.take() {
            self.resting.remove(&(resume, index.slot));
        }
    }

    fn review_idle(&mut self, index: SiteIndex) {
        let stamp = self.idle_count;
        let site = self.of(index);
        match (site.is_idle(), site.idle_since) {
            (true, None) => {
                site.idle_since = Some(stamp);
                self.idle_count += 1;
                self.idle.insert(stamp, index.slot);
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
        let Some((_, slot)) = self.idle.pop_first() else { return };
        let place = &mut self.slots[slot as usize];
        place.generation = place.generation.wrapping_add(1);
        if let Some(site) = place.site.take() {
            self.names.remove(&site.name);
        }
        self.free.push(slot);
    }

    fn free_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).expect("fewer sites than deliveries")
        })
    }
}
