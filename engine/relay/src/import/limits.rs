//! The limits that sites and sources have, and what is made of larger ones.

use super::draft::Origin;
use super::note::Notes;
use super::quantity::shown;
use std::time::Duration;

/// A limit, by the name of its key, and the most that it can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) name: &'static str,
    most: u64,
}

/// The longest that a connection is kept for the next message.
const IDLE_MAX: Duration = Duration::from_mins(5);

impl Limit {
    /// Messages over one connection.
    pub(super) const MESSAGES: Self = Self { name: "messages_per_connection", most: 1_000_000 };
    /// Recipients of one transaction.
    pub(super) const RECIPIENTS: Self = Self { name: "recipients_per_message", most: 1_000 };

    /// Connections at once from one source.
    pub(super) const CONNECTIONS: Self = Self { name: "connections_per_source", most: 1_000 };
    /// The same of a source, at every site.
    pub(super) const OF_SOURCE: Self = Self { name: "connections_max", most: 1_000 };

    /// This many, or as many as there can be.
    pub(super) fn within(&self, count: u64, origin: &Origin, notes: &mut Notes) -> i64 {
        let Self { name, most } = *self;
        if count > most {
            let why = format!("`{name}` is {most} at most, and set to that");
            notes.differs(origin.line, &origin.what, why);
        }
        count.min(most).cast_signed()
    }

    /// As many as there can be.
    pub(super) const fn unlimited(&self) -> i64 {
        self.most.cast_signed()
    }
}

/// `idle`, or as long as it can be.
pub(super) fn idle(time: Duration, origin: &Origin, notes: &mut Notes) -> String {
    if time > IDLE_MAX {
        let why = format!("`idle` is {} at most, and set to that", shown(IDLE_MAX));
        notes.differs(origin.line, &origin.what, why);
    }
    shown(time.min(IDLE_MAX))
}

#[cfg(test)]
mod tests;
