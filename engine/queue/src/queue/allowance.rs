//! What the sites of a group may have in a time, and which of them wait for that.
//!
//! A site that may not go on because something is used up waits in line, out of the ring. When time
//! has paid for more, as many as may go on leave the line, those that wait longest first. Whoever is
//! let go and makes no use of it loses nothing but its turn: the line is looked at again soon.

use super::groups::GroupIndex;
use super::hindrance::Hindrance;
use super::site::SiteIndex;
use event::Tick;
use policy::pace::{Counted, Pacers, Spent};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// A line that may go on, and has not all gone, is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// So many may go on at one time: the next follow soon.
const FREED_MAX: u64 = 64;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Till {
    /// That messages may go.
    Messages,
    /// That a connection may be opened.
    Connections,
}

impl Till {
    pub(super) const ALL: [Self; 2] = [Self::Messages, Self::Connections];
}

/// What the sites of one group may have.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    pacers: Pacers,
    lines: [Line; Till::ALL.len()],
}

/// Sites that wait, and when they are looked at.
#[derive(Debug, Default)]
struct Line {
    sites: VecDeque<SiteIndex>,
    due: Option<Tick>,
}

/// When lines are to be looked at.
pub(super) type Due = BTreeSet<(Tick, GroupIndex, Till)>;

impl Allowance {
    /// What was had, and may be.
    pub(super) const fn pacers(&self) -> &Pacers {
        &self.pacers
    }

    /// The same, to be changed.
    pub(super) const fn pacers_mut(&mut self) -> &mut Pacers {
        &mut self.pacers
    }

    /// What is used up now.
    pub(super) fn spent(&self, till: Till, now: Tick) -> Option<Hindrance> {
        let Spent { counted, until } = match till {
            Till::Messages => self.pacers.messages_spent(now)?,
            Till::Connections => self.pacers.connections_spent(now)?,
        };
        Some(match counted {
            Counted::Messages => Hindrance::MessageRate(until),
            Counted::Bytes => Hindrance::ByteRate(until),
            Counted::Connections => Hindrance::ConnectionRate(until),
        })
    }

    /// A site of this group waits from now on. Each is to do so once.
    pub(super) fn wait(
        &mut self,
        (group, till): (GroupIndex, Till),
        site: SiteIndex,
        due: &mut Due,
    ) {
        let at = self.opens(till);
        let line = &mut self.lines[till as usize];
        line.sites.push_back(site);
        if line.due.is_none() {
            line.due = Some(at);
            due.insert((at, group, till));
        }
    }

    /// Those that may go on now leave the line, which was due.
    pub(super) fn free(
        &mut self,
        (group, till): (GroupIndex, Till),
        now: Tick,
        due: &mut Due,
    ) -> Vec<SiteIndex> {
        let (left, at) = (self.left(till, now), self.opens(till));
        let line = &mut self.lines[till as usize];
        let count =
            usize::try_from(left).map_or(line.sites.len(), |left| left.min(line.sites.len()));
        let freed: Vec<_> = line.sites.drain(..count).collect();
        line.due = (!line.sites.is_empty()).then(|| at.max(now + LOOK_AGAIN));
        due.extend(line.due.map(|at| (at, group, till)));
        freed
    }

    /// All leave the line.
    pub(super) fn empty(
        &mut self,
        (group, till): (GroupIndex, Till),
        due: &mut Due,
    ) -> VecDeque<SiteIndex> {
        let line = std::mem::take(&mut self.lines[till as usize]);
        line.due.map(|at| due.remove(&(at, group, till)));
        line.sites
    }

    /// A site is forgotten.
    pub(super) fn leave(&mut self, site: SiteIndex) {
        self.lines.iter_mut().for_each(|line| line.sites.retain(|waiting| *waiting != site));
    }

    fn opens(&self, till: Till) -> Tick {
        match till {
            Till::Messages => self.pacers.messages_open(),
            Till::Connections => self.pacers.connections_open(),
        }
    }

    /// How many may go on now.
    fn left(&self, till: Till, now: Tick) -> u64 {
        let left = match till {
            Till::Messages => self.pacers.messages_left(now),
            Till::Connections => self.pacers.connections_left(now),
        };
        left.unwrap_or(FREED_MAX).min(FREED_MAX)
    }
}

#[cfg(test)]
mod tests;
