//! Relays that cheat are found out by the very power cuts that the real one survives.

use crate::load::told;
use crate::power::{BURST, Outcome, RATE, Site, Trial};
use crate::turn;
use loadgen::rate::Rate;
use std::io;
use tests::loop_disk::Filesystem;
use tests::ringpost::Outfit;

/// Power cuts in one go, after which the ledgers are joined.
const CUTS: u64 = 5;
/// A cheat must be found out within so many goes.
const GOES: u64 = 6;

#[test]
fn a_relay_that_does_not_sync_is_found_out() -> io::Result<()> {
    is_found_out("no-sync", Filesystem::Ext4)?;
    is_found_out("no-sync", Filesystem::Xfs)
}

/// On ext4 only. xfs writes down the renamed file together with its new name, so that the
/// first synced write behind the rename forces both to the disk: this cheat loses nothing
/// there. ext4 keeps the name to itself for seconds, however much is written and synced.
#[test]
fn a_relay_that_does_not_sync_directories_is_found_out() -> io::Result<()> {
    is_found_out("no-directory-sync", Filesystem::Ext4)
}

#[test]
fn a_relay_that_says_250_too_early_is_found_out() -> io::Result<()> {
    is_found_out("early-250", Filesystem::Ext4)?;
    is_found_out("early-250", Filesystem::Xfs)
}

#[test]
fn the_same_relay_is_not_found_out_when_it_does_not_cheat() -> io::Result<()> {
    for filesystem in [Filesystem::Ext4, Filesystem::Xfs] {
        let Some(_turn) = turn() else { return Ok(()) };
        for (go, work) in [Work::ANY, Work::FOR_NAMES].into_iter().enumerate() {
            match trial("honest", filesystem, work, go as u64).run()? {
                Outcome::Judged(found) => assert!(found.proof.holds, "{}", told(&found)),
                Outcome::Stuck(cut, said) => panic!("stuck after power cut {cut}: {said}"),
            }
        }
    }
    Ok(())
}

fn is_found_out(cheat: &str, filesystem: Filesystem) -> io::Result<()> {
    let Some(_turn) = turn() else { return Ok(()) };
    let work = if cheat == "no-directory-sync" { Work::FOR_NAMES } else { Work::ANY };
    let name = filesystem.name();
    for go in 0..GOES {
        match trial(cheat, filesystem, work, go).run()? {
            Outcome::Judged(found) if found.lost > 0 => {
                let (lost, cuts) = (found.lost, (go + 1) * CUTS);
                println!("{cheat} on {name}: {lost} lost within {cuts} power cuts");
                return Ok(());
            }
            Outcome::Judged(_) => (),
            Outcome::Stuck(cut, said) => {
                let cuts = go * CUTS + cut;
                println!("{cheat} on {name}: is stuck after {cuts} power cuts: {said}");
                return Ok(());
            }
        }
    }
    panic!("{cheat} on {name} was not found out by {} power cuts", GOES * CUTS);
}

/// What a relay does between two cuts.
#[derive(Clone, Copy, Debug)]
struct Work {
    burst: u64,
    rate: Rate,
    site: Site,
}

impl Work {
    const ANY: Self = Self { burst: BURST, rate: RATE, site: Site::Moody };
    /// Long enough for the log to use its segments again and make no new ones, whose making
    /// would force the names of all to the disk; and fast, for ext4 writes down the names of a few
    /// seconds ago by itself.
    const FOR_NAMES: Self =
        Self { burst: 2_000, rate: Rate::per_second(10_000.0), site: Site::Hushed(300) };
}

fn trial(cheat: &str, filesystem: Filesystem, work: Work, go: u64) -> Trial {
    let program = Some(env!("CARGO_BIN_EXE_cheat").into());
    let outfit = Outfit { program, arguments: vec![cheat.to_owned()], ..Outfit::default() };
    let Work { burst, rate, site } = work;
    Trial { filesystem, outfit, cuts: CUTS, burst, rate, site, seed: go + 2 }
}
