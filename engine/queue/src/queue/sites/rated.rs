//! Sites whose group may have only so much in a time.

use super::Sites;
use crate::queue::allowance::{Allowance, Till};
use crate::queue::groups::GroupIndex;
use crate::queue::hindrance::Hindrance;
use crate::queue::site::SiteIndex;
use event::Tick;
use policy::pace::Rates;

impl Sites {
    /// What the group of a site may have in a time from now on.
    pub(in crate::queue) fn rate(&mut self, index: SiteIndex, rates: Rates) {
        let is_counted = rates.messages.is_some() || rates.bytes.is_some();
        let site = self.of(index);
        site.is_counted = is_counted;
        site.keeps_up = false;
        let Some(group) = site.group else { return };
        for waiting in self.groups.change_rates(group, rates) {
            self.slots[waiting.0 as usize].in_line = Default::default();
            self.review(waiting);
            self.freed.push_back(waiting);
        }
        self.review(index);
    }

    /// Whether it is counted what a site gets.
    pub(in crate::queue) fn is_counted(&self, index: SiteIndex) -> bool {
        self.slots[index.0 as usize].site.as_ref().is_some_and(|site| site.is_counted)
    }

    /// Whether a message may go to a site by the rates of its group. If none may now, it waits in line
    /// until one may.
    pub(in crate::queue) fn may_send(&mut self, index: SiteIndex, now: Tick) -> bool {
        let Some(group) = self.of(index).group else { return true };
        if self.groups.spent(group, Till::Messages, now).is_none() {
            return true;
        }
        let site = self.of(index);
        site.keeps_up = site.open > 0;
        site.taken();
        self.join_line(group, Till::Messages, index);
        false
    }

    /// No connection of a site was waiting when it was let go: those there are do not keep up with what
    /// may go.
    pub(in crate::queue) fn lacks(&mut self, index: SiteIndex) {
        self.of(index).keeps_up = false;
        self.review(index);
    }

    /// A message of so many octets goes to a site. What else is ready there is for the next connection
    /// that waits, when it may go.
    pub(in crate::queue) fn sends(&mut self, index: SiteIndex, bytes: u64, now: Tick) {
        let site = self.of(index);
        let (group, has_more) = (site.group, site.ready.len() > 0);
        if let Some(allowance) = self.allowance(index) {
            allowance.pacers_mut().sends(bytes, now);
        }
        if let Some(group) = group.filter(|_| has_more) {
            self.join_line(group, Till::Messages, index);
        }
    }

    /// One that was to go did not.
    pub(in crate::queue) fn unsent(&mut self, index: SiteIndex, bytes: u64) {
        if let Some(allowance) = self.allowance(index) {
            allowance.pacers_mut().unsent(bytes);
        }
    }

    /// Whether a connection to a site may be opened beside that for which it was its turn to dial: then
    /// it is counted.
    pub(in crate::queue) fn connects_again(&mut self, index: SiteIndex, now: Tick) -> bool {
        let group = self.of(index).group;
        let spent = group.and_then(|group| self.groups.spent(group, Till::Connections, now));
        if spent.is_none() {
            self.connects(index, now);
        }
        spent.is_none()
    }

    /// A site whose turn it was to dial does not: no address of ours may open a connection there before
    /// `until`. What was counted for its dial is not.
    pub(in crate::queue) fn hold_off(&mut self, index: SiteIndex, until: Tick) {
        if let Some(allowance) = self.allowance(index) {
            allowance.pacers_mut().unconnected();
        }
        self.change(index, |site| {
            assert!(site.unanswered > 0, "a dial that was not begun cannot be left");
            site.unanswered -= 1;
            site.opening -= 1;
            site.awaits = Some(until);
        });
        self.leave_group(index);
    }

    /// What our addresses may have at a site is another from now on.
    pub(in crate::queue) fn ask_sources(&mut self, index: SiteIndex) {
        self.change(index, |site| site.awaits = None);
    }

    /// A connection to a site is opened.
    pub(super) fn connects(&mut self, index: SiteIndex, now: Tick) {
        if let Some(allowance) = self.allowance(index) {
            allowance.pacers_mut().connects(now);
        }
    }

    /// What a site may have in a time together with its group, if that is limited.
    fn allowance(&mut self, index: SiteIndex) -> Option<&mut Allowance> {
        let group = self.of(index).group?;
        self.groups.allowance(group)
    }

    /// Whether a site has to wait for something that its group has used up, before it may have
    /// another connection: then it waits in line. One that may send nothing has no use for one.
    pub(super) fn waits_in_line(&mut self, group: GroupIndex, index: SiteIndex, now: Tick) -> bool {
        let is_spent = |till: &Till| self.groups.spent(group, *till, now).is_some();
        let Some(till) = Till::ALL.into_iter().find(is_spent) else { return false };
        self.join_line(group, till, index);
        true
    }

    fn join_line(&mut self, group: GroupIndex, till: Till, index: SiteIndex) {
        let waits = &mut self.slots[index.0 as usize].in_line[till as usize];
        if !std::mem::replace(waits, true) {
            self.groups.wait(group, till, index);
        }
    }

    /// Lets those go on for whom there is something again.
    pub(in crate::queue) fn free(&mut self, now: Tick) {
        while let Some((till, freed)) = self.groups.free(now) {
            for index in freed {
                self.slots[index.0 as usize].in_line[till as usize] = false;
                self.review(index);
                self.freed.push_back(index);
            }
        }
    }

    /// A site that may go on by the rates of its group.
    pub(in crate::queue) fn freed(&mut self) -> Option<SiteIndex> {
        let slots = &self.slots;
        std::iter::from_fn(|| self.freed.pop_front())
            .find(|index| slots[index.0 as usize].site.is_some())
    }

    /// When the first of those may go on that wait for what is used up.
    pub(in crate::queue) fn free_at(&self) -> Option<Tick> {
        if self.freed.is_empty() { self.groups.due() } else { Some(Tick::ZERO) }
    }

    /// What keeps a site from another connection, the first of which is in force.
    pub(in crate::queue) fn hindrances(&self, index: SiteIndex) -> Vec<Hindrance> {
        let site = self.slots[index.0 as usize].site.as_ref().expect("the site was forgotten");
        let most = site.limits.connections_max;
        let spent = |till| self.groups.spent(site.group?, till, self.now);
        // Where it has all that it may have itself, so has its group.
        let group = site.group.filter(|_| site.open + site.opening < most);
        let full = group.and_then(|group| self.groups.full(group, most));
        let mut all: Vec<_> = site.hindrances().collect();
        // What keeps mail from the connections there are comes before what these carry.
        let first = |known: &Hindrance| matches!(known, Hindrance::Nothing | Hindrance::Paused(_));
        let at = all.iter().take_while(|known| first(known)).count();
        all.splice(at..at, spent(Till::Messages));
        all.extend(spent(Till::Connections));
        all.extend(full.map(Hindrance::GroupFull));
        all
    }
}
