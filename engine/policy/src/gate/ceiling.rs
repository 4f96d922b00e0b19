//! At how many connections one more was turned away, and when that is tried again.

use event::Tick;
use std::time::Duration;

/// How long it is kept in mind where the rule says how to come back.
pub const CEILING_FOR: Duration = Duration::from_hours(1);
/// When one more is tried for the first time: others that were dialled at the same moment may have
/// taken its place.
pub const PROBED_FIRST: Duration = Duration::from_mins(1);
/// When it is tried again. It doubles with each time that it is turned away.
pub const PROBED_AGAIN: Duration = Duration::from_mins(10);
/// The longest time between two of these.
pub const PROBED_SELDOM: Duration = Duration::from_hours(24);

/// One connection more was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ceiling {
    pub(super) connections: u16,
    pub(super) until: Tick,
    /// How often it was, if it is tried at times that grow.
    pub(super) times: u8,
}

impl Ceiling {
    /// Beyond so many one was turned away, as perhaps it was before.
    pub(super) fn met(before: Option<Self>, connections: u16, now: Tick) -> Self {
        let same = before.filter(|before| before.connections <= connections);
        let times = same.map_or(0, |before| before.times).saturating_add(1);
        Self { connections, until: now + probed_after(times), times }
    }
}

/// When what was refused so many times is tried again.
pub(super) fn probed_after(times: u8) -> Duration {
    let doubled = u32::from(times.saturating_sub(2)).min(16);
    let again = PROBED_AGAIN.saturating_mul(1 << doubled);
    if times < 2 { PROBED_FIRST } else { again.min(PROBED_SELDOM) }
}
