//! How these benches come to a log: as a shard does, on a ring of their thread's own.

use kernel::uring::{RingConfig, Uring, run};
use shard::journal::{Journal, Options};
use std::io;
use std::path::Path;

/// A log on the real kernel.
pub(super) type Log = Journal<Uring>;

/// Runs `main` on this thread as a shard's, until it ends. Tasks that wait then are forgotten.
pub(super) fn on_shard<T, F>(main: impl FnOnce(Uring) -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    run(RingConfig::default(), main)?.output
}

/// Opens the log `number` of the spool in `folder`, which is new.
pub(super) async fn open(
    kernel: &Uring,
    folder: &Path,
    number: u16,
    segment_bytes: u64,
) -> io::Result<Log> {
    let options = Options { segment_bytes, ..Options::default() };
    let directory = shard::log_directory(folder, number);
    let opened = Journal::open(kernel.clone(), &directory, number, options).await;
    let fault = |error: shard::journal::OpenError| io::Error::other(error.to_string());
    let (log, mut backlog) = opened.map_err(fault)?;
    backlog.load(|_| ()).await.map_err(fault)?;
    Ok(log)
}
