//! The only place here that reads a clock. Machines are handed what it says.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch. It fits until the year 2554.
pub type Nanos = u64;

/// The wall clock. Both ledgers use it, so that their rows can be compared.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this module is loadgen's clock")]
pub fn now() -> Nanos {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// `span` in nanoseconds; half of all time if it is longer.
#[must_use]
pub fn nanos(span: Duration) -> Nanos {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX / 2)
}

/// CPU time the calling thread has used, user and system, if the system tells.
#[must_use]
pub fn thread_cpu() -> Duration {
    let line = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = line.split(' ').next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// Days since the Unix epoch as year, month and day of the Gregorian calendar.
///
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil(days: u64) -> (u64, usize, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 2 } else { shifted - 10 };
    let year = year_of_era + era * 400 + u64::from(month < 2);
    (year, usize::try_from(month).unwrap_or(0), day)
}

/// The moment as a Date field says it.
///
/// [RFC 5322 §3.3](https://www.rfc-editor.org/rfc/rfc5322#section-3.3)
#[must_use]
pub fn date(at: Nanos) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let secs = at / 1_000_000_000;
    let (days, clock) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = civil(days);
    let weekday = DAYS[usize::try_from(days % 7).unwrap_or(0)];
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    let month = MONTHS[month];
    format!("{weekday}, {day} {month} {year} {hour:02}:{minute:02}:{second:02} +0000")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let day = 86_400_000_000_000;
        assert_eq!(date(0), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(date(11_016 * day), "Tue, 29 Feb 2000 00:00:00 +0000");
        assert_eq!(date(1_795_468_242_000_000_000), "Mon, 23 Nov 2026 21:10:42 +0000");
    }
}
