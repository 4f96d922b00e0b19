//! The one under test: a host with one shard or more, started, drained and started again.

use event::Meters;
use kernel::sim::{Host, Sim, World};
use kernel::{Kernel, Sender, mailbox};
use policy::pool::Member;
use policy::source::Terms;
use policy::survey::{About, Elsewhere, Load, Order, Question, Verb};
use policy::tenant::Weights;
use policy::{Limits, Schedule, Schedules, Waits};
use route::{Answer, HostPort, MxHost, NamedSites, RouteSetting, Rules, Table};
use shard::journal::{Durability, Options};
use shard::{
    Ask, Crowd, Egress, Gate, Guard, Inquiry, Letter, Live, Networks, Politeness, Pool, Reload,
    Routing, Setup, Source, SourceRule, Sources, Spool, Topics,
};
use smtp::proxy::Versions;
use smtp::server;
use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use wire::Connector;

pub(crate) const SPOOL: &str = "/spool";
pub(crate) const LOG: &str = "/delivery.log";
/// Logs there may be, over all numbers of shards.
pub(crate) const LOGS_MAX: usize = 8;

/// How long a message may wait in the simulation.
pub(crate) const EXPIRE: Duration = Duration::from_mins(1);

/// What stays the same over a relay's lives.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) host: Host,
    pub(crate) address: SocketAddr,
    /// Domains with a route of their own.
    pub(crate) routes: Vec<(&'static str, Vec<SocketAddr>)>,
    /// Domains that DNS knows, with their hosts by preference.
    pub(crate) mx: Vec<(&'static str, Vec<(u16, IpAddr)>)>,
    pub(crate) limits: Limits,
    /// With so many deliveries ready for a site, its home lets other shards help.
    pub(crate) spread_backlog: usize,
    pub(crate) held_bytes_max: u64,
    /// With more recipients than this waiting at a shard, no new mail is taken.
    pub(crate) queued_max: u64,
    pub(crate) schedules: Schedules,
    /// Whether what hosts ask for is done.
    pub(crate) heeds: bool,
    /// The addresses mail leaves from, by weight; none: the host's own.
    pub(crate) sources: Vec<(IpAddr, u16)>,
    /// Those who send, of whom something was said.
    pub(crate) callers: Vec<Caller>,
    /// Logs that its numbers of shards leave behind, and those of three shards at least.
    pub(crate) logs: usize,
    /// Senders come through a balancer.
    pub(crate) proxied: bool,
}

/// Someone who sends.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) address: IpAddr,
    pub(crate) terms: Terms,
    /// Of its tenant.
    pub(crate) weight: u16,
}

/// A relay in one of its lives.
pub(crate) struct Relay {
    shards: Vec<Sender<Letter>>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) ended: Rc<Cell<usize>>,
    /// Why it could not start.
    pub(crate) failed: Rc<RefCell<Option<String>>>,
}

impl Relay {
    /// Starts it with so many shards.
    pub(crate) fn start(world: &World, plan: &Plan, count: usize) -> Self {
        let meters = Meters::new(count);
        let (senders, mailboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| mailbox()).unzip();
        let relay = Self { shards: senders, meters, ended: Rc::default(), failed: Rc::default() };
        let (crowd, inside) = (Crowd::new(count), Arc::default());
        let connector = connector();
        for (index, mailbox) in mailboxes.into_iter().enumerate() {
            let setup = Setup {
                index,
                gates: vec![gate(plan, &inside)],
                hostname: "relay.test".into(),
                spool: spool(index, count, plan.logs),
                held_bytes_max: plan.held_bytes_max,
                intake_bytes_max: 16 << 20,
                queued_max: plan.queued_max,
                live: live(plan, &connector),
                delivery_log: Some(LOG.into()),
                topics: Topics { accepted: true, refused: true },
                meters: Arc::clone(&relay.meters),
                crowd: Arc::clone(&crowd),
                mailbox,
                shards: relay.shards.clone(),
                access: None,
                tls_ledger: None,
                weights: weights(plan),
                drain_patience: Duration::from_secs(30),
            };
            relay.spawn(&world.shard(plan.host), setup);
        }
        relay
    }

    /// Has all shards change what may be changed: every other time a site has one connection.
    pub(crate) fn reload(&self, plan: &Plan, turn: u64) {
        let most = if turn.is_multiple_of(2) { plan.limits.connections_max } else { 1 };
        let limits = Limits { connections_max: most, ..plan.limits };
        let live = live(&Plan { limits, ..plan.clone() }, &connector());
        let (by, changed): (Arc<str>, Arc<str>) = ("anna".into(), "delivery.connections".into());
        let reload = Reload { live, reroutes: true, by, changed };
        self.shards.iter().for_each(|shard| shard.post(Letter::Reload(Box::new(reload.clone()))));
    }

    /// Has all shards give up what waits for a domain; its senders hear of it every other time.
    pub(crate) fn give_up(&self, domain: &str, turn: u64) {
        let order = Arc::new(Order {
            verb: if turn.is_multiple_of(2) { Verb::Drop } else { Verb::Bounce },
            about: About { domain: Some(domain.into()), ..About::default() },
            by: "anna".into(),
            reason: "a test".into(),
            until: None,
            elsewhere: Elsewhere::default(),
            due: None,
            is_dry: false,
            counted: Load::default(),
        });
        for shard in &self.shards {
            let question = Question::Order(Arc::clone(&order));
            shard.post(Letter::Inquiry(Box::new(Inquiry { question, tell: Box::new(drop) })));
        }
    }

    fn spawn(&self, sim: &Sim, setup: Setup) {
        let (ended, failed) = (Rc::clone(&self.ended), Rc::clone(&self.failed));
        let kernel = sim.clone();
        sim.spawn(async move {
            // The program makes these, with its lock and its name, before any shard starts.
            if let Err(error) = make_spool(&kernel).await {
                *failed.borrow_mut() = Some(error.to_string());
                return;
            }
            match shard::run(kernel, setup, |_| ()).await {
                Ok(()) => ended.set(ended.get() + 1),
                Err(failure) => *failed.borrow_mut() = Some(failure.to_string()),
            }
        });
    }

    /// Tells all shards to finish.
    pub(crate) fn drain(&self) {
        self.shards.iter().for_each(|shard| shard.post(Letter::Drain));
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get() == self.shards.len()
    }

    /// Whether all shards take mail. What lies in a segment that cannot be read may wait.
    pub(crate) fn accepts(&self) -> bool {
        self.meters.shards().iter().all(|meters| meters.accepting.get())
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.accepts() && self.meters.shards().iter().all(|meters| meters.recovered.get())
    }
}

/// One pool of these addresses, if there are any.
fn egress(sources: &[(IpAddr, u16)]) -> Arc<Egress> {
    let source = |&(address, weight): &(IpAddr, u16)| Source {
        pool: "".into(),
        address,
        ehlo: "relay.test".into(),
        member: Member { weight, connections_max: 5 },
        messages_per_connection_max: u32::MAX,
        detour: None,
        warmups: Box::default(),
        meters: Arc::default(),
    };
    let pool = (!sources.is_empty()).then(|| Pool::new("all", sources.iter().map(source)));
    let usual = pool.is_some().then_some(0);
    Arc::new(Egress::new(pool.into_iter().collect(), usual))
}

fn weights(plan: &Plan) -> Arc<Weights> {
    let weight = |caller: &Caller| Some((caller.terms.tenant.clone()?, caller.weight));
    Arc::new(Weights::new(plan.callers.iter().filter_map(weight)))
}

/// Who is told apart.
fn guard(plan: &Plan) -> Arc<Guard> {
    let rule = |caller: &Caller| {
        let (address, name) = (caller.address, caller.address.to_string());
        SourceRule {
            from: Some(Networks(Arc::new(move |peer| peer == address))),
            listeners: None,
            users: None,
            source: Arc::new(policy::source::Source::new(&name, caller.terms.clone())),
        }
    };
    let sources = Arc::new(Sources::new(plan.callers.iter().map(rule).collect()));
    let sources = Arc::new(sources.into());
    Arc::new(Guard { sources, ..Guard::default() })
}

async fn make_spool(sim: &Sim) -> std::io::Result<()> {
    sim.make_directory(Path::new(SPOOL)).await?;
    sim.sync_directory(Path::new("/")).await
}

fn gate(plan: &Plan, inside: &Arc<AtomicUsize>) -> Gate {
    let mut config = server::Config::new("relay.test");
    (config.chunking, config.binary, config.dsn) = (true, true, true);
    config.message_bytes_max = 4 << 20;
    let from = Networks(Arc::new(|_| true));
    let proxy = shard::Proxy { versions: Versions::Any, from, tls: false };
    Gate {
        proxy: plan.proxied.then_some(proxy),
        relay_from: Networks(Arc::new(|_| true)),
        connections_max: 100,
        guard: guard(plan),
        inside: Arc::clone(inside),
        ..Gate::new(plan.address, Arc::new(config))
    }
}

/// Log `i` belongs to shard `i` modulo their number, so no count of shards strands one.
fn spool(index: usize, count: usize, logs: usize) -> Spool {
    assert!((count..=LOGS_MAX).contains(&logs), "each shard has a log, and each log is looked at");
    let logs = (index..logs).step_by(count).map(|log| log as u16);
    let options = Options {
        durability: Durability::Sync,
        segment_bytes: 0,
        pool_segments: 2,
        free_bytes_min: 1 << 20,
        ..Options::default()
    };
    Spool { directory: SPOOL.into(), logs: logs.collect(), options }
}

fn connector() -> Arc<Connector> {
    Arc::new(Connector::new(None).expect("it trusts nobody"))
}

/// What of its settings may change.
fn live(plan: &Plan, connector: &Arc<Connector>) -> Live {
    Live {
        routing: routing(plan),
        limits: plan.limits,
        spread_backlog: plan.spread_backlog,
        rates: shard::SiteRates::default(),
        politeness: Politeness { others: plan.heeds, ..Politeness::default() },
        schedules: plan.schedules.clone(),
        connector: Arc::clone(connector),
        egress: egress(&plan.sources),
    }
}

fn routing(plan: &Plan) -> Routing {
    let routes = plan.routes.iter().map(|(domain, to)| RouteSetting {
        pattern: (*domain).to_owned(),
        to: to.iter().map(|to| HostPort::from(*to)).collect(),
        port: route::SMTP_PORT,
        tls: route::Tls::default(),
    });
    let table = Arc::new(Table::new(routes).expect("each domain has one route"));
    let rules = Rules {
        own_names: vec!["relay.test".to_owned()],
        own_addresses: vec![plan.address],
        private_allowed: true,
        table: Arc::clone(&table),
        sites: NamedSites::default(),
    };
    let mx = plan.mx.clone();
    let ask = move |domain: String, _: Ask, to: Sender<Letter>| {
        let answer = answer(&mx, &domain);
        to.post(Letter::Resolved(domain, answer));
    };
    Routing { table, ask: Arc::new(ask), rules: Arc::new(rules), limits: Arc::default() }
}

fn answer(mx: &[(&str, Vec<(u16, IpAddr)>)], domain: &str) -> Answer {
    match (domain, mx.iter().find(|(known, _)| *known == domain)) {
        (_, Some((_, hosts))) => {
            let host = |(number, (preference, address)): (usize, &(u16, IpAddr))| MxHost {
                preference: *preference,
                name: format!("mx{number}.{domain}"),
                addresses: vec![*address],
                dane: route::Dane::Absent,
            };
            Answer::Hosts {
                hosts: hosts.iter().enumerate().map(host).collect(),
                ttl: Duration::from_mins(5),
                policy: None,
                authentic: false,
            }
        }
        ("null.test", None) => Answer::NullMx,
        _ => Answer::NoDomain,
    }
}

/// Pauses that double.
pub(crate) fn growing(first: Duration, longest: Duration) -> Waits {
    Waits::Growing { first, factor_percent: 200, longest }
}

pub(crate) fn schedule() -> Schedule {
    Schedule {
        waits: growing(Duration::from_secs(1), Duration::from_secs(8)),
        jitter_percent: 20,
        expire: EXPIRE,
        delay_notice: Duration::from_secs(3),
    }
}
