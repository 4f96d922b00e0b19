//! What a process and its descendants have used, and when they are at rest.

pub use loadgen::usage::{cpu, descendants, memory, proportional};

use crate::wait;
use std::io;
use std::time::Duration;

/// Who used no processor time for this long is at rest.
const QUIET: Duration = Duration::from_millis(600);

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
