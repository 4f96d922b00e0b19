//! One site: what is ready for it, its connections, its back-off.

use super::groups::GroupIndex;
use super::store::{Cursor, List};
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
    pub(super) ready: List,
    pub(super) ready_len: usize,
    /// How far the ready ones have been looked through.
    pub(super) looked: Cursor,
    pub(super) open: u16,
    pub(super) opening: u16,
    /// Those of them whose host has not said yet that it is ready.
    pub(super) unanswered: u16,
    pub(super) backoff: Backoff,
    /// The end of the pause after a failed dial; `None` once that is over.
    pub(super) resume: Option<Tick>,
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
            ready: List::EMPTY,
            ready_len: 0,
            looked: Cursor::START,
            open: 0,
            opening: 0,
            unanswered: 0,
            backoff: Backoff::default(),
            resume: None,
            idle_since: None,
        }
    }

    /// The dial rule but for the pause itself: see the crate's first page.
    pub(super) fn wants_lane(&self) -> bool {
        let lanes = self.open + self.opening;
        let probing = self.backoff.failures() > 0 && self.opening > 0;
        let answered = lanes - self.unanswered;
        self.ready_len > usize::from(lanes)
            && lanes < self.limits.connections_max
            && self.unanswered < answered.saturating_add(UNANSWERED_MORE)
            && !probing
    }

    /// Whether nothing would be lost but its back-off if it were forgotten.
    pub(super) const fn is_idle(&self) -> bool {
        self.ready_len == 0 && self.open == 0 && self.opening == 0
    }

    pub(super) fn view(&self) -> SiteView<'_> {
        SiteView {
            name: &self.name,
            index: self.index,
            limits: &self.limits,
            ready: self.ready_len,
            open: self.open,
            opening: self.opening,
            unanswered: self.unanswered,
            failures: self.backoff.failures(),
            resume: self.resume,
        }
    }
}
