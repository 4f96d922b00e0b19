//! What a queue does about rates, and about addresses of ours that may have no more for now.

use super::{Queue, Queued, SiteIndex};
use event::Tick;
use policy::pace::Rates;

impl<D: Queued> Queue<D> {
    /// The sites of a site's group have together no more in a time than this from now on. What they
    /// had counts on where a rate is the same. To be said of each site when it is made, unless there
    /// is none.
    pub fn rate(&mut self, site: SiteIndex, rates: Rates) {
        self.sites.rate(site, rates);
    }

    /// Whether there is something ready at a site that its connections may [send](Self::send) now. If
    /// only a rate says no, the site is told of by [`Self::freed`] when it may.
    pub fn has_work(&mut self, site: SiteIndex, now: impl FnOnce() -> Tick) -> bool {
        let has_work = self.sites.gives(site) && self.view(site).ready > 0;
        has_work && (!self.sites.is_counted(site) || self.sites.may_send(site, now()))
    }

    /// As [`Self::take`], to be sent now: it is counted, and if a rate of its site's group does not
    /// allow it yet there is none, and the site is told of by [`Self::freed`].
    pub fn send(&mut self, site: SiteIndex, now: impl FnOnce() -> Tick) -> Option<D> {
        if !self.sites.is_counted(site) {
            return self.take(site);
        }
        let now = now();
        if !self.has_work(site, || now) {
            return None;
        }
        let delivery = self.take(site)?;
        self.sites.sends(site, delivery.bytes(), now);
        Some(delivery)
    }

    /// What was taken to be sent, of so many octets, was not: it does not count.
    pub fn unsent(&mut self, site: SiteIndex, bytes: u64) {
        self.sites.unsent(site, bytes);
    }

    /// Whether a connection to a site may be opened beside that for which it was its turn to dial, as
    /// to the next host where one turned it away: then it is counted.
    pub fn connects_again(&mut self, site: SiteIndex, now: Tick) -> bool {
        self.sites.connects_again(site, now)
    }

    /// A site that waited for what a rate of its group had used up, and may go on: a connection of it that
    /// waits takes what is ready; if none does, say [`Self::lacks`].
    pub fn freed(&mut self, now: Tick) -> Option<SiteIndex> {
        self.sites.free(now);
        self.sites.freed()
    }

    /// A site that was [freed](Self::freed) has no connection that waits for leave to send: those it has do
    /// not keep up, and it may have another.
    pub fn lacks(&mut self, site: SiteIndex) {
        self.sites.lacks(site);
    }

    /// When there is something [freed](Self::freed) next, if anything waits for that.
    #[must_use]
    pub fn free_at(&self) -> Option<Tick> {
        self.sites.free_at()
    }

    /// A site whose turn it was to [dial](Self::dial) does not, and nothing is counted for it: no address
    /// of ours may open a connection there before `until`. It is asked again then, and when one of its own
    /// connections has ended.
    ///
    /// # Panics
    /// If there is no dial that waits for its answer.
    pub fn hold_off(&mut self, site: SiteIndex, until: Tick) {
        self.sites.hold_off(site, until);
    }

    /// A site that was [held off](Self::hold_off) is asked again at once: our addresses may have more there.
    pub fn ask_sources(&mut self, site: SiteIndex) {
        self.sites.ask_sources(site);
    }
}
