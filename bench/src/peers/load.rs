//! What is sent through a relay, by whom, and who counts it at the other end.

use loadgen::send::Options as Sending;
use loadgen::size::Mix;
use loadgen::{send, sink};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::smtp_sink::{SmtpSink, SmtpSource};
use tests::wait;

/// How long a round may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// The pair of programs around the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Generator {
    /// Postfix's smtp-source and smtp-sink: connections kept, nothing sent ahead of an answer.
    SmtpSource,
    /// Our own, pipelined, with a sink that checks every body.
    Ringload,
}

/// What is sent in a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) generator: Generator,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) sessions: u64,
}

impl Load {
    /// The same load, of so many messages.
    pub(super) fn of(self, messages: u64) -> Self {
        Self { messages, ..self }
    }

    /// Sends all of it to `relay`; returns when all is accepted.
    pub(super) fn send(self, relay: SocketAddr) -> io::Result<()> {
        let Self { generator, messages, bytes, sessions } = self;
        match generator {
            Generator::SmtpSource => {
                SmtpSource { messages, bytes, sessions, recipient: "recipient@sink.test" }
                    .send(relay)
            }
            Generator::Ringload => {
                let sessions = sessions as usize;
                let sizes = Mix::exactly(bytes as u32);
                let options = Sending { messages, sizes, sessions, ..Sending::new(relay) };
                let report = send::start(options)?.join()?;
                let all = report.messages == messages;
                all.then_some(()).ok_or_else(|| io::Error::other(format!("{report:?}")))
            }
        }
    }
}

/// Who takes it in the end. Stopped when dropped.
#[derive(Debug)]
pub(super) enum Sink {
    Smtp(SmtpSink),
    Ringload(sink::Sink),
}

impl Sink {
    pub(super) fn start(generator: Generator, folder: &Path) -> io::Result<Self> {
        match generator {
            Generator::SmtpSource => SmtpSink::start(folder).map(Self::Smtp),
            Generator::Ringload => {
                let listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
                let providers = vec![sink::Provider { listen, ..sink::Provider::default() }];
                let options = sink::Options { providers, seed: 0, ledger: None, threads: 1 };
                sink::start(options).map(Self::Ringload)
            }
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Smtp(sink) => sink.address(),
            Self::Ringload(sink) => sink.providers()[0].addresses[0],
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
    pub(super) fn wait_for(&self, messages: u64) -> io::Result<Instant> {
        match self {
            Self::Smtp(sink) => sink.wait_for(messages, PATIENCE),
            Self::Ringload(sink) => {
                wait::until("mail", PATIENCE, || (sink.messages() >= messages).then(wait::now))
            }
        }
    }
}
