//! One site: what is ready for it, its connections, its back-off.

use super::groups::GroupIndex;
use super::hindrance::Hindrance;
use super::ready::Ready;
use event::Tick;
use policy::{Backoff, Limits};
use std::sync::Arc;

/// A site may have so many dials without an answer more than it has connections that were
/// answered: a large site has all its connections after a few round trips, and one that turns out
/// to be dead never held more than these of what all share.
pub(super) const UNANSWERED_MORE: u16 = 2;

/// Names a site of one queue.
///
/// Good for as long as the site is kept: while it has ready deliveries or connections, and
/// at least until [`crate::IDLE_SITES_MAX`] other sites had work after it. Then it may come
/// to name another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteIndex(pub(super) u32);

/// What can be seen of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteView<'q> {
    /// Its name.
    pub name: &'q str,
    /// What names it here.
    pub index: SiteIndex,
    /// Its limits.
    pub limits: &'q Limits,
    /// Deliveries that wait for a connection.
    pub ready: usize,
    /// Connections that work.
    pub open: u16,
    /// Connections being dialled.
    pub opening: u16,
    /// Those of them whose host has not said yet that it is ready.
    pub unanswered: u16,
    /// Failed dials since the last that worked.
    pub failures: u16,
    /// No dial before this moment.
    pub resume: Option<Tick>,
}

/// A site.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) name: Arc<str>,
    pub(super) index: SiteIndex,
    pub(super) limits: Limits,
    /// Whose limit of connections is its own, too.
    pub(super) group: Option<GroupIndex>,
    pub(super) ready: Ready,
    pub(super) open: u16,
    pub(super) opening: u16,
    /// Those of them whose host has not said yet that it is ready.
    pub(super) unanswered: u16,
    pub(super) backoff: Backoff,
    /// The end of the pause after a failed dial; `None` once that is over.
    pub(super) resume: Option<Tick>,
    /// The end of the pause an operator ordered; `None` once that is over.
    pub(super) paused: Option<Tick>,
    /// When it was last busy, by the queue's count, while it is idle.
    pub(super) idle_since: Option<u64>,
}

impl Site {
    pub(super) fn new(
        name: Arc<str>,
        index: SiteIndex,
        limits: Limits,
        group: Option<GroupIndex>,
    ) -> Self {
        Self {
            name,
            index,
            limits,
            group,
            ready: Ready::default(),
            open: 0,
            opening: 0,
            unanswered: 0,
            backoff: Backoff::default(),
            resume: None,
            paused: None,
            idle_since: None,
        }
    }

    /// What keeps it from another connection, the first of which is in force: see the crate's first
    /// page.
    pub(super) fn hindrances(&self) -> impl Iterator<Item = Hindrance> {
        let lanes = self.open + self.opening;
        let most = self.limits.connections_max;
        let probing = self.backoff.failures() > 0 && self.opening > 0;
        let answered = lanes - self.unanswered;
        let unanswered = self.unanswered >= answered.saturating_add(UNANSWERED_MORE);
        let enough = (1..=usize::from(lanes)).contains(&self.ready.len());
        let all = [
            (self.ready.len() == 0).then_some(Hindrance::Nothing),
            self.paused.map(Hindrance::Paused),
            enough.then_some(Hindrance::Enough(lanes)),
            (lanes >= most).then_some(Hindrance::Full(most)),
            probing.then_some(Hindrance::Probing),
            unanswered.then_some(Hindrance::Unanswered(self.unanswered)),
            self.resume.map(Hindrance::Resting),
        ];
        all.into_iter().flatten()
    }

    /// Whether its connections may take what is ready.
    pub(super) const fn gives(&self) -> bool {
        self.paused.is_none()
    }

    /// Whether nothing would be lost but its back-off if it were forgotten.
    pub(super) const fn is_idle(&self) -> bool {
        self.ready.len() == 0 && self.open == 0 && self.opening == 0
    }

    pub(super) fn view(&self) -> SiteView<'_> {
        SiteView {
            name: &self.name,
            index: self.index,
            limits: &self.limits,
            ready: self.ready.len(),
            open: self.open,
            opening: self.opening,
            unanswered: self.unanswered,
            failures: self.backoff.failures(),
            resume: self.resume,
        }
    }
}
