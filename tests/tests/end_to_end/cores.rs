//! Another number of cores at each start, and `kill -9` between: every log that any number of
//! shards has left is drained, whoever owns it now.

use crate::common::{RETRY_SOON, route};
use crate::load::{Load, Sink, told};
use std::fs;
use std::io;
use std::path::Path;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;

/// Shards in each life.
const SHARDS: [usize; 4] = [1, 8, 3, 1];
/// Messages a second.
const RATE: f64 = 1_000.0;
/// Messages accepted in each life before it ends.
const ACCEPTED: u64 = 700;
/// Messages that may arrive twice for each death: as many as settle in 100 ms after a restart,
/// when what waited goes out at once, and those on the wire.
const DUPLICATES_PER_KILL: u64 = 1_000;

#[test]
fn one_core_then_eight_then_three_then_one_lose_nothing() -> io::Result<()> {
    let scratch = Scratch::new("cores")?;
    let sink = Sink::start(scratch.path(), 0.3)?;
    let settings = route("*", sink.address()) + RETRY_SOON;
    let [first, later @ ..] = SHARDS;
    let outfit = Outfit { shards: Some(first), ..Outfit::default() };
    let mut ringpost = Ringpost::start_as(outfit, scratch.path(), &settings)?;
    assert_eq!(logs(scratch.path())?, 1);
    let load = Load::start(scratch.path(), &ringpost, RATE)?;
    for shards in later {
        load.wait_for(ACCEPTED)?;
        ringpost.kill()?;
        ringpost.restart_on(shards)?;
    }
    // Those of eight shards are all there, and the one shard that is left must drain them.
    assert_eq!(logs(scratch.path())?, 8);
    load.wait_for(ACCEPTED)?;
    let proof = load.prove(&ringpost, sink, later.len() as u64 * DUPLICATES_PER_KILL)?;
    println!("{} delivered, {} of them more than once", proof.exact, proof.duplicates);
    assert!(proof.holds && proof.missing == 0 && proof.corrupt == 0, "{}", told(&proof));
    assert!(proof.exact > ACCEPTED * SHARDS.len() as u64, "{}", told(&proof));
    assert!(ringpost.drain()?.success());
    Ok(())
}

/// How many logs the spool has.
fn logs(folder: &Path) -> io::Result<usize> {
    let names = fs::read_dir(folder.join("spool"))?.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<io::Result<Vec<_>>>()?;
    Ok(names.iter().filter(|name| name.as_encoded_bytes().starts_with(b"log-")).count())
}
