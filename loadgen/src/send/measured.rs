//! How long everything took, as histograms.

use super::series::Series;
use crate::clock::Nanos;
use crate::latency::Latency;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// What a client waits for, in the order of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// From dialling to the connection.
    Connect,
    /// From the connection, or from the end of the handshake of implicit TLS, to 220.
    Greeting,
    /// From EHLO, or HELO, to its answer.
    Ehlo,
    /// From the agreement to speak TLS to the end of the handshake.
    Tls,
    /// From AUTH to its last answer.
    Auth,
    /// From MAIL to its answer.
    Mail,
    /// From RCPT to its answer, for each recipient.
    Rcpt,
    /// From DATA to its answer, or from a BDAT chunk that is not the last to its answer.
    Data,
    /// From the final dot, or the last BDAT chunk, to its answer.
    Final,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Connect,
        Self::Greeting,
        Self::Ehlo,
        Self::Tls,
        Self::Auth,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Final,
    ];

    /// As reports call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Ehlo => "ehlo",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Final => "final",
        }
    }
}

/// A histogram for each phase, of all answers, good or bad.
///
/// A command that left together with others waits for them too: with pipelining, MAIL, RCPT
/// and DATA of one envelope are answered at about the same moment.
#[derive(Clone, Debug, Default)]
pub struct Phases([Latency; Phase::ALL.len()]);

impl Phases {
    /// Counts one answer.
    pub fn record(&mut self, phase: Phase, nanos: Nanos) {
        self.0[phase as usize].record(nanos);
    }

    /// What was counted of `phase`.
    #[must_use]
    pub const fn of(&self, phase: Phase) -> &Latency {
        &self.0[phase as usize]
    }

    fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(ours, theirs)| ours.merge(theirs));
    }
}

/// Phases that did not occur are left out.
impl Serialize for Phases {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for phase in Phase::ALL.into_iter().filter(|phase| !self.of(*phase).is_empty()) {
            map.serialize_entry(phase.name(), self.of(phase))?;
        }
        map.end()
    }
}

/// All histograms of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measured {
    /// Each wait by itself.
    pub phases: Phases,
    /// Of accepted messages, from MAIL to the answer to the text.
    #[serde(skip)]
    pub transaction: Latency,
    /// The same from the moment at which the message was to start: what a sender feels who
    /// does not slow down when the relay does. Only in an open loop.
    #[serde(skip_serializing_if = "Latency::is_empty")]
    pub corrected: Latency,
    /// How long a start waited for a free session: the relay kept all of them busy. Only in an
    /// open loop.
    #[serde(skip_serializing_if = "Latency::is_empty")]
    pub session_wait: Latency,
    /// How long a start waited although a session was free: from the later of its moment and
    /// the session's to the handing over to the socket. Only in an open loop.
    #[serde(skip_serializing_if = "Latency::is_empty")]
    pub own_lateness: Latency,
    /// How late the threads' own timers were, asked every 20 ms: about a millisecond on an idle
    /// machine, more where the generator lacks CPU.
    pub timer_lag: Latency,
    /// What became of messages, over time.
    pub series: Series,
}

impl Measured {
    /// Adds what another thread measured.
    pub(super) fn merge(&mut self, other: &Self) {
        self.phases.merge(&other.phases);
        for (ours, theirs) in [
            (&mut self.transaction, &other.transaction),
            (&mut self.corrected, &other.corrected),
            (&mut self.session_wait, &other.session_wait),
            (&mut self.own_lateness, &other.own_lateness),
            (&mut self.timer_lag, &other.timer_lag),
        ] {
            ours.merge(theirs);
        }
        self.series.merge(&other.series);
    }
}
