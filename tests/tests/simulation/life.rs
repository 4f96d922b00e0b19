//! One world from beginning to end: senders, the relay in all its lives, providers, troubles,
//! and then calm, until every recipient has met its end.

use crate::aftermath::Aftermath;
use crate::chance::Chance;
use crate::disk;
use crate::injector::{Habit, Injector};
use crate::lanes::{self, Lanes};
use crate::ledger::{Book, Ledger, Standing};
use crate::provider::{Provider, Temper};
use crate::relay::{self, Relay};
use crate::scenario::{Disk, GIVEN_UP, Scenario};
use crate::summary::Summary;
use crate::{cast, check, lines};
use event::Tick;
use kernel::Kernel;
use kernel::sim::{Crash, Host, Physics, Side, Sim, World};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// How long a relay that went down stays down.
const DOWN: Duration = Duration::from_millis(300);
/// How long after the calm all must be over: longer than any patience, and than the wall clock
/// may have been stepped back, and then expiry.
const LIMIT: Duration = Duration::from_hours(2);

/// A world, and all that is in it.
pub(crate) struct Life {
    pub(crate) world: Rc<World>,
    /// Where senders and providers run.
    outside: Sim,
    scenario: Scenario,
    plan: relay::Plan,
    relay: RefCell<Relay>,
    lives: Cell<usize>,
    /// When a relay that is down comes back.
    back: Cell<Option<Tick>>,
    /// When something was last to be done.
    quiet: Cell<Tick>,
    pub(crate) aftermath: Aftermath,
    lanes: Lanes,
    /// A hash of all that happened until the relay was drained.
    trace: Cell<u64>,
    providers: Vec<Rc<Provider>>,
    senders_left: Rc<Cell<u64>>,
    book: Book,
}

impl Life {
    /// A world with its relay started and its senders about to begin.
    pub(crate) fn begin(scenario: Scenario) -> Self {
        let physics = Physics {
            window_bytes: scenario.window_bytes,
            short_ppm: scenario.short_ppm,
            reset_ppm: scenario.reset_ppm,
            ..Physics::default()
        };
        let world = Rc::new(World::with(scenario.seed, physics));
        let (host, outside) = (world.host(), world.host());
        let book = Book::new(RefCell::new(Ledger { bound: scenario.bound(), ..Ledger::default() }));
        book.borrow_mut().given_up = scenario.drops.map(|_| GIVEN_UP);
        book.borrow_mut().clock_stepped = !scenario.steps.is_empty();
        book.borrow_mut().network_sound = scenario.reset_ppm == 0;
        let sim = world.shard(outside);
        let limits = cast::limits(&sim);
        let providers = cast::providers(&world, host, &sim, &book, &scenario, &limits);
        let (logs, seed) = (scenario.logs(), scenario.seed);
        let plan = cast::plan(&world, host, &sim, &providers, limits, logs, seed);
        let plan = relay::Plan { proxied: scenario.proxied, ..plan };
        scenario.disk.trouble(&world, host);
        let relay = Relay::start(&world, &plan, scenario.shards[0]);
        let life = Self {
            world,
            outside: sim,
            plan,
            relay: RefCell::new(relay),
            lives: Cell::new(1),
            back: Cell::new(None),
            quiet: Cell::default(),
            aftermath: Aftermath::default(),
            lanes: Lanes::default(),
            trace: Cell::default(),
            providers,
            senders_left: Rc::new(Cell::new(scenario.sessions)),
            book,
            scenario,
        };
        life.send();
        life
    }

    /// The relay's host.
    pub(crate) const fn host(&self) -> Host {
        self.plan.host
    }

    /// Where the relay listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.plan.address
    }

    /// Plans that the first connection to `address` breaks after so many bytes from `side`.
    pub(crate) fn cut(&self, address: SocketAddr, side: Side, bytes: u64) {
        self.book.borrow_mut().network_sound = false;
        self.world.cut(address, 1, side, bytes);
    }

    pub(crate) fn provider(&self, domain: &str) -> &Provider {
        self.providers.iter().find(|provider| provider.domain == domain).expect("a known domain")
    }

    fn send(&self) {
        let sim = &self.outside;
        let to = Rc::new(cast::addressees(self.scenario.dead));
        for _ in 0..self.scenario.sessions {
            let injector = Injector {
                sim: sim.clone(),
                book: Rc::clone(&self.book),
                relay: self.plan.address,
                to: Rc::clone(&to),
                habit: Habit {
                    messages: self.scenario.messages,
                    text_max: self.scenario.text_max,
                    moody_percent: self.scenario.moody_percent,
                    chunked_percent: self.scenario.chunked_percent,
                    proxied: self.scenario.proxied,
                },
                enough: Rc::clone(&self.aftermath.enough),
            };
            let (left, kernel) = (Rc::clone(&self.senders_left), sim.clone());
            let begins =
                sim.now() + sim.millis(5..4_000.min(self.scenario.calm.as_millis() as u64 / 2));
            sim.spawn(async move {
                kernel.sleep_until(begins).await;
                injector.run().await;
                left.set(left.get() - 1);
            });
        }
    }

    /// Runs to the end, and says what was seen, or every rule that was broken.
    pub(crate) fn run(&self) -> Result<Summary, String> {
        let start = self.world.now();
        let mut crashes = self.scenario.crashes.clone();
        let mut steps = self.scenario.steps.clone();
        let (mut turns, mut drops) = (0, 0);
        self.pass(start + self.scenario.calm, |life| {
            let passed = life.world.now().since(start);
            if let Some(turn) = is_due(life.scenario.reloads, passed, &mut turns) {
                life.relay.borrow().reload(&life.plan, turn);
            }
            if let Some(turn) = is_due(life.scenario.drops, passed, &mut drops) {
                life.relay.borrow().give_up(GIVEN_UP, turn);
            }
            crashes.retain(|(at, crash)| *at > passed || life.crash(*crash));
            steps.retain(|(at, millis)| {
                let is_due = *at <= passed;
                if is_due {
                    life.world.step_wall(life.host(), *millis);
                }
                !is_due
            });
            false
        });
        if let Some(closed) = self.aftermath.end() {
            self.complain(&format!("after a fault it did not accept mail for {closed:?}"));
        }
        self.calm();
        let over = self.pass(self.world.now() + LIMIT, Self::is_over);
        if !over {
            self.complain("not all was over two hours after the calm");
        }
        self.finish();
        self.verdict()
    }

    /// Lets time pass until `condition` holds, and looks after each step.
    fn pass(&self, until: Tick, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let limit = until.since(self.world.now());
        let held = self.world.run_until(limit, |_| {
            self.look();
            condition(self) || self.is_broken()
        });
        held && !self.is_broken()
    }

    /// What must be seen to at once: a 250 that was read, a relay that went down.
    fn look(&self) {
        let acknowledged = std::mem::take(&mut self.book.borrow_mut().acknowledged);
        if !acknowledged.is_empty() && self.aftermath.is_keen(self.since_fault()) {
            let found = disk::read(&self.world, self.host());
            for token in acknowledged {
                check::acknowledged(&found, &mut self.book.borrow_mut(), token, self.world.now());
            }
        }
        let failed = self.relay.borrow().failed.borrow().is_some();
        if failed && self.world.is_up(self.host()) {
            self.crash(Crash::Kill);
        }
        self.aftermath.look(self.world.now(), self.since_fault(), self.accepts());
        let crowded =
            self.lanes.look(&self.relay.borrow().meters, self.plan.limits.connections_max);
        if let Some(what) = crowded {
            self.complain(&what);
        }
        if self.world.is_up(self.host()) {
            return;
        }
        match self.back.get() {
            None => self.went_down(None),
            Some(back) if back <= self.world.now() => self.come_back(),
            Some(_) => (),
        }
    }

    /// How long ago the planned fault struck.
    fn since_fault(&self) -> Option<Duration> {
        Some(self.world.now().since(self.world.struck(self.host())?))
    }

    fn accepts(&self) -> bool {
        self.world.is_up(self.host()) && self.relay.borrow().accepts()
    }

    /// Takes the relay down. Says false, for it was done.
    pub(crate) fn crash(&self, crash: Crash) -> bool {
        if self.world.is_up(self.host()) {
            let attempts = lines::read(&self.world, self.host());
            self.world.crash(self.host(), crash);
            self.went_down(Some(attempts));
        }
        false
    }

    fn went_down(&self, attempts: Option<lines::Attempts>) {
        let now = self.world.now();
        self.back.set(Some(now + DOWN));
        let outside = self.outside.clone();
        self.outside.spawn(async move { outside.sleep_until(now + DOWN).await });
        let found = disk::read(&self.world, self.host());
        let mut book = self.book.borrow_mut();
        let attempts = attempts.filter(|_| self.scenario.has_sound_disk() && !book.clock_stepped);
        book.struck = self.world.struck(self.host());
        check::whole_spool(&found, attempts.as_ref(), &mut book, now);
        book.crashes.push(now);
    }

    fn come_back(&self) {
        self.back.set(None);
        let shards = &self.scenario.shards;
        let count = shards[self.lives.get() % shards.len()];
        self.lives.set(self.lives.get() + 1);
        self.world.restart(self.host());
        *self.relay.borrow_mut() = Relay::start(&self.world, &self.plan, count);
    }

    /// All troubles end.
    fn calm(&self) {
        self.quiet.set(self.world.now());
        self.world.unplan(self.host());
        self.world.physics(|physics| physics.reset_ppm = 0);
        self.world.resize_disk(self.host(), 1 << 30);
        for provider in &self.providers {
            provider.temper.set(Temper::Kind);
            provider.faulty.set(false);
        }
        if matches!(self.scenario.disk, Disk::Failing(_)) {
            // What could not be told while the disk failed is told after a restart.
            self.crash(Crash::Kill);
        }
    }

    /// Whether nothing is left to do, and was not some seconds ago either: a bounce that the disk
    /// did not take is tried again after five, when what it tells of is over.
    fn is_over(&self) -> bool {
        let relay = self.relay.borrow();
        let is_quiet = self.senders_left.get() == 0
            && self.world.is_up(self.host())
            && relay.is_ready()
            && relay.meters.balance().queued == 0
            && lanes::are_home(&relay.meters);
        let now = self.world.now();
        if !is_quiet {
            self.quiet.set(now);
        }
        now.since(self.quiet.get()) > Duration::from_secs(6)
    }

    /// Drains the relay and checks what is left.
    fn finish(&self) {
        if self.is_broken() {
            return;
        }
        self.trace.set(self.world.trace());
        let balance = self.relay.borrow().meters.balance();
        if !balance.holds() {
            self.complain(&format!("the books do not balance: {balance:?}"));
        }
        self.relay.borrow().drain();
        let patience = self.world.now() + Duration::from_mins(2);
        if !self.pass(patience, |life| life.relay.borrow().has_ended()) {
            self.complain("a drain did not end");
        }
        // What is still said of connections is said by then.
        self.pass(self.world.now() + Duration::from_secs(3), |_| false);
        // A lane waits for the answer to its QUIT, and some providers never give one.
        let is_answered = self.scenario.temper != Temper::Silent && !self.scenario.faults;
        for (from, to) in self.world.connections(self.host()).into_iter().filter(|_| is_answered) {
            self.complain(&format!("the connection from {from} to {to} was never closed"));
        }
        let found = disk::read(&self.world, self.host());
        for (id, recipient) in found.open.keys() {
            self.complain(&format!("message {id} to {recipient} is open after all is over"));
        }
        let attempts = lines::read(&self.world, self.host());
        let book = &mut *self.book.borrow_mut();
        book.struck = self.world.struck(self.host());
        if self.scenario.has_sound_disk() && !book.clock_stepped {
            lines::check(&attempts, book);
        }
        check::ends(book);
    }

    fn verdict(&self) -> Result<Summary, String> {
        let panics = self.world.panics(self.host());
        if panics > 0 {
            self.complain(&format!("{panics} tasks of the relay panicked"));
        }
        let book = self.book.borrow();
        if !book.violations.is_empty() {
            return Err(book.violations.join("\n"));
        }
        let takings = |fate: &crate::ledger::Fate| fate.takings.len() as u64;
        let acknowledged = |message: &&crate::ledger::Message| {
            matches!(message.standing, Standing::Acknowledged { .. })
        };
        Ok(Summary {
            trace: self.trace.get(),
            acknowledged: book.messages.values().filter(acknowledged).count() as u64,
            taken: book.fates.values().map(takings).sum(),
            refused: book.fates.values().map(|fate| fate.refused.len() as u64).sum(),
            deferred: book.fates.values().map(|fate| fate.deferred.len() as u64).sum(),
            bounces: book.bounces.len() as u64,
            repeated: book.fates.values().map(|fate| takings(fate).saturating_sub(1)).sum(),
            crashes: book.crashes.len() as u64,
            lent: self.lanes.lent(),
            closed: self.aftermath.closed(),
        })
    }

    /// Shows how far it got: the delivery log, and how the relay stands.
    pub(crate) fn tell(&self) {
        let log = self.world.live(self.host(), Path::new(relay::LOG)).unwrap_or_default();
        println!("{}", String::from_utf8_lossy(&log));
        let relay = self.relay.borrow();
        println!("{:?}, ready: {}", relay.meters.balance(), relay.is_ready());
        println!("{} senders, {:?} failed", self.senders_left.get(), relay.failed.borrow());
        println!("down at {:?}, now {:?}", self.book.borrow().crashes, self.world.now());
        for (key, open) in disk::read(&self.world, self.host()).open {
            println!("open: {key:?} {open:?}");
        }
    }

    pub(crate) fn complain(&self, what: &str) {
        self.book.borrow_mut().violation(what);
    }

    fn is_broken(&self) -> bool {
        !self.book.borrow().violations.is_empty()
    }
}

/// Whether something is to be done that is done so often, and for the how-manieth time.
fn is_due(every: Option<Duration>, passed: Duration, turns: &mut u64) -> Option<u64> {
    let turn = (passed.as_nanos() / every?.as_nanos()) as u64;
    (turn > std::mem::replace(turns, turn)).then_some(turn)
}
