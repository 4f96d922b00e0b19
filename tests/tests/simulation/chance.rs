//! Decisions, drawn from the world's seed.

use kernel::Kernel;
use kernel::sim::Sim;
use std::ops::Range;
use std::time::Duration;

/// Something that can be asked for a number.
pub(crate) trait Chance {
    /// Any number.
    fn roll(&self) -> u64;

    /// A number in `range`.
    fn within(&self, range: Range<u64>) -> u64 {
        range.start + self.roll() % (range.end - range.start)
    }

    /// True one time in `times`.
    fn one_in(&self, times: u64) -> bool {
        self.roll().is_multiple_of(times)
    }

    /// True so many times in a hundred.
    fn percent(&self, times: u64) -> bool {
        self.roll() % 100 < times
    }

    /// One of them.
    fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.roll() as usize % from.len()]
    }

    /// So many milliseconds.
    fn millis(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }
}

impl Chance for Sim {
    fn roll(&self) -> u64 {
        self.random()
    }
}

/// Sleeps.
pub(crate) async fn pause(sim: &Sim, span: Duration) {
    sim.sleep_until(sim.now() + span).await;
}
