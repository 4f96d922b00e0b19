//! Start, run, stop.

use crate::settings::Loaded;
use std::io;

/// Runs the relay until it is told to stop.
///
/// # Errors
/// What kept it from starting.
pub fn run(_loaded: Loaded) -> io::Result<()> {
    Err(io::Error::other("not yet"))
}
