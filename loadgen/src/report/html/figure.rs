//! Figures as people read them, with the exact value beside them.

use maud::{Markup, html};
use std::fmt::Display;

/// A figure: `text` is shown, `value` is what the document has at `pointer`.
pub(super) fn shown(pointer: &str, value: impl Display, text: &str) -> Markup {
    html! { data value=(value) data-of=(pointer) { (text) } }
}

/// A count that is shown with its thousands apart.
pub(super) fn count(pointer: &str, value: u64) -> Markup {
    shown(pointer, value, &thousands(value))
}

/// Microseconds.
#[expect(clippy::cast_precision_loss, reason = "only shown")]
pub(super) fn micros(pointer: &str, value: u64) -> Markup {
    shown(pointer, value, &span(value as f64))
}

/// Bytes.
pub(super) fn memory(pointer: &str, value: u64) -> Markup {
    shown(pointer, value, &bytes(value))
}

/// A share from 0.0 to 1.0, as a percentage.
pub(super) fn share(pointer: &str, value: f64) -> Markup {
    shown(pointer, value, &format!("{} %", digits(100.0 * value)))
}

/// Microseconds in the unit one would say them in, to three digits.
pub(super) fn span(micros: f64) -> String {
    let (value, unit) = match micros {
        ..1e3 => (micros, "µs"),
        ..1e6 => (micros / 1e3, "ms"),
        _ => (micros / 1e6, "s"),
    };
    format!("{} {unit}", digits(value))
}

/// Bytes in the unit one would say them in, to three digits.
#[expect(clippy::cast_precision_loss, reason = "only shown")]
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1_024.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1_024.0, unit + 1);
    }
    format!("{} {}", digits(value), UNITS[unit])
}

/// Three digits, and no more behind the point than are true; thousands apart.
#[expect(clippy::cast_sign_loss, reason = "no figure is below zero")]
pub(super) fn digits(value: f64) -> String {
    let text = match value.abs() {
        100.0.. => return thousands(value.round().max(0.0) as u64),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// With a comma between thousands.
pub(super) fn thousands(value: u64) -> String {
    let text = value.to_string();
    let mut apart = String::with_capacity(text.len() + text.len() / 3);
    for (index, digit) in text.chars().enumerate() {
        if index > 0 && (text.len() - index).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::{bytes, digits, span, thousands};

    #[test]
    fn figures_are_as_people_say_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 0.5, 9.876, 45.67, 1_234.5].map(digits),
            ["0", "0.5", "9.88", "45.7", "1,235"]
        );
        assert_eq!(
            [0.0, 450.0, 3_700.0, 12_340.0].map(span),
            ["0 µs", "450 µs", "3.7 ms", "12.3 ms"]
        );
        assert_eq!(span(2_500_000.0), "2.5 s");
        assert_eq!(
            [0, 1_023, 1_536, 67_108_864].map(bytes),
            ["0 B", "1,023 B", "1.5 KiB", "64 MiB"]
        );
    }
}
