//! What keeps a site from another connection.
//!
//! The queue asks before it lets a site dial and before it gives a delivery to a lane; whoever
//! wants to know why nothing moves asks the same. So what is told cannot differ from what is done.

use event::Tick;

/// What keeps a site from another connection, or mail from those that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// Nothing is ready.
    Nothing,
    /// Nothing is ready but so much of flows that are held.
    Held(usize),
    /// It is paused until then: its connections get nothing either.
    Paused(Tick),
    /// Its group has had all the messages that its rate allows: the next may go then.
    MessageRate(Tick),
    /// The same of octets.
    ByteRate(Tick),
    /// It has as many connections, open and opening, as deliveries are ready: these take them.
    Enough(u16),
    /// It has so many connections, which take what is ready one after the other: it gets another if
    /// they take nothing until then.
    Soon(u16, Tick),
    /// It has so many connections, which is all it may have.
    Full(u16),
    /// Dials failed, and one finds out whether they still do.
    Probing,
    /// So many dials wait for their answer.
    Unanswered(u16),
    /// It is left alone until then, since a dial failed.
    Resting(Tick),
    /// No address of ours may open a connection to it until then.
    Sources(Tick),
    /// Its group has had all the connections that its rate allows: the next may be opened then.
    ConnectionRate(Tick),
    /// The sites of its group have so many connections together, which is all they may have.
    GroupFull(u16),
}

impl Hindrance {
    /// When it is over by itself, if time alone ends it.
    #[must_use]
    pub const fn ends(self) -> Option<Tick> {
        match self {
            Self::Paused(until)
            | Self::Resting(until)
            | Self::Soon(_, until)
            | Self::MessageRate(until)
            | Self::ByteRate(until)
            | Self::Sources(until)
            | Self::ConnectionRate(until) => Some(until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
