//! One site: what is ready for it, its connections, its back-off.

use super::groups::GroupIndex;
use super::hindrance::Hindrance;
use super::ready::Ready;
use event::Tick;
use policy::{Backoff, Limits};
use std::sync::Arc;
use std::time::Duration;

/// A site may have so many dials without an answer more than it has connections that were
/// answered: a large site has all its connections after a few round trips, and one that turns out
/// to be dead never held more than these of what all share.
pub(super) const UNANSWERED_MORE: u16 = 2;

/// With so many ready for each of its connections a site gets another, however fast they are: one
/// carries as many in less time than it costs to open a second, and what it costs the receiver.
pub const READY_PER_LANE: usize = 5;

/// With fewer it gets another once nothing of them was taken for so long: a receiver may take
/// minutes to answer.
pub const TAKEN_WITHIN: Duration = Duration::from_millis(200);

/// The same while the first is being dialled.
pub const DIALLED_WITHIN: Duration = Duration::from_secs(1);

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
    /// Those that would, but for their flows, which are held.
    pub held: usize,
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

impl SiteView<'_> {
    /// All that is ready, held or not.
    #[must_use]
    pub const fn ready_or_held(&self) -> usize {
        self.ready + self.held
    }
}

/// Whether the connections of a site take what is ready for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// It is watched until then.
    pub(super) until: Option<Tick>,
    /// They took something meanwhile.
    is_taken: bool,
    /// They took nothing for as long as it was watched last, and nothing since.
    is_slow: bool,
}

/// A site.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) name: Arc<str>,
    pub(super) index: SiteIndex,
    pub(super) limits: Limits,
    /// Whose limit of connections is its own, too.
    pub(super) group: Option<GroupIndex>,
    /// Whether messages to its group are counted.
    pub(super) is_counted: bool,
    /// Its connections wait for leave to send: more of them would be of no use.
    pub(super) keeps_up: bool,
    pub(super) ready: Ready,
    pub(super) open: u16,
    pub(super) opening: u16,
    /// Those of them whose host has not said yet that it is ready.
    pub(super) unanswered: u16,
    /// Whether its connections take what is ready.
    pub(super) pace: Pace,
    pub(super) backoff: Backoff,
    /// The end of the pause after a failed dial; `None` once that is over.
    pub(super) resume: Option<Tick>,
    /// No address of ours may open a connection to it before; `None` once one may.
    pub(super) awaits: Option<Tick>,
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
            is_counted: false,
            keeps_up: false,
            ready: Ready::default(),
            open: 0,
            opening: 0,
            unanswered: 0,
            pace: Pace::default(),
            backoff: Backoff::default(),
            resume: None,
            awaits: None,
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
        let few = if self.keeps_up { usize::MAX } else { READY_PER_LANE };
        let few = usize::from(lanes).saturating_mul(few);
        let soon = (1..=few).contains(&self.ready.len());
        let soon = self.pace.until.filter(|_| soon);
        let nothing = match self.ready.held_len() {
            0 => Hindrance::Nothing,
            held => Hindrance::Held(held),
        };
        let all = [
            (self.ready.len() == 0).then_some(nothing),
            self.paused.map(Hindrance::Paused),
            enough.then_some(Hindrance::Enough(lanes)),
            soon.map(|until| Hindrance::Soon(lanes, until)),
            (lanes >= most).then_some(Hindrance::Full(most)),
            probing.then_some(Hindrance::Probing),
            unanswered.then_some(Hindrance::Unanswered(self.unanswered)),
            self.resume.map(Hindrance::Resting),
            self.awaits.map(Hindrance::Sources),
        ];
        all.into_iter().flatten()
    }

    /// Whether its connections may take what is ready.
    pub(super) const fn gives(&self) -> bool {
        self.paused.is_none()
    }

    /// Watches from `now` on whether its connections take what is ready, if it has both.
    pub(super) fn watch(&mut self, now: Tick) {
        let is_watched = self.ready.len() > 0 && self.open + self.opening > 0;
        if is_watched && !self.pace.is_slow && self.pace.until.is_none() {
            let span = if self.open == 0 { DIALLED_WITHIN } else { TAKEN_WITHIN };
            self.pace = Pace { until: Some(now + span), ..Pace::default() };
        }
    }

    /// The time for which it was watched may be over.
    pub(super) fn judge(&mut self, now: Tick) {
        if self.pace.until.is_none_or(|until| now < until) {
            return;
        }
        let is_slow = !self.pace.is_taken && self.ready.len() > 0;
        self.pace = Pace { is_slow, ..Pace::default() };
        self.watch(now);
    }

    /// A connection took something, or would have if it might.
    pub(super) const fn taken(&mut self) {
        self.pace.is_taken = true;
        self.pace.is_slow = false;
    }

    /// Whether nothing would be lost but its back-off if it were forgotten.
    pub(super) fn is_idle(&self) -> bool {
        let has_mail = self.ready.len() + self.ready.held_len() > 0;
        !has_mail && self.open == 0 && self.opening == 0
    }

    pub(super) fn view(&self) -> SiteView<'_> {
        SiteView {
            name: &self.name,
            index: self.index,
            limits: &self.limits,
            ready: self.ready.len(),
            held: self.ready.held_len(),
            open: self.open,
            opening: self.opening,
            unanswered: self.unanswered,
            failures: self.backoff.failures(),
            resume: self.resume,
        }
    }
}
