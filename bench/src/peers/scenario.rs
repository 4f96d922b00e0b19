//! What is asked of the relays, one thing at a time.

mod backlog;
mod direct;
mod durability;
mod idle;
mod restart;
mod transfer;

pub(super) use transfer::started;

use super::figures::Figures;
use super::load::{Behaviour, Generator, Load};
use super::relay::Relay;
use super::{Plan, syncs};
use clap::ValueEnum;
use loadgen::send::Pipelining;
use std::io;
use std::time::Duration;

/// Names of the two pairs that [`Scenario::Direct`] compares.
const PAIRS: [(&str, Generator); 2] =
    [("smtp-source", Generator::SmtpSource), ("ringload", Generator::Ringload)];
/// Connections to a next hop, where a relay can be told.
const CONNECTIONS: u16 = 20;
/// When what a next hop deferred is due again, where a scenario waits for it: for all relays.
const RETRY_SOON: Duration = Duration::from_secs(5);
/// When it is due again where nobody waits for it.
const RETRY_LATE: Duration = Duration::from_mins(30);

/// A thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Scenario {
    /// Generator and sink, connected directly: what the other figures cannot exceed.
    Direct,
    /// What is synced before the 250 of a message that comes alone, and after it.
    Durability,
    /// 4 KiB messages in, while the next hop takes connections and says nothing.
    AcceptOnly,
    /// 4 KiB messages through, to one destination.
    #[value(name = "relay-4k")]
    Relay4k,
    /// 50 KiB messages through, to one destination.
    #[value(name = "relay-50k")]
    Relay50k,
    /// 4 KiB messages through, to 1,000 destinations.
    #[value(name = "relay-4k-1000")]
    Relay4k1000,
    /// 50 KiB messages through, to 1,000 destinations.
    #[value(name = "relay-50k-1000")]
    Relay50k1000,
    /// 4 KiB messages through, every reply of the next hop 50 ms late.
    LateReplies,
    /// 4 KiB messages through, over one connection to a next hop whose replies are 50 ms late.
    OneConnection,
    /// The same, and the next hop does not offer CHUNKING.
    OneConnectionData,
    /// 4 KiB messages through, TLS on both sides.
    Tls,
    /// 4 KiB messages through, one in ten deferred once and due again after 5 s.
    Deferred,
    /// A queue is filled while the next hop hangs, and drained when it answers again.
    Backlog,
    /// Connections that say EHLO and no more.
    Idle,
    /// A relay that crashed with a queue, started again.
    Restart,
}

impl Scenario {
    /// All of them, in the order in which they run.
    #[must_use]
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// What `--quick` runs.
    pub const QUICK: [Self; 6] = [
        Self::Direct,
        Self::Durability,
        Self::AcceptOnly,
        Self::Relay4k,
        Self::Backlog,
        Self::Restart,
    ];

    /// What it is called on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// What it asks, in a sentence.
    #[must_use]
    pub fn about(self) -> String {
        let value = self.to_possible_value();
        value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }

    /// Who takes part in it, of `relays`; or names that are no relays.
    pub(super) fn contestants(self, relays: &[Relay]) -> Vec<&'static str> {
        match self {
            Self::Direct => PAIRS.iter().map(|(name, _)| *name).collect(),
            // The others cannot all be told to be content with one, or keep none open.
            Self::OneConnection | Self::OneConnectionData => {
                let told = |relay: &&Relay| matches!(relay, Relay::Postfix | Relay::Ringpost);
                relays.iter().filter(told).map(|relay| relay.name()).collect()
            }
            _ => relays.iter().map(|relay| relay.name()).collect(),
        }
    }

    /// Whom the others are compared with.
    pub(super) const fn ours(self) -> &'static str {
        match self {
            Self::Direct => "ringload",
            _ => Relay::Ringpost.name(),
        }
    }

    /// Rounds of it, if the plan wants `rounds`: what is counted, not timed, is counted once.
    pub(super) fn rounds(self, rounds: u32) -> u32 {
        match self {
            Self::Durability | Self::Idle => rounds.min(1),
            _ => rounds,
        }
    }

    /// One round of one contestant. What a relay does not offer is an error of the kind
    /// `Unsupported`.
    pub(super) fn run(self, contestant: &str, plan: &Plan) -> io::Result<Figures> {
        if let Some((_, generator)) = PAIRS.iter().find(|(name, _)| *name == contestant) {
            return direct::run(self.load(plan, None), *generator);
        }
        let relay = plan.relays.iter().copied().find(|relay| relay.name() == contestant);
        let relay = relay.ok_or(io::ErrorKind::NotFound)?;
        let load = self.load(plan, Some(relay));
        match self {
            Self::Direct => Err(io::ErrorKind::NotFound.into()),
            Self::Durability => durability::run(relay, load),
            Self::Backlog => backlog::run(relay, load.of(plan.backlog)),
            Self::Restart => restart::run(relay, load.of(plan.backlog)),
            Self::Idle => idle::run(relay, plan.idle),
            Self::AcceptOnly => backlog::accept(relay, load),
            Self::Tls if let Some(reason) = relay.lacks_tls() => {
                Err(io::Error::new(io::ErrorKind::Unsupported, reason))
            }
            _ => transfer::run(relay, load, self.behaviour(), self.retry()),
        }
    }

    /// Syncs per message under load, in a run of their own: tracing slows what it traces.
    pub(super) fn syncs(self, contestant: &str, plan: &Plan) -> io::Result<Option<f64>> {
        let relay = plan.relays.iter().copied().find(|relay| relay.name() == contestant);
        match (self, relay) {
            (
                Self::Relay4k
                | Self::Relay50k
                | Self::Relay4k1000
                | Self::Relay50k1000
                | Self::LateReplies
                | Self::Deferred,
                Some(relay),
            ) => {
                let load = self.load(plan, Some(relay));
                syncs::count(relay, load, self.behaviour(), self.retry())
            }
            _ => Ok(None),
        }
    }

    fn load(self, plan: &Plan, relay: Option<Relay>) -> Load {
        // Ten times the bytes, a third of the messages.
        let (bytes, fewer) = match self {
            Self::Relay50k | Self::Relay50k1000 => (51_200, 3),
            // So many fewer for who sends many at once that a round takes him as long.
            Self::OneConnection if relay == Some(Relay::Ringpost) => (4_096, 2),
            // Two round trips a message, with those who wait for both.
            Self::OneConnection | Self::OneConnectionData => (4_096, 20),
            _ => (4_096, 1),
        };
        let (pipelining, share, sessions) = match relay {
            Some(relay) => (Pipelining::Envelope, relay.share(), relay.sessions(plan.sessions)),
            None => (Pipelining::Full, 1, plan.sessions),
        };
        Load {
            generator: if self.needs_ringload() { Generator::Ringload } else { plan.generator },
            messages: (plan.messages * share / fewer).max(1),
            bytes,
            sessions,
            domains: self.domains(),
            connections: self.connections(),
            pipelining,
            tls: self == Self::Tls,
        }
    }

    /// smtp-source speaks no TLS, and smtp-sink has one address, answers at once and takes all.
    fn needs_ringload(self) -> bool {
        self == Self::Tls || self.behaviour() != Behaviour::default() || self.domains() > 1
    }

    fn domains(self) -> u16 {
        if matches!(self, Self::Relay4k1000 | Self::Relay50k1000) { 1_000 } else { 1 }
    }

    fn connections(self) -> u16 {
        if matches!(self, Self::OneConnection | Self::OneConnectionData) { 1 } else { CONNECTIONS }
    }

    fn behaviour(self) -> Behaviour {
        match self {
            Self::OneConnectionData => {
                Behaviour { late_ms: 50, data_only: true, ..Behaviour::default() }
            }
            Self::LateReplies | Self::OneConnection => {
                Behaviour { late_ms: 50, ..Behaviour::default() }
            }
            Self::Deferred => Behaviour { deferred: 0.1, ..Behaviour::default() },
            _ => Behaviour::default(),
        }
    }

    /// When what is deferred is due again.
    fn retry(self) -> Duration {
        if self == Self::Deferred { RETRY_SOON } else { RETRY_LATE }
    }
}

#[cfg(test)]
mod tests {
    use super::Scenario;

    #[test]
    fn names_and_sentences_are_those_of_the_command_line() {
        let names: Vec<String> = Scenario::all().iter().map(|each| each.name()).collect();
        assert_eq!(
            names.join(" "),
            "direct durability accept-only relay-4k relay-50k relay-4k-1000 relay-50k-1000 \
             late-replies one-connection one-connection-data tls deferred backlog idle restart"
        );
        assert!(Scenario::all().iter().all(|each| each.about().len() > 20));
    }
}
