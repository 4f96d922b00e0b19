//! The day in a table, and what must be true of it.

use super::book::Tally;
use super::watch::{Recovery, Watch};
use std::fmt;
use std::time::Duration;

/// What politeness is shown with.
const SHOWN: [&str; 5] = ["gmail", "yahoo", "microsoft", "orange", "other"];
/// The largest share of tries that may be put off in full swing.
const DEFERRED_MAX: f64 = 0.02;
/// The least of what a provider would have taken while mail waited.
const REACHED_MIN: f64 = 0.9;
/// Mail must have waited for so long, for a share to say anything.
const WAITED_MIN: u64 = 10;
/// How late a way back may begin.
const LATE_MAX: Duration = Duration::from_secs(2);

/// A day, over.
pub(crate) struct Report {
    pub(super) seed: u64,
    pub(super) messages: u64,
    pub(super) rows: Vec<Row>,
    /// Why mail was put off, and how often; the most frequent first.
    pub(super) deferrals: Vec<(u64, String)>,
    pub(super) doubled: usize,
    /// Recipients that were not settled when it ended.
    pub(super) left: u64,
    pub(super) trace: u64,
}

/// A provider.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) is_known: bool,
    pub(super) offered: u64,
    /// Messages it takes in a second.
    pub(super) rate: f64,
    pub(super) tally: Tally,
    pub(super) deferred: f64,
    /// Of what it would have taken while mail waited, and how many seconds that was.
    pub(super) reached: Option<f64>,
    pub(super) waited: u64,
    /// How often a gate was shut or narrowed.
    pub(super) blocks: usize,
    pub(super) recovery: Option<Recovery>,
}

impl Report {
    pub(super) fn of(
        (seed, messages, trace): (u64, u64, u64),
        watch: &Watch,
        (offered, tallies): (&[u64], Vec<Tally>),
        (doubled, left): (usize, u64),
    ) -> Self {
        let rows = watch.sites.iter().zip(offered).zip(tallies).map(|((site, offered), tally)| {
            let less = |step: &&str| matches!(*step, "shut" | "narrowed");
            Row {
                name: site.host.part.profile.name.clone(),
                is_known: site.host.part.is_known,
                offered: *offered,
                rate: site.rate(),
                deferred: site.deferred(tally.taken + tally.refused),
                tally,
                reached: site.reached(),
                waited: site.waited,
                blocks: site.steps.iter().map(|step| &*step.taken).filter(less).count(),
                recovery: site.recovery(),
            }
        });
        let of_words = watch.deferrals.iter();
        let mut deferrals: Vec<_> =
            of_words.map(|((site, words), times)| (*times, format!("{site}: {words}"))).collect();
        deferrals.sort_by(|one, other| other.cmp(one));
        Self { seed, messages, rows: rows.collect(), deferrals, doubled, left, trace }
    }

    /// What is not as it must be.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults: Vec<_> = self.rows.iter().flat_map(Row::faults).collect();
        if self.doubled > 0 || self.left > 0 {
            let Self { doubled, left, .. } = self;
            faults.push(format!("{doubled} messages were taken twice, and {left} are left"));
        }
        faults
    }
}

impl Row {
    fn faults(&self) -> Vec<String> {
        let Self { name, tally, .. } = self;
        let mut faults = Vec::new();
        for (rule, times) in &tally.broken {
            faults.push(format!("{name}: its rule `{rule}` was broken {times} times"));
        }
        if self.offered != tally.taken + tally.refused || tally.corrupt > 0 {
            let (offered, corrupt) = (self.offered, tally.corrupt);
            faults.push(format!("{name}: {offered} offered, {tally:?}, {corrupt} corrupt"));
        }
        if SHOWN.contains(&name.as_str()) {
            if self.deferred > DEFERRED_MAX {
                faults.push(format!("{name}: {:.2} % were put off", 100.0 * self.deferred));
            }
            let reached = self.reached.filter(|_| self.waited >= WAITED_MIN).unwrap_or(1.0);
            if reached < REACHED_MIN {
                faults.push(format!("{name}: it got {:.1} % of what it takes", 100.0 * reached));
            }
        }
        faults.extend(self.recovery.as_ref().and_then(|recovery| recovery.fault(name)));
        faults
    }
}

impl Recovery {
    fn fault(&self, name: &str) -> Option<String> {
        let pause = self.asked.unwrap_or_default();
        // One connection too many is no block of the provider's: the rule says what to do.
        let is_kept = self.rule.ends_with("-connections") || pause >= self.published;
        let is_right = self.back.is_some_and(|back| back >= pause && back <= pause + LATE_MAX);
        let is_wrong = !is_right || !is_kept;
        is_wrong.then(|| format!("{name}: it was to come back after {pause:?}: {self:?}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, messages, trace, .. } = self;
        writeln!(f, "day {seed}: {messages} messages, trace {trace:016x}")?;
        writeln!(
            f,
            "{:<16} {:>5} {:>8} {:>8} {:>7} {:>6} {:>7} {:>8} {:>6} {:>6} {:>6} {:>6}",
            "provider",
            "known",
            "offered",
            "taken",
            "refused",
            "put %",
            "takes/s",
            "reached%",
            "waited",
            "away",
            "blocks",
            "broken"
        )?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        for row in &self.rows {
            if let Some(recovery) = &row.recovery {
                writeln!(f, "{}: {recovery}", row.name)?;
            }
        }
        for (times, words) in self.deferrals.iter().take(20) {
            writeln!(f, "{times:>7} {words}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, offered, tally, rate, .. } = self;
        let reached = self.reached.map_or_else(|| "-".into(), |it| format!("{:.1}", 100.0 * it));
        write!(
            f,
            "{name:<16} {:>5} {offered:>8} {:>8} {:>7} {:>6.2} {rate:>7.1} {reached:>8} {:>5}s {:>6} {:>6} {:>6}",
            if self.is_known { "yes" } else { "no" },
            tally.taken,
            tally.refused,
            100.0 * self.deferred,
            self.waited,
            tally.turned_away,
            self.blocks,
            tally.broken.values().sum::<u64>()
        )
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, key, .. } = self;
        let secs = |span: Option<Duration>| {
            span.map_or_else(|| "never".into(), |it| it.as_secs().to_string())
        };
        let (back, open) = (secs(self.back), secs(self.open));
        let (published, asked) = (self.published.as_secs(), secs(self.asked));
        write!(
            f,
            "{rule} ({key}): {published} s of its own, {asked} by the rule; back after {back}, as \
             ever after {open}"
        )
    }
}
