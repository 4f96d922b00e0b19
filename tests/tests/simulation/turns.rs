//! Tenants that share a site: one with very much mail changes nothing for another with little,
//! transactional mail is next, and who has a larger part gets it, also after a restart.

use crate::chance::{Chance, pause};
use crate::dialogue::Dialogue;
use crate::relay::{Caller, LOG, Plan, Relay, growing};
use kernel::sim::{Host, Sim, SimStream, World};
use kernel::{Kernel, Listener};
use policy::source::Terms;
use policy::{Class, Limits, Schedule};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// What one of these worlds is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A tenant with little mail beside one with much.
    Quiet,
    /// Transactional mail beside bulk, on one connection.
    Transactional,
    /// Two tenants of different weights, and a restart.
    Weights,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Quiet, Self::Transactional, Self::Weights];
}

/// Deliveries of the tenant that has much.
const NOISY: usize = 100_000;
/// Messages of the other.
const QUIET: usize = 300;
/// Recipients of each of the former's messages, a delivery each.
const RECIPIENTS: usize = 100;
/// How long the host takes for a message, in milliseconds, beside the network.
const MESSAGE_MILLIS: Range<u64> = 50..150;
/// The longest, with the network.
const MESSAGE_TIME_MAX: f64 = 200.0;
/// When all must be over.
const LIMIT: Duration = Duration::from_mins(30);

const SITE: [u8; 4] = [10, 1, 0, 1];

pub(crate) fn run(kind: Kind) -> Result<(), String> {
    match kind {
        Kind::Quiet => quiet(),
        Kind::Transactional => transactional(),
        Kind::Weights => weights(),
    }
}

/// Of a tenant that has much mail queued another notices less than a tenth.
fn quiet() -> Result<(), String> {
    let p99 = |noisy: usize| {
        let scene = Scene::new(20, &[("noisy", 1, None), ("quiet", 1, None)]);
        scene.send("noisy", noisy / RECIPIENTS, RECIPIENTS, 0..1);
        scene.wait(|scene| scene.sent("noisy"))?;
        scene.send("quiet", QUIET, 1, 20..180);
        scene.wait(|scene| scene.taken("quiet") == QUIET)?;
        let left = noisy - scene.taken("noisy");
        if noisy > 0 && left < NOISY / 2 {
            return Err(format!("only {left} were left of so much mail"));
        }
        scene.ended().map(|log| [log.p99("quiet", "answered"), log.p99("quiet", "started")])
    };
    let ([alone, _], [beside, waited]) = (p99(0)?, p99(NOISY)?);
    if beside > alone * 1.1 || waited > MESSAGE_TIME_MAX {
        return Err(format!(
            "p99 {alone} ms, beside the other {beside} ms, of which {waited} ms queued"
        ));
    }
    Ok(())
}

/// It waits for the message that is on its way.
fn transactional() -> Result<(), String> {
    let scene = Scene::new(1, &[("noisy", 1, None), ("urgent", 1, Some(Class::Transactional))]);
    scene.send("noisy", 50, RECIPIENTS, 0..1);
    scene.wait(|scene| scene.sent("noisy"))?;
    scene.send("urgent", 100, 1, 200..800);
    scene.wait(|scene| scene.taken("urgent") == 100)?;
    let worst = scene.ended()?.times("urgent", "started").into_iter().fold(0.0, f64::max);
    let is_quick = worst <= MESSAGE_TIME_MAX;
    if is_quick { Ok(()) } else { Err(format!("a message waited for {worst} ms")) }
}

/// Of the first thousand messages behind a restart three quarters are of the tenant with weight 3.
fn weights() -> Result<(), String> {
    let mut scene = Scene::new(2, &[("small", 1, None), ("large", 3, None)]);
    scene.is_open.set(false);
    for tenant in ["small", "large"] {
        scene.send(tenant, 15, RECIPIENTS, 0..1);
    }
    scene.wait(|scene| scene.sent("small") && scene.sent("large"))?;
    scene.restart()?;
    scene.is_open.set(true);
    scene.wait(|scene| scene.taken.borrow().senders.len() >= 1_000)?;
    let taken = scene.taken.borrow();
    let large = taken.senders[..1_000].iter().filter(|sender| **sender == *"large").count();
    let is_right = (713..=787).contains(&large);
    if is_right { Ok(()) } else { Err(format!("{large} of the first 1,000, and not 750")) }
}

/// What the site took.
#[derive(Default)]
struct Taken {
    /// Whose mail, in order.
    senders: Vec<String>,
    by_sender: BTreeMap<String, usize>,
}

impl Taken {
    fn note(&mut self, sender: String) {
        *self.by_sender.entry(sender.clone()).or_default() += 1;
        self.senders.push(sender);
    }
}

/// A relay, one site, and those who send.
struct Scene {
    world: World,
    host: Host,
    plan: Plan,
    relay: Relay,
    tenants: Vec<(&'static str, Sim)>,
    /// Who has sent everything.
    over: Rc<RefCell<Vec<&'static str>>>,
    taken: Rc<RefCell<Taken>>,
    /// The site takes mail.
    is_open: Rc<Cell<bool>>,
}

impl Scene {
    /// With so many connections; tenants with their weights and classes.
    fn new(connections_max: u16, tenants: &[(&'static str, u16, Option<Class>)]) -> Self {
        let world = World::new(7);
        let (host, outside) = (world.host(), world.host());
        let (taken, is_open) = (Rc::default(), Rc::new(Cell::new(true)));
        listen(&world.shard(outside), &taken, &is_open);
        let (mut callers, mut sims) = (Vec::new(), Vec::new());
        for (name, weight, class) in tenants {
            let from = world.host();
            sims.push((*name, world.shard(from)));
            let terms = Terms { tenant: Some((*name).into()), class: *class, ..Terms::default() };
            callers.push(Caller { address: world.address(from), terms, weight: *weight });
        }
        let waits = growing(Duration::from_secs(1), Duration::from_hours(4));
        let plan = Plan {
            host,
            address: SocketAddr::new(world.address(host), 2525),
            routes: vec![("site.test", vec![SocketAddr::from((SITE, 25))])],
            mx: Vec::new(),
            limits: Limits {
                connections_max,
                recipients_per_message_max: 1,
                in_flight_max: 1,
                // What is next when a connection has carried its share waits for another, too:
                // here none has.
                messages_per_connection_max: u32::MAX,
                connection_age_max: LIMIT,
                ..Limits::default()
            },
            spread_backlog: usize::MAX,
            held_bytes_max: 1 << 20,
            queued_max: 2 * NOISY as u64,
            schedules: Schedule { waits, ..Schedule::default() }.into(),
            heeds: false,
            sources: Vec::new(),
            callers,
            logs: 3,
            proxied: false,
        };
        let relay = Relay::start(&world, &plan, 1);
        world.run_until(Duration::from_mins(1), |_| relay.is_ready());
        let over = Rc::default();
        Self { world, host, plan, relay, tenants: sims, over, taken, is_open }
    }

    /// A tenant sends so many messages to so many recipients each, so far apart.
    fn send(&self, tenant: &'static str, messages: usize, recipients: usize, apart: Range<u64>) {
        let found = self.tenants.iter().find(|(name, _)| *name == tenant);
        let sim = found.expect("it is one of them").1.clone();
        let (relay, over) = (self.plan.address, Rc::clone(&self.over));
        sim.clone().spawn(async move {
            let all = send(&sim, relay, tenant, (messages, recipients), apart).await;
            all.expect("the relay takes all");
            over.borrow_mut().push(tenant);
        });
    }

    fn sent(&self, tenant: &str) -> bool {
        self.over.borrow().contains(&tenant)
    }

    /// How much of a tenant's mail the site has taken.
    fn taken(&self, tenant: &str) -> usize {
        self.taken.borrow().by_sender.get(tenant).copied().unwrap_or(0)
    }

    fn wait(&self, test: impl Fn(&Self) -> bool) -> Result<(), String> {
        let begun = self.world.now();
        let is_over = self.world.run_until(LIMIT, |_| test(self));
        if is_over { Ok(()) } else { Err(format!("nothing came of it since {begun:?}")) }
    }

    fn restart(&mut self) -> Result<(), String> {
        self.relay.drain();
        self.wait(|scene| scene.relay.has_ended())?;
        self.relay = Relay::start(&self.world, &self.plan, 1);
        self.wait(|scene| scene.relay.is_ready())
    }

    fn ended(&self) -> Result<Log, String> {
        // The last lines of the log are still to be written.
        self.world.run_for(Duration::from_secs(2));
        match self.world.panics(self.host) {
            0 => Ok(Log::read(&self.world, self.host)),
            panics => Err(format!("{panics} tasks of the relay panicked")),
        }
    }
}

/// The attempts of the delivery log.
struct Log(Vec<Value>);

impl Log {
    fn read(world: &World, host: Host) -> Self {
        let bytes = world.live(host, Path::new(LOG)).unwrap_or_default();
        let lines = bytes.split(|byte| *byte == b'\n');
        let lines = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        Self(lines.filter(|line| line["event"] == "attempt").collect())
    }

    /// The milliseconds until then, since each delivery of a tenant was queued.
    fn times(&self, tenant: &str, until: &str) -> Vec<f64> {
        let own = self.0.iter().filter(|line| line["tenant"] == tenant);
        own.filter_map(|line| Some(line[until].as_f64()? - line["queued"].as_f64()?)).collect()
    }

    fn p99(&self, tenant: &str, until: &str) -> f64 {
        let mut times = self.times(tenant, until);
        times.sort_by(f64::total_cmp);
        times.get(times.len() * 99 / 100).copied().unwrap_or(f64::INFINITY)
    }
}

/// The site: it takes everything, each message in its time, and writes down whose it was.
fn listen(sim: &Sim, taken: &Rc<RefCell<Taken>>, is_open: &Rc<Cell<bool>>) {
    let listener = sim.listen(SocketAddr::from((SITE, 25))).expect("addresses are used once");
    let (sim, taken, is_open) = (sim.clone(), Rc::clone(taken), Rc::clone(is_open));
    sim.clone().spawn(async move {
        while let Ok(stream) = listener.accept().await {
            if !is_open.get() {
                stream.reset();
                continue;
            }
            let (own, taken) = (sim.clone(), Rc::clone(&taken));
            sim.spawn(async move {
                // Whoever comes may go without a word.
                let _gone: io::Result<()> = serve(&own, stream, &taken).await;
            });
        }
    });
}

async fn serve(sim: &Sim, stream: SimStream, taken: &RefCell<Taken>) -> io::Result<()> {
    let mut dialogue = Dialogue::new(sim, stream);
    dialogue.say("220 site.test\r\n").await?;
    let mut sender = String::new();
    loop {
        let line = String::from_utf8_lossy(&dialogue.line().await?).into_owned();
        match line.get(..4).unwrap_or_default() {
            "EHLO" => dialogue.say("250-site.test\r\n250 PIPELINING\r\n").await?,
            "DATA" => {
                dialogue.say("354 go on\r\n").await?;
                dialogue.text().await?;
                pause(sim, sim.millis(MESSAGE_MILLIS)).await;
                taken.borrow_mut().note(std::mem::take(&mut sender));
                dialogue.say("250 taken\r\n").await?;
            }
            "QUIT" => return dialogue.say("221 bye\r\n").await,
            "MAIL" => {
                let domain = line.split(['@', '.']).nth(1);
                sender = domain.unwrap_or_default().to_owned();
                dialogue.say("250 ok\r\n").await?;
            }
            _ => dialogue.say("250 ok\r\n").await?,
        }
    }
}

/// Sends so many messages to so many recipients each.
async fn send(
    sim: &Sim,
    relay: SocketAddr,
    tenant: &str,
    (messages, recipients): (usize, usize),
    apart: Range<u64>,
) -> io::Result<()> {
    let stream = sim.connect(relay, None, Duration::from_secs(5)).await?;
    let mut dialogue = Dialogue::new(sim, stream);
    dialogue.reply().await?;
    dialogue.say("EHLO sender.test\r\n").await?;
    dialogue.reply().await?;
    for _ in 0..messages {
        let rcpt = |number: usize| format!("RCPT TO:<{number}@site.test>\r\n");
        let all: String = (0..recipients).map(rcpt).collect();
        dialogue.say(format!("MAIL FROM:<a@{tenant}.test>\r\n{all}DATA\r\n")).await?;
        for _ in 0..recipients + 2 {
            dialogue.reply().await?;
        }
        dialogue.say("Subject: a\r\n\r\nb\r\n.\r\n").await?;
        let (code, line) = dialogue.reply().await?;
        if code != 250 {
            return Err(io::Error::other(line));
        }
        pause(sim, sim.millis(apart.clone())).await;
    }
    dialogue.say("QUIT\r\n").await?;
    dialogue.reply().await.map(drop)
}
