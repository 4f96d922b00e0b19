//! How long things took: a histogram, and the handful of figures people read.

mod recent;

pub use recent::{Lately, Recent};

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// The longest duration told apart from longer ones: an hour.
pub(crate) const LONGEST_MICROS: u64 = 3_600_000_000;

/// Durations from a microsecond to an hour, to three digits.
#[derive(Clone, PartialEq)]
pub struct Latency(Histogram<u32>);

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MICROS, 3);
        Self(histogram.expect("the bounds are constants in range"))
    }
}

/// As its summary: the counts are many thousand numbers.
impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.summary())
    }
}

impl Latency {
    /// Counts one duration given in nanoseconds.
    pub fn record(&mut self, nanos: u64) {
        self.0.saturating_record((nanos / 1_000).max(1));
    }

    /// Adds all of `other`.
    ///
    /// # Panics
    /// Never: both have the same bounds.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The histogram itself, in microseconds.
    #[must_use]
    pub const fn histogram(&self) -> &Histogram<u32> {
        &self.0
    }

    /// The figures people read.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let at = |quantile| self.0.value_at_quantile(quantile);
        Summary {
            count: self.0.len(),
            p50_micros: at(0.5),
            p90_micros: at(0.9),
            p99_micros: at(0.99),
            p999_micros: at(0.999),
            max_micros: self.0.max(),
        }
    }
}

/// As its summary: the histogram is for those who hold the value.
impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.summary().serialize(serializer)
    }
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// How many were counted.
    pub count: u64,
    /// Half were no slower.
    pub p50_micros: u64,
    /// Nine in ten were no slower.
    pub p90_micros: u64,
    /// 99 in 100 were no slower.
    pub p99_micros: u64,
    /// 999 in 1,000 were no slower.
    pub p999_micros: u64,
    /// The slowest.
    pub max_micros: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p90, p99, p999, max] =
            [self.p50_micros, self.p90_micros, self.p99_micros, self.p999_micros, self.max_micros]
                .map(brief);
        write!(f, "p50 {p50}  p90 {p90}  p99 {p99}  p99.9 {p999}  max {max}")
    }
}

/// A duration in microseconds, in the unit one would say it in.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "only shown")]
pub fn brief(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..10_000 => format!("{:.1} ms", micros as f64 / 1e3),
        10_000..1_000_000 => format!("{:.0} ms", micros as f64 / 1e3),
        _ => format!("{:.1} s", Duration::from_micros(micros).as_secs_f64()),
    }
}
