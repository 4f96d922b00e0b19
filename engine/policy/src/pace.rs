//! How many in a time go to a site, so that whoever counts there never counts more.
//!
//! Receivers count in windows that we do not see. Had we the whole of a rate at once, as those who
//! give us mail do ([`crate::rate::Meter`]), a window could hold nearly twice as many: those of the
//! beginning, and those that time pays for behind them. So what we send is spread: a twentieth and one
//! may go at once, and the rest one by one, each when time has paid for it, such that **no window
//! as long as the rate's span holds more than its count**, wherever it begins. Of a rate that is
//! used up without pause at most a twentieth is lost to that. It is little, too, what a restart
//! could make too many.

use crate::rate::Rate;
use event::Tick;
use std::fmt;
use std::time::Duration;

/// How many in a time a site may have of what costs receivers something; `None`: as many as come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Messages: transactions, however many recipients one has.
    pub messages: Option<Rate>,
    /// Octets of messages. One that is larger than the rate goes as well, and others wait for that.
    pub bytes: Option<Rate>,
    /// Connections, be they of use or not.
    pub connections: Option<Rate>,
}

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Messages: transactions.
    Messages,
    /// Their octets.
    Bytes,
    /// Connections.
    Connections,
}

impl Counted {
    /// The key of the settings that says how many.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Messages => "message_rate",
            Self::Bytes => "byte_rate",
            Self::Connections => "connection_rate",
        }
    }

    /// The key that says how many from one source.
    #[must_use]
    pub const fn key_per_source(self) -> &'static str {
        match self {
            Self::Messages => "message_rate_per_source",
            Self::Bytes => "byte_rate_per_source",
            Self::Connections => "connection_rate_per_source",
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Messages => "messages",
            Self::Bytes => "octets",
            Self::Connections => "new connections",
        })
    }
}

impl Rates {
    /// The rate of this.
    #[must_use]
    pub const fn of(&self, counted: Counted) -> Option<Rate> {
        match counted {
            Counted::Messages => self.messages,
            Counted::Bytes => self.bytes,
            Counted::Connections => self.connections,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages.is_none() && self.bytes.is_none() && self.connections.is_none()
    }
}

/// From one message to the next, where a rate is used up without pause.
#[must_use]
pub fn every(rate: Rate) -> Duration {
    let count = u128::from(rate.count() - rate.count() / PART);
    let nanos = rate.span().as_nanos() / count;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The part of a rate's count that may be had at once, beside one.
const PART: u64 = 20;
/// Parts of a nanosecond that are counted in, as a power of two.
const FINE_BITS: u32 = 16;

/// Keeps to one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacer {
    rate: Rate,
    /// Until then what was had is paid for by time, in parts of a nanosecond.
    paid: u128,
}

impl Pacer {
    /// Of which nothing was had.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self { rate, paid: 0 }
    }

    /// The rate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// When one more may be had, if nothing is before.
    #[must_use]
    pub fn opens(&self) -> Tick {
        let open = self.paid.saturating_sub(self.cost() * u128::from(self.burst() - 1));
        let nanos = open.div_ceil(1 << FINE_BITS);
        Tick(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many may be had now. Nothing is had by that.
    #[must_use]
    pub fn left(&self, now: Tick) -> u64 {
        let most = self.cost() * u128::from(self.burst());
        let left = most.saturating_sub(self.paid.saturating_sub(fine(now))) / self.cost();
        u64::try_from(left).unwrap_or(u64::MAX)
    }

    /// So many are had. They may be more than are left: then nothing is until time has paid for all,
    /// though never for longer than [`Rate::SPAN_MAX`].
    pub fn charge(&mut self, count: u64, now: Tick) {
        let cost = self.cost() * u128::from(count);
        let longest = fine(now) + (Rate::SPAN_MAX.as_nanos() << FINE_BITS);
        self.paid = (self.paid.max(fine(now)) + cost).min(longest);
    }

    /// So many were not had after all.
    pub fn give_back(&mut self, count: u64) {
        self.paid = self.paid.saturating_sub(self.cost() * u128::from(count));
    }

    /// How many may be had at once where nothing was before.
    fn burst(&self) -> u64 {
        1 + self.rate.count() / PART
    }

    /// What one costs. In a window of `k` costs, its end not included, there are at most
    /// `burst + k - 1`: so `k` is the count less what is had at once beside one.
    fn cost(&self) -> u128 {
        let count = self.rate.count();
        let paced = u128::from(count - count / PART);
        (self.rate.span().as_nanos() << FINE_BITS).div_ceil(paced)
    }
}

/// Keeps to the rates of one thing: a site, or one of our addresses there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pacers {
    messages: Option<Pacer>,
    bytes: Option<Pacer>,
    connections: Option<Pacer>,
}

/// What is used up, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// What it is of.
    pub counted: Counted,
    /// The next may be had then.
    pub until: Tick,
}

impl Pacers {
    /// These rates hold from now on. What was had counts on, but for a rate that is another one.
    pub fn change(&mut self, rates: Rates) {
        let pacers = [
            (&mut self.messages, rates.messages),
            (&mut self.bytes, rates.bytes),
            (&mut self.connections, rates.connections),
        ];
        for (pacer, rate) in pacers {
            if pacer.as_ref().map(Pacer::rate) != rate {
                *pacer = rate.map(Pacer::new);
            }
        }
    }

    /// The rates that hold.
    #[must_use]
    pub fn rates(&self) -> Rates {
        let rate = |pacer: &Option<Pacer>| pacer.as_ref().map(Pacer::rate);
        Rates {
            messages: rate(&self.messages),
            bytes: rate(&self.bytes),
            connections: rate(&self.connections),
        }
    }

    /// Why no message may go now; of two reasons the one that lasts longer.
    #[must_use]
    pub fn messages_spent(&self, now: Tick) -> Option<Spent> {
        let messages = spent(self.messages.as_ref(), Counted::Messages, now);
        let bytes = spent(self.bytes.as_ref(), Counted::Bytes, now);
        messages.into_iter().chain(bytes).max_by_key(|spent| spent.until)
    }

    /// Why no connection may be opened now.
    #[must_use]
    pub fn connections_spent(&self, now: Tick) -> Option<Spent> {
        spent(self.connections.as_ref(), Counted::Connections, now)
    }

    /// How many messages may go now; `None`: as many as there are.
    #[must_use]
    pub fn messages_left(&self, now: Tick) -> Option<u64> {
        match self.bytes.as_ref().map(|pacer| pacer.left(now)) {
            Some(0) => Some(0),
            _ => self.messages.as_ref().map(|pacer| pacer.left(now)),
        }
    }

    /// How many connections may be opened now; `None`: as many as are wanted.
    #[must_use]
    pub fn connections_left(&self, now: Tick) -> Option<u64> {
        self.connections.as_ref().map(|pacer| pacer.left(now))
    }

    /// When a message may go at the earliest.
    #[must_use]
    pub fn messages_open(&self) -> Tick {
        let pacers = [&self.messages, &self.bytes];
        pacers.into_iter().flatten().map(Pacer::opens).max().unwrap_or(Tick::ZERO)
    }

    /// When a connection may be opened at the earliest.
    #[must_use]
    pub fn connections_open(&self) -> Tick {
        self.connections.as_ref().map_or(Tick::ZERO, Pacer::opens)
    }

    /// A message of so many octets goes.
    pub fn sends(&mut self, bytes: u64, now: Tick) {
        self.messages.iter_mut().for_each(|pacer| pacer.charge(1, now));
        self.bytes.iter_mut().for_each(|pacer| pacer.charge(bytes, now));
    }

    /// One that was to go did not.
    pub fn unsent(&mut self, bytes: u64) {
        self.messages.iter_mut().for_each(|pacer| pacer.give_back(1));
        self.bytes.iter_mut().for_each(|pacer| pacer.give_back(bytes));
    }

    /// A connection is opened.
    pub fn connects(&mut self, now: Tick) {
        self.connections.iter_mut().for_each(|pacer| pacer.charge(1, now));
    }

    /// One that was to be opened was not.
    pub fn unconnected(&mut self) {
        self.connections.iter_mut().for_each(|pacer| pacer.give_back(1));
    }
}

fn spent(pacer: Option<&Pacer>, counted: Counted, now: Tick) -> Option<Spent> {
    let until = pacer.map(Pacer::opens).filter(|until| now < *until)?;
    Some(Spent { counted, until })
}

fn fine(now: Tick) -> u128 {
    u128::from(now.0) << FINE_BITS
}

#[cfg(test)]
mod tests;
