//! How much a provider takes in a time, as far as a log shows it.
//!
//! A provider that counts is taken to have a bucket: each message it takes puts one in, so many flow out
//! in a time, and while it is full it says no. So it is full whenever it begins to say no, and what was
//! taken since it last was is what had flowed out meanwhile, or all of it. Of many rates the one is meant
//! by which that is so most often; the size follows from it.

/// Rates that are tried: those at which it took mail between one no and the next.
const RATES_MAX: usize = 60;
/// So much of all that it took between them has to be explained, or it is not for the load that it said no.
const EXPLAINED_MIN: f64 = 0.75;
/// Rates that explain so much less are as good.
const EXPLAINED_SLACK: f64 = 0.02;
/// It has to have begun to say no so often, for anything to be seen in it.
const SPATES_MIN: usize = 4;
/// What was taken is as expected if it is within so much of that, and two.
const TOLERANCE: f64 = 0.2;

/// What a provider takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    /// Messages that flow out in a millisecond.
    pub(super) rate: f64,
    /// Messages it holds.
    pub(super) size: f64,
    /// For how long it goes on saying no once it has.
    pub(super) hold_millis: u32,
}

/// How full one is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    at: u32,
    held: f64,
    shut_until: u32,
}

impl Bucket {
    /// The one that explains these answers best: when mail was taken and when it was not, in milliseconds,
    /// each in the order of time. Of those that explain it as well the slowest is meant: that more would
    /// have been taken is not in the log. `None` if there is none.
    pub(super) fn of(taken: &[u32], refused: &[u32]) -> Option<Self> {
        let spates = spates(taken, refused);
        // Who is full turns away whoever comes, and not one in many.
        if spates.len() < SPATES_MIN || refused.len() < 2 * spates.len() {
            return None;
        }
        let mut rates: Vec<f64> = spates.iter().filter_map(Spate::rate).collect();
        rates.sort_by(f64::total_cmp);
        let step = rates.len().div_ceil(RATES_MAX).max(1);
        let rates = rates.into_iter().step_by(step);
        let tried: Vec<_> = rates.map(|rate| (rate, explained(rate, &spates))).collect();
        let best = tried.iter().map(|(_, share)| *share).fold(0.0, f64::max);
        if best < EXPLAINED_MIN {
            return None;
        }
        let (rate, _) = tried.into_iter().find(|(_, share)| *share >= best - EXPLAINED_SLACK)?;
        Some(Self { rate, size: size(rate, &spates), hold_millis: hold(rate, &spates) })
    }

    /// Whether one more is taken now, and if so puts it in.
    pub(super) fn takes(&self, level: &mut Level, now: u32) -> bool {
        level.flow(self.rate, now);
        if now < level.shut_until {
            return false;
        }
        // What flowed out in a rounded time is not counted to the last digit.
        if level.held + 1.0 > self.size + 0.01 {
            level.shut_until = now.saturating_add(self.hold_millis);
            return false;
        }
        level.held += 1.0;
        true
    }
}

impl Level {
    fn flow(&mut self, rate: f64, now: u32) {
        let passed = f64::from(now.saturating_sub(self.at));
        self.held = (self.held - rate * passed).max(0.0);
        self.at = self.at.max(now);
    }

    /// One that was to come is not taken after all.
    pub(super) fn give_back(&mut self) {
        self.held = (self.held - 1.0).max(0.0);
    }
}

/// What was taken between one no and the next.
#[derive(Clone, Copy, Debug)]
struct Spate {
    /// From when it began to say no, the time before, until it took the first; `None` of the first of all.
    gap: Option<f64>,
    /// From then until it said no again.
    length: f64,
    taken: f64,
    /// For how long it then said no, as far as it was asked.
    refusing: u32,
}

impl Spate {
    /// The rate, if the bucket was not empty in between.
    fn rate(&self) -> Option<f64> {
        let span = self.gap? + self.length;
        (span > 0.0).then(|| self.taken / span)
    }

    /// What fits into a bucket that was full when it last said no.
    fn expected(&self, rate: f64, size: f64) -> f64 {
        self.gap.map_or(size, |gap| size.min(rate * gap)) + rate * self.length
    }
}

#[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 messages")]
fn spates(taken: &[u32], refused: &[u32]) -> Vec<Spate> {
    let mut spates = Vec::<Spate>::new();
    let (mut behind, mut began) = (0, None);
    for at in refused {
        let until = taken.partition_point(|taken| taken <= at);
        if let (true, Some(began), Some(last)) = (until == behind, began, spates.last_mut()) {
            last.refusing = *at - began;
        } else if until > behind {
            let first = taken[behind];
            let gap = began.map(|began: u32| f64::from(first.saturating_sub(began)));
            let (length, count) = (f64::from(*at - first), (until - behind) as f64);
            spates.push(Spate { gap, length, taken: count, refusing: 0 });
            (behind, began) = (until, Some(*at));
        }
    }
    spates
}

/// The most that was ever in it.
fn size(rate: f64, spates: &[Spate]) -> f64 {
    let at_once = spates.iter().map(|spate| spate.taken - rate * spate.length);
    at_once.fold(1.0, f64::max)
}

/// The share of spates that are as they would be.
#[expect(clippy::cast_precision_loss, reason = "it is a share")]
fn explained(rate: f64, spates: &[Spate]) -> f64 {
    let size = size(rate, spates);
    let fits = |spate: &&Spate| {
        let expected = spate.expected(rate, size);
        (spate.taken - expected).abs() <= 2.0_f64.min(expected / 2.0) + TOLERANCE * expected
    };
    spates.iter().filter(fits).count() as f64 / spates.len() as f64
}

/// The longest that it was seen to say no although there was room for two.
fn hold(rate: f64, spates: &[Spate]) -> u32 {
    let had_room = |refusing: &u32| rate * f64::from(*refusing) >= 2.0;
    spates.iter().map(|spate| spate.refusing).filter(had_room).max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
