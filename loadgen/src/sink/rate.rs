//! Rates and spans as operators write them, and the meter that holds a sender to a rate.

use crate::clock::Nanos;
use serde::{Deserialize, Deserializer, de};
use std::str::FromStr;
use std::time::Duration;

/// Units of time with their milliseconds, the longest spelling first.
const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
/// The longest span: a year. With it no sum of times here overflows.
const MILLIS_MAX: u64 = 366 * 86_400_000;

/// A length of time, written such as `"10m"` or `"250ms"`: a whole number and one of the units
/// ms, s, m, h, d; at most 366 days. `"0"` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// Its nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> Nanos {
        self.0.as_nanos() as Nanos
    }

    /// So many seconds.
    #[must_use]
    pub const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// Whether it is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "`{text}` is no span: give a number and a unit, such as 250ms, 90s, 10m, 4h or 1d"
            )
        };
        if text == "0" {
            return Ok(Self::default());
        }
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(refused)?;
        let (number, unit) = text.split_at(digits);
        let unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
        let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit.1));
        let millis = millis.filter(|millis| *millis <= MILLIS_MAX).ok_or_else(refused)?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

/// So many in every such span, written `N/[M]{s,m,h,d}`: `"100/m"`, `"83/5s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least 1.
    pub count: u32,
    /// In how long; at least a second.
    pub span: Span,
}

impl Rate {
    /// Nanoseconds between two, if they come evenly, where a sender has `permille` of the rate.
    fn step(self, permille: u32) -> Nanos {
        let even = u128::from(self.span.nanos()) * 1_000;
        let step = even / u128::from(self.count) / u128::from(permille.clamp(1, 1_000));
        u64::try_from(step).unwrap_or(u64::MAX / 4).max(1)
    }
}

impl FromStr for Rate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let refused =
            || format!("`{text}` is no rate: give N/[M]{{s,m,h,d}}, such as 100/m or 83/5s");
        let (count, span) = text.split_once('/').ok_or_else(refused)?;
        let count = count.parse::<u32>().ok().filter(|count| *count > 0).ok_or_else(refused)?;
        let span = if span.starts_with(|letter: char| letter.is_ascii_digit()) {
            span.parse::<Span>()
        } else {
            format!("1{span}").parse::<Span>()
        };
        let span = span.ok().filter(|span| span.0 >= Duration::from_secs(1)).ok_or_else(refused)?;
        Ok(Self { count, span })
    }
}

/// Both are written as text.
fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    source: D,
) -> Result<T, D::Error> {
    String::deserialize(source)?.parse().map_err(de::Error::custom)
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        from_text(source)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        from_text(source)
    }
}

/// A bucket that holds as many as the rate allows in its span, and refills evenly: the generic
/// cell rate algorithm, whose whole state is when the bucket would be full again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    full_at: Nanos,
}

impl Meter {
    /// Takes one out if there is one; a sender in bad repute has `permille` of the rate.
    pub fn take(&mut self, rate: Rate, permille: u32, now: Nanos) -> bool {
        let after = self.full_at.max(now) + rate.step(permille);
        let fits = after - now <= rate.span.nanos().max(rate.step(permille));
        if fits {
            self.full_at = after;
        }
        fits
    }

    /// Counts one that has come, whether it fits or not. True if it is beyond the rate by more
    /// than a tenth and one: less may be the network's doing, which delays some and not others.
    pub fn overrun(&mut self, rate: Rate, now: Nanos) -> bool {
        let (step, span) = (rate.step(1_000), rate.span.nanos());
        let most = now + span + span / 10 + step;
        let after = self.full_at.max(now) + step;
        self.full_at = after.min(most);
        after > most
    }

    /// Puts one back.
    pub fn refund(&mut self, rate: Rate) {
        self.full_at = self.full_at.saturating_sub(rate.step(1_000));
    }

    /// Empties it: the next one fits when one has flowed in.
    pub fn drain(&mut self, rate: Rate, now: Nanos) {
        self.full_at = now + rate.span.nanos();
    }
}

#[cfg(test)]
mod tests {
    use super::{Meter, Rate, Span};
    use std::time::Duration;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn rates_and_spans_are_read_as_operators_write_them() {
        for (text, count, secs) in
            [("83/5s", 83, 5), ("100/m", 100, 60), ("1/2h", 1, 7_200), ("9/d", 9, 86_400)]
        {
            let rate = Rate { count, span: Span::secs(secs) };
            assert_eq!(text.parse(), Ok(rate), "{text}");
        }
        for text in ["", "5", "0/s", "5/", "5/x", "-1/s", "5/0s", "5/10ms", "5/m2", "5/367d"] {
            assert!(text.parse::<Rate>().unwrap_err().contains("is no rate"), "{text}");
        }
        assert_eq!("250ms".parse(), Ok(Span(Duration::from_millis(250))));
        assert_eq!("0".parse(), Ok(Span::default()));
        for text in ["", "5", "m", "5 m", "1.5h", "400d", "99999999999999999999s"] {
            assert!(text.parse::<Span>().unwrap_err().contains("is no span"), "{text}");
        }
    }

    #[test]
    fn a_bucket_holds_its_rate_and_refills_evenly() {
        let rate = "10/10s".parse().unwrap();
        let mut meter = Meter::default();
        let taken =
            |meter: &mut Meter, now| (0..30).filter(|_| meter.take(rate, 1_000, now)).count();
        assert_eq!(taken(&mut meter, 100 * SECOND), 10);
        assert_eq!(taken(&mut meter, 100 * SECOND), 0);
        assert_eq!(taken(&mut meter, 103 * SECOND), 3);
        assert_eq!(taken(&mut meter, 999 * SECOND), 10);
        let mut slow = Meter::default();
        assert_eq!((0..30).filter(|_| slow.take(rate, 500, SECOND)).count(), 5);
        let mut least = Meter::default();
        assert_eq!((0..30).filter(|_| least.take("1/s".parse().unwrap(), 1, SECOND)).count(), 1);
    }

    #[test]
    fn only_what_no_network_explains_is_an_overrun() {
        let rate: Rate = "20/10s".parse().unwrap();
        let mut meter = Meter::default();
        let over = (0..40).filter(|_| meter.overrun(rate, SECOND)).count();
        assert_eq!(over, 40 - 20 - 2 - 1);
        let mut even = Meter::default();
        assert!((0..1_000).all(|n| !even.overrun(rate, SECOND + n * SECOND / 2)));
    }
}
