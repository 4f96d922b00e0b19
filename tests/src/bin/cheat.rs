//! A relay that breaks one promise of its disk, so that a test can show that it would notice.
//!
//! ```text
//! cheat honest|no-sync|no-directory-sync|early-250 run --config FILE
//! ```
//!
//! It is one shard as `ringpost` runs it, on the real kernel, with a [`Mutant`] between.
//! It reads the same settings; routes must name addresses. It ends when it is killed.

use control::dns::Servers;
use event::Meters;
use kernel::uring::{self, DriverChoice, RingConfig};
use kernel::{Sender, mailbox};
use policy::Limits;
use relay::settings::{self, Driver, Listener, Settings};
use route::{HostPort, NamedSites, RouteSetting, Rules, Table};
use shard::journal::{Durability, Options};
use shard::{Ask, Crowd, Gate, Letter, Live, Networks, Routing, Setup, Spool};
use smtp::server;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};
use tests::mutant::{Flaw, Mutant};
use wire::Connector;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [promise, "run", "--config", file] = arguments[..] else {
        return Err(io::Error::other("cheat PROMISE run --config FILE"));
    };
    let flaw = Flaw::named(promise).ok_or_else(|| io::Error::other("no such promise"))?;
    let host = settings::Host { cores: 1, name: "relay.test".to_owned() };
    let loaded = settings::load(Some(Path::new(file)), &host).map_err(io::Error::other)?;
    run(&loaded.settings, flaw)
}

/// Runs the shard, and the admin door beside it.
fn run(settings: &Settings, flaw: Flaw) -> io::Result<()> {
    fs::create_dir_all(&settings.spool.path)?;
    let meters = Meters::new(1);
    let control = control::start(control::Setup {
        admin: settings.admin.address,
        tokens: Vec::new(),
        shards: None,
        agent: None,
        dns: Servers { addresses: settings.dns.servers.clone(), ..Servers::default() },
        policies: None,
        reports: None,
        logins: None,
        meters: Arc::clone(&meters),
        sources: Arc::default(),
        unknown: Arc::default(),
        facts: Vec::new(),
        chores: Vec::new(),
    })?;
    let setup = setup(settings, meters)?;
    let driver = match settings.kernel.driver {
        Driver::Auto => DriverChoice::Auto,
        Driver::Uring => DriverChoice::Uring,
        Driver::Epoll => DriverChoice::Epoll,
    };
    let ring = RingConfig { driver, ..RingConfig::default() };
    let report = uring::run(ring, |kernel| shard::run(Mutant::new(kernel, flaw), setup, |_| ()))?;
    control.stop();
    report.output.map_err(io::Error::other)
}

fn setup(settings: &Settings, meters: Arc<Meters>) -> io::Result<Setup> {
    let (own, mailbox) = mailbox();
    let Settings { spool, delivery, retry, .. } = settings;
    Ok(Setup {
        index: 0,
        gates: settings.listeners.iter().map(|listener| gate(settings, listener)).collect(),
        hostname: settings.hostname.as_str().into(),
        spool: Spool {
            directory: spool.path.clone(),
            logs: vec![0],
            options: Options {
                durability: Durability::Sync,
                segment_bytes: spool.segment_bytes,
                free_bytes_min: spool.free_bytes_min,
                ..Options::default()
            },
        },
        held_bytes_max: spool.memory_bytes,
        intake_bytes_max: spool.intake_bytes,
        queued_max: spool.queued_max,
        live: Live {
            routing: routing(settings)?,
            limits: Limits {
                connections_max: delivery.connections_per_site,
                connections_per_source_max: delivery.connections_per_source,
                messages_per_connection_max: delivery.messages_per_connection,
                in_flight_max: delivery.in_flight_max,
                in_flight_first: delivery.in_flight_first,
                recipients_per_message_max: delivery.recipients_per_message,
                idle: delivery.idle,
                connection_age_max: delivery.connection_age_max,
            },
            spread_backlog: usize::MAX,
            rates: shard::SiteRates::default(),
            politeness: shard::Politeness { others: false, ..shard::Politeness::default() },
            schedules: retry.usual().into(),
            connector: Arc::new(Connector::new(None).map_err(io::Error::other)?),
            egress: Arc::default(),
        },
        delivery_log: Some(settings.log.delivery.clone()),
        topics: shard::Topics::default(),
        meters,
        crowd: Crowd::new(1),
        mailbox,
        shards: vec![own],
        access: None,
        tls_ledger: None,
        weights: Arc::default(),
        drain_patience: Duration::from_secs(25),
    })
}

fn gate(settings: &Settings, listener: &Listener) -> Gate {
    Gate {
        relay_from: Networks(Arc::new(|_| true)),
        connections_max: listener.connections_max,
        idle: listener.idle,
        ..Gate::new(listener.address, Arc::new(server::Config::new(&settings.hostname)))
    }
}

fn routing(settings: &Settings) -> io::Result<Routing> {
    let routes = settings.routes.iter().map(|route| {
        let to = route.to.iter().map(|hop| HostPort::new(&hop.host, hop.port));
        let to = to.collect::<Result<Vec<_>, _>>().map_err(|_| io::Error::other("a bad host"))?;
        let tls = route::Tls::default();
        Ok(RouteSetting { pattern: route.domain.clone(), to, port: route.port, tls })
    });
    let routes = routes.collect::<io::Result<Vec<_>>>()?;
    let table = Table::new(routes).map_err(|bad| io::Error::other(bad.to_string()))?;
    let table = Arc::new(table);
    let rules = Rules {
        own_names: Vec::new(),
        own_addresses: settings.listeners.iter().map(|listener| listener.address).collect(),
        private_allowed: true,
        table: Arc::clone(&table),
        sites: NamedSites::default(),
    };
    let ask = |domain: String, _: Ask, _: Sender<Letter>| {
        unreachable!("every route names addresses, and yet {domain} was asked about");
    };
    Ok(Routing { table, ask: Arc::new(ask), rules: Arc::new(rules), limits: Arc::default() })
}
