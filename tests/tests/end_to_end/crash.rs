//! `kill -9` under load, again and again: nothing that was acknowledged may be missing.

use crate::common::{RETRY_SOON, route};
use crate::load::{Load, Sink, told};
use std::env;
use std::io;
use std::time::Duration;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::wait;

/// Deaths, unless `RINGPOST_KILLS` asks for another number.
const KILLS: u64 = 20;
/// Messages a second.
const RATE: u32 = 2_000;
/// Messages that may arrive twice for each death: those whose settle record was younger than
/// the stated 100 ms at a rate that doubles after a restart, and those on the wire.
const DUPLICATES_PER_KILL: u64 = RATE as u64 / 10 * 2 + 200;

#[test]
fn kill_after_kill_loses_nothing() -> io::Result<()> {
    let kills = kills()?;
    let scratch = Scratch::new("crash")?;
    let sink = Sink::start(scratch.path(), 0.2)?;
    let mut ringpost = Ringpost::start(scratch.path(), &(route("*", sink.address()) + RETRY_SOON))?;
    let load = Load::start(scratch.path(), &ringpost, f64::from(RATE))?;
    let mut waits = Vec::new();
    for kill in 1..=kills {
        // A different moment each time.
        load.wait_for(97 * (1 + (kill - 1) % KILLS))?;
        ringpost.kill()?;
        let killed = wait::now();
        ringpost.restart()?;
        waits.push(killed.elapsed());
    }
    load.wait_for(500)?;
    let proof = load.prove(&ringpost, sink, kills * DUPLICATES_PER_KILL)?;
    println!("{kills} kills: {} delivered, {} of them again", proof.exact, proof.duplicates);
    println!("from the kill until ready again: {}", Spread::of(waits));
    assert!(proof.holds && proof.missing == 0 && proof.corrupt == 0, "{}", told(&proof));
    assert!(proof.exact > 97 * kills, "{}", told(&proof));
    Ok(())
}

fn kills() -> io::Result<u64> {
    let Some(asked) = env::var_os("RINGPOST_KILLS") else { return Ok(KILLS) };
    let asked = asked.to_str().and_then(|asked| asked.parse().ok());
    asked.ok_or_else(|| io::Error::other("RINGPOST_KILLS is not a number"))
}

/// The least, the middle, all but a hundredth, the most.
struct Spread([Duration; 4]);

impl Spread {
    fn of(mut spans: Vec<Duration>) -> Self {
        spans.sort_unstable();
        let at = |hundredths: usize| {
            spans.get((spans.len().saturating_sub(1)) * hundredths / 100).copied()
        };
        Self([0, 50, 99, 100].map(|hundredths| at(hundredths).unwrap_or_default()))
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [least, middle, p99, most] = self.0;
        write!(f, "least {least:?}, median {middle:?}, p99 {p99:?}, most {most:?}")
    }
}
