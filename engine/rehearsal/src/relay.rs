//! The one that is rehearsed: a shard of the engine on a host of the world.

use event::{Meters, Wall};
use kernel::sim::{Host, Sim, World};
use kernel::{Kernel, Sender, mailbox};
use policy::pool::Member;
use policy::replies::Rules as Replies;
use policy::tenant::Weights;
use policy::warmup::{Book, Quota};
use policy::{Class, Limits, Own, Schedule, Schedules};
use route::{Answer, MxHost, NamedSites, Rules, SiteSetting};
use shard::journal::{Durability, Options};
use shard::{
    Allowed, Ask, Crowd, Egress, Letter, Live, Politeness, Pool, Routing, Setup, SiteRates, Source,
    Spool, Submission, Topics, Warmup,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "relay.test";
const POOL: &str = "all";
const SPOOL: &str = "/spool";
const LOG: &str = "/delivery.log";

/// How long DNS is believed.
const TTL: Duration = Duration::from_hours(1);
/// Memory for messages on their first attempt; others are read from the spool.
const HELD_BYTES_MAX: u64 = 64 << 20;

/// A site that the settings name.
#[derive(Clone, Debug)]
pub struct Site {
    /// What it is called.
    pub name: String,
    /// Its hosts: `mx.example.com`, or `.example.com` for all below it.
    pub hosts: Vec<String>,
    /// How it is treated.
    pub limits: Limits,
    /// What it may have in a time.
    pub rates: Allowed,
    /// Whether what its hosts ask for is done.
    pub is_heeded: bool,
}

/// What a relay is told when it starts.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Hosts of each domain, with their preference and address; without any it takes no mail. Of other
    /// domains DNS says nothing.
    pub domains: BTreeMap<String, Vec<(u16, String, IpAddr)>>,
    /// The addresses that mail leaves from, with the connections each may have to a site; none: the
    /// host's own.
    pub sources: Vec<(IpAddr, u16)>,
    /// The sites that have names.
    pub sites: Vec<Site>,
    /// How all others are treated.
    pub limits: Limits,
    /// How much each of all others may have in a time.
    pub rates: Allowed,
    /// How much each of the addresses may send of a day, to all sites together, if that is limited.
    pub warmup: Option<policy::warmup::Plan>,
    /// What they have sent of it, which outlives a relay.
    pub days: Arc<Book>,
    /// When a deferred recipient is tried again.
    pub schedule: Schedule,
    /// What hosts mean by what they say.
    pub replies: Arc<Replies>,
    /// Whether what other hosts ask for is done.
    pub is_heeded: bool,
}

/// A relay in a world. It runs while the world does.
pub struct Relay {
    host: Host,
    shard: Sender<Letter>,
    meters: Arc<Meters>,
    failed: Rc<RefCell<Option<String>>>,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay(at {:?})", self.host)
    }
}

impl Relay {
    /// Starts it on a host of its own, and returns when it takes mail.
    ///
    /// # Errors
    /// Why it could not start: names of sites or their hosts that are none.
    pub fn start(world: &World, plan: &Plan) -> Result<Self, String> {
        Self::begin(world, live(plan)?)
    }

    /// The same with settings that were made elsewhere, and whoever they ask about domains: see [`answer`].
    ///
    /// # Errors
    /// Why it could not start.
    pub fn begin(world: &World, live: Live) -> Result<Self, String> {
        let host = world.host();
        let (shard, mailbox) = mailbox();
        let meters = Meters::new(1);
        let setup = Setup {
            index: 0,
            gates: Vec::new(),
            hostname: NAME.into(),
            spool: spool(),
            held_bytes_max: HELD_BYTES_MAX,
            intake_bytes_max: HELD_BYTES_MAX,
            queued_max: u64::from(u32::MAX),
            weights: Arc::new(Weights::new(std::iter::empty())),
            live,
            delivery_log: Some(LOG.into()),
            topics: Topics { accepted: false, refused: false },
            meters: Arc::clone(&meters),
            crowd: Crowd::new(1),
            mailbox,
            shards: vec![shard.clone()],
            access: None,
            tls_ledger: None,
            drain_patience: Duration::from_secs(30),
        };
        let relay = Self { host, shard, meters, failed: Rc::default() };
        let (sim, failed) = (world.shard(host), Rc::clone(&relay.failed));
        sim.spawn(run(sim.clone(), setup, Rc::clone(&failed)));
        let is_ready = |relay: &Self| relay.meters.shard(0).recovered.get();
        world.run_until(Duration::from_mins(1), |_| is_ready(&relay) || failed.borrow().is_some());
        match (relay.trouble(world), is_ready(&relay)) {
            (Some(trouble), _) => Err(trouble),
            (None, true) => Ok(relay),
            (None, false) => Err("it does not start".to_owned()),
        }
    }

    /// Gives it a message of ASCII in wire form, as the program gives it its own.
    pub fn submit(&self, sender: &str, recipient: &str, text: &[u8]) {
        self.hand_in(sender, recipient, text, Box::new(|_| ()));
    }

    /// The same; `taken` hears whether it was taken.
    pub fn hand_in(
        &self,
        sender: &str,
        recipient: &str,
        text: &[u8],
        taken: Box<dyn FnOnce(bool) + Send>,
    ) {
        let submission = Submission {
            sender: sender.into(),
            recipient: recipient.into(),
            text: text.into(),
            // What is known of the domain decides, as for all mail.
            answer: Answer::NoDomain,
            taken,
        };
        self.shard.post(Letter::Submit(Box::new(submission)));
    }

    pub(crate) const fn host(&self) -> Host {
        self.host
    }

    pub(crate) fn post(&self, letter: Letter) {
        self.shard.post(letter);
    }

    /// What it counts.
    #[must_use]
    pub const fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// Its wall clock.
    #[must_use]
    pub fn wall(&self, world: &World) -> Wall {
        world.wall(self.host)
    }

    /// The lines of its delivery log since it was asked last.
    #[must_use]
    pub fn lines(&self, world: &World) -> Vec<u8> {
        world.take(self.host, Path::new(LOG)).unwrap_or_default()
    }

    /// What went wrong with it, if anything did: it ended, or a task of it panicked.
    #[must_use]
    pub fn trouble(&self, world: &World) -> Option<String> {
        let failed = self.failed.borrow().clone();
        let panics = world.panics(self.host);
        failed.or_else(|| (panics > 0).then(|| format!("{panics} tasks of the relay panicked")))
    }
}

async fn run(sim: Sim, setup: Setup, failed: Rc<RefCell<Option<String>>>) {
    let made = async {
        sim.make_directory(Path::new(SPOOL)).await?;
        sim.sync_directory(Path::new("/")).await
    };
    let ended = match made.await {
        Ok(()) => shard::run(sim, setup, |_| ()).await.map_err(|failure| failure.to_string()),
        Err(error) => Err(error.to_string()),
    };
    *failed.borrow_mut() = Some(ended.err().unwrap_or_else(|| "it has ended".to_owned()));
}

fn spool() -> Spool {
    let options = Options {
        durability: Durability::Sync,
        scrub_bytes_per_second: 0,
        free_bytes_min: 1 << 20,
        ..Options::default()
    };
    Spool { directory: SPOOL.into(), logs: vec![0], options }
}

/// What of its settings may change.
pub(crate) fn live(plan: &Plan) -> Result<Live, String> {
    let connector = wire::Connector::new(None).map_err(|error| error.to_string())?;
    Ok(Live {
        routing: routing(plan)?,
        limits: plan.limits,
        rates: SiteRates {
            sites: plan.sites.iter().map(|site| site.rates).collect(),
            others: plan.rates,
        },
        spread_backlog: usize::MAX,
        politeness: Politeness {
            rules: Arc::clone(&plan.replies),
            sites: plan.sites.iter().map(|site| site.is_heeded).collect(),
            others: plan.is_heeded,
            days: Arc::clone(&plan.days),
            ..Politeness::default()
        },
        schedules: Schedules::new(&plan.schedule, &Class::ALL.map(|_| Own::default()), []),
        connector: Arc::new(connector),
        egress: Arc::new(egress(plan)),
    })
}

fn routing(plan: &Plan) -> Result<Routing, String> {
    let setting = |(place, site): (usize, &Site)| SiteSetting {
        name: site.name.clone(),
        place,
        hosts: site.hosts.clone(),
        least: None,
    };
    let sites = NamedSites::new(plan.sites.iter().enumerate().map(setting))
        .map_err(|pattern| format!("no host has the name {pattern:?}"))?;
    let rules = Rules { private_allowed: true, sites, ..Rules::default() };
    let domains = plan.domains.clone();
    let ask = move |domain: String, _: Ask, to: Sender<Letter>| {
        if let Some(hosts) = domains.get(&domain) {
            to.post(Letter::Resolved(domain, answer(hosts)));
        }
    };
    Ok(Routing {
        table: Arc::default(),
        ask: Arc::new(ask),
        rules: Arc::new(rules),
        limits: plan.sites.iter().map(|site| site.limits).collect(),
    })
}

/// What DNS says of a domain with these hosts: their preference, name and address. Without any it takes no
/// mail.
#[must_use]
pub fn answer(hosts: &[(u16, String, IpAddr)]) -> Answer {
    let host = |(preference, name, address): &(u16, String, IpAddr)| MxHost {
        preference: *preference,
        name: name.clone(),
        addresses: vec![*address],
        dane: route::Dane::Absent,
    };
    if hosts.is_empty() {
        return Answer::NullMx;
    }
    Answer::Hosts {
        hosts: hosts.iter().map(host).collect(),
        ttl: TTL,
        policy: None,
        authentic: false,
    }
}

/// One pool of these addresses, if there are any.
fn egress(plan: &Plan) -> Egress {
    let warmup = |address| {
        let counter = plan.days.counter(address, None);
        let quota = |days: &policy::warmup::Plan| Arc::new(Quota::new(days.clone(), counter));
        plan.warmup.as_ref().map(|days| Warmup { site: None, quota: quota(days), index: 0 })
    };
    let source = |&(address, connections_max): &(IpAddr, u16)| Source {
        pool: POOL.into(),
        address,
        ehlo: NAME.into(),
        member: Member { weight: 1, connections_max },
        messages_per_connection_max: u32::MAX,
        detour: None,
        warmups: warmup(address).into_iter().collect(),
        meters: Arc::default(),
    };
    let sources = plan.sources.iter();
    let pool = (!plan.sources.is_empty()).then(|| Pool::new(POOL, sources.map(source)));
    let usual = pool.is_some().then_some(0);
    Egress::new(pool.into_iter().collect(), usual)
}
