//! What is compared, and how sure a single run is of it.

use super::chance::Chance;
use crate::latency::brief;
use crate::report::{Distribution, Interval, Sent};

/// Seconds a run must have, to be resampled by them.
const SECONDS_MIN: usize = 8;

/// A figure of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Recipients the relay accepted a second.
    Throughput,
    /// From MAIL to the answer to the text: the quantile of that index in a distribution.
    Raw(usize),
    /// The same from the moment a message was to start.
    Corrected(usize),
    /// CPU of the relay by recipient.
    Cpu,
    /// Mean memory of the relay.
    Memory,
}

/// Which way is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

impl Measure {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 11] = [
        Self::Throughput,
        Self::Raw(0),
        Self::Raw(1),
        Self::Raw(2),
        Self::Raw(3),
        Self::Corrected(0),
        Self::Corrected(1),
        Self::Corrected(2),
        Self::Corrected(3),
        Self::Cpu,
        Self::Memory,
    ];

    /// As a table calls it.
    #[must_use]
    pub fn name(self) -> String {
        let quantile = |index: usize| ["p50", "p90", "p99", "p99.9"][index.min(3)];
        match self {
            Self::Throughput => "accepted a second".to_owned(),
            Self::Raw(index) => format!("transaction {}", quantile(index)),
            Self::Corrected(index) => format!("from start {}", quantile(index)),
            Self::Cpu => "relay CPU a recipient".to_owned(),
            Self::Memory => "relay memory, mean".to_owned(),
        }
    }

    pub(super) const fn better(self) -> Better {
        if matches!(self, Self::Throughput) { Better::More } else { Better::Less }
    }

    /// A value of it as people read it.
    #[expect(clippy::cast_sign_loss, reason = "no value is below zero")]
    pub(super) fn shown(self, value: f64) -> String {
        match self {
            Self::Throughput => format!("{value:.0}/s"),
            Self::Memory => format!("{:.1} MiB", value / f64::from(1 << 20)),
            Self::Cpu | Self::Raw(_) | Self::Corrected(_) => brief(value.round() as u64),
        }
    }

    /// Its value in a run: recipients a second, microseconds or bytes; `None` if it was not
    /// measured there.
    #[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
    pub(super) fn value(self, sent: &Sent) -> Option<f64> {
        match self {
            Self::Throughput => Some(sent.accepted as f64 / sent.seconds.max(1e-9)),
            Self::Raw(_) | Self::Corrected(_) => self.percentile(sent).map(|one| one.micros as f64),
            Self::Cpu => {
                let relay = sent.relay.as_ref()?;
                Some(relay.cpu_secs * 1e6 / sent.accepted.max(1) as f64)
            }
            Self::Memory => {
                let memory = memory(sent)?;
                Some(super::chance::mean(&memory))
            }
        }
    }

    /// Where the ratio of a new run to a base run lies in 95 of 100 cases.
    pub(super) fn interval(
        self,
        base: &Sent,
        new: &Sent,
        chance: &mut Chance,
    ) -> Option<(f64, f64)> {
        match self {
            Self::Throughput => resampled(&rates(base), &rates(new), chance, super::chance::mean),
            Self::Raw(_) | Self::Corrected(_) => {
                Some(ratio(&self.percentile(base)?, &self.percentile(new)?))
            }
            Self::Cpu => resampled(&costs(base)?, &costs(new)?, chance, by_recipient),
            Self::Memory => resampled(&memory(base)?, &memory(new)?, chance, super::chance::mean),
        }
    }

    fn percentile(self, sent: &Sent) -> Option<Interval> {
        let of =
            |one: &Option<Distribution>, index: usize| one.as_ref()?.intervals.get(index).copied();
        match self {
            Self::Raw(index) => of(&sent.transaction, index),
            Self::Corrected(index) => of(&sent.corrected, index),
            _ => None,
        }
    }
}

/// By blocks of the cube root of their count, which is the order that suits a mean.
///
/// Künsch, "The jackknife and the bootstrap for general stationary observations" (1989).
fn resampled<T: Copy>(
    base: &[T],
    new: &[T],
    chance: &mut Chance,
    figure: impl Fn(&[T]) -> f64,
) -> Option<(f64, f64)> {
    let shorter = base.len().min(new.len());
    let block = (1..=shorter).find(|block| block.pow(3) >= shorter).unwrap_or(1);
    if shorter < SECONDS_MIN { None } else { chance.ratio(base, new, block, figure) }
}

/// The interval of a ratio out of those of its parts.
///
/// Donner and Zou, "Closed-form confidence intervals for functions of the normal mean and
/// standard deviation" (2010): the method of variance estimates recovery, here for the
/// difference of logarithms.
#[expect(clippy::cast_precision_loss, reason = "microseconds of an hour")]
fn ratio(base: &Interval, new: &Interval) -> (f64, f64) {
    let log = |micros: u64| (micros.max(1) as f64).ln();
    let parts = |one: &Interval| [one.low_micros, one.micros, one.high_micros].map(log);
    let ([base_low, base, base_high], [new_low, new, new_high]) = (parts(base), parts(new));
    let low = new - base - (new - new_low).hypot(base_high - base);
    let high = new - base + (new_high - new).hypot(base - base_low);
    (low.exp(), high.exp())
}

/// Recipients accepted a second, in each whole span of the run.
#[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
fn rates(sent: &Sent) -> Vec<f64> {
    let is_whole =
        |point: &&crate::send::Point| (point.from_secs + point.secs) as f64 <= sent.seconds;
    let rate = |point: &crate::send::Point| point.accepted as f64 / point.secs.max(1) as f64;
    sent.series.iter().filter(is_whole).map(rate).collect()
}

/// Microseconds of CPU and recipients accepted between each two looks at the relay.
#[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
fn costs(sent: &Sent) -> Option<Vec<(f64, f64)>> {
    let looks = &sent.relay.as_ref()?.series;
    let accepted_by = |at: f64| -> f64 {
        let share = |point: &crate::send::Point| {
            let (from, secs) = (point.from_secs as f64, point.secs.max(1) as f64);
            point.accepted as f64 * ((at - from) / secs).clamp(0.0, 1.0)
        };
        sent.series.iter().map(share).sum()
    };
    let cost = |pair: &[crate::report::UsagePoint]| {
        let micros = 1e6 * (pair[1].cpu_secs - pair[0].cpu_secs);
        (micros, accepted_by(pair[1].at_secs) - accepted_by(pair[0].at_secs))
    };
    Some(looks.windows(2).map(cost).collect())
}

fn by_recipient(costs: &[(f64, f64)]) -> f64 {
    let [micros, recipients] =
        [costs.iter().map(|cost| cost.0).sum::<f64>(), costs.iter().map(|cost| cost.1).sum()];
    micros / recipients
}

#[expect(clippy::cast_precision_loss, reason = "bytes below 2^52")]
fn memory(sent: &Sent) -> Option<Vec<f64>> {
    let looks = &sent.relay.as_ref()?.series;
    Some(looks.iter().map(|look| look.memory_bytes as f64).collect())
}
