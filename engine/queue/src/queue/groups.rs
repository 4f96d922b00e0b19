//! Sites that share one limit of connections.
//!
//! A site that may not dial because its group has as many connections as it may waits here, out of
//! the ring, and comes back when its turn has come: who waits longest is the first.

use super::site::SiteIndex;
use std::collections::{BTreeMap, VecDeque};

/// Names a group of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupIndex(u32);

#[derive(Debug, Default)]
struct Group {
    /// Connections of all its sites, open and opening.
    lanes: u16,
    waiting: VecDeque<SiteIndex>,
}

/// All groups. As many as the settings name: they are not forgotten.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: Vec<Group>,
    names: BTreeMap<Box<str>, GroupIndex>,
}

impl Groups {
    pub(super) fn find_or_make(&mut self, name: &str) -> GroupIndex {
        if let Some(&group) = self.names.get(name) {
            return group;
        }
        let group = GroupIndex(u32::try_from(self.all.len()).expect("settings name fewer groups"));
        self.all.push(Group::default());
        self.names.insert(name.into(), group);
        group
    }

    /// Takes a place for a connection of `site`, or has it wait for one.
    pub(super) fn take(&mut self, group: GroupIndex, site: SiteIndex, lanes_max: u16) -> bool {
        let group = &mut self.all[group.0 as usize];
        let is_free = group.lanes < lanes_max;
        if is_free {
            group.lanes += 1;
        } else {
            group.waiting.push_back(site);
        }
        is_free
    }

    /// Gives a place back.
    pub(super) fn give_back(&mut self, group: GroupIndex) {
        self.all[group.0 as usize].lanes -= 1;
    }

    /// The site that waits longest, which waits no more.
    pub(super) fn next(&mut self, group: GroupIndex) -> Option<SiteIndex> {
        self.all[group.0 as usize].waiting.pop_front()
    }

    /// `site` waits no more.
    pub(super) fn forget(&mut self, group: GroupIndex, site: SiteIndex) {
        self.all[group.0 as usize].waiting.retain(|waiting| *waiting != site);
    }

    /// Whether a site waits.
    pub(super) fn is_short(&self, group: GroupIndex) -> bool {
        !self.all[group.0 as usize].waiting.is_empty()
    }
}

#[cfg(test)]
mod tests;
