//! `kill -9` under load, again and again: nothing that was acknowledged may be missing.

use crate::common::{RETRY_SOON, route};
use crate::load::{Load, Sink, told};
use std::io;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;

/// Deaths.
const KILLS: u64 = 20;
/// Messages a second.
const RATE: u32 = 2_000;
/// Messages that may arrive twice for each death: those whose settle record was younger than
/// the stated 100 ms at a rate that doubles after a restart, and those on the wire.
const DUPLICATES_PER_KILL: u64 = RATE as u64 / 10 * 2 + 200;

#[test]
fn twenty_kills_lose_nothing() -> io::Result<()> {
    let scratch = Scratch::new("crash")?;
    let sink = Sink::start(scratch.path(), 0.2)?;
    let mut ringpost = Ringpost::start(scratch.path(), &(route("*", sink.address()) + RETRY_SOON))?;
    let load = Load::start(scratch.path(), &ringpost, f64::from(RATE))?;
    for kill in 1..=KILLS {
        // A different moment each time.
        load.wait_for(97 * kill)?;
        ringpost.kill()?;
        ringpost.restart()?;
    }
    load.wait_for(500)?;
    let proof = load.prove(&ringpost, sink, KILLS * DUPLICATES_PER_KILL)?;
    println!("{} delivered, {} of them more than once", proof.exact, proof.duplicates);
    assert!(proof.holds && proof.missing == 0 && proof.corrupt == 0, "{}", told(&proof));
    assert!(proof.exact > 97 * KILLS, "{}", told(&proof));
    Ok(())
}
