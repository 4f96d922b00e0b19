//! Small worlds, one for each thing that can go wrong at each place where it can: not drawn by
//! chance but all of them.
//!
//! Most are connections cut behind each byte, and most bytes are as good as the next one. A
//! plain run tries those of some bytes from everywhere; `cargo sim -- --cases` tries all.

use crate::life::Life;
use crate::provider::{Stage, Temper};
use crate::scenario::Scenario;
use kernel::sim::{Crash, Fault, Operation, Side, When};
use std::fmt;
use std::net::SocketAddr;

/// One such world.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What kind of case it is: `case` or `operation`.
    kind: &'static str,
    number: usize,
    world: Scenario,
    trouble: Trouble,
}

#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// This operation of the relay, counted from its first start.
    Operation(Operation, u64, Fault),
    /// The first connection to this address breaks after so many bytes from this side.
    Cut(SocketAddr, Side, u64),
    /// A provider says 421 at this stage, always, until the calm.
    Closing(&'static str, Stage),
    /// None but that of its world: other numbers of cores.
    Cores,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, number, world, trouble } = self;
        write!(f, "{kind} {number}, {trouble:?} in world {}", world.seed)
    }
}

/// The quiet worlds that are tried.
const WORLDS: [u64; 2] = [1, 70];
/// The worlds that are run on other numbers of cores, each time they have been killed.
const CORES_WORLDS: std::ops::Range<u64> = 1..11;
/// The one of the quiet ones whose connections are cut at every byte: one that a message and a
/// bounce are delivered in.
const CUT_WORLD: u64 = 70;

/// One cut in so many is tried in a plain run. The commands of a conversation are some six bytes
/// long and more, so that each of them is cut at least once.
const CUT_STRIDE: usize = 5;

/// What can be done to the disk of the relay.
const OPERATIONS: [Operation; 9] = [
    Operation::FileWrite,
    Operation::FileSync,
    Operation::SyncDirectory,
    Operation::Rename,
    Operation::MakeDirectory,
    Operation::Open,
    Operation::FileRead,
    Operation::List,
    Operation::Remove,
];

const FAULTS: [Fault; 8] = [
    Fault::CrashDuring(Crash::Power),
    Fault::CrashAfter(Crash::Power),
    Fault::CrashDuring(Crash::Kill),
    Fault::Error(5),
    Fault::Error(28),
    // `ECANCELED`, and `EINTR`.
    Fault::Error(125),
    Fault::Error(4),
    Fault::Short(Some(28)),
];

/// All cases. The quiet worlds are run once, to see how many places there are.
pub(crate) fn cases() -> Vec<Case> {
    let quiet = WORLDS.into_iter().flat_map(|seed| {
        troubles(seed).into_iter().map(move |trouble| (Scenario::quiet(seed), trouble))
    });
    let cores = CORES_WORLDS.map(|seed| (Scenario::cores(seed), Trouble::Cores));
    let case = |(number, (world, trouble))| Case { kind: "case", number, world, trouble };
    quiet.chain(cores).enumerate().map(case).collect()
}

/// All cases but cuts, and some of these.
pub(crate) fn some_cases() -> impl Iterator<Item = Case> {
    let mut cuts = 0;
    cases().into_iter().filter(move |case| {
        cuts += usize::from(matches!(case.trouble, Trouble::Cut(..)));
        !matches!(case.trouble, Trouble::Cut(..)) || cuts.is_multiple_of(CUT_STRIDE)
    })
}

fn troubles(seed: u64) -> Vec<Trouble> {
    let life = Life::begin(Scenario::quiet(seed));
    let undisturbed = life.run();
    assert!(undisturbed.is_ok(), "the quiet world {seed} is not quiet: {undisturbed:?}");
    let mut troubles = Vec::new();
    for operation in OPERATIONS {
        for nth in 1..=life.world.count(life.host(), operation) {
            troubles.extend(FAULTS.map(|fault| Trouble::Operation(operation, nth, fault)));
        }
    }
    let dialled =
        [life.address(), life.provider("one.test").address, life.provider("senders.test").address];
    for address in dialled.into_iter().filter(|_| seed == CUT_WORLD) {
        for side in [Side::Dialler, Side::Listener] {
            let sent = life.world.sent(address, side);
            troubles.extend((0..=sent).map(|bytes| Trouble::Cut(address, side, bytes)));
        }
    }
    for domain in ["one.test", "plain.test"] {
        troubles.extend(Stage::ALL.map(|stage| Trouble::Closing(domain, stage)));
    }
    troubles
}

impl Case {
    /// A case with an operation that fails, of [`crate::operations`].
    pub(crate) const fn operation(number: usize, world: Scenario, trouble: Trouble) -> Self {
        Self { kind: "operation", number, world, trouble }
    }

    /// The world, with its trouble planned.
    pub(crate) fn begin(&self) -> Life {
        let life = Life::begin(self.world.clone());
        match self.trouble {
            Trouble::Operation(operation, nth, fault) => {
                life.world.plan(life.host(), operation, When::Nth(nth), fault);
                life.aftermath.expect();
            }
            Trouble::Cores => (),
            Trouble::Cut(address, side, bytes) => life.cut(address, side, bytes),
            Trouble::Closing(domain, stage) => {
                life.provider(domain).temper.set(Temper::Closing(stage));
            }
        }
        life
    }
}
