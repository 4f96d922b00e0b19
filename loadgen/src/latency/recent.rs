//! How long things took lately: many threads count, and whoever shows it takes the counts away.

use super::LONGEST_MICROS;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Places for each doubling, as a power of two: figures are true to a sixteenth.
const PLACES_LOG: u32 = 4;
const PLACES: usize = place(LONGEST_MICROS) + 1;

/// Counts of durations that nobody has looked at yet.
pub struct Recent([AtomicU32; PLACES]);

/// What was counted since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lately {
    /// Half took no longer, in microseconds.
    pub p50_micros: u64,
    /// 99 in 100 took no longer.
    pub p99_micros: u64,
}

impl Default for Recent {
    fn default() -> Self {
        Self([const { AtomicU32::new(0) }; PLACES])
    }
}

/// Not its counts: they are hundreds of numbers.
impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

impl Recent {
    /// Counts one duration given in nanoseconds.
    pub fn record(&self, nanos: u64) {
        self.0[place((nanos / 1_000).min(LONGEST_MICROS))].fetch_add(1, Relaxed);
    }

    /// Takes away what was counted; `None` if that is nothing.
    #[must_use]
    pub fn take(&self) -> Option<Lately> {
        let counts = self.0.each_ref().map(|count| u64::from(count.swap(0, Relaxed)));
        let all: u64 = counts.iter().sum();
        let at = |percent: u64| {
            let mut left = (all * percent).div_ceil(100);
            let reaches = |count: &u64| {
                left = left.saturating_sub(*count);
                left == 0
            };
            counts.iter().position(reaches).map_or(0, highest)
        };
        (all > 0).then(|| Lately { p50_micros: at(50), p99_micros: at(99) })
    }
}

/// Where a duration is counted: one to one at first, then so many places for each doubling.
const fn place(micros: u64) -> usize {
    let doublings = (micros | 1).ilog2().saturating_sub(PLACES_LOG);
    ((doublings as usize) << PLACES_LOG) + (micros >> doublings) as usize
}

/// The longest duration that is counted there.
const fn highest(place: usize) -> u64 {
    let doublings = (place >> PLACES_LOG).saturating_sub(1);
    let first = (place - (doublings << PLACES_LOG)) as u64;
    ((first + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_MICROS, Lately, PLACES, Recent, highest, place};

    #[test]
    fn every_duration_has_a_place_that_is_true_to_a_sixteenth() {
        for micros in (0..100_000).chain([1 << 20, (1 << 31) - 1, 1 << 31, LONGEST_MICROS]) {
            let shown = highest(place(micros));
            assert!(micros <= shown && shown - micros <= micros / 16, "{micros}: {shown}");
        }
        assert!((1..PLACES).all(|place| highest(place - 1) < highest(place)));
        assert!((0..PLACES).all(|number| place(highest(number)) == number));
    }

    #[test]
    fn each_look_sees_what_came_since_the_last_one() {
        let recent = Recent::default();
        assert_eq!(recent.take(), None);
        (1..=100).for_each(|millis| recent.record(millis * 1_000_000));
        let Lately { p50_micros, p99_micros } = recent.take().unwrap();
        assert!((50_000..54_000).contains(&p50_micros), "{p50_micros}");
        assert!((99_000..106_000).contains(&p99_micros), "{p99_micros}");
        recent.record(u64::MAX);
        recent.record(3_000);
        let all = Lately { p50_micros: 3, p99_micros: highest(PLACES - 1) };
        assert_eq!((recent.take(), recent.take()), (Some(all), None));
    }
}
