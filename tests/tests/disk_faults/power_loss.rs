//! The promise of a 250 when the power goes: the message is there afterwards.

use crate::load::told;
use crate::power::{BURST, Outcome, RATE, Site, Trial};
use crate::{number, turn};
use std::io;
use tests::loop_disk::Filesystem;
use tests::ringpost::Outfit;

#[test]
fn ext4_keeps_what_was_acknowledged() -> io::Result<()> {
    keep(Filesystem::Ext4)
}

#[test]
fn xfs_keeps_what_was_acknowledged() -> io::Result<()> {
    keep(Filesystem::Xfs)
}

fn keep(filesystem: Filesystem) -> io::Result<()> {
    let Some(_turn) = turn() else { return Ok(()) };
    let cuts = number("RINGPOST_POWER_CUTS", 50).div_ceil(2);
    let trial = Trial {
        filesystem,
        outfit: Outfit::default(),
        cuts,
        burst: BURST,
        rate: RATE,
        site: Site::Moody,
        seed: 1,
    };
    match trial.run()? {
        Outcome::Judged(found) => {
            let proof = &found.proof;
            assert!(proof.holds && found.lost == 0, "{}", told(&found));
            assert!(proof.exact > 300 * cuts, "there was load: {}", told(&found));
        }
        Outcome::Stuck(cut, said) => panic!("it is stuck after power cut {cut}: {said}"),
    }
    Ok(())
}
