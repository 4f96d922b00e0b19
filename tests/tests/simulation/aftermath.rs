//! What follows the one fault that is planned in a world: for how long no mail is accepted, and
//! when enough has been seen.

use event::Tick;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// How long after the fault each 250 is looked into. Before it, this is a world that was looked
/// into already; later, what was lost is missed in the end.
const KEEN: Duration = Duration::from_millis(300);
/// How long after the fault new mail is still written.
const ENOUGH: Duration = Duration::from_secs(1);
/// For how long at most no mail may be accepted after the fault.
pub(crate) const CLOSED_MAX: Duration = Duration::from_secs(1);

/// What was seen since the fault.
#[derive(Default)]
pub(crate) struct Aftermath {
    planned: Cell<bool>,
    /// When mail was last accepted.
    accepted: Cell<Tick>,
    /// For how long at most it was not.
    closed: Cell<Duration>,
    /// Nobody needs to write any more.
    pub(crate) enough: Rc<Cell<bool>>,
}

impl Aftermath {
    /// A fault is planned.
    pub(crate) fn expect(&self) {
        self.planned.set(true);
    }

    /// Whether a 250 is to be looked into, so long after the fault if it has struck.
    pub(crate) fn is_keen(&self, since: Option<Duration>) -> bool {
        !self.planned.get() || since.is_some_and(|since| since <= KEEN)
    }

    /// Sees whether mail is accepted now.
    pub(crate) fn look(&self, now: Tick, since: Option<Duration>, accepts: bool) {
        if accepts || !self.planned.get() {
            self.accepted.set(now);
        }
        let Some(since) = since else { return };
        self.enough.set(self.planned.get() && since > ENOUGH);
        let closed = now.since(self.accepted.get()).min(since);
        self.closed.set(self.closed.get().max(closed));
    }

    /// Nothing more is to be seen. Says for how long no mail was accepted if that was too long.
    pub(crate) fn end(&self) -> Option<Duration> {
        self.planned.set(false);
        Some(self.closed()).filter(|closed| *closed > CLOSED_MAX)
    }

    /// The longest time that no mail was accepted for.
    pub(crate) fn closed(&self) -> Duration {
        self.closed.get()
    }
}
