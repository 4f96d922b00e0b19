//! The generator: offers numbered messages to a relay, over any number of sessions.

mod auth;
mod capacity;
mod channel;
mod connection;
mod desk;
mod measured;
mod options;
mod proxy;
mod report;
mod series;
mod session;
mod work;

pub use auth::{Credentials, Mechanism};
pub use capacity::{Capacity, RATIO_MIN};
pub use measured::{Measured, Phase, Phases};
pub use options::{Encryption, NotPipelining, Options, Pipelining};
pub use proxy::{NotSources, Proxy, Sources, Version};
pub use report::{BUSY_MAX, Generator, Report};
pub use series::{POINTS_MAX, Point, Series};
pub use session::{Fault, Outcome, Session};
pub use work::{Message, Next, Recipients};

use crate::clock::{self, Nanos};
use crate::latency::Recent;
use crate::ledger::Writer;
use crate::message::Composer;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use work::Work;

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
    /// How long messages took that were accepted since the last look: from the moment they were to
    /// start in an open loop, else from MAIL.
    pub recent: Recent,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    options: Options,
    composer: Composer,
    work: Work,
    counters: Counters,
    /// Connections that had a PROXY header in front.
    proxied: AtomicU64,
    stop: AtomicBool,
    started: Nanos,
}

/// What one thread found.
#[derive(Debug, Default)]
struct Findings {
    measured: Measured,
    /// Starts that were late, and those that were so by our own fault.
    late: u64,
    late_by_generator: u64,
    /// CPU of all threads, and of the busiest.
    cpu: Duration,
    cpu_busiest: Duration,
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

/// Starts to send.
///
/// # Errors
/// What the ledger file or the system say, or options that contradict each other.
pub fn start(options: Options) -> io::Result<Sending> {
    options.check()?;
    let ledger = options.ledger.as_deref().map(Writer::open).transpose()?;
    let started = clock::now();
    let composer = Composer::new(options.seed, &options.sender_domain, &clock::date(started))
        .with_templates(options.templates.clone());
    let work = Work::new(&options, started);
    let threads_count = options.threads.clamp(1, options.sessions.max(1));
    let (counters, stop) = (Counters::default(), AtomicBool::new(false));
    let proxied = AtomicU64::new(0);
    let shared = Arc::new(Shared { options, composer, work, counters, proxied, stop, started });
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
    /// What made a thread end early: the ledger could not be written; or the file of recipients
    /// changed under way.
    pub fn join(mut self) -> io::Result<Report> {
        let mut all = Findings::default();
        for thread in std::mem::take(&mut self.threads) {
            let panicked = |_| Err(io::Error::other("a sending thread panicked"));
            let found = thread.join().unwrap_or_else(panicked)?;
            all.measured.merge(&found.measured);
            all.late += found.late;
            all.late_by_generator += found.late_by_generator;
            all.cpu += found.cpu;
            all.cpu_busiest = all.cpu_busiest.max(found.cpu);
            all.ended = all.ended.max(found.ended);
            all.driver = found.driver;
            all.trouble = found.trouble.or(all.trouble);
        }
        let addresses = self.shared.options.addresses.as_ref();
        match addresses.and_then(|addresses| addresses.broken()) {
            Some(cause) => Err(io::Error::other(cause)),
            None => Ok(self.shared.report(all)),
        }
    }
}

/// Checks that the generator could have sent more than it did: for a quarter of the time of the
/// run that `report` is of, and at most a second, it sends as `options` say to a server in this
/// process that does nothing. What comes of it is in [`Report::generator`]; a run of less than
/// 400 ms, or one that sent nothing, is too short to be checked.
///
/// # Errors
/// What the system says, or that nothing could be sent.
pub fn check_capacity(options: &Options, report: &mut Report) -> io::Result<()> {
    let Some(span) = capacity::span(Duration::from_secs_f64(report.seconds)) else { return Ok(()) };
    if report.messages > 0 {
        report.generator.judge(capacity::check(options, span, report.rate)?);
    }
    Ok(())
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.stop();
    }
}
