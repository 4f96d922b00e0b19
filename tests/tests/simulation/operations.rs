//! One busy world, and each of the first 2,000 things it asks of its disk failing in turn: with
//! an I/O error, for want of space, cancelled, interrupted, and, if it reads or writes, short.
//!
//! Each is a world of its own, alike up to the fault. All of them take minutes, so a plain run
//! tries some from everywhere; `cargo sim -- --operations` tries all.

use crate::enumerated::{Case, Trouble};
use crate::life::Life;
use crate::scenario::Scenario;
use kernel::sim::{Fault, Operation};

/// The world: of those that ask for enough, one of the shortest.
const WORLD: u64 = 20;
/// So many of its operations fail, one in each case.
const OPERATIONS: usize = 2_000;
/// One case in so many is tried in a plain run. It has no divisor with the faults in common, so
/// that all of them have their turn.
const STRIDE: usize = 107;

/// `EIO`, `ENOSPC`, `ECANCELED`, `EINTR`; a short write whose rest is written, and one whose rest
/// finds no space.
const FAULTS: [Fault; 6] = [
    Fault::Error(5),
    Fault::Error(28),
    Fault::Error(125),
    Fault::Error(4),
    Fault::Short(None),
    Fault::Short(Some(28)),
];

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    let operations = operations();
    let troubles = operations.iter().flat_map(|(operation, nth)| {
        let fits = |fault: &Fault| !matches!(fault, Fault::Short(_)) || can_be_short(*operation);
        let faults = FAULTS.into_iter().filter(fits);
        faults.map(|fault| Trouble::Operation(*operation, *nth, fault))
    });
    let case = |(number, trouble)| Case::operation(number, Scenario::busy(WORLD), trouble);
    troubles.enumerate().map(case).collect()
}

/// Some cases from everywhere.
pub(crate) fn some_cases() -> impl Iterator<Item = Case> {
    cases().into_iter().step_by(STRIDE)
}

/// The first operations of the undisturbed world, each with its number among those of its kind.
fn operations() -> Vec<(Operation, u64)> {
    let life = Life::begin(Scenario::busy(WORLD));
    let undisturbed = life.run();
    assert!(undisturbed.is_ok(), "the busy world {WORLD} is not sound: {undisturbed:?}");
    let asked = life.world.asked_of_disk(life.host());
    assert!(asked.len() >= OPERATIONS, "{} operations are too few", asked.len());
    let mut counts = [0; Operation::ALL.len()];
    let number = |operation: Operation| {
        let count = &mut counts[operation as usize];
        *count += 1;
        (operation, *count)
    };
    asked.into_iter().take(OPERATIONS).map(number).collect()
}

const fn can_be_short(operation: Operation) -> bool {
    matches!(operation, Operation::FileRead | Operation::FileWrite)
}
