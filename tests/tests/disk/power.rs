//! Power cuts: whatever the disk had done, and whatever it lost of what was not flushed, each
//! message that was said to be ours is there.

use crate::format::Filesystem;
use crate::load;
use crate::replay::{Outcome, Replay};
use crate::rig::Rig;
use std::env;
use std::io;
use tests::mutant::Flaw;
use tests::wait;

/// States of a plain run, and the variable that asks for another number.
const STATES: usize = 500;
const STATES_ASKED: &str = "RINGPOST_DISK_STATES";
/// Messages of a run.
const MESSAGES: u32 = 600;
/// Messages sent before, while the next host takes none: more than four segments of them.
const MESSAGES_HELD: u32 = 700;
/// States by which a broken promise must have been noticed.
const NOTICED_WITHIN: usize = 200;
/// What is said of a spool that is not as it was promised to be.
const BROKEN: &str = " faults: ";

#[test]
fn a_power_cut_at_any_moment_loses_nothing_on_ext4() -> io::Result<()> {
    let states = env::var(STATES_ASKED).ok().and_then(|states| states.parse().ok());
    cut(Filesystem::Ext4, states.unwrap_or(STATES))
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_on_xfs() -> io::Result<()> {
    cut(Filesystem::Xfs, STATES / 10)
}

#[test]
fn an_engine_without_sync_is_noticed() -> io::Result<()> {
    notice(Flaw::NoSync)
}

// Without directory sync there is nothing to notice here: on ext4 and on xfs the first synced
// block of a segment makes its new name durable by the way. The simulated disk does not.

#[test]
fn an_early_250_is_noticed() -> io::Result<()> {
    notice(Flaw::Early)
}

#[test]
fn an_engine_without_a_flaw_is_not() -> io::Result<()> {
    for filesystem in [Filesystem::Ext4, Filesystem::Xfs] {
        if filesystem.can_be_used() {
            let outcome = flawed(Flaw::Sound, filesystem)?.run(0..NOTICED_WITHIN / 4, None)?;
            eprintln!("{filesystem:?}: {:?}", outcome.compared);
            assert_eq!(outcome.broken, []);
        }
    }
    Ok(())
}

fn cut(filesystem: Filesystem, states: usize) -> io::Result<()> {
    if !filesystem.can_be_used() {
        return Ok(());
    }
    let mut rig = Rig::new(filesystem)?;
    let first = rig.disk.position();
    rig.start()?;
    rig.carry(0..MESSAGES)?;
    let replay = recorded(rig, first)?;
    let start = wait::now();
    let outcome = replay.run(0..states, None)?;
    let took = start.elapsed();
    let Outcome { states, compared, broken } = outcome;
    let operations = replay.history.len();
    eprintln!("{filesystem:?}: {operations} operations, {states} states in {took:?}: {compared:?}");
    assert!(broken.is_empty(), "seed {}: {broken:#?}", replay.seed);
    assert!(compared.kept > states, "the load leaves something to lose: {compared:?}");
    Ok(())
}

fn notice(flaw: Flaw) -> io::Result<()> {
    if !Filesystem::Ext4.can_be_used() {
        return Ok(());
    }
    let outcome = flawed(flaw, Filesystem::Ext4)?.run(0..NOTICED_WITHIN, Some(BROKEN))?;
    let noticed = outcome.broken.iter().find(|(_, fault)| fault.contains(BROKEN));
    eprintln!("{flaw:?}: after {} states: {noticed:?}", outcome.states);
    assert!(noticed.is_some(), "not noticed: {outcome:?}");
    Ok(())
}

fn flawed(flaw: Flaw, filesystem: Filesystem) -> io::Result<Replay> {
    let mut rig = Rig::new(filesystem)?;
    let start = rig.disk.position();
    rig.start_flawed(flaw)?;
    // Many segments become free at once, so that later ones are not made but used again, and
    // nothing but the log itself makes their names durable.
    rig.ledger.close(true);
    load::send_all(rig.address()?, &rig.ledger, 0..MESSAGES_HELD)?;
    rig.ledger.close(false);
    rig.wait_for_next_host()?;
    rig.carry(MESSAGES_HELD..MESSAGES_HELD + MESSAGES)?;
    recorded(rig, start)
}

/// Ends all but the record of what was done since `start`.
fn recorded(mut rig: Rig, start: usize) -> io::Result<Replay> {
    rig.stop()?;
    let seed = env::var("RINGPOST_DISK_SEED").ok().and_then(|seed| seed.parse().ok());
    let replay = rig.replay(start, seed.unwrap_or(1))?;
    rig.unmount()?;
    Ok(replay)
}
