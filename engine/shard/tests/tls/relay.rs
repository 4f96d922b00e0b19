//! A relay of one shard on a simulated host, which speaks TLS.

use crate::host;
use event::{Meters, TlsaSet};
use kernel::sim::{Host, World};
use kernel::{Kernel, Sender, mailbox};
use policy::tls_report::Ledger;
use policy::{Limits, Schedule, Waits};
use route::{Answer, Dane, HostPort, MxHost, NamedSites, RouteSetting, Rules, Table, Tls};
use shard::journal::Options;
use shard::{
    Ask, Begin, Crowd, Gate, Letter, Live, Networks, Proxy, Routing, Security, Setup, Spool,
    Submission,
};
use smtp::proxy::Versions;
use smtp::server;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use wire::{Acceptor, Certificate, Certificates, Clients, Connector, Roots};

pub(crate) const HOST: &str = "relay.test";
/// Whose mail is reports of TLS.
pub(crate) const REPORTER: &str = "tls@relay.test";

/// A relay, and what a client must know of it.
pub(crate) struct Relay {
    pub(crate) host: Host,
    pub(crate) address: SocketAddr,
    pub(crate) meters: Arc<Meters>,
    /// Its certificate, to be trusted.
    pub(crate) root: String,
    letters: Sender<Letter>,
    /// What it notes of TLS with hosts.
    pub(crate) ledger: Arc<Ledger>,
}

impl Relay {
    pub(crate) fn start(world: &World, begin: Begin, clients: &Clients) -> Self {
        let (security, root) = security(begin, clients);
        let open = |address| gate(address, security);
        Self { root, ..Self::behind(world, open, INTAKE_BYTES_MAX) }
    }

    /// One with so much memory for what comes in.
    pub(crate) fn within(world: &World, begin: Begin, intake_bytes_max: u64) -> Self {
        let (security, root) = security(begin, &Clients::Unasked);
        let open = |address| gate(address, security);
        Self { root, ..Self::behind(world, open, intake_bytes_max) }
    }

    /// One at whose door `change` changes something.
    pub(crate) fn changed(world: &World, begin: Begin, change: impl FnOnce(Gate) -> Gate) -> Self {
        let (security, root) = security(begin, &Clients::Unasked);
        let open = |address| change(gate(address, security));
        Self { root, ..Self::behind(world, open, INTAKE_BYTES_MAX) }
    }

    /// One whose door `open` makes.
    pub(crate) fn behind(
        world: &World,
        open: impl FnOnce(SocketAddr) -> Gate,
        intake_bytes_max: u64,
    ) -> Self {
        Self::sending(world, open, intake_bytes_max, (nowhere(), None))
    }

    /// One that sends the mail of these domains to the host at `next`, called [`host::NAME`], and
    /// trusts `root`.
    pub(crate) fn to(
        world: &World,
        open: impl FnOnce(SocketAddr) -> Gate,
        next: SocketAddr,
        domains: &[(&str, Tls)],
        root: Option<&str>,
    ) -> Self {
        let roots = root.map(|root| Roots::from_pem(root.as_bytes()).unwrap());
        let routing = somewhere(next, domains, Dane::Absent);
        Self::sending(world, open, INTAKE_BYTES_MAX, (routing, roots))
    }

    /// The same, trusting nobody, where this is proven of the host.
    pub(crate) fn to_proven(
        world: &World,
        next: SocketAddr,
        domains: &[(&str, Tls)],
        set: TlsaSet,
    ) -> Self {
        let routing = somewhere(next, domains, Dane::Known(Arc::new(set)));
        Self::sending(world, clear, INTAKE_BYTES_MAX, (routing, None))
    }

    /// One that sends all mail by MX, of which DNS says this, to hosts at `port`, and trusts
    /// `root`.
    pub(crate) fn by_mx(world: &World, port: u16, answer: Answer, root: &str) -> Self {
        Self::by_mx_behind(world, clear, port, answer, root)
    }

    /// The same at whose door stands `open`.
    pub(crate) fn by_mx_behind(
        world: &World,
        open: impl FnOnce(SocketAddr) -> Gate,
        port: u16,
        answer: Answer,
        root: &str,
    ) -> Self {
        let (pattern, to) = ("*".to_owned(), Vec::new());
        let route = RouteSetting { pattern, to, port, tls: Tls::Opportunistic };
        let roots = Roots::from_pem(root.as_bytes()).unwrap();
        Self::sending(world, open, INTAKE_BYTES_MAX, (routing(vec![route], answer), Some(roots)))
    }

    /// The program sends a report to this recipient, where DNS says this of its domain.
    pub(crate) fn submit(&self, recipient: &str, answer: Answer) -> Arc<AtomicU8> {
        let heard = Arc::<AtomicU8>::default();
        let taken = Arc::clone(&heard);
        self.letters.post(Letter::Submit(Box::new(Submission {
            sender: REPORTER.into(),
            recipient: recipient.into(),
            text: b"Subject: report\r\n\r\nx\r\n".as_slice().into(),
            answer,
            taken: Box::new(move |is_taken| taken.store(1 + u8::from(is_taken), Ordering::Relaxed)),
        })));
        heard
    }

    /// DNS says this of a domain by now.
    pub(crate) fn learn(&self, domain: &str, answer: Answer) {
        self.letters.post(Letter::Resolved(domain.to_owned(), answer));
    }

    fn sending(
        world: &World,
        open: impl FnOnce(SocketAddr) -> Gate,
        intake_bytes_max: u64,
        (routing, roots): (Routing, Option<Roots>),
    ) -> Self {
        let (sender, letters) = mailbox();
        let host = world.host();
        let address = SocketAddr::new(world.address(host), 25);
        let meters = Meters::new(1);
        let ledger = Ledger::new(1, REPORTER);
        let setup = Setup {
            index: 0,
            gates: vec![open(address)],
            hostname: HOST.into(),
            spool: Spool {
                directory: "/spool".into(),
                logs: vec![0],
                options: Options { segment_bytes: 0, ..Options::default() },
            },
            held_bytes_max: 1 << 20,
            intake_bytes_max,
            queued_max: 10_000,
            live: Live {
                routing,
                limits: LIMITS,
                spread_backlog: usize::MAX,
                rates: shard::SiteRates::default(),
                politeness: shard::Politeness { others: false, ..shard::Politeness::default() },
                schedules: SCHEDULE.into(),
                connector: Arc::new(Connector::new(roots.as_ref()).unwrap()),
                egress: Arc::default(),
            },
            delivery_log: None,
            topics: shard::Topics::default(),
            meters: Arc::clone(&meters),
            access: None,
            tls_ledger: Some(Arc::clone(&ledger)),
            crowd: Crowd::new(1),
            mailbox: letters,
            shards: vec![sender.clone()],
            weights: Arc::default(),
            drain_patience: Duration::from_secs(30),
        };
        let kernel = world.shard(host);
        kernel.clone().spawn(async move {
            kernel.make_directory(Path::new("/spool")).await.unwrap();
            shard::run(kernel, setup, |_| ()).await.unwrap();
        });
        Self { host, address, meters, root: String::new(), letters: sender, ledger }
    }

    pub(crate) fn drain(&self) {
        self.letters.post(Letter::Drain);
    }
}

pub(crate) const INTAKE_BYTES_MAX: u64 = 16 << 20;

/// A door in the clear, for those who may relay.
pub(crate) fn clear(address: SocketAddr) -> Gate {
    let config = server::Config::new(HOST);
    let relay_from = Networks(Arc::new(|_| true));
    Gate { relay_from, ..Gate::new(address, Arc::new(config)) }
}

/// The same behind a balancer.
pub(crate) fn proxied(address: SocketAddr) -> Gate {
    let from = Networks(Arc::new(|_| true));
    Gate { proxy: Some(Proxy { versions: Versions::Any, from, tls: false }), ..clear(address) }
}

/// The same, which ends TLS and is believed.
pub(crate) fn sealed(address: SocketAddr) -> Gate {
    let gate = proxied(address);
    let proxy = gate.proxy.map(|proxy| Proxy { tls: true, ..proxy });
    Gate { proxy, ..gate }
}

fn security(begin: Begin, clients: &Clients) -> (Security, String) {
    let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let acceptor = Acceptor::new(Certificates::new(vec![certificate]), clients).unwrap();
    (Security { acceptor: Arc::new(acceptor), begin }, chain)
}

fn gate(address: SocketAddr, security: Security) -> Gate {
    let config = server::Config {
        starttls: security.begin == Begin::WhenAsked,
        tls_required: true,
        chunking: true,
        ..server::Config::new(HOST)
    };
    Gate {
        relay_from: Networks(Arc::new(|_| true)),
        security: Some(security),
        ..Gate::new(address, Arc::new(config))
    }
}

/// All mail stays here: no name is known.
fn nowhere() -> Routing {
    routing(Vec::new(), Answer::Temporary("there is no DNS".into()))
}

/// The mail of these domains goes to one host.
fn somewhere(next: SocketAddr, domains: &[(&str, Tls)], dane: Dane) -> Routing {
    let route = |&(domain, tls): &(&str, Tls)| RouteSetting {
        pattern: domain.to_owned(),
        to: vec![HostPort::new(host::NAME, next.port()).unwrap()],
        port: next.port(),
        tls,
    };
    let (name, addresses) = (host::NAME.to_owned(), vec![next.ip()]);
    let host = MxHost { preference: 0, name, addresses, dane };
    let answer = Answer::Hosts {
        hosts: vec![host],
        ttl: Duration::from_hours(9),
        policy: None,
        authentic: false,
    };
    routing(domains.iter().map(route).collect(), answer)
}

/// These routes, and the one answer that DNS has.
fn routing(routes: Vec<RouteSetting>, answer: Answer) -> Routing {
    let table = Arc::new(Table::new(routes).unwrap());
    let rules = Rules {
        own_names: Vec::new(),
        own_addresses: Vec::new(),
        private_allowed: true,
        table: Arc::clone(&table),
        sites: NamedSites::default(),
    };
    let ask = move |domain: String, _: Ask, asker: Sender<Letter>| {
        asker.post(Letter::Resolved(domain, answer.clone()));
    };
    Routing { table, ask: Arc::new(ask), rules: Arc::new(rules), limits: Arc::default() }
}

const LIMITS: Limits = Limits {
    connections_max: 4,
    connections_per_source_max: u16::MAX,
    messages_per_connection_max: 100,
    in_flight_max: 8,
    in_flight_first: 8,
    recipients_per_message_max: 100,
    idle: Duration::from_secs(5),
    connection_age_max: Duration::from_mins(5),
};

const SCHEDULE: Schedule = Schedule {
    waits: Waits::Growing {
        first: Duration::from_mins(30),
        factor_percent: 200,
        longest: Duration::from_hours(4),
    },
    jitter_percent: 0,
    expire: Duration::from_hours(24),
    delay_notice: Duration::from_secs(3),
};
