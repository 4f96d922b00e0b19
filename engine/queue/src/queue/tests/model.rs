//! A site as the crate's first page describes it.

use super::LIMITS;
use crate::{DIALLED_WITHIN, READY_PER_LANE, TAKEN_WITHIN};
use event::Tick;
use policy::Backoff;
use std::collections::VecDeque;

/// A site as the crate's first page describes it, and no cleverer.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) ready: VecDeque<u32>,
    pub(super) open: u16,
    pub(super) opening: u16,
    pub(super) unanswered: u16,
    pub(super) backoff: Backoff,
    pub(super) resume: Option<Tick>,
    /// Its connections are watched until then, and have taken something since.
    pub(super) watched: Option<(Tick, bool)>,
    /// They took nothing while they were watched last, and nothing since.
    pub(super) slow: bool,
    /// Dials given to other sites since it began to want one.
    pub(super) passed_over: Option<u32>,
}

impl Model {
    pub(super) fn wants(&self) -> bool {
        let lanes = self.open + self.opening;
        let one_at_a_time = self.backoff.failures() == 0 || self.opening == 0;
        let answered = lanes - self.unanswered;
        let each = if self.watched.is_some() { READY_PER_LANE } else { 1 };
        self.ready.len() > usize::from(lanes) * each
            && lanes < LIMITS.connections_max
            && self.unanswered < answered + 2
            && one_at_a_time
    }

    /// Begins to be watched, if there is something to see; `now` is when a dial was last asked for.
    pub(super) fn watch(&mut self, now: Tick) {
        let sees = !self.ready.is_empty() && self.open + self.opening > 0;
        if sees && !self.slow && self.watched.is_none() {
            let span = if self.open == 0 { DIALLED_WITHIN } else { TAKEN_WITHIN };
            self.watched = Some((now + span, false));
        }
    }

    pub(super) fn judge(&mut self, now: Tick) {
        if let Some((_, taken)) = self.watched.filter(|(until, _)| *until <= now) {
            self.slow = !taken && !self.ready.is_empty();
            self.watched = None;
            self.watch(now);
        }
    }

    pub(super) fn rests(&self, now: Tick) -> bool {
        self.resume.is_some_and(|resume| resume > now)
    }
}
