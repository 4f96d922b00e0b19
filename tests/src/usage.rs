//! What a process and its descendants have used, and when they are at rest.

pub use loadgen::usage::{cpu, descendants, memory, proportional};

use crate::wait;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Who used no processor time for this long is at rest.
const QUIET: Duration = Duration::from_millis(600);

/// The most bytes of memory that the process ever held at once (`VmHWM`); 0 if it is gone.
#[must_use]
pub fn peak(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}

/// One thread of a process.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Its number.
    pub id: u32,
    /// What it is called: the first 15 bytes.
    pub name: String,
    /// Processor time, user and system.
    pub cpu: Duration,
}

/// The threads of a process that are there now, the workers of its rings among them.
///
/// # Errors
/// If there is no such process.
pub fn threads(id: u32) -> io::Result<Vec<Thread>> {
    let folder = fs::read_dir(format!("/proc/{id}/task"))?;
    Ok(folder.flatten().filter_map(|entry| thread(&entry.path())).collect())
}

/// One that may have ended meanwhile.
fn thread(folder: &Path) -> Option<Thread> {
    /// Behind the name's closing parenthesis, counted from 0.
    const USER_AND_SYSTEM: std::ops::Range<usize> = 11..13;
    let text = fs::read_to_string(folder.join("stat")).ok()?;
    let (name, fields) = text.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let times = fields.get(USER_AND_SYSTEM)?.iter().filter_map(|field| field.parse::<u64>().ok());
    let second = rustix::param::clock_ticks_per_second();
    let cpu = Duration::from_nanos(times.sum::<u64>() * (1_000_000_000 / second));
    Some(Thread { id: folder.file_name()?.to_str()?.parse().ok()?, name: name.into(), cpu })
}

/// Waits until `root` and everything below it have used no processor time for a while.
///
/// # Errors
/// `TimedOut` if they still do after `limit`.
pub fn wait_until_idle(root: u32, limit: Duration) -> io::Result<()> {
    let (mut seen, mut since) = (cpu(root), wait::now());
    wait::until("a process at rest", limit, || {
        let used = cpu(root);
        if used != seen {
            (seen, since) = (used, wait::now());
        }
        (since.elapsed() >= QUIET).then_some(())
    })
}

#[cfg(test)]
mod tests;
