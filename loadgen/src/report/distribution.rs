//! A histogram as a report keeps it: figures, what chance alone may change in them, and the
//! curve that is drawn.

use crate::latency::{Latency, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Points of the curve each time the distance to the slowest is halved, as in `HdrHistogram`.
const TICKS_PER_HALF: u32 = 5;
/// The percentiles whose intervals are kept.
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];
/// Standard errors within which 95 in 100 lie.
const ERRORS_95: f64 = 1.96;

/// How long something took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// The figures people read.
    #[serde(flatten)]
    pub summary: Summary,
    /// The mean, in microseconds.
    pub mean_micros: f64,
    /// 95 % intervals of p50, p90, p99 and p99.9.
    pub intervals: Vec<Interval>,
    /// The curve: pairs of a quantile from 0.0 to 1.0 and its microseconds, both rising.
    pub curve: Vec<(f64, u64)>,
}

/// A percentile, and where it would lie in 95 of 100 samples as large, by the order statistics
/// of this one; as if each message had taken its time by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Which, from 0.0 to 1.0.
    pub quantile: f64,
    /// Its microseconds.
    pub micros: u64,
    /// The lower end.
    pub low_micros: u64,
    /// The upper end.
    pub high_micros: u64,
}

impl Distribution {
    /// What was counted; `None` if that is nothing.
    #[must_use]
    pub fn of(latency: &Latency) -> Option<Self> {
        let histogram = latency.histogram();
        let step = |step: hdrhistogram::iterators::IterationValue<u32>| {
            (step.quantile_iterated_to(), step.value_iterated_to())
        };
        let mut curve: Vec<(f64, u64)> =
            histogram.iter_quantiles(TICKS_PER_HALF).map(step).collect();
        curve.dedup();
        (!latency.is_empty()).then(|| Self {
            summary: latency.summary(),
            mean_micros: histogram.mean(),
            intervals: QUANTILES.map(|quantile| Interval::of(latency, quantile)).to_vec(),
            curve,
        })
    }
}

impl Interval {
    #[expect(clippy::cast_precision_loss, reason = "a count below 2^52")]
    fn of(latency: &Latency, quantile: f64) -> Self {
        let histogram = latency.histogram();
        let error = ERRORS_95 * (quantile * (1.0 - quantile) / histogram.len() as f64).sqrt();
        let at = |quantile: f64| histogram.value_at_quantile(quantile.clamp(0.0, 1.0));
        Self {
            quantile,
            micros: at(quantile),
            low_micros: at(quantile - error),
            high_micros: at(quantile + error),
        }
    }
}

/// The percentile distribution of `latency` as `HdrHistogram` prints it, in microseconds: the
/// text of an `.hgrm` file.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "only shown")]
pub fn hgrm(latency: &Latency) -> String {
    let histogram = latency.histogram();
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut total = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        total += step.count_since_last_iteration();
        let (value, quantile) = (step.value_iterated_to() as f64, step.quantile_iterated_to());
        let _ = write!(text, "{value:>12.3} {quantile:.12} {total:>10}");
        let _ = if quantile < 1.0 {
            writeln!(text, " {:>14.2}", 1.0 / (1.0 - quantile))
        } else {
            writeln!(text)
        };
    }
    let [mean, deviation, max] = [histogram.mean(), histogram.stdev(), histogram.max() as f64];
    let count = histogram.len();
    let sub_buckets = 2 * 10_u64.pow(u32::from(histogram.sigfig()));
    let sub_buckets = sub_buckets.next_power_of_two();
    let buckets = (histogram.high() / sub_buckets).max(1).ilog2() + 2;
    let _ = writeln!(text, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]");
    let _ = writeln!(text, "#[Max     = {max:>12.3}, Total count    = {count:>12}]");
    let _ = writeln!(text, "#[Buckets = {buckets:>12}, SubBuckets     = {sub_buckets:>12}]");
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::cast_precision_loss, reason = "small numbers")]

    use super::{Distribution, hgrm};
    use crate::latency::Latency;

    fn up_to(count: u64) -> Latency {
        let mut latency = Latency::default();
        (1..=count).for_each(|micros| latency.record(micros * 1_000));
        latency
    }

    #[test]
    fn a_percentile_is_the_surer_the_more_there_were() {
        let width = |count| {
            let of = Distribution::of(&up_to(count)).expect("it is not empty");
            let median = of.intervals[0];
            assert!(median.low_micros <= median.micros && median.micros <= median.high_micros);
            (median.high_micros - median.low_micros) as f64 / count as f64
        };
        // Two times 1.96 standard errors of half a square root each.
        assert!((width(10_000) - 0.0196).abs() < 0.002, "{}", width(10_000));
        assert!((width(100) - 0.196).abs() < 0.03, "{}", width(100));
        assert_eq!(Distribution::of(&Latency::default()), None);
    }

    #[test]
    fn a_curve_rises_to_the_slowest() {
        let of = Distribution::of(&up_to(1_000)).expect("it is not empty");
        let rises = |pair: &[(f64, u64)]| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1;
        assert!(of.curve.windows(2).all(rises), "{:?}", of.curve);
        assert_eq!(of.curve.last(), Some(&(1.0, 1_000)));
    }

    /// Laid out as by `HdrHistogram`'s `outputPercentileDistribution`, which plotters read.
    #[test]
    fn the_text_is_what_plotters_read() {
        let text = hgrm(&up_to(4));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
        assert_eq!(lines[1..3], ["", "       1.000 0.000000000000          1           1.00"]);
        let tail = "       4.000 1.000000000000          4";
        assert_eq!(lines.iter().filter(|line| **line == tail).count(), 1, "{text}");
        let foot = "#[Mean    =        2.500, StdDeviation   =        1.118]";
        assert_eq!(lines[lines.len() - 3], foot);
        assert_eq!(
            lines[lines.len() - 2],
            "#[Max     =        4.000, Total count    =            4]"
        );
        assert_eq!(
            lines[lines.len() - 1],
            "#[Buckets =           22, SubBuckets     =         2048]"
        );
    }
}
