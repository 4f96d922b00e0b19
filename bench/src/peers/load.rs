//! What is sent through a relay, by whom, and who counts it at the other end.

use super::relay::Hop;
use ::tests::smtp_sink::{SmtpSink, SmtpSource};
use ::tests::wait;
use loadgen::send::{Encryption, Options as Sending, Pipelining};
use loadgen::sink::provider::Tls;
use loadgen::size::Mix;
use loadgen::tls::{Client, Trust};
use loadgen::{send, sink};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

/// The one destination, where there is one.
const DOMAIN: &str = "sink.test";
/// The name on a relay's certificate, which nobody reads.
pub(super) const RELAY: &str = "relay.test";

/// The pair of programs around the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Generator {
    /// Postfix's smtp-source and smtp-sink: connections kept, nothing sent ahead of an answer.
    SmtpSource,
    /// Our own, MAIL, RCPT and DATA in one, with a sink that checks every body.
    Ringload,
}

/// What is sent in a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) generator: Generator,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) sessions: u64,
    /// Destination domains, each with a next hop of its own.
    pub(super) domains: u16,
    /// The most connections to one of those.
    pub(super) connections: u16,
    /// How far [`Generator::Ringload`] speaks ahead. Haraka answers 503 to what comes behind a
    /// final dot before its reply, so no relay gets more than an envelope at once.
    pub(super) pipelining: Pipelining,
    /// STARTTLS before mail, on both sides of the relay; [`Generator::Ringload`] only.
    pub(super) tls: bool,
}

impl Load {
    /// The same load, of so many messages.
    pub(super) fn of(self, messages: u64) -> Self {
        Self { messages, ..self }
    }

    /// Sends all of it to `relay`; returns when all is accepted.
    pub(super) fn send(self, relay: SocketAddr) -> io::Result<()> {
        match self.generator {
            Generator::SmtpSource => {
                let Self { messages, bytes, sessions, .. } = self;
                let recipient = "recipient@sink.test";
                SmtpSource { messages, bytes, sessions, recipient }.send(relay)
            }
            Generator::Ringload => {
                let report = send::start(self.options(relay)?)?.join()?;
                let all = report.messages == self.messages;
                all.then_some(()).ok_or_else(|| {
                    let (taken, all) = (report.messages, self.messages);
                    io::Error::other(format!("only {taken} of {all} messages were accepted"))
                })
            }
        }
    }

    fn options(self, relay: SocketAddr) -> io::Result<Sending> {
        let names: Vec<String> = (0..self.domains).map(|index| self.domain(index)).collect();
        let domains = names.join(",").parse().map_err(io::Error::other)?;
        let encryption = if self.tls {
            let client = Client::new(&Trust::Anybody, RELAY).map_err(io::Error::other)?;
            Encryption::StartTls(client)
        } else {
            Encryption::None
        };
        Ok(Sending {
            encryption,
            messages: self.messages,
            sizes: Mix::exactly(self.bytes as u32),
            sessions: self.sessions as usize,
            domains,
            pipelining: self.pipelining,
            ..Sending::new(relay)
        })
    }

    fn domain(self, index: u16) -> String {
        if self.domains == 1 { DOMAIN.into() } else { format!("d{index:04}.{DOMAIN}") }
    }

    /// The next hops of all its domains, if there is one for all; else in their order.
    pub(super) fn hops(self, addresses: &[SocketAddr]) -> Vec<Hop> {
        let named = |(index, address): (u16, &SocketAddr)| Hop {
            domain: self.domain(index),
            address: *address,
        };
        (0..self.domains).zip(addresses.iter().cycle()).map(named).collect()
    }
}

/// How the next hop behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Behaviour {
    /// Milliseconds by which every reply is late.
    pub(super) late_ms: u64,
    /// Share of recipients deferred at first.
    pub(super) deferred: f64,
    /// CHUNKING is not offered.
    pub(super) data_only: bool,
}

/// Who takes it in the end. Stopped when dropped.
#[derive(Debug)]
pub(super) enum Sink {
    Smtp(SmtpSink),
    Ringload(sink::Sink),
}

impl Sink {
    /// The one that suits `load`, with an address for each of its domains.
    pub(super) fn start(load: Load, behaviour: Behaviour, folder: &Path) -> io::Result<Self> {
        match load.generator {
            Generator::SmtpSource => SmtpSink::start(folder).map(Self::Smtp),
            Generator::Ringload => {
                let provider = sink::Provider {
                    listen: (0..load.domains).map(listen).collect(),
                    delay_ms: behaviour.late_ms,
                    defer: behaviour.deferred,
                    chunking: !behaviour.data_only,
                    tls: if load.tls { Tls::Demanded } else { Tls::Off },
                    ..sink::Provider::default()
                };
                let providers = vec![provider];
                let options = sink::Options { providers, seed: 0, ledger: None, threads: 1 };
                sink::start(options).map(Self::Ringload)
            }
        }
    }

    /// Where it listens.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        match self {
            Self::Smtp(sink) => vec![sink.address()],
            Self::Ringload(sink) => sink.providers()[0].addresses.clone(),
        }
    }

    /// Messages it has taken so far.
    pub(super) fn received(&self) -> u64 {
        match self {
            Self::Smtp(sink) => sink.received(),
            Self::Ringload(sink) => sink.messages(),
        }
    }

    /// Waits until it has taken `messages`, and says when the last of them came.
    pub(super) fn wait_for(&self, messages: u64, limit: Duration) -> io::Result<Instant> {
        match self {
            Self::Smtp(sink) => sink.wait_for(messages, limit),
            Self::Ringload(sink) => {
                let arrived = || (sink.messages() >= messages).then(wait::now);
                wait::until("mail", limit, arrived).map_err(|late| {
                    let came = sink.messages();
                    io::Error::new(late.kind(), format!("{late}: {came} of {messages} came"))
                })
            }
        }
    }
}

/// A host of its own for each domain; the system chooses the port.
pub(crate) fn listen(index: u16) -> SocketAddr {
    let [high, low] = index.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(127, 1 + high, low, 1), 0))
}

#[cfg(test)]
mod tests {
    use super::{Generator, Load, Pipelining, listen};

    #[test]
    fn every_domain_has_a_host_of_its_own() {
        let load = Load {
            generator: Generator::Ringload,
            messages: 1,
            bytes: 1,
            sessions: 1,
            domains: 1_000,
            connections: 1,
            pipelining: Pipelining::Envelope,
            tls: false,
        };
        let addresses: Vec<_> = (0..1_000).map(listen).collect();
        let hops = load.hops(&addresses);
        assert_eq!(hops.len(), 1_000);
        assert_eq!(
            (hops[999].domain.as_str(), hops[999].address.to_string()),
            ("d0999.sink.test", "127.4.231.1:0".to_owned())
        );
        let one = Load { domains: 1, ..load }.hops(&addresses);
        assert_eq!((one.len(), one[0].domain.as_str()), (1, "sink.test"));
    }
}
