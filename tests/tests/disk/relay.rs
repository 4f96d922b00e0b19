//! The engine on a kernel with a flaw.

use crate::look::SEGMENT_BYTES;
use event::Meters;
use kernel::uring::{self, RingConfig};
use kernel::{Sender, mailbox};
use policy::{Limits, Schedule, Waits};
use route::{Answer, HostPort, NamedSites, RouteSetting, Rules, Table};
use shard::journal::Options;
use shard::{Ask, Crowd, Gate, Letter, Live, Networks, Routing, Setup, Spool};
use smtp::server;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tests::mutant::{Flaw, Mutant};
use tests::process::Process;
use tests::{port, wait};
use wire::Connector;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the child finds what it is to run.
const ORDERS: &str = "RINGPOST_DISK_RELAY";

/// The engine, in a process of its own that is this test once more: an engine keeps files
/// open until its process ends, and a disk with open files cannot be unmounted.
pub(crate) struct Relay {
    address: SocketAddr,
    _process: Process,
}

impl Relay {
    /// Starts one on the spool in `directory`, which sends all mail to `next`. What it has to
    /// say goes to `log`.
    ///
    /// # Errors
    /// If it does not come to listen.
    pub(crate) fn start(
        directory: &Path,
        next: SocketAddr,
        flaw: Flaw,
        log: &Path,
    ) -> io::Result<Self> {
        let address = port::free()?;
        let orders = format!("{address} {next} {flaw:?} {}", directory.display());
        let mut command = Command::new(env::current_exe()?);
        command.args(["--exact", "relay::a_child_runs_the_engine", "--nocapture"]);
        let process = Process::start(command.env(ORDERS, orders), log)?;
        wait::until("the engine", PATIENCE, || port::answers(address).then_some(()))?;
        Ok(Self { address, _process: process })
    }

    /// Where it takes mail.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The child's part. Without orders it has nothing to do.
#[test]
fn a_child_runs_the_engine() -> io::Result<()> {
    let Ok(orders) = env::var(ORDERS) else { return Ok(()) };
    let parts: Vec<&str> = orders.splitn(4, ' ').collect();
    let [address, next, flaw, directory] = parts[..] else {
        return Err(io::Error::other(orders));
    };
    let parse = |address: &str| address.parse::<SocketAddr>().map_err(io::Error::other);
    let flaw = FLAWS.into_iter().find(|known| format!("{known:?}") == flaw);
    let flaw = flaw.ok_or_else(|| io::Error::other(orders.clone()))?;
    let setup = setup(Path::new(directory), parse(address)?, parse(next)?);
    let report = uring::run(RingConfig::default(), |kernel| {
        shard::run(Mutant::new(kernel, flaw), setup, |_| ())
    })?;
    report.output.map_err(|failure| io::Error::other(failure.to_string()))
}

const FLAWS: [Flaw; 4] = [Flaw::Sound, Flaw::NoSync, Flaw::NoDirectorySync, Flaw::Early];

fn setup(directory: &Path, address: SocketAddr, next: SocketAddr) -> Setup {
    let (sender, letters) = mailbox();
    Setup {
        index: 0,
        gates: vec![gate(address)],
        hostname: "relay.test".into(),
        spool: spool(directory),
        held_bytes_max: 16 << 20,
        intake_bytes_max: 16 << 20,
        queued_max: 100_000,
        live: Live {
            routing: routing(next),
            limits: Limits {
                connections_max: 4,
                connections_per_source_max: u16::MAX,
                messages_per_connection_max: 100,
                in_flight_max: 8,
                in_flight_first: 1,
                recipients_per_message_max: 100,
                idle: Duration::from_secs(5),
                connection_age_max: Duration::from_mins(5),
            },
            spread_backlog: usize::MAX,
            rates: shard::SiteRates::default(),
            politeness: shard::Politeness { others: false, ..shard::Politeness::default() },
            schedules: schedule().into(),
            connector: Arc::new(Connector::new(None).expect("it trusts nobody")),
            egress: Arc::default(),
        },
        delivery_log: None,
        topics: shard::Topics::default(),
        meters: Meters::new(1),
        crowd: Crowd::new(1),
        mailbox: letters,
        shards: vec![sender],
        access: None,
        tls_ledger: None,
        weights: Arc::default(),
        drain_patience: Duration::from_secs(30),
    }
}

fn gate(address: SocketAddr) -> Gate {
    Gate {
        relay_from: Networks(Arc::new(|_| true)),
        ..Gate::new(address, Arc::new(server::Config::new("relay.test")))
    }
}

fn spool(directory: &Path) -> Spool {
    let options = Options { segment_bytes: SEGMENT_BYTES, free_bytes_min: 0, ..Options::default() };
    Spool { directory: directory.into(), logs: vec![0], options }
}

fn routing(next: SocketAddr) -> Routing {
    let route = |domain: &str| RouteSetting {
        pattern: domain.into(),
        to: vec![HostPort::from(next)],
        port: route::SMTP_PORT,
        tls: route::Tls::Off,
    };
    let routes = vec![route("site.test"), route("source.test")];
    let table = Arc::new(Table::new(routes).expect("each domain has one route"));
    let rules = Rules {
        own_names: vec!["relay.test".into()],
        own_addresses: Vec::new(),
        private_allowed: true,
        table: Arc::clone(&table),
        sites: NamedSites::default(),
    };
    let ask =
        |domain, _: Ask, to: Sender<Letter>| to.post(Letter::Resolved(domain, Answer::NoDomain));
    Routing { table, ask: Arc::new(ask), rules: Arc::new(rules), limits: Arc::default() }
}

/// As [`crate::rig::SETTINGS`] has it.
fn schedule() -> Schedule {
    Schedule {
        waits: Waits::Growing {
            first: Duration::from_millis(200),
            factor_percent: 200,
            longest: Duration::from_secs(2),
        },
        jitter_percent: 0,
        expire: Duration::from_hours(1),
        delay_notice: Duration::from_hours(1),
    }
}
