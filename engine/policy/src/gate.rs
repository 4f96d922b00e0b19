//! What a provider has asked for, as long as it is in force: how much may go to it, and of whom.
//!
//! A gate stands in the way of one [`Quota`] at a site, and nothing else there slows. It says how many
//! connections there may be, none while it is shut, or how fast messages may go. It hears what is asked
//! ([`Gate::hears`]) and that mail was taken ([`Gate::worked`]), and what time brings
//! ([`Gate::due`], not before [`Gate::next_at`]). Each of these may be a [`Change`], to be told once.
//!
//! ```text
//!  suspend:        shut ------------------------------------> open
//!  one-then-more:  shut -> 1 -> 2 -> ... one more each 30 s -> open     asked again: shut
//!  back-off:       half as many -> ... more each minute ----> open     asked again: half of that
//!  one-fewer:      one fewer -> one more after a minute, ten minutes, twenty ... a day, if all are in
//!                  use; where that goes well, one more each minute -> open
//!  slow-down:      [`tempo`]
//! ```
//! The climbs need mail that was taken since the step before. What no provider has published is ours:
//! additive increase by a sixteenth of the limit a minute, as for a network that is congested, and
//! multiplicative decrease by half.

mod ask;
mod cause;
mod ceiling;
mod change;
mod kept;
mod quota;
mod table;
mod tempo;

pub use ask::Ask;
pub use cause::{Cause, Hindrance};
pub use ceiling::{CEILING_FOR, PROBED_AGAIN, PROBED_FIRST, PROBED_SELDOM};
pub use change::Change;
pub use kept::Kept;
pub use quota::{Place, Quota};
pub use table::{GATES_MAX, Gates, SiteGates, Step};
pub use tempo::AFTERMATH;

use crate::rate::Rate;
use ceiling::Ceiling;
use event::Tick;
use std::time::Duration;
use tempo::{Due, Refused, Tempo};

/// How long one connection more must have been of use before the next one, on the way back
/// that Google asks for.
pub const CLIMB: Duration = Duration::from_secs(30);
/// The same where nobody has published a way back.
pub const RECOVERY: Duration = Duration::from_mins(1);
/// Replies to what was on its way when a key was slowed are of one piece with the first.
pub const SETTLING: Duration = Duration::from_secs(30);
/// What nobody has used for so long opens: what was is not known any more.
pub const UNUSED_FOR: Duration = Duration::from_hours(24);

/// What a key has when something is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Its connections, open and opening; that of the reply is among them.
    pub used: u16,
    /// The most it may have. At least 1.
    pub most: u16,
    /// It was the connection that was turned away, and nothing that came by it.
    pub is_crowd: bool,
    /// From one message to the next, of late.
    pub recent: Duration,
}

/// A gate before one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    cause: Cause,
    state: State,
    /// As many connections as there may be without it.
    most: u16,
    ceiling: Option<Ceiling>,
    /// What a sender's domain sent up to now is paid for then.
    paid: Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Shut {
        until: Tick,
        then: Then,
    },
    /// Until `settled` nothing new is heard of the same kind; at `next` it widens, if it is used.
    Narrow {
        connections: u16,
        pace: Pace,
        settled: Tick,
        next: Tick,
        is_used: bool,
    },
    Paced(Tempo),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Open,
    Climb(Pace),
    Go(Tempo),
}

/// How it widens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// One at a time.
    Ladder,
    /// A part of what there may be at most.
    Additive,
    /// One at a time, once all are in use; beyond where one was turned away seldom.
    Probe,
}

impl Pace {
    const fn step(self, most: u16) -> u16 {
        match self {
            Self::Additive if most >= 32 => most / 16,
            Self::Ladder | Self::Additive | Self::Probe => 1,
        }
    }

    const fn pause(self) -> Duration {
        match self {
            Self::Ladder => CLIMB,
            Self::Additive | Self::Probe => RECOVERY,
        }
    }
}

impl Gate {
    /// The first that is asked of a key.
    #[must_use]
    pub fn new(ask: Ask, cause: Cause, load: Load, now: Tick) -> (Self, Change) {
        let state = State::Narrow {
            connections: load.most,
            pace: Pace::Additive,
            settled: now,
            next: now,
            is_used: false,
        };
        let mut gate =
            Self { cause, state, most: load.most.max(1), ceiling: None, paid: Tick::ZERO };
        let change = gate.turn(ask, load, now);
        (gate, change)
    }

    /// Something more is asked. What was on its way before the last step is not heard twice.
    pub fn hears(&mut self, ask: Ask, cause: Cause, load: Load, now: Tick) -> Option<Change> {
        let is_known = match self.state {
            State::Shut { until, .. } => {
                // Nothing that goes on with less is more than nothing.
                let is_less = matches!(ask, Ask::OneFewer(_) | Ask::SlowDown(_));
                let is_same = is_less || cause.rule == self.cause.rule;
                now < until && (is_same || now + ask.pause() <= until)
            }
            State::Narrow { settled, .. } => {
                matches!(ask, Ask::BackOff(_) | Ask::OneFewer(_)) && now < settled
            }
            State::Paced(_) => false,
        };
        if is_known {
            return None;
        }
        if let (State::Paced(tempo), Ask::SlowDown(longest)) = (&mut self.state, ask) {
            let refused = tempo.refused(longest, now)?;
            let tempo = *tempo;
            self.cause = cause;
            return Some(match refused {
                Refused::Slower => Change::Slower(tempo.every),
                Refused::Shut(pause) => self.shut(now + pause, Then::Go(tempo)),
            });
        }
        self.cause = cause;
        Some(self.turn(ask, load, now))
    }

    fn turn(&mut self, ask: Ask, load: Load, now: Tick) -> Change {
        let had = self.connections().min(load.used).max(1);
        let end = now + ask.pause();
        let left = if load.is_crowd { had - 1 } else { had / 2 };
        let left = if matches!(ask, Ask::OneFewer(_)) { left.max(self.proven()) } else { left };
        if load.is_crowd && load.used > 1 {
            let connections = load.used - 1;
            self.ceiling = Some(match ask {
                Ask::OneFewer(_) => Ceiling::met(self.ceiling, left, now),
                _ => Ceiling { connections, until: end + CEILING_FOR, times: 0 },
            });
        }
        match (ask, self.ceiling) {
            (Ask::Suspend(_), _) => self.shut(end, Then::Open),
            (Ask::OneThenMore(_), _) => self.shut(end, Then::Climb(Pace::Ladder)),
            (Ask::BackOff(_), _) if left == 0 => self.shut(end, Then::Climb(Pace::Additive)),
            (Ask::BackOff(_), _) => {
                self.narrow(left, Pace::Additive, now + SETTLING, end);
                Change::Narrowed(left)
            }
            (Ask::OneFewer(_), Some(ceiling)) if left > 0 => {
                self.narrow(left, Pace::Probe, now + SETTLING, ceiling.until);
                Change::Narrowed(left)
            }
            (Ask::OneFewer(_), _) => self.shut(end, Then::Climb(Pace::Probe)),
            (Ask::SlowDown(_), _) => {
                let tempo = Tempo::begin(load.recent, now);
                self.state = State::Paced(tempo);
                Change::Slower(tempo.every)
            }
        }
    }

    /// Connections that went well until one more was tried: others of them that are just being dialled
    /// anew are not too many.
    fn proven(&self) -> u16 {
        match (self.state, self.ceiling) {
            (State::Narrow { pace: Pace::Probe, connections, .. }, ceiling)
                if ceiling.is_none_or(|ceiling| ceiling.connections < connections) =>
            {
                connections.saturating_sub(Pace::Additive.step(self.most))
            }
            _ => 0,
        }
    }

    const fn shut(&mut self, until: Tick, then: Then) -> Change {
        self.state = State::Shut { until, then };
        Change::Shut
    }

    const fn narrow(&mut self, connections: u16, pace: Pace, settled: Tick, next: Tick) {
        self.state = State::Narrow { connections, pace, settled, next, is_used: false };
    }

    /// Mail of the key was taken, while it had so many connections.
    pub fn worked(&mut self, used: u16, now: Tick) -> Option<Change> {
        match &mut self.state {
            State::Narrow { is_used, pace, connections, .. } => {
                *is_used |= *pace != Pace::Probe || used >= *connections;
            }
            State::Paced(tempo) => tempo.took(),
            State::Shut { .. } => (),
        }
        self.due(now)
    }

    /// What time has brought.
    pub fn due(&mut self, now: Tick) -> Option<Change> {
        if now < self.next_at() {
            return None;
        }
        match self.state {
            State::Shut { then: Then::Climb(pace), .. } if self.most > 1 => {
                self.narrow(1, pace, now, now + pace.pause());
                Some(Change::Widened(1))
            }
            State::Shut { then: Then::Go(mut tempo), .. } => {
                tempo.go_on(now);
                self.state = State::Paced(tempo);
                Some(Change::Faster(tempo.every))
            }
            State::Narrow { connections, pace: Pace::Probe, is_used: true, .. } => {
                self.probe(connections, now)
            }
            State::Narrow { connections, pace, is_used: true, .. } => {
                self.climb(connections, pace, now)
            }
            State::Paced(ref mut tempo) => match tempo.due(now) {
                Due::Same => None,
                Due::Faster => Some(Change::Faster(tempo.every)),
                Due::Gone => Some(Change::Opened),
            },
            State::Shut { .. } | State::Narrow { .. } => Some(Change::Opened),
        }
    }

    /// All connections are in use, and it is time for one more.
    fn probe(&mut self, connections: u16, now: Tick) -> Option<Change> {
        // Where one more than was turned away went well, that is over.
        self.ceiling = self.ceiling.filter(|ceiling| connections <= ceiling.connections);
        // Beyond all that was ever turned away it comes back as where nobody has published a way.
        let pace = if self.ceiling.is_some() { Pace::Probe } else { Pace::Additive };
        let more = connections.saturating_add(pace.step(self.most));
        match self.ceiling {
            Some(ceiling) if more > ceiling.connections && now < ceiling.until => {
                self.narrow(connections, Pace::Probe, now, ceiling.until);
                None
            }
            None if more >= self.most => Some(Change::Opened),
            _ => {
                self.narrow(more, Pace::Probe, now, now + Pace::Probe.pause());
                Some(Change::Widened(more))
            }
        }
    }

    fn climb(&mut self, connections: u16, pace: Pace, now: Tick) -> Option<Change> {
        self.ceiling = self.ceiling.filter(|ceiling| now < ceiling.until);
        let ceiling = self.ceiling.filter(|ceiling| ceiling.connections < self.most);
        let more = connections.saturating_add(pace.step(self.most));
        match ceiling {
            Some(ceiling) if more > ceiling.connections => {
                // It may stay so for long: another one would be turned away again.
                let most = ceiling.connections.max(connections);
                self.narrow(most, pace, now, ceiling.until);
                (most > connections).then_some(Change::Widened(most))
            }
            _ if more >= self.most => Some(Change::Opened),
            _ => {
                self.narrow(more, pace, now, now + pace.pause());
                Some(Change::Widened(more))
            }
        }
    }

    /// When [`Self::due`] has something to say next, unless mail is taken before.
    #[must_use]
    pub fn next_at(&self) -> Tick {
        match self.state {
            State::Shut { until, .. } => until,
            State::Narrow { next, is_used: true, .. } => next,
            State::Narrow { next, .. } => next + UNUSED_FOR,
            State::Paced(tempo) => tempo.next_at(),
        }
    }

    /// When it changes next, if it is used until then.
    #[must_use]
    pub const fn planned(&self) -> Tick {
        match self.state {
            State::Shut { until, .. } => until,
            State::Narrow { next, .. } => next,
            State::Paced(tempo) => tempo.next_at(),
        }
    }

    /// How many connections there may be.
    #[must_use]
    pub const fn connections(&self) -> u16 {
        match self.state {
            State::Shut { .. } => 0,
            State::Narrow { connections, .. } => connections,
            State::Paced(_) => self.most,
        }
    }

    /// How many messages may go in a time, if that is what it is about and some may.
    #[must_use]
    pub fn message_rate(&self) -> Option<Rate> {
        match self.state {
            State::Paced(tempo) => tempo::rate(tempo.every),
            State::Shut { .. } | State::Narrow { .. } => None,
        }
    }

    /// Whether a message of a sender's domain may go now; it is counted then. Connections are not
    /// a domain's own: each that it would have stands for a message a second.
    pub fn admits(&mut self, now: Tick) -> bool {
        let paid = self.next_paid(now).filter(|paid| *paid <= now);
        self.paid = paid.unwrap_or(self.paid);
        paid.is_some()
    }

    /// Whether one might.
    #[must_use]
    pub fn is_ready(&self, now: Tick) -> bool {
        self.next_paid(now).is_some_and(|paid| paid <= now)
    }

    fn next_paid(&self, now: Tick) -> Option<Tick> {
        const SECOND: Duration = Duration::from_secs(1);
        let each = SECOND.checked_div(self.connections().into())?;
        Some(self.paid.max(now - SECOND) + each)
    }

    /// Who asked for it last.
    #[must_use]
    pub const fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Why what waits for it waits; `None` if it is about to open.
    #[must_use]
    pub fn hindrance(&self, now: Tick) -> Option<Hindrance<'_>> {
        let (connections, next) = (self.connections(), self.planned());
        let is_over = connections == 0 && next <= now;
        let message_rate = match self.state {
            State::Paced(tempo) => Some(tempo::shown(tempo.every)),
            State::Shut { .. } | State::Narrow { .. } => None,
        };
        (!is_over).then_some(Hindrance { cause: &self.cause, connections, message_rate, next })
    }
}

#[cfg(test)]
mod tests;
