//! What became of messages in each second, within bounded memory: when there are too many
//! seconds, each two become one.

use crate::clock::Nanos;
use crate::latency::LONGEST_MICROS;
use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// Points kept; a histogram of two digits stands behind each, of 14 KB at most.
pub const POINTS_MAX: usize = 1_024;

/// What became of messages, over time.
#[derive(Clone)]
pub struct Series {
    secs: u64,
    buckets: Vec<Bucket>,
}

#[derive(Clone)]
struct Bucket {
    accepted: u64,
    postponed: u64,
    refused: u64,
    latency: Histogram<u32>,
}

/// One span of a run. Counts are recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// When it starts, in seconds since the run did.
    pub from_secs: u64,
    /// How long it is: 1 second, or a power of two if the run was a long one.
    pub secs: u64,
    /// Answered with 250 in it.
    pub accepted: u64,
    /// Answered with 4xx in it.
    pub postponed: u64,
    /// Refused for good in it.
    pub refused: u64,
    /// Half of the messages accepted in it took no longer, to two digits: from the moment they
    /// were to start in an open loop, else from MAIL.
    pub p50_micros: u64,
    /// 99 in 100 took no longer.
    pub p99_micros: u64,
}

/// What can become of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Accepted,
    Postponed,
    Refused,
}

/// As its points.
impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.points()).finish()
    }
}

impl Default for Series {
    fn default() -> Self {
        Self { secs: 1, buckets: Vec::new() }
    }
}

impl Bucket {
    fn new() -> Self {
        let mut latency = Histogram::new(2).expect("two digits are allowed");
        latency.auto(true);
        Self { accepted: 0, postponed: 0, refused: 0, latency }
    }

    fn merge(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.postponed += other.postponed;
        self.refused += other.refused;
        self.latency.add(&other.latency).expect("a histogram without bounds grows");
    }
}

impl Series {
    /// Counts what became of one recipient, `since_start` nanoseconds into the run.
    pub(super) fn count(&mut self, since_start: Nanos, fate: Fate) {
        let bucket = self.bucket(since_start);
        *match fate {
            Fate::Accepted => &mut bucket.accepted,
            Fate::Postponed => &mut bucket.postponed,
            Fate::Refused => &mut bucket.refused,
        } += 1;
    }

    /// Counts how long an accepted message took.
    pub(super) fn record(&mut self, since_start: Nanos, took: Nanos) {
        let micros = (took / 1_000).clamp(1, LONGEST_MICROS);
        self.bucket(since_start).latency.record(micros).expect("it grows as far as that");
    }

    fn bucket(&mut self, since_start: Nanos) -> &mut Bucket {
        let second = since_start / 1_000_000_000;
        while second / self.secs >= POINTS_MAX as u64 {
            self.coarsen();
        }
        let index = (second / self.secs) as usize;
        if index >= self.buckets.len() {
            self.buckets.resize_with(index + 1, Bucket::new);
        }
        &mut self.buckets[index]
    }

    /// Each two points become one.
    fn coarsen(&mut self) {
        self.secs *= 2;
        let mut halved = Vec::with_capacity(POINTS_MAX);
        for (index, bucket) in std::mem::take(&mut self.buckets).into_iter().enumerate() {
            match halved.last_mut() {
                Some(last) if index % 2 == 1 => Bucket::merge(last, &bucket),
                _ => halved.push(bucket),
            }
        }
        self.buckets = halved;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        while self.secs < other.secs {
            self.coarsen();
        }
        while other.secs < self.secs {
            other.coarsen();
        }
        let longest = self.buckets.len().max(other.buckets.len());
        self.buckets.resize_with(longest, Bucket::new);
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(ours, theirs)| ours.merge(theirs));
    }

    /// The points, in order, without gaps.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        (0..).zip(&self.buckets).map(|(index, bucket)| Point {
            from_secs: index * self.secs,
            secs: self.secs,
            accepted: bucket.accepted,
            postponed: bucket.postponed,
            refused: bucket.refused,
            p50_micros: bucket.latency.value_at_quantile(0.5),
            p99_micros: bucket.latency.value_at_quantile(0.99),
        })
    }
}

/// As its points.
impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.points())
    }
}

#[cfg(test)]
mod tests {
    use super::{Fate, POINTS_MAX, Point, Series};

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn each_second_has_its_own_figures() {
        let mut series = Series::default();
        for (at, micros) in [(0, 100), (SECOND - 1, 100), (2 * SECOND, 5_000)] {
            series.count(at, Fate::Accepted);
            series.record(at, micros * 1_000);
        }
        series.count(0, Fate::Postponed);
        series.count(2 * SECOND, Fate::Refused);
        let point = |from_secs, accepted, postponed, refused, micros| {
            let (p50_micros, p99_micros) = (micros, micros);
            Point { from_secs, secs: 1, accepted, postponed, refused, p50_micros, p99_micros }
        };
        let wanted = [point(0, 2, 1, 0, 100), point(1, 0, 0, 0, 0), point(2, 1, 0, 1, 5_023)];
        assert_eq!(series.points().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_long_run_has_longer_points_and_forgets_nothing() {
        let seconds = 5 * POINTS_MAX as u64;
        let (mut long, mut short) = (Series::default(), Series::default());
        for second in 0..seconds {
            long.count(second * SECOND, Fate::Accepted);
            long.record(second * SECOND, 1_000);
        }
        short.count(9 * SECOND, Fate::Accepted);
        for merged in [(&long, &short), (&short, &long)].map(|(one, other)| {
            let mut merged = one.clone();
            merged.merge(other);
            merged
        }) {
            let points: Vec<_> = merged.points().collect();
            assert_eq!(points.len() as u64, seconds / 8);
            assert!(points.iter().all(|point| point.secs == 8 && point.p50_micros == 1));
            assert!(
                points.iter().all(|point| point.accepted == 8 + u64::from(point.from_secs == 8))
            );
        }
    }
}
