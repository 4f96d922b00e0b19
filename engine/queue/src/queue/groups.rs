//! Sites that share one limit of connections, and rates.
//!
//! A site that may not dial because its group has as many connections as it may waits here, out of
//! the ring, and comes back when its turn has come: who waits longest is the first.

use super::allowance::{Allowance, Due, Till};
use super::hindrance::Hindrance;
use super::site::SiteIndex;
use event::Tick;
use policy::pace::Rates;
use std::collections::{BTreeMap, VecDeque};

/// Names a group of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupIndex(u32);

#[derive(Debug, Default)]
struct Group {
    name: Box<str>,
    /// Sites that are of it.
    members: u32,
    /// Connections of all its sites, open and opening.
    lanes: u16,
    /// Those of them that are about to end, since there are too many.
    leaving: u16,
    /// The most there may be here, if that is less than one of the sites may have.
    places: Option<u16>,
    /// The most whoever receives will have, everywhere.
    cap: Option<u16>,
    waiting: VecDeque<SiteIndex>,
    /// What they may have in a time, if that is limited.
    allowance: Option<Box<Allowance>>,
}

impl Group {
    /// The most there may be, if any of its own limits is in force.
    fn most(&self) -> Option<u16> {
        self.places.into_iter().chain(self.cap).min()
    }
}

/// All groups. One without sites is forgotten, unless it has a limit of its own.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: Vec<Group>,
    free: Vec<GroupIndex>,
    names: BTreeMap<Box<str>, GroupIndex>,
    /// When those are looked at that wait for something that is used up.
    due: Due,
}

impl Groups {
    /// The group of this name, for one site more.
    pub(super) fn join(&mut self, name: &str) -> GroupIndex {
        let group = self.names.get(name).copied().unwrap_or_else(|| self.make(name));
        self.all[group.0 as usize].members += 1;
        group
    }

    /// A site without connections is forgotten.
    pub(super) fn leave(&mut self, group: GroupIndex, site: SiteIndex) {
        let left = &mut self.all[group.0 as usize];
        left.waiting.retain(|waiting| *waiting != site);
        left.allowance.iter_mut().for_each(|allowance| allowance.leave(site));
        left.members -= 1;
        self.forget(group);
    }

    fn forget(&mut self, group: GroupIndex) {
        let left = &mut self.all[group.0 as usize];
        if left.members == 0 && left.most().is_none() {
            assert!(left.lanes == 0 && left.waiting.is_empty(), "a group without sites is idle");
            self.names.remove(&left.name);
            if let Some(allowance) = &mut left.allowance {
                for till in Till::ALL {
                    allowance.empty((group, till), &mut self.due);
                }
            }
            *left = Group::default();
            self.free.push(group);
        }
    }

    /// Sets the most connections there may be here. Who waits does so no more, and may ask again.
    pub(super) fn limit(&mut self, name: &str, places: Option<u16>) -> VecDeque<SiteIndex> {
        self.bound(name, places, |group| &mut group.places)
    }

    /// As [`Self::limit`], for whoever receives: the smaller of the two holds.
    pub(super) fn cap(&mut self, name: &str, cap: Option<u16>) -> VecDeque<SiteIndex> {
        self.bound(name, cap, |group| &mut group.cap)
    }

    fn bound(
        &mut self,
        name: &str,
        most: Option<u16>,
        limit: impl FnOnce(&mut Group) -> &mut Option<u16>,
    ) -> VecDeque<SiteIndex> {
        let known = self.names.get(name).copied();
        let Some(group) = known.or_else(|| most.map(|_| self.make(name))) else {
            return VecDeque::new();
        };
        let changed = &mut self.all[group.0 as usize];
        *limit(changed) = most;
        let waiting = std::mem::take(&mut changed.waiting);
        self.forget(group);
        waiting
    }

    /// Connections of a group.
    pub(super) fn lanes(&self, name: &str) -> u16 {
        self.names.get(name).map_or(0, |group| self.all[group.0 as usize].lanes)
    }

    /// Whether one of its connections must end, where its site may have so many: then it is counted
    /// as about to.
    pub(super) fn must_leave(&mut self, group: GroupIndex, lanes_max: u16) -> bool {
        let group = &mut self.all[group.0 as usize];
        let stay = group.lanes - group.leaving;
        let too_many = stay > group.most().map_or(lanes_max, |most| most.min(lanes_max));
        group.leaving += u16::from(too_many);
        too_many
    }

    fn make(&mut self, name: &str) -> GroupIndex {
        let group = self.free.pop().unwrap_or_else(|| {
            self.all.push(Group::default());
            GroupIndex(u32::try_from(self.all.len() - 1).expect("no more groups than sites"))
        });
        self.all[group.0 as usize].name = name.into();
        self.names.insert(name.into(), group);
        group
    }

    /// The most connections there may be, if there are as many.
    pub(super) fn full(&self, group: GroupIndex, lanes_max: u16) -> Option<u16> {
        let group = &self.all[group.0 as usize];
        let most = group.most().map_or(lanes_max, |most| most.min(lanes_max));
        (group.lanes >= most).then_some(most)
    }

    /// Takes a place for a connection of `site`, or has it wait for one.
    pub(super) fn take(&mut self, group: GroupIndex, site: SiteIndex, lanes_max: u16) -> bool {
        let is_free = self.full(group, lanes_max).is_none();
        let group = &mut self.all[group.0 as usize];
        if is_free {
            group.lanes += 1;
        } else {
            group.waiting.push_back(site);
        }
        is_free
    }

    /// The group of this name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<GroupIndex> {
        self.names.get(name).copied()
    }

    /// Gives a place back. Nobody asks whether its connection was told to end: at worst one more ends
    /// than has to.
    pub(super) fn give_back(&mut self, group: GroupIndex) {
        let group = &mut self.all[group.0 as usize];
        group.lanes -= 1;
        group.leaving = group.leaving.saturating_sub(1);
    }

    /// The site that waits longest, which waits no more.
    pub(super) fn next(&mut self, group: GroupIndex) -> Option<SiteIndex> {
        self.all[group.0 as usize].waiting.pop_front()
    }

    /// What a group may have in a time is another from now on. Who waited for it does so no more, and
    /// may ask again.
    pub(super) fn change_rates(&mut self, group: GroupIndex, rates: Rates) -> Vec<SiteIndex> {
        let changed = &mut self.all[group.0 as usize].allowance;
        if changed.as_ref().map(|known| known.pacers().rates()).unwrap_or_default() == rates {
            return Vec::new();
        }
        let allowance = changed.get_or_insert_default();
        let lines = Till::ALL.map(|till| allowance.empty((group, till), &mut self.due));
        allowance.pacers_mut().change(rates);
        if rates.is_empty() {
            *changed = None;
        }
        lines.into_iter().flatten().collect()
    }

    /// What a group may have in a time, if that is limited.
    pub(super) fn allowance(&mut self, group: GroupIndex) -> Option<&mut Allowance> {
        self.all[group.0 as usize].allowance.as_deref_mut()
    }

    /// What of that is used up now.
    pub(super) fn spent(&self, group: GroupIndex, till: Till, now: Tick) -> Option<Hindrance> {
        self.all[group.0 as usize].allowance.as_ref()?.spent(till, now)
    }

    /// A site waits for what is used up, until it is [freed](Self::free).
    pub(super) fn wait(&mut self, group: GroupIndex, till: Till, site: SiteIndex) {
        if let Some(allowance) = &mut self.all[group.0 as usize].allowance {
            allowance.wait((group, till), site, &mut self.due);
        }
    }

    /// When somebody next waits no more for what was used up.
    pub(super) fn due(&self) -> Option<Tick> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// Sites of one group that wait no more for what was used up; `None` once there is none to look
    /// at.
    pub(super) fn free(&mut self, now: Tick) -> Option<(Till, Vec<SiteIndex>)> {
        let &(at, group, till) = self.due.first().filter(|(at, ..)| *at <= now)?;
        self.due.remove(&(at, group, till));
        let allowance = self.all[group.0 as usize].allowance.as_mut();
        let freed = allowance.map(|known| known.free((group, till), now, &mut self.due));
        Some((till, freed.unwrap_or_default()))
    }

    /// Groups there are, and room made for groups.
    #[cfg(test)]
    pub(super) fn count(&self) -> (usize, usize) {
        (self.names.len(), self.all.len())
    }

    /// Whether a site waits.
    pub(super) fn is_short(&self, group: GroupIndex) -> bool {
        !self.all[group.0 as usize].waiting.is_empty()
    }
}

#[cfg(test)]
mod tests;
