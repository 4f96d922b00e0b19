//! Dates as mail writes them.

use event::Wall;
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use jiff::tz::TimeZone;

/// Appends `at` as in `Mon, 23 Nov 2026 21:10:38 +0000`.
///
/// [RFC 5322 §3.3](https://www.rfc-editor.org/rfc/rfc5322#section-3.3). A clock beyond the year
/// 9999 writes the epoch: wrong either way, but still a date.
///
/// # Panics
/// Never: every moment jiff holds has a year of four digits.
pub fn write_date(at: Wall, out: &mut Vec<u8>) {
    const PRINTER: DateTimePrinter = DateTimePrinter::new();
    let moment = i64::try_from(at.0).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    let utc = moment.unwrap_or_default().to_zoned_datetime(TimeZone::UTC);
    PRINTER.print_zoned_datetime(&utc, out).expect("its year has four digits");
}

/// Whether a Date field says this, folded or not. A wrong day of the week is let pass: the rest
/// says when.
///
/// [RFC 5322 §4.3](https://www.rfc-editor.org/rfc/rfc5322#section-4.3): obsolete zones are read
/// as well.
pub(crate) fn is_date(value: &[u8]) -> bool {
    const PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    PARSER.parse_timestamp(value.trim_ascii()).is_ok()
}

#[cfg(test)]
mod tests;
