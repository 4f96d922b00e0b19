//! Addresses of ours that nobody knows yet: they send a little, and every day some more.
//!
//! A [`Plan`] says how many messages a day, from a first day on; behind its last day there is no limit. A
//! [`Quota`] keeps one of our addresses to it, for all shards together: it is locked for a moment, for
//! each message from there. What was sent of a day ([`Counter`]) is kept in a [`Book`] beside the plans,
//! so that it counts on when these change, and over a restart. **No day, from one midnight of the plan's
//! zone to the next, has more messages than its figure.**

mod book;

pub use book::{Book, Kept};

use event::Wall;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most days of a plan.
pub const DAYS_MAX: usize = 366;

/// How many messages a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The first day. Before it there are none.
    pub started: Date,
    /// Of each day from that on.
    pub per_day: Box<[u64]>,
    /// Where it is midnight when a day ends.
    pub zone: TimeZone,
}

/// A day of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// It begins with this moment.
    pub begins: Wall,
    /// It ends before this one.
    pub ends: Wall,
    /// So many messages; `None`: as many as there are, since the plan is over.
    pub most: Option<u64>,
}

impl Plan {
    /// The day that it is.
    #[must_use]
    pub fn day(&self, now: Wall) -> Day {
        let millis = i64::try_from(now.0).unwrap_or(i64::MAX);
        let here = Timestamp::from_millisecond(millis)
            .unwrap_or(Timestamp::MAX)
            .to_zoned_datetime(self.zone.clone());
        let date = here.date();
        let begins = self.midnight(date).unwrap_or(Wall(0));
        let ends = date.tomorrow().ok().and_then(|next| self.midnight(next));
        let ends = ends.unwrap_or(Wall(u64::MAX));
        Day { date, begins, ends, most: self.most(date) }
    }

    /// The first moment of a date, be it midnight or what comes in its place where clocks are put forward.
    fn midnight(&self, date: Date) -> Option<Wall> {
        let midnight = date.to_zoned_datetime(self.zone.clone()).ok()?;
        u64::try_from(midnight.timestamp().as_millisecond()).ok().map(Wall)
    }

    fn most(&self, date: Date) -> Option<u64> {
        let Some(number) = usize::try_from(days(self.started, date)).ok() else { return Some(0) };
        self.per_day.get(number).copied()
    }
}

/// Days from one date to another; below zero if it is earlier.
fn days(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

/// What one of our addresses has sent of a day, to one site or to all.
#[derive(Debug, Default)]
pub struct Counter {
    sent: Mutex<Sent>,
    /// Counts changes, of all counters of a book.
    edition: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    date: Option<Date>,
    count: u64,
}

impl Sent {
    /// It is this day now. A clock that is put back by a day or less takes nothing back.
    fn enter(&mut self, date: Date) {
        let is_same = self.date.is_some_and(|known| (-1..=0).contains(&days(known, date)));
        if !is_same {
            *self = Self { date: Some(date), count: 0 };
        }
    }
}

impl Counter {
    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps one of our addresses to a plan.
#[derive(Debug)]
pub struct Quota {
    plan: Plan,
    counter: Arc<Counter>,
    /// The day that it was when somebody asked last.
    day: Mutex<Option<Day>>,
}

impl Quota {
    /// By this plan, counting on in `counter`.
    #[must_use]
    pub const fn new(plan: Plan, counter: Arc<Counter>) -> Self {
        Self { plan, counter, day: Mutex::new(None) }
    }

    /// The day that it is.
    #[must_use]
    pub fn day(&self, now: Wall) -> Day {
        let mut known = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            Some(day) if day.begins <= now && now < day.ends => day,
            _ => *known.insert(self.plan.day(now)),
        }
    }

    /// The day that it is, if all its messages were sent.
    #[must_use]
    pub fn spent(&self, now: Wall) -> Option<Day> {
        let day = self.day(now);
        let most = day.most?;
        let mut sent = self.counter.sent();
        sent.enter(day.date);
        (sent.count >= most).then_some(day)
    }

    /// A message goes, and counts into this day.
    ///
    /// # Errors
    /// The day, if all its messages were sent: then nothing counts.
    pub fn take(&self, now: Wall) -> Result<Day, Day> {
        let day = self.day(now);
        let Some(most) = day.most else { return Ok(day) };
        let mut sent = self.counter.sent();
        sent.enter(day.date);
        if sent.count >= most {
            return Err(day);
        }
        sent.count += 1;
        self.counter.edition.fetch_add(1, Ordering::Relaxed);
        Ok(day)
    }

    /// What was [taken](Self::take) of a day does not go.
    pub fn give_back(&self, day: &Day) {
        let mut sent = self.counter.sent();
        if day.most.is_some() && sent.date == Some(day.date) {
            sent.count = sent.count.saturating_sub(1);
            self.counter.edition.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
