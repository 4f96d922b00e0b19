//! What the operator wants, in two stages: what was written, then what it means.
//!
//! `document` reads keys and remembers their lines; this file declares every key
//! there is, in the order `config show` lists them, and checks them against each other.
//! Nothing here opens a socket or a spool.

mod auth;
mod change;
mod defence;
mod document;
mod entry;
mod fault;
mod front;
mod https;
mod keys;
mod listing;
mod loaded;
mod mail;
mod meaning;
mod nearness;
mod pool;
mod profiles;
mod rates;
mod replies;
mod retry;
mod site;
mod source;
mod tenant;
mod tls;
mod tls_report;
mod tokens;
mod value;
mod warmup;

pub use auth::{Auth, Login, load_users, parse_users, user_name};
pub(crate) use change::change;
pub use defence::{Callers, Defence, Pace};
pub use entry::{Entry, Origin};
pub use fault::{Fault, Faults};
pub(crate) use front::DELAY_MAX;
pub use front::{Front, Proxy};
pub use https::Https;
pub use listing::{schema, show};
pub use loaded::{Loaded, load, parse};
pub use mail::Network;
pub use pool::{Pool, PoolSource};
pub use replies::Replies;
pub use retry::Retry;
pub use site::Site;
pub use source::SourceRule;
pub use tenant::Tenant;
pub use tls::{Certificate, ClientCertificate, DeliveryTls, LeastTls, ListenerTls, Security, Tls};
pub use tls_report::TlsReport;
pub use tokens::{load_tokens, parse_tokens};
pub use warmup::Warmup;

use document::{Place, Reader, Section};
use mail::{Destination, HostName, Pattern, words};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use value::Bytes;

/// Everything an operator can decide, decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How we greet and what we call ourselves in Received.
    pub hostname: String,
    /// Shards to run, each on a thread of its own.
    pub shards: usize,
    /// Where mail is kept.
    pub spool: Spool,
    /// Where mail comes in. Never empty.
    pub listeners: Vec<Listener>,
    /// Who gives us mail. The first that fits a connection is meant.
    pub sources: Vec<SourceRule>,
    /// Whose mail has a larger part of a site.
    pub tenants: Vec<Tenant>,
    /// Who may log in.
    pub auth: Auth,
    /// What we show of ourselves under TLS; the first to whoever asks for nobody else.
    pub certificates: Vec<Certificate>,
    /// What else there is to say of TLS.
    pub tls: Tls,
    /// Where mail goes; MX for what none of them matches.
    pub routes: Vec<Route>,
    /// The addresses mail leaves from.
    pub pools: Vec<Pool>,
    /// Addresses that send some more every day.
    pub warmups: Vec<Warmup>,
    /// The pool for mail that nobody has named one for.
    pub usual_pool: Option<String>,
    /// Limits towards one site.
    pub delivery: Delivery,
    /// With so many deliveries ready for one site, all shards send to it; none: its own does alone.
    pub spread_backlog: Option<u64>,
    /// Whether the limits of providers hold that are part of the program.
    pub provider_profiles: bool,
    /// What hosts say.
    pub replies: Replies,
    /// What TLS mail goes under.
    pub delivery_tls: DeliveryTls,
    /// Those towards single providers. The first that fits a domain is meant.
    pub sites: Vec<Site>,
    /// When a deferred recipient is tried again.
    pub retry: Retry,
    /// What is written for people and programs to read.
    pub log: Log,
    /// The operator's door.
    pub admin: Admin,
    /// How names are looked up.
    pub dns: Dns,
    /// How files of others are fetched.
    pub https: Https,
    /// What domains are told of TLS with their hosts.
    pub tls_report: TlsReport,
    /// How the machine is used.
    pub kernel: Kernel,
    /// How it stops.
    pub drain: Drain,
    /// What a balancer asks.
    pub agent: Agent,
}

/// `[spool]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    /// Its directory.
    pub path: PathBuf,
    /// What must have happened before a 250.
    pub durability: Durability,
    /// The length of one file of the log.
    pub segment_bytes: u64,
    /// With less than this free on the filesystem, no new mail is taken.
    pub free_bytes_min: u64,
    /// Bytes of waiting mail a log reads each second to find damage; 0 for none.
    pub scrub_bytes_per_second: u64,
    /// With more recipients waiting than this, no new mail is taken; all shards together.
    pub queued_max: u64,
    /// Message text in reception at one time, all shards together.
    pub intake_bytes: u64,
    /// Bodies kept in memory for immediate delivery, all shards together.
    pub memory_bytes: u64,
}

/// What must have happened to a message before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is on the disk.
    Sync,
    /// The kernel has it: it survives our death, not the machine's.
    PageCache,
    /// We have it: it survives nothing.
    Memory,
}

words!(Durability { "sync" => Self::Sync, "page-cache" => Self::PageCache, "memory" => Self::Memory });

/// `[[listener]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Who may send mail to anyone through it.
    pub relay_from: Vec<Network>,
    /// The largest message taken.
    pub message_bytes_max: u64,
    /// The most recipients of one message.
    pub recipients_max: u16,
    /// The longest line of message text, with its CRLF.
    pub line_bytes_max: usize,
    /// The most connections at once, all shards together.
    pub connections_max: usize,
    /// How long a silent client is kept.
    pub idle: Duration,
    /// Who logs in.
    pub auth: Login,
    /// Who may log in without TLS.
    pub auth_plaintext_from: Vec<Network>,
    /// Who is in front of it.
    pub front: Front,
    /// What is borne from one client, and from many.
    pub defence: Defence,
    /// What of TLS there is.
    pub tls: ListenerTls,
}

/// `[[route]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `*`, `example.com`, or `.example.com` for all below it. Lower case.
    pub domain: String,
    /// The hosts to try, with their ports; empty: by MX.
    pub to: Vec<Hop>,
    /// The port of hosts that were written without one, and of MX hosts.
    pub port: u16,
    /// What TLS the mail goes under, if that was written here.
    pub tls: Option<route::Tls>,
}

/// One host of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// A host name or an IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// `[delivery]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The most connections to one site.
    pub connections_per_site: u16,
    /// Of these, from one source.
    pub connections_per_source: u16,
    /// The most messages over one connection.
    pub messages_per_connection: u32,
    /// The most messages on their way at once over one connection.
    pub in_flight_max: u16,
    /// As many to a host that nobody knows yet.
    pub in_flight_first: u16,
    /// The most recipients in one transaction.
    pub recipients_per_message: u16,
    /// How long a connection with nothing to do is kept.
    pub idle: Duration,
    /// How old a connection may grow.
    pub connection_age_max: Duration,
    /// The most in a time.
    pub rates: policy::pace::Rates,
    /// And that from one source.
    pub rates_per_source: policy::pace::Rates,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The delivery log: one JSON object a line and an attempt.
    pub delivery: PathBuf,
    /// A line there for each message that was taken, too.
    pub accepted: bool,
    /// And for each refusal.
    pub refused: bool,
}

/// `[admin]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens: a loopback address.
    pub address: SocketAddr,
    /// The file of those who may ask and order there; without one, whoever reaches it.
    pub tokens: Option<PathBuf>,
}

/// `[dns]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// The servers to ask; empty: those of the system.
    pub servers: Vec<SocketAddr>,
    /// Whether mail may go where an MX points into private or loopback networks.
    pub allow_private_addresses: bool,
}

/// `[kernel]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// How sockets and files are driven.
    pub driver: Driver,
}

/// `[drain]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long mail is still taken after we were told to stop.
    pub delay: Duration,
}

/// `[agent]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Where it listens; nowhere if left out.
    pub address: Option<SocketAddr>,
}

/// How sockets and files are driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// By `io_uring` if the host allows it, else by epoll, with a warning.
    Auto,
    /// By `io_uring` or not at all.
    Uring,
    /// By epoll.
    Epoll,
}

words!(Driver { "auto" => Self::Auto, "uring" => Self::Uring, "epoll" => Self::Epoll });

/// What defaults depend on: facts of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Cores we may run on.
    pub cores: usize,
    /// What the system calls itself.
    pub name: String,
}

/// Every key there is, once, with its default on a machine with one core.
fn every_key() -> Vec<Entry> {
    let mut reader = Reader::of_template();
    let host = Host { cores: 1, name: String::new() };
    Settings::read(&mut reader.top(None), &host);
    reader.finish().unwrap_or_default()
}

/// The table, other than `stranger`, that has a key called `name`.
fn home_of(name: &str, stranger: &str) -> Option<String> {
    let entry = every_key().into_iter().find(|key| key.name == name && key.table != stranger)?;
    Some(match (entry.table, entry.index) {
        ("", _) => "the top level, above the first [table]".to_owned(),
        (table, None) => format!("[{table}]"),
        (table, Some(_)) => format!("[[{table}]]"),
    })
}

#[cfg(test)]
mod tests;
