//! What a shard is told when it starts. Made by the program from the settings.

use crate::access::Access;
use crate::crowd::Crowd;
use crate::egress::Egress;
use crate::gates::GateBook;
use crate::guard::Guard;
use crate::journal;
use crate::letter::Letter;
use event::{Meters, Response};
use kernel::{Mailbox, Sender};
use policy::bounces::HardBounces;
use policy::gate::Kept;
use policy::pace::Rates;
use policy::replies::{Rules, Unknown};
use policy::tenant::Weights;
use policy::tls_report::Ledger;
use policy::warmup::Book;
use policy::{Class, Limits, Schedule, Schedules};
use route::SitePlan;
use smtp::server::{self, Refusal, Rights};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One shard's share of the machine and of the settings.
#[derive(Debug)]
pub struct Setup {
    /// Which shard this is, from 0.
    pub index: usize,
    /// Where mail comes in. Every shard listens on all of them (`SO_REUSEPORT`).
    pub gates: Vec<Gate>,
    /// Our name, in greetings, EHLO and Received.
    pub hostname: Arc<str>,
    /// The logs, and where they are.
    pub spool: Spool,
    /// Bytes of message text this shard may keep in memory for immediate delivery.
    pub held_bytes_max: u64,
    /// Bytes of message text this shard may have in reception at one time.
    pub intake_bytes_max: u64,
    /// Recipients this shard may have queued; past it MAIL hears 452.
    pub queued_max: u64,
    /// How tenants share what goes to a site.
    pub weights: Arc<Weights>,
    /// What may be changed while it runs.
    pub live: Live,
    /// Where attempts are written, one JSON line each; `None` writes none.
    pub delivery_log: Option<PathBuf>,
    /// What is told there beside attempts.
    pub topics: Topics,
    /// Where this shard counts.
    pub meters: Arc<Meters>,
    /// How many connections each shard serves, shared by all.
    pub crowd: Arc<Crowd>,
    /// This shard's letters.
    pub mailbox: Mailbox<Letter>,
    /// The way to every shard's mailbox, this one's too, by index.
    pub shards: Vec<Sender<Letter>>,
    /// Who may log in, if anybody may.
    pub access: Option<Arc<dyn Access>>,
    /// Where it is counted what TLS with hosts came to, if anybody is told.
    pub tls_ledger: Option<Arc<Ledger>>,
    /// How long a drain waits for transactions in flight.
    pub drain_patience: Duration,
}

/// What of the settings a shard may be told anew while it runs ([`Letter::Reload`]): where mail
/// goes, from where and how fast, and what is made of the answers.
///
/// **Places hold for the life of the program:** a pool, a source of a pool, and a named site keep the
/// place they had first, whatever becomes of them, since plans, gates and counts know them by it.
#[derive(Clone, Debug)]
pub struct Live {
    /// Where domains go.
    pub routing: Routing,
    /// The pools of our addresses that mail leaves by.
    pub egress: Arc<Egress>,
    /// How each site is treated that has no limits of its own.
    pub limits: Limits,
    /// With so many deliveries ready for a site and all its connections in use, other shards help.
    pub spread_backlog: usize,
    /// Our side of every TLS handshake with a host, the same for all shards.
    pub connector: Arc<wire::Connector>,
    /// When a deferred recipient is tried again, by site and class.
    pub schedules: Schedules,
    /// What hosts mean by what they say, and whether it is heeded.
    pub politeness: Politeness,
    /// How much a site may have in a time.
    pub rates: SiteRates,
}

/// How much each site may have in a time.
#[derive(Clone, Debug, Default)]
pub struct SiteRates {
    /// Each of those that the rules of routing name, in their order.
    pub sites: Arc<[Allowed]>,
    /// Each of all others.
    pub others: Allowed,
}

/// How much a site may have in a time: both hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// From all sources of a pool together.
    pub site: Rates,
    /// From each of them; where there is no pool, from this host.
    pub source: Rates,
}

impl Live {
    /// How a site is treated, whatever leaves from where.
    pub(crate) fn limits_of(&self, plan: &SitePlan) -> &Limits {
        plan.named.and_then(|place| self.routing.limits.get(place)).unwrap_or(&self.limits)
    }

    /// When mail of a class for a site is tried again, as far as that is known.
    pub(crate) fn schedule(&self, class: Class, plan: Option<&SitePlan>) -> &Schedule {
        self.schedules.of(class, plan.and_then(|plan| plan.named))
    }

    /// How much a site may have in a time.
    pub(crate) fn rates_of(&self, plan: &SitePlan) -> Allowed {
        let own = plan.named.and_then(|place| self.rates.sites.get(place));
        own.copied().unwrap_or(self.rates.others)
    }
}

/// What hosts mean by what they say, and where they are heeded.
#[derive(Clone, Debug)]
pub struct Politeness {
    /// The rules by which replies are read.
    pub rules: Arc<Rules>,
    /// Whether what is asked is done at each site that the rules of routing name, in their order.
    pub sites: Arc<[bool]>,
    /// The same at all others.
    pub others: bool,
    /// What was said that no rule knows, to all shards together. It is locked for a moment, for each
    /// such reply and to be shown.
    pub unknown: Arc<Mutex<Unknown>>,
    /// What was in force when this program last ended.
    pub kept: Arc<[Kept]>,
    /// Where shards say what is in force now.
    pub book: Arc<GateBook>,
    /// After so many hard bounces of a recipient it is told that it had better be suppressed; 0: never.
    pub suppress_after: u16,
    /// Who hard-bounced lately, whichever shard had the mail. It is locked for a moment, for each
    /// message that fails so.
    pub bounces: Arc<Mutex<HardBounces>>,
    /// What addresses of ours that warm up have sent of their day, by whichever shard.
    pub days: Arc<Book>,
}

impl Default for Politeness {
    /// By the rules that are part of the program, everywhere.
    fn default() -> Self {
        Self {
            rules: Arc::clone(Rules::shipped()),
            sites: Arc::default(),
            others: true,
            unknown: Arc::default(),
            kept: Arc::default(),
            book: Arc::default(),
            suppress_after: 0,
            bounces: Arc::default(),
            days: Arc::default(),
        }
    }
}

impl Politeness {
    /// Whether what hosts of a site ask is done.
    pub(crate) fn heeds(&self, plan: &SitePlan) -> bool {
        let own = plan.named.and_then(|place| self.sites.get(place));
        *own.unwrap_or(&self.others)
    }

    /// Notes what a host of a provider said.
    pub(crate) fn note_unknown(&self, provider: &str, response: &Response) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.note(provider, response);
    }
}

/// What the delivery log tells beside what becomes of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topics {
    /// Each message that was taken.
    pub accepted: bool,
    /// Whatever was refused at the door: as much as peers care to make of it.
    pub refused: bool,
}

impl Default for Topics {
    /// As the settings have it where nothing was written.
    fn default() -> Self {
        Self { accepted: true, refused: false }
    }
}

/// One listening address and its rules.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Where it listens.
    pub address: SocketAddr,
    /// A socket that listens there already, if whoever started us holds one for us.
    pub socket: Option<Arc<OwnedFd>>,
    /// Who has to say whose connection it is, if a balancer is in front.
    pub proxy: Option<Proxy>,
    /// Who may say XCLIENT.
    pub xclient_from: Networks,
    /// Who may relay.
    pub relay_from: Networks,
    /// What sessions here are told and allowed.
    pub server: Arc<server::Config>,
    /// Who may log in without TLS, and what their sessions are told and allowed.
    pub in_clear: Option<(Networks, Arc<server::Config>)>,
    /// Connections at one time, all shards together; more hear 421.
    pub connections_max: usize,
    /// How many there are. Shared by all shards.
    pub inside: Arc<AtomicUsize>,
    /// How long a peer may be silent.
    pub idle: Duration,
    /// What else is borne from peers.
    pub guard: Arc<Guard>,
    /// TLS, if it is spoken here.
    pub security: Option<Security>,
}

/// TLS at a listening address.
#[derive(Clone, Debug)]
pub struct Security {
    /// Our side of the handshake, the same for all shards.
    pub acceptor: Arc<wire::Acceptor>,
    /// When it begins.
    pub begin: Begin,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With the first byte.
    AtOnce,
    /// When the client says STARTTLS.
    WhenAsked,
}

impl Gate {
    /// What a session with somebody from this address is told and allowed.
    #[must_use]
    pub fn config_for(&self, address: IpAddr) -> &Arc<server::Config> {
        match &self.in_clear {
            Some((networks, config)) if (networks.0)(address) => config,
            _ => &self.server,
        }
    }

    /// What a client at `address` may.
    pub(crate) fn rights(&self, address: IpAddr) -> Rights {
        Rights { relay: (self.relay_from.0)(address), xclient: (self.xclient_from.0)(address) }
    }

    /// Whether TLS comes before the first word.
    pub(crate) fn begins_secure(&self) -> bool {
        self.security.as_ref().is_some_and(|security| security.begin == Begin::AtOnce)
    }

    /// What somebody hears who is turned away at once. In front of a handshake a word in clear
    /// text would only confuse.
    pub(crate) fn first_words(&self, refusal: Refusal) -> &'static [u8] {
        if self.begins_secure() { b"" } else { refusal.line().as_bytes() }
    }

    /// A door at `address` for whoever comes, relaying for nobody.
    #[must_use]
    pub fn new(address: SocketAddr, server: Arc<server::Config>) -> Self {
        const CONNECTIONS_MAX: usize = 16_000;
        const IDLE: Duration = Duration::from_mins(5);
        Self {
            address,
            socket: None,
            proxy: None,
            xclient_from: Networks::none(),
            relay_from: Networks::none(),
            server,
            connections_max: CONNECTIONS_MAX,
            in_clear: None,
            inside: Arc::default(),
            idle: IDLE,
            guard: Arc::default(),
            security: None,
        }
    }
}

/// A balancer in front of a listener.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Which headers it may send. It must send one.
    pub versions: smtp::proxy::Versions,
    /// Where it is. Nobody else is listened to.
    pub from: Networks,
    /// Whether TLS that it has ended is as good as ours: then the network between it and us is.
    pub tls: bool,
}

/// A set of addresses.
#[derive(Clone)]
pub struct Networks(pub Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl Networks {
    /// The empty one.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(|_| false))
    }
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Networks")
    }
}

/// The logs of one shard.
#[derive(Clone, Debug)]
pub struct Spool {
    /// The spool's directory; the logs are its `log-NN`.
    pub directory: PathBuf,
    /// The logs this shard owns: new mail goes to the first, the others only drain.
    pub logs: Vec<u16>,
    /// How they are written.
    pub options: journal::Options,
}

/// How DNS is asked about a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What is remembered on the way there will do.
    Find,
    /// What is remembered on the way is what we have ourselves, and will soon be too old.
    Renew,
}

/// How a domain becomes a site.
#[derive(Clone)]
pub struct Routing {
    /// Routes from the settings.
    pub table: Arc<route::Table>,
    /// Asks what DNS knows of a domain; the answer comes as [`Letter::Resolved`].
    pub ask: Arc<dyn Fn(String, Ask, Sender<Letter>) + Send + Sync>,
    /// What is never connected to, unless a route names it.
    pub rules: Arc<route::Rules>,
    /// The limits of each site that the rules name, in their order.
    pub limits: Arc<[Limits]>,
}

impl fmt::Debug for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routing").field("table", &self.table).finish_non_exhaustive()
    }
}
