//! Small worlds, one for each thing that can go wrong at each place where it can: not drawn by
//! chance but all of them.

use crate::life::Life;
use crate::provider::{Stage, Temper};
use crate::scenario::Scenario;
use kernel::sim::{Crash, Fault, Operation, Side, When};
use std::fmt;
use std::net::SocketAddr;

/// One such world.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    number: usize,
    seed: u64,
    trouble: Trouble,
}

#[derive(Clone, Debug)]
enum Trouble {
    /// This operation of the relay, counted from its first start.
    Operation(Operation, u64, Fault),
    /// The first connection to this address breaks after so many bytes from this side.
    Cut(SocketAddr, Side, u64),
    /// A provider says 421 at this stage, always, until the calm.
    Closing(&'static str, Stage),
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case {}, {:?} in the quiet world {}", self.number, self.trouble, self.seed)
    }
}

/// The quiet worlds that are tried.
const WORLDS: [u64; 2] = [1, 2];
/// The one of them whose connections are cut at every byte.
const CUT_WORLD: u64 = 1;

/// What can be done to the disk of the relay.
const OPERATIONS: [Operation; 6] = [
    Operation::FileWrite,
    Operation::FileSync,
    Operation::SyncDirectory,
    Operation::Rename,
    Operation::MakeDirectory,
    Operation::Open,
];

const FAULTS: [Fault; 5] = [
    Fault::CrashDuring(Crash::Power),
    Fault::CrashAfter(Crash::Power),
    Fault::CrashDuring(Crash::Kill),
    Fault::Error(5),
    Fault::Error(28),
];

/// All cases. The quiet worlds are run once, to see how many places there are.
pub(crate) fn cases() -> Vec<Case> {
    let troubles = WORLDS
        .into_iter()
        .flat_map(|seed| troubles(seed).into_iter().map(move |trouble| (seed, trouble)));
    troubles.enumerate().map(|(number, (seed, trouble))| Case { number, seed, trouble }).collect()
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
    let dialled = [
        life.address(),
        life.provider("one.test").nature.address,
        life.provider("senders.test").nature.address,
    ];
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
    /// The world, with its trouble planned.
    pub(crate) fn begin(&self) -> Life {
        let life = Life::begin(Scenario::quiet(self.seed));
        match self.trouble {
            Trouble::Operation(operation, nth, fault) => {
                life.world.plan(life.host(), operation, When::Nth(nth), fault);
                life.must_be_ready.set(true);
            }
            Trouble::Cut(address, side, bytes) => life.cut(address, side, bytes),
            Trouble::Closing(domain, stage) => {
                life.provider(domain).temper.set(Temper::Closing(stage));
            }
        }
        life
    }
}
