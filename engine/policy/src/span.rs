//! Durations as people write them: `"30m"`, `"1h30m"`, `"250ms"`, `"3d"`.
//!
//! For settings: `#[serde(with = "policy::span")]`.

use serde::{Deserialize, Deserializer, Serializer, de};
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// Units in falling order, with their milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotASpan;

impl fmt::Display for NotASpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a duration such as \"30m\", \"1h30m\", \"250ms\" or \"3d\"")
    }
}

/// Reads a duration: whole numbers, each with its unit, in falling order of units.
///
/// # Errors
/// If it is anything else, or more than a century.
pub fn parse(text: &str) -> Result<Duration, NotASpan> {
    let mut rest = text;
    let mut millis = 0_u64;
    for (unit, unit_millis) in UNITS {
        let Some((number, behind)) = leading(rest, unit) else { continue };
        let number = number.parse::<u64>().map_err(|_| NotASpan)?;
        let span = number.checked_mul(unit_millis).ok_or(NotASpan)?;
        millis = millis.checked_add(span).ok_or(NotASpan)?;
        rest = behind;
    }
    let read = rest.is_empty() && !text.is_empty() && millis <= UNITS[0].1 * 36_525;
    if read { Ok(Duration::from_millis(millis)) } else { Err(NotASpan) }
}

/// Writes a duration so that [`parse`] reads it back, to the millisecond.
#[must_use]
pub fn show(span: Duration) -> String {
    let mut rest = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, unit_millis) in UNITS {
        if rest >= unit_millis {
            // Writing to a String does not fail.
            let _ = write!(text, "{}{unit}", rest / unit_millis);
            rest %= unit_millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// For serde's `with`.
///
/// # Errors
/// What the serializer says.
pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show(*span))
}

/// For serde's `with`.
///
/// # Errors
/// If the value is not a string that [`parse`] reads.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    parse(&text).map_err(de::Error::custom)
}

/// The digits in front of `unit`, if digits and this very unit come next, and what is behind.
fn leading<'t>(text: &'t str, unit: &str) -> Option<(&'t str, &'t str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, behind) = text.split_at(digits);
    let word = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, behind) = behind.split_at(word);
    if digits > 0 && word == unit { Some((number, behind)) } else { None }
}

#[cfg(test)]
mod tests;
