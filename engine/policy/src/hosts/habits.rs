//! How a host treats its connections: how many messages it bears on their way at once, and how
//! many on one connection.
//!
//! What is on its way when a connection ends is in doubt, and some hosts end connections without
//! a word. So a host earns its trust: it gets messages one by one, and twice as many at once
//! after each [`TRUSTED_AFTER`] that went well. One that lost a connection with several on their
//! way begins anew, and it takes [`FRAGILE_AFTER`] then. A host that twice ended a connection
//! after the same number of messages is left one message sooner, for [`LEARNT_FOR`].
//!
//! One that takes fewer recipients in a transaction than it is given gets no more than these, as long.
//!
//! The words for too many messages on a connection and too many in a time are often the same. Those for
//! the former come behind the same number again and again; those for the latter soon come behind another.

use event::Tick;
use std::time::Duration;

/// Messages after which a host gets twice as many at once: more than most hosts take on one
/// connection that end it without a word.
pub const TRUSTED_AFTER: u32 = 25;

/// The same for a host that lost a connection with several messages on their way.
pub const FRAGILE_AFTER: u32 = 100;

/// Twice as many, so many times, are as many as there ever are.
const DOUBLED_MAX: u32 = 6;

/// How long it is kept in mind after how many messages a host ends its connections.
pub const LEARNT_FOR: Duration = Duration::from_hours(24);

/// So often a host says behind the same number of messages that there are too many, until it is left
/// one sooner.
pub const SAID_AGAIN: u8 = 3;

/// Too many in a time are too many on the next connection as well, that soon.
const SOON: Duration = Duration::from_mins(1);

/// What a host means that says that there are too many messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// On the connection, as far as is known.
    OnConnection,
    /// On the connection: it has said so at the same place again and again.
    OnEachConnection,
    /// In a time.
    InATime,
}

/// Connections that are used alike come to an end together: that counts for once.
const TOGETHER: Duration = Duration::from_secs(2);

/// How soon behind an answer a connection ends that the messages before it ended. One that ends
/// later was idle for too long.
pub const PROMPT: Duration = Duration::from_secs(2);

/// What one host does with its connections. Default: nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// Messages that went well since it was met, or since it lost some.
    borne: u32,
    /// It has lost a connection with several messages on their way.
    is_fragile: bool,
    ending: Option<Ending>,
    /// So many recipients it took in one transaction, and not one more; and when.
    recipients: Option<(u16, Tick)>,
    /// Behind how many messages it said that there were too many, and how often.
    said: Option<Said>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    after: u32,
    times: u8,
    seen: Tick,
}

/// It has ended a connection between two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ending {
    after: u32,
    /// Not for the first time.
    again: bool,
    seen: Tick,
}

impl Habits {
    /// How many messages may be on their way at once: `first` to a host that nobody knows, and
    /// `most` to any.
    #[must_use]
    pub fn depth(&self, first: u16, most: u16) -> u16 {
        let first = if self.is_fragile { 1 } else { first };
        let doubled = (self.borne / self.step()).min(DOUBLED_MAX);
        first.saturating_mul(1 << doubled).min(most)
    }

    /// After how many messages a connection is better left, if the host would end it.
    #[must_use]
    pub fn messages_max(&self, now: Tick) -> Option<u32> {
        let ending = self.ending.filter(|ending| ending.again && !ending.is_over(now))?;
        Some((ending.after - 1).max(1))
    }

    /// How many recipients a transaction is better left with.
    #[must_use]
    pub fn recipients_max(&self, now: Tick) -> Option<u16> {
        let known = self.recipients.filter(|(_, seen)| now.since(*seen) < LEARNT_FOR);
        known.map(|(most, _)| most)
    }

    /// It took so many recipients in a transaction, at least one, and not one more.
    pub fn took_recipients(&mut self, most: u16, now: Tick) {
        self.recipients = Some((most.max(1), now));
    }

    /// A connection broke with several messages on their way.
    pub const fn broke(&mut self) {
        (self.borne, self.is_fragile) = (0, true);
    }

    /// So many messages more were answered.
    pub fn bore(&mut self, messages: u32) {
        let enough = DOUBLED_MAX * self.step();
        self.borne = self.borne.saturating_add(messages).min(enough);
        if self.borne == enough {
            (self.borne, self.is_fragile) = (DOUBLED_MAX * TRUSTED_AFTER, false);
        }
    }

    /// The host ended a connection between two messages, of which it had answered so many, at
    /// least one. A smaller number than the last time counts, and a larger one refutes that.
    pub fn ended(&mut self, after: u32, now: Tick) {
        let before = self.ending.filter(|ending| !ending.is_over(now));
        let again = before.is_some_and(|ending| after <= ending.after);
        self.ending = Some(Ending { after: after.max(1), again, seen: now });
    }

    /// The host ended a connection between two messages, of which it had answered so many, and said that
    /// there were too many of them.
    pub fn said_too_many(&mut self, after: u32, now: Tick) -> TooMany {
        let last = self.said.replace(Said { after, times: 1, seen: now });
        let since = last.map_or(Duration::MAX, |last| now.since(last.seen));
        if self.messages_max(now).is_some_and(|most| after >= most) {
            return TooMany::OnEachConnection;
        }
        // One may be on its way.
        let is_same = |last: &Said| last.after.abs_diff(after) <= 1 && since < LEARNT_FOR;
        let Some(last) = last.filter(is_same) else {
            return if since < SOON || after == 0 {
                TooMany::InATime
            } else {
                TooMany::OnConnection
            };
        };
        let is_again = since >= TOGETHER;
        let times = last.times.saturating_add(is_again.into());
        let seen = if is_again { now } else { last.seen };
        self.said = Some(Said { after, times, seen });
        match (after, times) {
            (0, _) => TooMany::InATime,
            (_, SAID_AGAIN..) => {
                self.ending = Some(Ending { after, again: true, seen: now });
                TooMany::OnEachConnection
            }
            _ => TooMany::OnConnection,
        }
    }

    const fn step(&self) -> u32 {
        if self.is_fragile { FRAGILE_AFTER } else { TRUSTED_AFTER }
    }
}

impl Ending {
    fn is_over(&self, now: Tick) -> bool {
        now.since(self.seen) >= LEARNT_FOR
    }
}

#[cfg(test)]
mod tests;
