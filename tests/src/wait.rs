//! Waiting for an event, with a deadline.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until `look` sees something.
///
/// # Errors
/// `TimedOut`, naming `what`, if it did not within `limit`.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> io::Result<T> {
    let start = now();
    loop {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        if start.elapsed() > limit {
            let late = format!("{what}: not within {limit:?}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, late));
        }
        thread::sleep(PAUSE);
    }
}

/// This moment, for stopwatches.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "real processes take real time")]
pub fn now() -> Instant {
    Instant::now()
}
