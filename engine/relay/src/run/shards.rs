//! From settings to shards, each on its thread.

use super::guard::{self, networks};
use super::tls::Keyring;
use super::{Happened, TRANSACTIONS_MAX, egress, host};
use crate::settings::{self, Driver, Durability, Front, Hop, Listener, Login, Proxy, Settings};
use crate::spool::SpoolLock;
use control::Resolver;
use event::Meters;
use kernel::uring::{self, DriverChoice, DriverReport, RingConfig};
use kernel::{Mailbox, Sender, mailbox};
use policy::tenant::Weights;
use policy::tls_report::Ledger;
use policy::{Limits, Schedule};
use route::{HostPort, NamedSites, Question, RouteSetting, Rules, SiteSetting, Table};
use shard::journal::{self, Options};
use shard::{
    Access, Ask, Begin, Crowd, Egress, Gate, Letter, Politeness, Routing, Security, Setup, Topics,
};
use smtp::proxy::Versions;
use smtp::server;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender as Post;
use std::thread;
use wire::Connector;

/// The way to each shard, and what each will read.
pub(super) fn mailboxes(settings: &Settings) -> (Vec<Sender<Letter>>, Vec<Mailbox<Letter>>) {
    (0..settings.shards).map(|_| mailbox()).unzip()
}

/// Starts all shards; each tells `post` when it listens and when it has ended.
pub(super) fn start(
    settings: &Settings,
    gates: &[Gate],
    lock: &SpoolLock,
    meters: &Arc<Meters>,
    (resolver, connector, politeness): (&Resolver, &Arc<Connector>, &Politeness),
    (access, ledger): (Option<&Arc<dyn Access>>, Option<&Arc<Ledger>>),
    (senders, mailboxes, post): (&[Sender<Letter>], Vec<Mailbox<Letter>>, &Post<Happened>),
) -> io::Result<()> {
    let routing = routing(settings, resolver)?;
    let egress = Arc::new(egress::egress(settings));
    let logs = lock.logs(settings.shards)?;
    let processors = host::processors(settings.shards);
    let crowd = Crowd::new(settings.shards);
    for (index, (mailbox, (logs, cpu))) in
        mailboxes.into_iter().zip(logs.into_iter().zip(processors)).enumerate()
    {
        let share = Share { index, logs, mailbox };
        let outwards = (&routing, connector, &egress);
        let setup = setup(settings, share, gates, &crowd, senders, outwards, meters);
        let (access, tls_ledger) = (access.cloned(), ledger.cloned());
        let setup = Setup { access, tls_ledger, politeness: politeness.clone(), ..setup };
        let ring = RingConfig { cpu, driver: driver(settings), ..RingConfig::default() };
        let post = post.clone();
        let name = format!("shard-{index}");
        thread::Builder::new().name(name).spawn(move || live(ring, setup, &post))?;
    }
    Ok(())
}

/// A shard's thread.
fn live(ring: RingConfig, setup: Setup, post: &Post<Happened>) {
    let index = setup.index;
    let opened = post.clone();
    let life = || {
        uring::run(ring, |kernel| {
            shard::run(kernel, setup, move |addresses| {
                // Nobody listens any more once the program ends.
                let _ = opened.send(Happened::Listening(addresses.to_vec()));
            })
        })
    };
    let result = match catch_unwind(AssertUnwindSafe(life)) {
        Ok(Ok(report)) => report.output.map_err(|failure| failure.to_string()),
        Ok(Err(error)) => Err(format!("shard {index} cannot run: {error}")),
        Err(_) => Err(format!("shard {index} ended in a panic")),
    };
    let _ = post.send(Happened::Ended(result));
}

/// What one shard has and no other.
struct Share {
    index: usize,
    logs: Vec<u16>,
    mailbox: Mailbox<Letter>,
}

fn setup(
    settings: &Settings,
    Share { index, logs, mailbox }: Share,
    gates: &[Gate],
    crowd: &Arc<Crowd>,
    senders: &[Sender<Letter>],
    (routing, connector, egress): (&Routing, &Arc<Connector>, &Arc<Egress>),
    meters: &Arc<Meters>,
) -> Setup {
    let share = |whole: u64| whole.div_ceil(settings.shards as u64);
    Setup {
        index,
        gates: gates.to_vec(),
        hostname: settings.hostname.as_str().into(),
        spool: shard::Spool {
            directory: settings.spool.path.clone(),
            logs,
            options: options(settings),
        },
        held_bytes_max: share(settings.spool.memory_bytes),
        intake_bytes_max: share(settings.spool.intake_bytes),
        queued_max: share(settings.spool.queued_max),
        routing: routing.clone(),
        egress: Arc::clone(egress),
        weights: Arc::new(weights(settings)),
        limits: limits(&settings.delivery),
        spread_backlog: settings.spread_backlog.map_or(usize::MAX, |backlog| backlog as usize),
        connector: Arc::clone(connector),
        schedule: schedule(settings),
        delivery_log: Some(settings.log.delivery.clone()),
        topics: Topics { accepted: settings.log.accepted, refused: settings.log.refused },
        meters: Arc::clone(meters),
        crowd: Arc::clone(crowd),
        mailbox,
        shards: senders.to_vec(),
        access: None,
        politeness: Politeness::default(),
        tls_ledger: None,
        drain_patience: TRANSACTIONS_MAX.saturating_sub(settings.drain.delay),
    }
}

fn weights(settings: &Settings) -> Weights {
    Weights::new(settings.tenants.iter().map(|tenant| (tenant.name.as_str().into(), tenant.weight)))
}

/// The doors, the same for every shard, with the sockets that are held for them.
pub(super) fn gates(
    settings: &Settings,
    sockets: Vec<Option<Arc<OwnedFd>>>,
    keyring: &Keyring,
) -> Vec<Gate> {
    let listeners = settings.listeners.iter().enumerate();
    let gate = |((index, listener), guard)| Gate {
        guard,
        ..gate(settings, listener, keyring.security(index))
    };
    let gates = listeners.zip(guard::guards(settings)).map(gate);
    gates.zip(sockets).map(|(gate, socket)| Gate { socket, ..gate }).collect()
}

fn proxy(front: &Front) -> Option<shard::Proxy> {
    let versions = match front.proxy {
        Proxy::Off => return None,
        Proxy::V1 => Versions::V1,
        Proxy::V2 => Versions::V2,
        Proxy::Any => Versions::Any,
    };
    Some(shard::Proxy { versions, from: networks(&front.proxy_from), tls: front.proxy_tls })
}

fn gate(settings: &Settings, listener: &Listener, security: Option<Security>) -> Gate {
    let config = server::Config {
        starttls: security.as_ref().is_some_and(|tls| tls.begin == Begin::WhenAsked),
        tls_required: listener.tls.security == settings::Security::Required,
        ..server_config(settings, listener)
    };
    let trusted = &listener.auth_plaintext_from;
    let in_clear = (!trusted.is_empty()).then(|| {
        let config = server::Config { auth: server::Auth::Always, ..config.clone() };
        (networks(trusted), Arc::new(config))
    });
    Gate {
        address: listener.address,
        socket: None,
        proxy: proxy(&listener.front),
        xclient_from: networks(&listener.front.xclient_from),
        relay_from: networks(&listener.relay_from),
        server: Arc::new(config),
        in_clear,
        connections_max: listener.connections_max,
        inside: Arc::default(),
        idle: listener.idle,
        guard: Arc::default(),
        security,
    }
}

fn server_config(settings: &Settings, listener: &Listener) -> server::Config {
    server::Config {
        message_bytes_max: listener.message_bytes_max,
        line_bytes_max: listener.line_bytes_max,
        recipients_max: listener.recipients_max,
        transactions_max: listener.defence.transactions_max,
        errors_max: listener.defence.errors_max,
        recipients_refused_max: listener.defence.recipients_refused_max,
        auth: match listener.auth {
            Login::Off => server::Auth::Never,
            Login::Optional | Login::Required => server::Auth::UnderTls,
        },
        auth_required: listener.auth == Login::Required,
        ..server::Config::new(&settings.hostname)
    }
}

fn options(settings: &Settings) -> Options {
    Options {
        durability: match settings.spool.durability {
            Durability::Sync => journal::Durability::Sync,
            Durability::PageCache => journal::Durability::PageCache,
            Durability::Memory => journal::Durability::Memory,
        },
        segment_bytes: settings.spool.segment_bytes,
        free_bytes_min: settings.spool.free_bytes_min,
        scrub_bytes_per_second: settings.spool.scrub_bytes_per_second,
        ..Options::default()
    }
}

fn limits(delivery: &settings::Delivery) -> Limits {
    Limits {
        connections_max: delivery.connections_per_site,
        messages_per_connection_max: delivery.messages_per_connection,
        in_flight_max: delivery.in_flight_max,
        in_flight_first: delivery.in_flight_first,
        recipients_per_message_max: delivery.recipients_per_message,
        idle: delivery.idle,
        connection_age_max: delivery.connection_age_max,
    }
}

fn schedule(settings: &Settings) -> Schedule {
    Schedule {
        first: settings.retry.first,
        factor_percent: percent(settings.retry.factor),
        longest: settings.retry.longest,
        jitter_percent: percent(settings.retry.jitter),
        expire: settings.retry.expire,
        delay_notice: settings.retry.delay_notice,
    }
}

/// The settings hold the number within a few thousand percent, and not negative.
#[expect(clippy::cast_sign_loss, reason = "limits of the settings")]
fn percent(share: f64) -> u32 {
    (share * 100.0).round() as u32
}

fn routing(settings: &Settings, resolver: &Resolver) -> io::Result<Routing> {
    let routes = settings.routes.iter().map(|route| {
        let host = |hop: &Hop| HostPort::new(&hop.host, hop.port);
        let to = route.to.iter().map(host).collect::<Result<Vec<_>, _>>();
        let to =
            to.map_err(|_| io::Error::other(format!("a host of {} has no name", route.domain)))?;
        let (pattern, tls) = (route.domain.clone(), settings.tls_of(route));
        Ok(RouteSetting { pattern, to, port: route.port, tls })
    });
    let routes = routes.collect::<io::Result<Vec<_>>>()?;
    let table = Table::new(routes).map_err(|bad| io::Error::other(bad.to_string()))?;
    let table = Arc::new(table.otherwise_under(settings.delivery_tls.wanted));
    let sites = settings
        .sites
        .iter()
        .map(|site| SiteSetting { name: site.name.clone(), hosts: site.mx.clone() });
    let listeners: Vec<_> = settings.listeners.iter().map(|listener| listener.address).collect();
    let rules = Rules {
        own_names: route::in_our_spelling(&settings.hostname).into_iter().collect(),
        own_addresses: host::met_at(&listeners, &host::own_addresses()),
        private_allowed: settings.dns.allow_private_addresses,
        table: Arc::clone(&table),
        sites: NamedSites::new(sites).map_err(|bad| io::Error::other(bad.to_string()))?,
    };
    let limits = settings.sites.iter().map(|site| limits(&site.limits)).collect();
    let resolver = resolver.clone();
    let questions = Arc::clone(&table);
    let ask = move |domain: String, how: Ask, asker: Sender<Letter>| {
        let name = domain.clone();
        let tell = move |answer| asker.post(Letter::Resolved(domain, answer));
        match questions.question(&name) {
            Question::Mail(port) if how == Ask::Renew => resolver.renew(name, port, tell),
            Question::Mail(port) => resolver.ask(name, port, tell),
            Question::Hosts(hosts) => {
                let hosts = hosts.into_iter().map(|(host, port)| (host.to_owned(), port));
                resolver.ask_hosts(hosts.collect(), tell);
            }
        }
    };
    Ok(Routing { table, ask: Arc::new(ask), rules: Arc::new(rules), limits })
}

const fn driver(settings: &Settings) -> DriverChoice {
    match settings.kernel.driver {
        Driver::Auto => DriverChoice::Auto,
        Driver::Uring => DriverChoice::Uring,
        Driver::Epoll => DriverChoice::Epoll,
    }
}

/// What shards will run on, with the ring's flags.
pub(super) fn driver_name(settings: &Settings, report: &DriverReport) -> String {
    match (settings.kernel.driver, report.driver) {
        (Driver::Epoll, _) | (_, uring::Driver::Epoll) => "epoll".to_owned(),
        (_, uring::Driver::Uring) => format!("io_uring ({})", report.flags.join(" ")),
    }
}

/// Why it is epoll although nobody asked for that.
pub(super) fn driver_warning(settings: &Settings, report: &DriverReport) -> Option<String> {
    let cause = report.cause.as_ref().filter(|_| settings.kernel.driver == Driver::Auto)?;
    Some(format!("running on epoll, which costs more processor time: {cause}"))
}
