//! Two runs, or two groups of runs, side by side: what differs, by how much, and whether that is
//! more than chance.
//!
//! With one run a side, rates are resampled second by second in blocks (seconds that follow each
//! other are alike), and percentiles have the order-statistic intervals of their histograms. That
//! is the noise within a run. Several runs a side are resampled as whole runs, which also takes
//! in what differs from run to run: prefer that. Chance comes from a seed, so the same reports
//! always give the same answer.

mod chance;
mod measure;

pub use measure::Measure;

use crate::report::Document;
use chance::Chance;
use measure::Better;
use std::fmt;

/// Resamples drawn for an interval.
pub const RESAMPLES: usize = 2_000;
/// A change for the worse by this share is let pass.
pub const THRESHOLD: f64 = 0.05;

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The change for the worse, as a share, beyond which a whole interval must lie to be called
    /// a regression.
    pub threshold: f64,
    /// Decides the resamples.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { threshold: THRESHOLD, seed: 0 }
    }
}

/// What a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The interval holds no change at all.
    Noise,
    /// All of it is for the better.
    Better,
    /// All of it is for the worse, but not all of it beyond the threshold.
    Worse,
    /// All of it is for the worse and beyond the threshold.
    Regression,
    /// There is too little to say.
    Unknown,
}

/// One figure of both sides. Shares are of the base: 0.2 is a fifth more.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What was measured.
    pub measure: Measure,
    /// The base's.
    pub base: f64,
    /// The new one's.
    pub new: f64,
    /// The change.
    pub change: f64,
    /// Where it lies in 95 of 100 cases; `None`: a run of a few seconds does not say.
    pub interval: Option<(f64, f64)>,
    /// What that is.
    pub finding: Finding,
}

/// All differences.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Those that both sides have measured, in a fixed order.
    pub differences: Vec<Difference>,
    threshold: f64,
}

/// The sides cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incomparable {
    /// A side has no run.
    NoRun,
    /// A run's generator left no part, or accepted nothing.
    NothingSent,
}

impl fmt::Display for Incomparable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRun => "give at least one run a side",
            Self::NothingSent => {
                "a report has no accepted message: run `ringload send --report` for each"
            }
        })
    }
}

impl std::error::Error for Incomparable {}

/// Compares `new` with `base`.
///
/// # Errors
/// If a side is empty, or a run has accepted nothing.
pub fn compare(
    base: &[Document],
    new: &[Document],
    options: &Options,
) -> Result<Comparison, Incomparable> {
    if base.is_empty() || new.is_empty() {
        return Err(Incomparable::NoRun);
    }
    let sent = |run: &Document| run.send.as_ref().is_some_and(|sent| sent.messages > 0);
    if !base.iter().chain(new).all(sent) {
        return Err(Incomparable::NothingSent);
    }
    let mut chance = Chance::new(options.seed);
    let of = |measure| difference(measure, base, new, options, &mut chance);
    let differences = Measure::ALL.into_iter().filter_map(of).collect();
    Ok(Comparison { differences, threshold: options.threshold })
}

fn difference(
    measure: Measure,
    base: &[Document],
    new: &[Document],
    options: &Options,
    chance: &mut Chance,
) -> Option<Difference> {
    let values = |runs: &[Document]| -> Option<Vec<f64>> {
        runs.iter().filter_map(|run| run.send.as_ref()).map(|sent| measure.value(sent)).collect()
    };
    let (olds, news) = (values(base)?, values(new)?);
    let (old, late) = (chance::mean(&olds), chance::mean(&news));
    let interval = match (base, new) {
        ([base], [new]) => measure.interval(base.send.as_ref()?, new.send.as_ref()?, chance),
        _ => chance.ratio(&olds, &news, 1, chance::mean),
    };
    let interval = interval.map(|(low, high)| (low - 1.0, high - 1.0));
    (old > 0.0).then(|| Difference {
        measure,
        base: old,
        new: late,
        change: late / old - 1.0,
        interval,
        finding: Finding::of(measure.better(), interval, options.threshold),
    })
}

impl Finding {
    fn of(better: Better, interval: Option<(f64, f64)>, threshold: f64) -> Self {
        let Some((low, high)) = interval else { return Self::Unknown };
        // For the worse is up from here on.
        let (least, most) = match better {
            Better::Less => (low, high),
            Better::More => (-high, -low),
        };
        match (least, most) {
            (least, _) if least > threshold => Self::Regression,
            (least, _) if least > 0.0 => Self::Worse,
            (_, most) if most < 0.0 => Self::Better,
            _ => Self::Noise,
        }
    }
}

impl Comparison {
    /// Whether anything has become worse by more than the threshold and the noise.
    #[must_use]
    pub fn has_regressed(&self) -> bool {
        self.differences.iter().any(|one| one.finding == Finding::Regression)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [figure, base, new, change, interval] =
            ["figure", "base", "new", "change", "95 % interval"];
        writeln!(f, "  {figure:<26}{base:>12}{new:>12}{change:>10}{interval:>20}")?;
        for Difference { measure, base, new, change, interval, finding } in &self.differences {
            let [base, new] = [base, new].map(|value| measure.shown(*value));
            let change = percent(*change);
            let interval = interval.map_or_else(
                || "too short a run".to_owned(),
                |(low, high)| format!("{} .. {}", percent(low), percent(high)),
            );
            let name = measure.name();
            writeln!(f, "  {name:<26}{base:>12}{new:>12}{change:>10}{interval:>20}  {finding}")?;
        }
        let limit = percent(self.threshold);
        if self.has_regressed() {
            write!(f, "  REGRESSION: worse by more than {limit}, beyond the noise")
        } else {
            write!(f, "  no regression: nothing is worse by more than {limit}, beyond the noise")
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Noise => "within the noise",
            Self::Better => "better",
            Self::Worse => "worse, within the threshold",
            Self::Regression => "REGRESSION",
            Self::Unknown => "unknown",
        })
    }
}

fn percent(share: f64) -> String {
    format!("{:+.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests;
