//! The provider simulator: listens as any number of made-up mailbox providers.

mod connection;
mod dkim;
pub mod dns;
pub mod profiles;
pub mod provider;
pub mod rate;
pub mod reply;
mod session;
pub mod site;
mod socket;
mod text;

pub use provider::{BadProvider, Close, Provider, Reputation, Stage};
pub use session::{After, ENDLESS_LINE, Output, Session};
pub use site::Site;

use crate::clock;
use crate::ledger::{Row, Writer};
use crate::net::{self, Stream};
use crate::tls;
use provider::Tls;
use rustix::fd::OwnedFd;
use site::Guest;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Options {
    /// The providers.
    pub providers: Vec<Provider>,
    /// Decides who is deferred and who is refused.
    pub seed: u64,
    /// Where to write the ledger, if anywhere.
    pub ledger: Option<PathBuf>,
    /// Threads; each serves all providers.
    pub threads: usize,
}

/// What happened at one provider so far. Written by the sink's threads, read by anyone.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections taken.
    pub connections: AtomicU64,
    /// Connections open now.
    pub open: AtomicU64,
    /// Messages received in full.
    pub messages: AtomicU64,
    /// Bytes of their texts.
    pub bytes: AtomicU64,
    /// Recipients answered with 250 after the final dot.
    pub delivered: AtomicU64,
    /// Recipients answered with 4xx.
    pub deferred: AtomicU64,
    /// Recipients answered with 5xx.
    pub failed: AtomicU64,
    /// Reports received from the null sender.
    pub reported: AtomicU64,
    /// Recipients of messages that are not ours.
    pub strangers: AtomicU64,
    /// Messages whose body was not the one their header promised.
    pub corrupt: AtomicU64,
    /// Connections and commands answered with 421.
    pub turned_away: AtomicU64,
    /// Times a rule of the contract was broken.
    pub broken: AtomicU64,
}

type Watched<'w> = MutexGuard<'w, BTreeMap<u32, OwnedFd>>;

/// A provider that is being simulated.
#[derive(Debug)]
pub struct Simulated {
    /// What it knows and decides.
    pub site: Arc<Site>,
    /// Its number in the ledger, counted from 1.
    pub number: u32,
    /// What happened there.
    pub counters: Counters,
    /// Where it listens, with the ports the system chose.
    pub addresses: Vec<SocketAddr>,
    /// The sockets of its connections by their numbers, where connections are limited.
    watched: Mutex<BTreeMap<u32, OwnedFd>>,
}

impl Simulated {
    /// A connection comes. If it is one too many, those that its source has closed are counted
    /// no longer, though no thread has come to read that yet: else a sender would be accused of
    /// what the simulator is too busy to hear. The lock is to be held until it is counted: whoever
    /// comes later then sees it. `None` if it is one too many still, and closed itself.
    fn watch(&self, number: u32, source: IpAddr, stream: &Stream) -> Option<Watched<'_>> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if self.site.provider().connections_per_source == 0 {
            return Some(watched);
        }
        for rival in self.site.rivals(source) {
            if watched.get(&rival).is_none_or(socket::is_ended) {
                self.site.forget(&Guest { source, number: rival }, clock::now());
            }
        }
        if let Ok(socket) = stream.watched() {
            if !self.site.rivals(source).is_empty() && socket::is_ended(&socket) {
                return None;
            }
            watched.insert(number, socket);
        }
        Some(watched)
    }

    fn unwatch(&self, number: u32) {
        if self.site.provider().connections_per_source > 0 {
            self.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        }
    }
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    /// Connections so far, for their numbers.
    connections: AtomicU32,
    /// For the hosts of the providers that offer TLS, if there are any.
    certificate: Option<tls::Server>,
}

/// A running simulator. Stops when dropped.
#[derive(Debug)]
pub struct Sink {
    providers: Vec<Arc<Simulated>>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<io::Result<Duration>>>,
}

/// Binds all providers and starts to serve them.
///
/// # Errors
/// What bind, listen or the ledger file say.
pub fn start(options: Options) -> io::Result<Sink> {
    let mut ledger = options.ledger.as_deref().map(Writer::open).transpose()?;
    let mut names = Vec::new();
    let shared = Arc::new(Shared {
        stop: AtomicBool::new(false),
        connections: AtomicU32::new(0),
        certificate: certificate(&options.providers)?,
    });
    let count = options.threads.max(1);
    let mut providers = Vec::new();
    let mut sockets = Vec::new();
    for provider in options.providers {
        let bound = provider
            .listen
            .iter()
            .map(|at| net::bind(*at, count).map_err(|error| unbound(*at, &error)))
            .collect::<io::Result<Vec<_>>>()?;
        let addresses = bound.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let number = providers.len() as u32 + 1;
        names.push(Row::provider(number, &provider.name, clock::now()));
        let (site, counters) = (Arc::new(Site::new(provider, options.seed)), Counters::default());
        let watched = Mutex::default();
        let simulated = Arc::new(Simulated { site, number, counters, addresses, watched });
        sockets.extend(bound.into_iter().map(|socket| (socket, Arc::clone(&simulated))));
        providers.push(simulated);
    }
    if let Some(ledger) = &mut ledger {
        names.iter().try_for_each(|name| ledger.add(name))?;
        ledger.flush()?;
    }
    let mut sink = Sink { providers, shared, threads: Vec::new() };
    for number in 0..count {
        let again = |(socket, simulated): &(TcpListener, Arc<Simulated>)| {
            let socket = if number == 0 {
                socket.try_clone()
            } else {
                net::bind(socket.local_addr()?, count)
            };
            Ok((socket?, Arc::clone(simulated)))
        };
        let sockets = sockets.iter().map(again).collect::<io::Result<Vec<_>>>()?;
        let ledger = ledger.as_ref().map(Writer::another).transpose()?;
        let shared = Arc::clone(&sink.shared);
        let thread = thread::Builder::new().name(format!("sink-{number}"));
        sink.threads.push(thread.spawn(move || connection::serve(sockets, ledger, shared))?);
    }
    Ok(sink)
}

/// A certificate for the hosts of those that offer TLS.
fn certificate(providers: &[Provider]) -> io::Result<Option<tls::Server>> {
    let encrypting = providers.iter().filter(|provider| provider.tls != Tls::Off);
    let names: Vec<&str> = encrypting
        .flat_map(|provider| provider.hosts.iter().chain([&provider.hostname]))
        .map(String::as_str)
        .collect();
    let made = (!names.is_empty()).then(|| tls::Server::self_signed(&names));
    made.transpose().map_err(io::Error::other)
}

/// Why nobody can listen at an address, and what to do about it.
fn unbound(address: SocketAddr, error: &io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            ": ports below 1024 need root or CAP_NET_BIND_SERVICE; choose another with --port, such \
             as --port 2525"
        }
        io::ErrorKind::AddrInUse => {
            ": another program listens there; stop it, or choose another port"
        }
        io::ErrorKind::AddrNotAvailable => ": this machine has no such address",
        _ => "",
    };
    io::Error::new(error.kind(), format!("cannot listen at {address}: {error}{advice}"))
}

impl Sink {
    /// The providers, in the order of the options.
    #[must_use]
    pub fn providers(&self) -> &[Arc<Simulated>] {
        &self.providers
    }

    /// Messages received by all of them.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.providers.iter().map(|one| one.counters.messages.load(Relaxed)).sum()
    }

    /// Ends all connections and stops listening.
    pub fn stop(&self) {
        self.shared.stop.store(true, Relaxed);
    }

    /// Waits until it has stopped (so call [`Self::stop`] first, or from elsewhere) and
    /// returns the CPU time its threads used.
    ///
    /// # Errors
    /// What made a thread end early: the ledger could not be written.
    pub fn join(mut self) -> io::Result<Duration> {
        let threads = std::mem::take(&mut self.threads);
        threads.into_iter().try_fold(Duration::ZERO, |sum, thread| {
            let ended =
                thread.join().unwrap_or_else(|_| Err(io::Error::other("a sink thread panicked")));
            Ok(sum + ended?)
        })
    }

    /// Whether a thread has ended, which it does only when stopped or failed.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop();
    }
}
