//! What a process and its descendants have used, and when they are at rest.

pub use loadgen::usage::{cpu, descendants, memory, proportional};

use crate::wait;
use std::fs;
use std::io;
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
