//! Times and rates as other relays write them.

use policy::rate::Rate;
use policy::span;
use std::time::Duration;

/// Units of time with their milliseconds.
const UNITS: [(&[&str], u64); 6] = [
    (&["ms", "msec"], 1),
    (&["", "s", "sec", "secs", "second", "seconds"], 1_000),
    (&["m", "min", "mins", "minute", "minutes"], 60_000),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600_000),
    (&["d", "day", "days"], 86_400_000),
    (&["w", "week", "weeks"], 604_800_000),
];

/// The longest time that is read.
const LONGEST: u64 = 36_525 * 86_400_000;

/// A time, such as `90`, `30s`, `1d12h`, `2 hours` or `1h 30m`; a bare number is in seconds.
pub(super) fn time(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut millis = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, behind) = split(rest, |c| c.is_ascii_digit());
        let (unit, behind) = split(behind.trim_start(), |c| c.is_ascii_alphabetic());
        let part = number.parse::<u64>().ok()?.checked_mul(millis_of(unit)?)?;
        millis = millis.checked_add(part).filter(|millis| *millis <= LONGEST)?;
        rest = behind.trim_start();
    }
    Some(Duration::from_millis(millis))
}

/// A rate, such as `100/h`, `1,000/min` or `83/5sec`; `None` if it is none.
pub(super) fn rate(text: &str) -> Option<Rate> {
    let text = text.trim();
    // How many nodes share it is for nobody to say here.
    let text = text.strip_prefix("local:").unwrap_or(text);
    let (count, time) = text.split_once('/')?;
    let count: String = count.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    let (digits, unit) = split(time.trim(), |c| c.is_ascii_digit());
    let seconds = millis_of(unit).filter(|millis| !unit.is_empty() && millis % 1_000 == 0)? / 1_000;
    let digits = if digits.is_empty() { "1" } else { digits };
    let seconds = digits.parse::<u64>().ok()?.checked_mul(seconds)?;
    Rate::new(count.trim().parse().ok()?, Duration::from_secs(seconds))
}

/// A rate of bytes, such as `10M/h`: the number may have a unit of 1,024.
pub(super) fn byte_rate(text: &str) -> Option<Rate> {
    let (count, time) = text.split_once('/')?;
    rate(&format!("{}/{time}", bytes(count)?))
}

/// A length of data, such as `10485760`, `10M` or `64KB`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text.trim(), |c| c.is_ascii_digit());
    let unit = unit.trim().to_ascii_lowercase();
    let shift = match unit.strip_suffix('b').unwrap_or(&unit) {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// A time as settings write it.
pub(super) fn shown(time: Duration) -> String {
    span::show(time)
}

fn millis_of(unit: &str) -> Option<u64> {
    let is_its =
        |(names, _): &&(&[&str], u64)| names.iter().any(|name| name.eq_ignore_ascii_case(unit));
    UNITS.iter().find(is_its).map(|(_, millis)| *millis)
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests;
