//! How fast something happened of late.

use event::Tick;
use std::time::Duration;

/// What is remembered reaches back for one to two of these.
const WINDOW: Duration = Duration::from_secs(5);
/// What began just now went on for as long as this: a first few say little.
const SHORTEST: Duration = Duration::from_secs(1);

/// Counts what happens, and forgets what is long past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// When the window that is open began, and what happened in it.
    begun: Tick,
    count: u32,
    /// What happened in the one before.
    before: u32,
}

impl Recent {
    /// It happens once.
    pub fn note(&mut self, now: Tick) {
        let past = now.since(self.begun);
        if past >= WINDOW {
            self.before = if past < WINDOW * 2 { self.count } else { 0 };
            (self.begun, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(1);
    }

    /// From one time to the next, on average; as long as it is remembered if it did not happen.
    #[must_use]
    pub fn apart(&self, now: Tick) -> Duration {
        let past = now.since(self.begun);
        if past >= WINDOW * 2 {
            return WINDOW * 2;
        }
        let window = if self.before > 0 { WINDOW } else { Duration::ZERO };
        let count = self.before.saturating_add(self.count).max(1);
        (window + past).max(SHORTEST) / count
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;
    use event::Tick;
    use std::time::Duration;

    #[test]
    fn it_says_how_far_apart_things_are() {
        let start = Tick::ZERO + Duration::from_hours(1);
        let at = |millis| start + Duration::from_millis(millis);
        let mut recent = Recent::default();
        assert_eq!(recent.apart(start), Duration::from_secs(10), "it never happened");
        recent.note(start);
        assert_eq!(recent.apart(at(10)), Duration::from_secs(1));
        (1..300).for_each(|number| recent.note(at(100 * number)));
        let apart = recent.apart(at(30_000));
        assert!(
            apart > Duration::from_millis(95) && apart < Duration::from_millis(105),
            "{apart:?}"
        );
        assert_eq!(recent.apart(at(60_000)), Duration::from_secs(10));
    }
}
