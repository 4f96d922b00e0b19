//! Rates and spans as operators write them: `5000/s`, `83/5s`, `20/m`; `90s`, `250ms`, `2h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The fastest rate that can be asked for, a second.
pub const PER_SECOND_MAX: f64 = 1e8;
/// The longest span.
pub const SPAN_MAX: Duration = Duration::from_hours(366 * 24);

/// So many in a span of time. Zero is a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// That many a second, within 0 and [`PER_SECOND_MAX`].
    #[must_use]
    pub const fn per_second(count: f64) -> Self {
        Self(count.clamp(0.0, PER_SECOND_MAX))
    }

    /// How many a second.
    #[must_use]
    pub const fn a_second(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

/// The text is no rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotARate(String);

impl fmt::Display for NotARate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no rate: give N/[M]{{s,m,h,d}} such as 5000/s, 83/5s or 20/m, up to \
             {PER_SECOND_MAX}/s",
            self.0
        )
    }
}

impl std::error::Error for NotARate {}

impl FromStr for Rate {
    type Err = NotARate;
    fn from_str(text: &str) -> Result<Self, NotARate> {
        let refused = || NotARate(text.to_owned());
        let (count, span) = text.split_once('/').unwrap_or((text, "s"));
        let spelled = if span.starts_with(|first: char| first.is_ascii_digit()) {
            span.to_owned()
        } else {
            format!("1{span}")
        };
        let secs = self::span(&spelled).ok_or_else(refused)?.as_secs_f64();
        let count: f64 = count.parse().ok().filter(|count| *count >= 0.0).ok_or_else(refused)?;
        let rate = count / secs;
        if rate <= PER_SECOND_MAX { Ok(Self(rate)) } else { Err(refused()) }
    }
}

/// `250ms`, `90s`, `5m`, `2h` or `1d`, if `text` is one and neither zero nor above
/// [`SPAN_MAX`].
#[must_use]
pub fn span(text: &str) -> Option<Duration> {
    let unit = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (count, unit) = text.split_at_checked(unit)?;
    let secs = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let span = Duration::try_from_secs_f64(count.parse::<f64>().ok()? * secs).ok()?;
    (!span.is_zero() && span <= SPAN_MAX).then_some(span)
}

#[cfg(test)]
mod tests {
    use super::{Rate, span};
    use std::time::Duration;

    #[test]
    fn rates_are_read_as_operators_write_them() {
        for (text, wanted) in
            [("5000", 5_000.0), ("5000/s", 5_000.0), ("83/5s", 16.6), ("30/m", 0.5), ("0/s", 0.0)]
        {
            assert_eq!(text.parse(), Ok(Rate::per_second(wanted)), "{text}");
        }
        for text in ["", "/s", "5/", "5/0s", "-5/s", "5/w", "nan", "inf/s", "1e9/s", "5/s/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn spans_have_a_unit_and_a_bound() {
        assert_eq!(span("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(span("1.5m"), Some(Duration::from_secs(90)));
        assert_eq!(span("366d"), Some(super::SPAN_MAX));
        for text in ["", "s", "5", "0s", "-1s", "5 s", "367d", "5y", "infs"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
