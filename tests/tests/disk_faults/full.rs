//! A disk that fills up: new mail is put off in the right words, mail that was taken goes
//! out, its completions are recorded, and then there is room again.

use crate::load::{self, Ends, Verdicts, told};
use crate::{PATIENCE, number, settings, turn};
use loadgen::send;
use std::io;
use std::sync::atomic::Ordering;
use tests::gate::Gate;
use tests::loop_disk::{Filesystem, LoopDisk};
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::wait;

const MIB: u64 = 1_024 * 1_024;
/// The smallest segments there are; a log has at least three of them.
const SEGMENTS: &str = "segment_bytes = 4194304\n";
/// How often a fill is followed by a kill.
const KILL_EVERY: u64 = 5;
/// Messages that may arrive twice for each kill: those on the way to the site. Completions do
/// not count here: while the site does not answer there are none.
const DUPLICATES_PER_KILL: u64 = 100;

#[test]
fn a_small_disk_is_filled_and_drained_again_and_again() -> io::Result<()> {
    let Some(_turn) = turn() else { return Ok(()) };
    let settings = format!("{SEGMENTS}free_bytes_min = 12582912\n");
    fill_and_drain(64 * MIB, &[], &settings)
}

/// Room for a hundred segments, and names for a dozen.
#[test]
fn a_disk_with_few_inodes_is_filled_and_drained_again_and_again() -> io::Result<()> {
    let Some(_turn) = turn() else { return Ok(()) };
    let settings = format!("{SEGMENTS}free_bytes_min = 12582912\n");
    fill_and_drain(128 * MIB, &["-b", "4096", "-N", "32"], &settings)
}

fn fill_and_drain(bytes: u64, mkfs: &[&str], spool_settings: &str) -> io::Result<()> {
    let fills = number("RINGPOST_FILLS", 20);
    let scratch = Scratch::new("full")?;
    let disk = LoopDisk::make(scratch.path(), "disk", Filesystem::Ext4, bytes, mkfs)?;
    let ends = Ends::start(scratch.path(), 0.0)?;
    let gate = Gate::start(ends.address())?;
    let outfit = Outfit {
        shards: Some(2),
        spool: Some(disk.place().join("spool")),
        spool_settings: spool_settings.into(),
        // Who is refused asks again at once.
        listener_settings: "commands = \"1000000/s\"".into(),
        ..Outfit::default()
    };
    let mut ringpost = Ringpost::start_as(outfit, scratch.path(), &settings(gate.address()))?;
    for fill in 1..=fills {
        gate.close();
        fill_up(&ends, &ringpost, fill)?;
        if fill % KILL_EVERY == 0 {
            ringpost.kill()?;
            ringpost.restart_closed()?;
        }
        gate.open();
        load::empty(&ringpost)?;
        load::accepting(&ringpost, 2)?;
    }
    stop_and_start(&mut ringpost)?;
    let verdicts = ends.judge(&ringpost, fills / KILL_EVERY * DUPLICATES_PER_KILL)?;
    let Verdicts { proof, refusals, .. } = &verdicts;
    println!(
        "{fills} fills: {} taken, {refusals:?} refused, {} twice",
        proof.exact, proof.duplicates
    );
    assert!(proof.holds && verdicts.lost == 0, "{}", told(&verdicts));
    let insufficient = refusals.iter().all(|(code, _)| *code == 452);
    assert!(insufficient && !refusals.is_empty(), "only 452 is heard: {}", told(&verdicts));
    Ok(())
}

/// Sends until the relay takes no more, on any shard.
fn fill_up(ends: &Ends, ringpost: &Ringpost, fill: u64) -> io::Result<()> {
    let plan = send::Options {
        run: fill as u32,
        sizes: "20k-50k".parse().map_err(io::Error::other)?,
        ..ends.plan(ringpost)?
    };
    let sending = send::start(plan)?;
    let postponed = || sending.counters().postponed.load(Ordering::Relaxed);
    wait::until("a message put off", PATIENCE, || (postponed() > 0).then_some(()))?;
    load::accepting(ringpost, 0)?;
    sending.stop();
    let report = sending.join()?;
    let trouble = report.trouble.unwrap_or_default();
    assert!(trouble.starts_with("452 4.3.1 "), "fill {fill}: {trouble}");
    assert!(report.accepted > 0, "fill {fill}: there was room");
    Ok(())
}

/// Completions that were not recorded would show now, as mail that is sent again.
fn stop_and_start(ringpost: &mut Ringpost) -> io::Result<()> {
    let status = ringpost.drain()?;
    assert!(status.success(), "{status}: {}", ringpost.said());
    ringpost.restart()?;
    assert_eq!(ringpost.queued()?, 0, "nothing was forgotten: {}", ringpost.said());
    Ok(())
}
