//! The day that is, and the one before, until all that was wanted of it is sent.
//!
//! ```text
//!  counting --- 00:00 UTC ---> waits up to 4 h, by lot --> sent, domain by domain
//!                                                           | what failed: again, each hour
//!                                                           v
//!                                        00:00 UTC: what is left of it is given up
//! ```
//! By lot, so that not all the world reports at midnight.
//!
//! [RFC 8460 §5.5](https://www.rfc-editor.org/rfc/rfc8460#section-5.5)

use super::day::Day;
use super::document::Tally;
use event::Wall;
use std::time::Duration;

/// Reports begin within so long after a day.
pub(super) const SPREAD: Duration = Duration::from_hours(4);
/// What could not be sent is tried again after this.
pub(super) const RETRY_AFTER: Duration = Duration::from_hours(1);

/// The days that something is kept of.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) today: Day,
    ended: Option<Ended>,
}

/// A day that is over. Its domains are those that have got no report yet.
#[derive(Debug)]
struct Ended {
    day: Day,
    /// When its domains are gone through next.
    next: Wall,
}

/// What became of the report to one domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Somebody has it, or nobody wants one.
    Settled,
    /// It is to be tried again.
    Later,
}

impl Book {
    /// What is kept of these days, as far as it is of use now.
    pub(super) fn new(days: impl IntoIterator<Item = Day>, now: Wall, random: u64) -> Self {
        let today = Day::of(now);
        let mut book = Self { ended: None, today };
        for day in days {
            if day.number == book.today.number {
                book.today = day;
            } else if day.number + 1 == book.today.number {
                book.ended = Some(Ended::after(day, now, random));
            }
        }
        book
    }

    /// Begins a new day if it is time; how many domains never got a report on the last but one.
    pub(super) fn turn(&mut self, now: Wall, random: u64) -> usize {
        // A clock that goes back to yesterday counts for today.
        if now < self.today.end() {
            return 0;
        }
        let day = std::mem::replace(&mut self.today, Day::of(now));
        let given_up = self.ended.take().map_or(0, |ended| ended.day.domains.len());
        if day.number + 1 == self.today.number {
            self.ended = Some(Ended::after(day, now, random));
            given_up
        } else {
            // Nobody was here to send it in time.
            given_up + day.domains.len()
        }
    }

    /// The domains that are to hear of yesterday now.
    pub(super) fn due(&mut self, now: Wall) -> Vec<String> {
        let Some(ended) = self.ended.as_mut().filter(|ended| ended.next <= now) else {
            return Vec::new();
        };
        ended.next = now + RETRY_AFTER;
        ended.day.domains.keys().cloned().collect()
    }

    /// The day that is over, without its domains, and what this domain is to hear of it, unless it
    /// has.
    pub(super) fn news(&self, domain: &str) -> Option<(Day, Vec<Tally>)> {
        let day = self.yesterday()?;
        let tallies = day.domains.get(domain)?.clone();
        Some((Day { number: day.number, ..Day::default() }, tallies))
    }

    /// That report on the day of this number is done with, or is not.
    pub(super) fn settle(&mut self, number: u64, domain: &str, fate: Fate) {
        let ended = self.ended.as_mut().filter(|ended| ended.day.number == number);
        if let (Some(ended), Fate::Settled) = (ended, fate) {
            ended.day.domains.remove(domain);
        }
    }

    /// The day that is over, if something is left of it.
    pub(super) fn yesterday(&self) -> Option<&Day> {
        self.ended.as_ref().map(|ended| &ended.day).filter(|day| !day.domains.is_empty())
    }
}

impl Ended {
    fn after(day: Day, now: Wall, random: u64) -> Self {
        let millis = (SPREAD.as_millis() * u128::from(random)) >> 64;
        let wait = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let next = (day.end() + wait).max(now);
        Self { day, next }
    }
}

#[cfg(test)]
mod tests;
