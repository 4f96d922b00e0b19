//! What the sites of a group may have in a time, and which of them wait for that.
//!
//! A site that may not go on because something is used up waits in line, out of the ring. When time
//! has paid for more, as many as may go on leave the line, those that wait longest first. Whoever is
//! let go and makes no use of it loses nothing but its turn: the line is looked at again soon.

use super::groups::GroupIndex;
use super::hindrance::Hindrance;
use super::site::SiteIndex;
use event::Tick;
use policy::pace::{Pacer, Rates};
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
    messages: Option<Pacer>,
    bytes: Option<Pacer>,
    connections: Option<Pacer>,
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
    /// These rates hold from now on. What was had counts on, but for a rate that is another one.
    pub(super) fn change(&mut self, rates: Rates) {
        let pacers = [
            (&mut self.messages, rates.messages),
            (&mut self.bytes, rates.bytes),
            (&mut self.connections, rates.connections),
        ];
        for (pacer, rate) in pacers {
            if pacer.as_ref().map(Pacer::rate) != rate {
                *pacer = rate.map(Pacer::new);
            }
        }
    }

    /// The rates that hold.
    pub(super) fn rates(&self) -> Rates {
        let rate = |pacer: &Option<Pacer>| pacer.as_ref().map(Pacer::rate);
        Rates {
            messages: rate(&self.messages),
            bytes: rate(&self.bytes),
            connections: rate(&self.connections),
        }
    }

    /// What is used up now.
    pub(super) fn spent(&self, till: Till, now: Tick) -> Option<Hindrance> {
        let closed =
            |pacer: &Option<Pacer>| pacer.as_ref().map(Pacer::opens).filter(|at| now < *at);
        match till {
            Till::Connections => closed(&self.connections).map(Hindrance::ConnectionRate),
            Till::Messages => {
                let messages = closed(&self.messages).map(|at| (at, Hindrance::MessageRate(at)));
                let bytes = closed(&self.bytes).map(|at| (at, Hindrance::ByteRate(at)));
                let latest = messages.into_iter().chain(bytes).max_by_key(|(at, _)| *at);
                latest.map(|(_, hindrance)| hindrance)
            }
        }
    }

    /// A message of so many octets goes.
    pub(super) fn sends(&mut self, bytes: u64, now: Tick) {
        self.messages.iter_mut().for_each(|pacer| pacer.charge(1, now));
        self.bytes.iter_mut().for_each(|pacer| pacer.charge(bytes, now));
    }

    /// One that was to go did not.
    pub(super) fn unsent(&mut self, bytes: u64) {
        self.messages.iter_mut().for_each(|pacer| pacer.give_back(1));
        self.bytes.iter_mut().for_each(|pacer| pacer.give_back(bytes));
    }

    /// A connection is opened.
    pub(super) fn connects(&mut self, now: Tick) {
        self.connections.iter_mut().for_each(|pacer| pacer.charge(1, now));
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
        let pacers = match till {
            Till::Messages => [&self.messages, &self.bytes],
            Till::Connections => [&self.connections, &None],
        };
        pacers.into_iter().flatten().map(Pacer::opens).max().unwrap_or(Tick::ZERO)
    }

    /// How many may go on now.
    fn left(&self, till: Till, now: Tick) -> u64 {
        let bytes = self.bytes.as_ref().map(|pacer| pacer.left(now));
        let left = match (till, bytes) {
            (Till::Messages, Some(0)) => Some(0),
            (Till::Messages, _) => self.messages.as_ref().map(|pacer| pacer.left(now)),
            (Till::Connections, _) => self.connections.as_ref().map(|pacer| pacer.left(now)),
        };
        left.unwrap_or(FREED_MAX).min(FREED_MAX)
    }
}

#[cfg(test)]
mod tests;
