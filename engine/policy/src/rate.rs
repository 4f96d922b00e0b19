//! How many in a time: a rate as people write it, and a meter that keeps to it.
//!
//! The meter is the generic cell rate algorithm (ITU-T I.371): one number says until when
//! what was taken so far is worth waiting for. It lies in one atomic word, so that all shards
//! take from the same meter without a lock.

use event::Tick;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So many in a time, such as `83/5s`: 83 at once, and again as many in any five seconds
/// behind that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u64,
    span: Duration,
}

/// The text is not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARate;

impl fmt::Display for NotARate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a rate such as \"100/s\", \"83/5s\", \"10000/h\" or \"250000/d\"")
    }
}

/// The units of a rate, with their seconds.
const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];

/// Parts of a nanosecond that a meter counts in, as a power of two: even at the highest rate
/// one thing costs 64 of them, and so less than one in a hundred is lost to rounding.
const FINE_BITS: u32 = 6;

/// How far the clocks of two shards may seem apart: one may read it, then be held up.
const SKEW: u64 = 10_000_000_000 << FINE_BITS;

/// The most that is remembered beyond what may be had at once.
const LONGEST: u64 = (Rate::SPAN_MAX.as_secs() * 1_000_000_000) << FINE_BITS;

const _: () =
    assert!(LONGEST < u64::MAX / 8, "what a meter can owe is far less than its word holds");

impl Rate {
    /// The longest time.
    pub const SPAN_MAX: Duration = Duration::from_hours(30 * 24);
    /// The most in a second.
    pub const PER_SECOND_MAX: u64 = 1_000_000_000;

    /// So many in a time, or `None` if that is nothing, more than [`Self::PER_SECOND_MAX`] a
    /// second, or over more than [`Self::SPAN_MAX`].
    #[must_use]
    pub fn new(count: u64, span: Duration) -> Option<Self> {
        let most = u128::from(Self::PER_SECOND_MAX) * span.as_nanos() / 1_000_000_000;
        let sound = count > 0 && u128::from(count) <= most && span <= Self::SPAN_MAX;
        sound.then_some(Self { count, span })
    }

    /// Reads `N/[M]{s,m,h,d}`.
    ///
    /// # Errors
    /// If it is anything else, or not within the limits of [`Self::new`].
    pub fn parse(text: &str) -> Result<Self, NotARate> {
        let (count, span) = text.split_once('/').ok_or(NotARate)?;
        let digits = span.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = span.split_at(digits);
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(NotARate)?;
        let number = if number.is_empty() { 1 } else { natural(number).ok_or(NotARate)? };
        let seconds = number.checked_mul(*seconds).ok_or(NotARate)?;
        let count = natural(count).ok_or(NotARate)?;
        Self::new(count, Duration::from_secs(seconds)).ok_or(NotARate)
    }

    /// How many at once.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.count
    }

    /// In how long.
    #[must_use]
    pub const fn span(self) -> Duration {
        self.span
    }

    /// What one of them costs, in parts of a nanosecond. At least 64, and to the nearest.
    fn cost(self) -> u64 {
        let span = self.span.as_nanos() << FINE_BITS;
        let count = u128::from(self.count);
        u64::try_from((span + count / 2) / count).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Rate {
    /// Writes it so that [`Rate::parse`] reads it back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.span.as_secs();
        let whole = |(_, unit): &&(&str, u64)| seconds.is_multiple_of(*unit);
        let (unit, unit_seconds) = UNITS.iter().rev().find(whole).unwrap_or(&UNITS[0]);
        match seconds / unit_seconds {
            1 => write!(f, "{}/{unit}", self.count),
            number => write!(f, "{}/{number}{unit}", self.count),
        }
    }
}

/// Only digits: no sign, no space.
fn natural(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// What was taken at one rate. It does not know the rate, which may change under it.
///
/// The word is a moment in parts of a nanosecond: until then, what was taken is paid for by
/// time. It wraps with the clock every nine years; a moment further ahead than anybody can
/// owe is one long past.
#[derive(Debug, Default)]
pub struct Meter(AtomicU64);

impl Meter {
    /// Takes `count` at once, or nothing if that is more than the rate leaves.
    #[must_use]
    pub fn take(&self, rate: Rate, count: u64, now: Tick) -> bool {
        let Some((cost, most)) = prices(rate, count) else { return false };
        let take = |paid| {
            let owed = owed(paid, now, most);
            (owed.saturating_add(cost) <= most).then(|| fine(now).wrapping_add(owed + cost))
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Whether one could be taken now.
    #[must_use]
    pub fn is_ready(&self, rate: Rate, now: Tick) -> bool {
        let Some((cost, most)) = prices(rate, 1) else { return false };
        owed(self.0.load(Ordering::Relaxed), now, most).saturating_add(cost) <= most
    }

    /// Counts what cannot be refused any more, and remembers what of it goes beyond the rate until
    /// time has paid for it, though never for more than [`Rate::SPAN_MAX`].
    pub fn charge(&self, rate: Rate, count: u64, now: Tick) {
        let most = rate.cost().saturating_mul(rate.count);
        let cost = rate.cost().saturating_mul(count).min(LONGEST);
        let charge = |paid| {
            let owed = owed(paid, now, most).saturating_add(cost).min(most + LONGEST);
            Some(fine(now).wrapping_add(owed))
        };
        // It always has an answer.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charge);
    }
}

/// What `count` cost, and the most that may be owed; `None` if they can never be had at once.
fn prices(rate: Rate, count: u64) -> Option<(u64, u64)> {
    let one = rate.cost();
    (count <= rate.count).then(|| (one * count, one * rate.count))
}

/// What is not paid for yet.
const fn owed(paid: u64, now: Tick, most: u64) -> u64 {
    let ahead = paid.wrapping_sub(fine(now));
    if ahead <= most + LONGEST + SKEW { ahead } else { 0 }
}

const fn fine(now: Tick) -> u64 {
    now.0 << FINE_BITS
}

#[cfg(test)]
mod tests;
