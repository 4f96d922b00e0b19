//! The generator: offers numbered messages to a relay, over any number of sessions.

mod connection;
mod session;
mod work;

pub use session::{Fault, Outcome, Session};
pub use work::{Message, Next, Recipients};

use crate::clock::{self, Nanos};
use crate::latency::{Latency, Summary};
use crate::ledger::Writer;
use crate::message::Composer;
use crate::recipient::Domains;
use crate::size::Mix;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use work::Work;

/// How far the generator speaks ahead of the answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pipelining {
    /// Every command waits for its reply.
    None,
    /// MAIL, RCPT and DATA leave together.
    Envelope,
    /// And the next envelope leaves behind the final dot of the message before it.
    #[default]
    Full,
}

impl FromStr for Pipelining {
    type Err = NotPipelining;
    fn from_str(text: &str) -> Result<Self, NotPipelining> {
        match text {
            "none" => Ok(Self::None),
            "envelope" => Ok(Self::Envelope),
            "full" => Ok(Self::Full),
            _ => Err(NotPipelining),
        }
    }
}

/// The text is none of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPipelining;

impl fmt::Display for NotPipelining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("give none, envelope or full")
    }
}

impl std::error::Error for NotPipelining {}

/// What to send, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The relay. Whether it may be loaded is the caller's question: see [`crate::target`].
    pub target: SocketAddr,
    /// How many messages.
    pub messages: u64,
    /// Connections at once.
    pub sessions: usize,
    /// Threads the sessions are spread over.
    pub threads: usize,
    /// Messages on one connection before a new one is made; 0 is any number.
    pub messages_per_session: u64,
    /// Their sizes.
    pub sizes: Mix,
    /// Where their recipients are.
    pub domains: Domains,
    /// Recipients of each message.
    pub recipients: u16,
    /// Different mailboxes at each domain; 0: every message has its own.
    pub mailboxes: u64,
    /// How far to speak ahead.
    pub pipelining: Pipelining,
    /// Half of the messages are 8-bit where the relay announces 8BITMIME.
    pub eight_bit: bool,
    /// The name given with EHLO.
    pub helo: String,
    /// The domain of the sender addresses.
    pub sender_domain: String,
    /// Messages a second over all sessions; `None` is as fast as it goes.
    pub rate: Option<f64>,
    /// Decides everything that looks random.
    pub seed: u64,
    /// Distinguishes this run from others in one ledger: the upper 24 bits of message ids.
    pub run: u32,
    /// Where to write the ledger, if anywhere.
    pub ledger: Option<PathBuf>,
    /// How long a message that was answered with 4xx waits before it is offered again.
    pub retry_after: Duration,
    /// How often it is offered again.
    pub retries_max: u16,
    /// How long to wait for a reply, and how long to try to connect.
    pub patience: Duration,
}

impl Options {
    /// The defaults for a relay at `target`: 10,000 messages of 4 KiB over 20 sessions.
    ///
    /// # Panics
    /// Never: the default domain is one.
    #[must_use]
    pub fn new(target: SocketAddr) -> Self {
        Self {
            target,
            messages: 10_000,
            sessions: 20,
            threads: 1,
            messages_per_session: 0,
            sizes: Mix::exactly(4_096),
            domains: "sink.example".parse().expect("a domain"),
            recipients: 1,
            mailboxes: 0,
            pipelining: Pipelining::default(),
            eight_bit: true,
            helo: "ringload.example".to_owned(),
            sender_domain: "bulk.example".to_owned(),
            rate: None,
            seed: 0,
            run: (clock::now() / 1_000_000) as u32 & 0x00ff_ffff,
            ledger: None,
            retry_after: Duration::from_millis(250),
            retries_max: 100,
            patience: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// How many recipients each domain will have, by name.
    #[must_use]
    pub fn recipients_by_domain(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        let mut address = Vec::new();
        for id in Work::new(self, 0).ids() {
            for index in 0..self.recipients.max(1) {
                address.clear();
                self.domains.recipient(self.seed, id, index, self.mailboxes, &mut address);
                let domain = address.split(|byte| *byte == b'@').next_back().unwrap_or_default();
                *counts.entry(String::from_utf8_lossy(domain).into_owned()).or_insert(0) += 1;
            }
        }
        counts
    }
}

/// What happened so far. Written by the generator's threads, read by anyone.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections open now.
    pub open: AtomicU64,
    /// Connections made.
    pub connections: AtomicU64,
    /// Attempts to connect that failed.
    pub dials_failed: AtomicU64,
    /// Connections that ended before we ended them.
    pub lost: AtomicU64,
    /// Messages all of whose recipients have their end.
    pub finished: AtomicU64,
    /// Messages of which at least one recipient was accepted.
    pub messages: AtomicU64,
    /// Bytes of those.
    pub bytes: AtomicU64,
    /// Recipients answered with 250 after the final dot.
    pub accepted: AtomicU64,
    /// Recipients answered with 4xx, each time.
    pub postponed: AtomicU64,
    /// Recipients answered with 5xx, or 4xx too often.
    pub refused: AtomicU64,
    /// Recipients whose text was out when the connection ended.
    pub unanswered: AtomicU64,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    options: Options,
    composer: Composer,
    work: Work,
    counters: Counters,
    stop: AtomicBool,
    started: Nanos,
}

/// What one thread found.
#[derive(Debug, Default)]
struct Findings {
    final_dot: Latency,
    transaction: Latency,
    cpu: Duration,
    /// When the last session was over.
    ended: Nanos,
    driver: &'static str,
    /// The last thing that went wrong with a connection, and the last refusal.
    trouble: Option<String>,
}

/// A running generator. Stops when dropped.
#[derive(Debug)]
pub struct Sending {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<io::Result<Findings>>>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Messages with at least one accepted recipient.
    pub messages: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Recipients accepted.
    pub accepted: u64,
    /// 4xx answers, each of which was followed by another attempt or a refusal.
    pub postponed: u64,
    /// Recipients refused for good.
    pub refused: u64,
    /// Recipients with the text out and no answer.
    pub unanswered: u64,
    /// Messages that were never offered: stopped, or no connection.
    pub unsent: u64,
    /// Connections made, lost, and not made.
    pub connections: u64,
    /// Connections that ended before we ended them.
    pub lost: u64,
    /// Attempts to connect that failed.
    pub dials_failed: u64,
    /// From the start to the end of the last session, however late the report is asked for.
    pub seconds: f64,
    /// Accepted messages a second.
    pub rate: f64,
    /// From the final dot to its 250.
    pub final_dot: Summary,
    /// From MAIL to the 250 of the final dot.
    pub transaction: Summary,
    /// CPU the generator's threads used.
    pub cpu_seconds: f64,
    /// What drove its sockets: `io_uring`, or `epoll` where the host forbids that.
    pub driver: &'static str,
    /// The last thing that went wrong, if anything did.
    pub trouble: Option<String>,
}

/// Starts to send.
///
/// # Errors
/// What the ledger file or the system say.
pub fn start(options: Options) -> io::Result<Sending> {
    let ledger = options.ledger.as_deref().map(Writer::open).transpose()?;
    let started = clock::now();
    let composer = Composer::new(options.seed, &options.sender_domain, &clock::date(started));
    let work = Work::new(&options, started);
    let threads_count = options.threads.clamp(1, options.sessions.max(1));
    let (counters, stop) = (Counters::default(), AtomicBool::new(false));
    let shared = Arc::new(Shared { options, composer, work, counters, stop, started });
    let mut sending = Sending { shared, threads: Vec::new() };
    for number in 0..threads_count {
        let shared = Arc::clone(&sending.shared);
        let ledger = ledger.as_ref().map(Writer::another).transpose()?;
        let thread = thread::Builder::new().name(format!("send-{number}"));
        let sessions = (number..shared.options.sessions.max(1)).step_by(threads_count);
        sending.threads.push(thread.spawn(move || connection::send(sessions, ledger, shared))?);
    }
    Ok(sending)
}

impl Sending {
    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Offers nothing new; what is under way is finished.
    pub fn stop(&self) {
        self.shared.stop.store(true, Relaxed);
    }

    /// Whether all threads have ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// What made a thread end early: the ledger could not be written.
    pub fn join(mut self) -> io::Result<Report> {
        let mut all = Findings::default();
        for thread in std::mem::take(&mut self.threads) {
            let panicked = |_| Err(io::Error::other("a sending thread panicked"));
            let found = thread.join().unwrap_or_else(panicked)?;
            all.final_dot.merge(&found.final_dot);
            all.transaction.merge(&found.transaction);
            all.cpu += found.cpu;
            all.ended = all.ended.max(found.ended);
            all.driver = found.driver;
            all.trouble = found.trouble.or(all.trouble);
        }
        Ok(self.shared.report(all))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    #[expect(clippy::cast_precision_loss, reason = "only shown")]
    fn report(&self, findings: Findings) -> Report {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        let counters = &self.counters;
        let took = Duration::from_nanos(findings.ended.saturating_sub(self.started));
        let seconds = took.as_secs_f64();
        let messages = of(&counters.messages);
        Report {
            messages,
            bytes: of(&counters.bytes),
            accepted: of(&counters.accepted),
            postponed: of(&counters.postponed),
            refused: of(&counters.refused),
            unanswered: of(&counters.unanswered),
            unsent: self.options.messages.saturating_sub(of(&counters.finished)),
            connections: of(&counters.connections),
            lost: of(&counters.lost),
            dials_failed: of(&counters.dials_failed),
            seconds,
            rate: messages as f64 / seconds.max(1e-9),
            final_dot: findings.final_dot.summary(),
            transaction: findings.transaction.summary(),
            cpu_seconds: findings.cpu.as_secs_f64(),
            driver: findings.driver,
            trouble: findings.trouble,
        }
    }
}
