//! Two logs as two shards leave them that are killed with very much queued, one recipient a message.

use super::journal::{on_shard, open};
use super::load::{Crowd, Mail, Then};
use std::fs;
use std::io;
use std::path::Path;
use std::thread;

/// What the queued messages are like.
#[derive(Debug, clap::Args)]
pub(super) struct Backlog {
    /// Bytes of a message.
    #[arg(long, default_value_t = 200)]
    size: usize,
    /// Domains of their recipients.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    domains: u32,
    /// One message in so many was tried once.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    deferred: u64,
}

/// Of the engine that is to be started on them.
pub(super) const SHARDS: u16 = 2;
const PRODUCERS: u64 = 500;
const SEGMENT_BYTES: u64 = 64 << 20;

impl Backlog {
    /// Writes so many messages into logs in `spool`, and forgets them.
    pub(super) fn write(&self, messages: u64, spool: &Path) -> io::Result<()> {
        fs::create_dir_all(spool)?;
        let each = messages / u64::from(SHARDS);
        let first = messages - each * u64::from(SHARDS - 1);
        thread::scope(|scope| {
            let logs = (0..SHARDS).map(|log| {
                let messages = if log == 0 { first } else { each };
                scope.spawn(move || self.write_log(spool, log, messages))
            });
            let logs: Vec<_> = logs.collect();
            logs.into_iter().try_for_each(|log| log.join().expect("filling does not panic"))
        })
    }

    fn write_log(&self, spool: &Path, number: u16, messages: u64) -> io::Result<()> {
        let &Self { size, domains, deferred } = self;
        on_shard(async |kernel| {
            let log = open(&kernel, spool, number, SEGMENT_BYTES).await?;
            let mail = Mail::new(size, domains as usize);
            let then = Then::Queued { deferred };
            let crowd = Crowd::new(&kernel, &log, (spool, SEGMENT_BYTES), mail, then);
            crowd.work(PRODUCERS.min(messages), messages).await.map(|_| ())
        })
    }
}
