//! What a relay uses while something is done with it.

use super::figures::{Figures, Quantity};
use super::relay::Running;
use crate::disk::Requests;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long a relay may take to come to rest.
const PATIENCE: Duration = Duration::from_mins(5);
/// Between two looks at the relay's memory: reading it costs the machine, not the relay.
const PAUSE: Duration = Duration::from_millis(250);

/// Does `work`, which is about so many `messages`, and says what the relay and the disk of
/// `folder` did for each of them. Processor time is read once the relay is quiet again, so
/// what it does behind the last message counts.
pub(super) fn during(
    running: &mut Running,
    folder: &Path,
    messages: u64,
    work: impl FnOnce(&mut Running) -> io::Result<Figures>,
) -> io::Result<Figures> {
    let (cpu, disk) = (running.processes().cpu(), Requests::so_far(folder));
    let members = running.processes().clone();
    let done = AtomicBool::new(false);
    let (figures, peak) = thread::scope(|scope| {
        let peak = scope.spawn(|| {
            let mut peak = 0;
            while !done.load(Ordering::Relaxed) {
                peak = peak.max(members.memory());
                thread::sleep(PAUSE);
            }
            peak
        });
        let figures = work(running);
        done.store(true, Ordering::Relaxed);
        (figures, peak.join().expect("reading /proc does not panic"))
    });
    let figures = figures?;
    running.processes().wait_until_idle(PATIENCE)?;
    let used = running.processes().cpu().saturating_sub(cpu);
    let messages = messages as f64;
    let requests = disk.zip(Requests::so_far(folder)).map(|(before, after)| after - before);
    Ok(figures
        .with(Quantity::Cpu, used.as_secs_f64() * 1_000.0 / messages)
        .with(Quantity::Memory, peak as f64 / 1_048_576.0)
        .with_some(Quantity::Writes, requests.map(|requests| requests.writes as f64 / messages))
        .with_some(Quantity::Flushes, requests.map(|requests| requests.flushes as f64 / messages)))
}
