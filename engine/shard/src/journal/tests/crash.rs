//! Whatever is going on when the machine stops: what was acknowledged is there.

use super::ledger::Ledger;
use super::*;
use kernel::sim::{Fault, Operation, When};
use std::cell::RefCell;
use std::rc::Rc;

/// Where a log can be hurt.
const TENDER: [Operation; 5] = [
    Operation::FileWrite,
    Operation::Rename,
    Operation::SyncDirectory,
    Operation::FileRead,
    Operation::Open,
];

#[test]
fn a_crash_at_every_write_loses_nothing() {
    for nth in 1..=40 {
        for fault in [Fault::CrashDuring(Crash::Power), Fault::CrashAfter(Crash::Power)] {
            let life = Life::new(nth);
            life.world.plan(life.host, Operation::FileWrite, When::Nth(nth), fault);
            life.round();
            life.round();
        }
    }
}

#[test]
fn a_crash_at_every_change_of_names_loses_nothing() {
    for nth in 1..=12 {
        for operation in [Operation::Rename, Operation::SyncDirectory] {
            for fault in [Fault::CrashDuring(Crash::Power), Fault::CrashAfter(Crash::Power)] {
                let life = Life::new(100 + nth);
                life.world.plan(life.host, operation, When::Nth(nth), fault);
                life.round();
                life.round();
            }
        }
    }
}

#[test]
fn crash_after_crash_loses_nothing() {
    for seed in seeds(40) {
        let life = Life::new(seed);
        for _ in 0..4 {
            let dice = life.world.shard(life.host).random();
            let operation = TENDER[dice as usize % TENDER.len()];
            let crash = if dice & 64 == 0 { Crash::Power } else { Crash::Kill };
            let fault =
                if dice & 128 == 0 { Fault::CrashDuring(crash) } else { Fault::CrashAfter(crash) };
            life.world.plan(life.host, operation, When::Nth(1 + (dice >> 8) % 50), fault);
            life.round();
        }
        assert!(life.ledger.borrow().accepted() > 0, "seed {seed}: the test does something");
    }
}

/// Seeds of a test: those of everyday, or as many as the environment asks for.
pub(super) fn seeds(everyday: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    1_000..1_000 + asked.unwrap_or(everyday)
}

/// A host that is opened, used and brought down, again and again.
pub(super) struct Life {
    pub(super) world: World,
    pub(super) host: Host,
    pub(super) ledger: Rc<RefCell<Ledger>>,
}

impl Life {
    pub(super) fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let host = world.host();
        Self { world, host, ledger: Rc::default() }
    }

    /// Uses the log until it has gone down, or for half a second; then looks at what is left.
    pub(super) fn round(&self) {
        let sim = self.world.shard(self.host);
        let ledger = Rc::clone(&self.ledger);
        sim.clone().spawn(async move {
            let opened = Journal::open(sim.clone(), Path::new(LOG), 0, options()).await;
            // A fault may keep it from opening; then there is no mail either.
            let Ok((journal, mut backlog)) = opened else { return };
            // New mail comes in while the old is read; what became of that is said later.
            let (early, books, clock) = (journal.clone(), Rc::clone(&ledger), sim.clone());
            sim.spawn(async move { take_in(&clock, &early, &books).await });
            if backlog.load(|_| ()).await.is_err() {
                return;
            }
            for _ in 0..3 {
                sim.spawn(use_log(sim.clone(), journal.clone(), Rc::clone(&ledger)));
            }
        });
        self.world.run_until(Duration::from_millis(500), |world| !world.is_up(self.host));
        if self.world.is_up(self.host) {
            self.world.crash(self.host, Crash::Power);
        }
        self.world.unplan(self.host);
        let at = self.world.now();
        self.world.restart(self.host);
        self.look(at);
        self.world.crash(self.host, Crash::Power);
        self.world.restart(self.host);
    }

    fn look(&self, at: event::Tick) {
        let sim = self.world.shard(self.host);
        let (found, texts) = self.world.block_on(async {
            let open = Journal::open(sim, Path::new(LOG), 0, options()).await;
            let (journal, backlog) = open.expect("the log opens");
            let found = loaded(backlog).await.expect("it can be read");
            let mut texts = Vec::new();
            for found in &found {
                texts.push(text_of(&journal, found.id).await);
            }
            (found, texts)
        });
        assert_eq!(self.world.panics(self.host), 0);
        self.ledger.borrow_mut().audit(&found, &texts, at);
    }
}

/// One client that does this and that.
pub(super) async fn use_log(sim: Sim, journal: Journal<Sim>, ledger: Rc<RefCell<Ledger>>) {
    loop {
        let dice = sim.random();
        let open = ledger.borrow().open(dice >> 8);
        match (dice % 8, open) {
            (0, _) => sim.sleep_until(sim.now() + Duration::from_millis(dice >> 58)).await,
            (1..=2, Some((id, recipient))) => {
                let due = ledger.borrow_mut().deferred(id, recipient, sim.now());
                defer(&journal, id, &[recipient], due, Wall(u64::from(due)));
            }
            (3..=5, Some((id, recipient))) => {
                ledger.borrow_mut().settled(id, recipient, sim.now());
                settle(&journal, id, &[recipient]);
            }
            _ => take_in(&sim, &journal, &ledger).await,
        }
    }
}

async fn take_in(sim: &Sim, journal: &Journal<Sim>, ledger: &RefCell<Ledger>) {
    let dice = sim.random();
    let len = [100_u64, 4_000, 40_000, 270_000][(dice % 4) as usize];
    let text: Vec<u8> = (0..len).map(|at| (at * 31 + dice) as u8).collect();
    let id = journal.next_id();
    ledger.borrow_mut().began(id, text.clone());
    let accepted = journal.accept(id, Text::new(), &text, &draft()).await;
    ledger.borrow_mut().ended(id, accepted.is_ok());
    if accepted.is_err() {
        sim.sleep_until(sim.now() + Duration::from_millis(1)).await;
    }
}
