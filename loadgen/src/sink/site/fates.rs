//! How often the deferred were deferred.

use crate::clock::Nanos;
use std::collections::HashMap;

/// Those that were deferred. Others are not in it.
#[derive(Debug, Default)]
pub(super) struct Fates(HashMap<u64, Deferral>);

#[derive(Clone, Copy, Debug, Default)]
struct Deferral {
    times: u16,
    last: Nanos,
}

/// What to say to one that is to be deferred at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It was deferred often enough.
    Enough,
    /// Not now.
    Deferred,
    /// Not now, and it came back before the sender's patience was to end.
    TooSoon,
}

impl Fates {
    /// `case` is asked for, and is deferred `times` times.
    pub(super) fn again(&mut self, case: u64, times: u16, patience: Nanos, now: Nanos) -> Again {
        let deferral = self.0.entry(case).or_default();
        if deferral.times >= times {
            return Again::Enough;
        }
        let too_soon = deferral.times > 0 && now < deferral.last + patience;
        *deferral = Deferral { times: deferral.times + 1, last: now };
        if too_soon { Again::TooSoon } else { Again::Deferred }
    }
}
