//! One relay, one load, once.

use super::figures::Figures;
use super::load::{Load, Sink};
use super::relay::Relay;
use crate::disk::Requests;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;
use tests::scratch::Scratch;
use tests::{usage, wait};

/// Messages sent before anything is measured.
const WARM_UP: u64 = 200;
/// How long a relay may take to come to rest.
const PATIENCE: Duration = Duration::from_mins(5);
/// Between two looks at the relay's memory: reading it costs the machine, not the relay.
const MEMORY_PAUSE: Duration = Duration::from_millis(250);

pub(super) fn run(relay: Relay, load: Load) -> io::Result<Figures> {
    let scratch = Scratch::new("peers")?;
    let sink = Sink::start(load.generator, scratch.path())?;
    let running = relay.start(&scratch.path().join("relay"), sink.address())?;
    let (address, root) = (running.address(), running.root()?);
    load.of(WARM_UP).send(address)?;
    sink.wait_for(WARM_UP)?;
    usage::wait_until_idle(root, PATIENCE)?;

    let (cpu, disk) = (usage::cpu(root), Requests::so_far(scratch.path()));
    let done = AtomicBool::new(false);
    let (accepted, delivered, peak) = thread::scope(|scope| {
        let peak = scope.spawn(|| peak_memory(root, &done));
        let times = times(load, &sink, address);
        done.store(true, Ordering::Relaxed);
        times.map(|(accepted, delivered)| (accepted, delivered, joined(peak)))
    })?;
    usage::wait_until_idle(root, PATIENCE)?;

    let used = usage::cpu(root).saturating_sub(cpu);
    let messages = load.messages as f64;
    let requests = disk.zip(Requests::so_far(scratch.path())).map(|(before, after)| after - before);
    Ok(Figures {
        accepted_per_second: messages / accepted.as_secs_f64(),
        delivered_per_second: messages / delivered.as_secs_f64(),
        cpu_seconds_per_1000: used.as_secs_f64() * 1_000.0 / messages,
        peak_memory_mib: peak as f64 / 1_048_576.0,
        disk_writes_per_message: requests.map(|requests| requests.writes as f64 / messages),
        disk_flushes_per_message: requests.map(|requests| requests.flushes as f64 / messages),
    })
}

/// How long it took until all was accepted, and until all was delivered.
fn times(load: Load, sink: &Sink, to: std::net::SocketAddr) -> io::Result<(Duration, Duration)> {
    let expected = sink.received() + load.messages;
    let start = wait::now();
    load.send(to)?;
    let accepted = start.elapsed();
    let last = sink.wait_for(expected)?;
    Ok((accepted, last - start))
}

fn peak_memory(root: u32, done: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !done.load(Ordering::Relaxed) {
        peak = peak.max(usage::memory(root));
        thread::sleep(MEMORY_PAUSE);
    }
    peak
}

fn joined(thread: ScopedJoinHandle<'_, u64>) -> u64 {
    thread.join().expect("reading /proc does not panic")
}
