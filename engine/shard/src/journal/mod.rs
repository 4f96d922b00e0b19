//! One log of the spool, driven on a kernel.
//!
//! A shard owns one [`Journal`] for each of its logs. Everything of a message's life on disk
//! goes through it: its text and envelope, what became of each recipient, and at last the
//! reuse of the space. Other shards read texts with a [`Reader`] and ask the owner for
//! everything else.
//!
//! Six tasks run beside the callers: one writes blocks, one prepares segments ahead of
//! need, one writes the footers of full ones, one gives segments back, one keeps copies of what
//! is damaged, one reads what waits. A call waits for them, never for a file.

mod append;
mod backlog;
mod carry;
mod commit;
mod company;
mod error;
mod examine;
mod fate;
mod footers;
mod log;
mod open;
mod pool;
mod quarantine;
mod reader;
mod reclaim;
mod scrub;

pub use append::Announced;
pub use backlog::{Backlog, Recovered};
pub use error::{Closed, JournalError, OpenError, ReadError};
pub use quarantine::Finding;
pub use reader::{Loaded, Reader};

use event::MessageId;
use kernel::{Chunk, Kernel};
use log::Log;
use spool::{Damage, Envelope, Place, Spot, Standing};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// What a 250 promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The message is on the disk.
    Sync,
    /// The kernel has it: it survives our end, not the machine's.
    PageCache,
    /// As `PageCache`, and not even file names are made durable.
    Memory,
}

/// How a log is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What a 250 promises.
    pub durability: Durability,
    /// Bytes of one segment; kept within [`spool::SEGMENT_MIN`] and [`spool::SEGMENT_MAX`].
    pub segment_bytes: u64,
    /// Segments kept ready in the pool.
    pub pool_segments: usize,
    /// Bytes of the filesystem that are left to others.
    pub free_bytes_min: u64,
    /// Bytes of waiting messages read each second, once a day all of them, to find what went
    /// bad; 0 for none. A message is read at once, so a moment may have more.
    pub scrub_bytes_per_second: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Sync,
            segment_bytes: 64 * 1_024 * 1_024,
            pool_segments: 2,
            free_bytes_min: 128 * 1_024 * 1_024,
            scrub_bytes_per_second: 4 * 1_024 * 1_024,
        }
    }
}

/// A message that is ours.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Who it is from and for.
    pub envelope: Envelope,
    /// Where it lies.
    pub spot: Spot,
}

/// How a log stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Why no mail is accepted, if none is.
    pub closed: Option<Closed>,
    /// Messages with an open recipient.
    pub live: usize,
    /// Segments in use.
    pub segments: usize,
    /// Segments ready for use.
    pub pool: usize,
    /// Bytes of live messages, headers of records not counted.
    pub live_bytes: u64,
    /// Bytes written to segments in use that no live message needs.
    pub debt_bytes: u64,
    /// Commit blocks written.
    pub commits: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Records in them.
    pub records: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Messages carried forward.
    pub copies: u64,
    /// Live messages whose envelope or text on disk was found damaged when it was read.
    pub damaged: u64,
}

impl State {
    /// Whether mail is accepted.
    #[must_use]
    pub const fn accepting(&self) -> bool {
        self.closed.is_none()
    }
}

/// One log. A handle: cheap to clone.
pub struct Journal<K: Kernel>(Rc<Log<K>>);

impl<K: Kernel> Journal<K> {
    /// Reads a text's part back.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn read(&self, place: &Place) -> Result<Chunk, ReadError> {
        self.0.reader.read(place).await
    }

    /// Where a live message lies now.
    #[must_use]
    pub fn spot_of(&self, id: MessageId) -> Option<Spot> {
        self.0.spot_of(id)
    }

    /// Where a live message lies now, its open recipients, the first `most` of them, and how many
    /// there are.
    #[must_use]
    pub fn standing_of(&self, id: MessageId, most: usize) -> Option<(Spot, Vec<Standing>, usize)> {
        let catalog = self.0.catalog.borrow();
        let live = catalog.get(id)?;
        Some((live.spot, live.open.iter().take(most).collect(), live.open.len()))
    }

    /// Where an open recipient of a message stands, as it is written down.
    #[must_use]
    pub fn standing_at(&self, id: MessageId, recipient: u16) -> Option<Standing> {
        let catalog = self.0.catalog.borrow();
        let mut open = catalog.get(id)?.open.iter();
        open.find(|open| open.recipient == recipient)
    }

    /// From now on `observer` hears how long each commit took. The first to ask is heard.
    pub fn observe(&self, observer: impl Fn(Duration) + 'static) {
        // A second observer has no one to listen to, and loses nothing that was promised.
        let _ = self.0.observer.set(Box::new(observer));
    }

    /// How the log stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// What was wrong with the log when it was opened, as far as its backlog was loaded.
    #[must_use]
    pub fn damage(&self) -> Rc<[Damage]> {
        Rc::clone(&self.0.damage.borrow())
    }

    /// Damage that is to be told: what was found since the last call, once its bytes are kept
    /// or cannot be.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.0.findings.take()
    }
}

impl<K: Kernel> Clone for Journal<K> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<K: Kernel> fmt::Debug for Journal<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Journal").field(&self.0.directory).field(&self.0.state()).finish()
    }
}

/// The file name of a segment in its log's directory.
fn segment_name(segment: u64) -> String {
    format!("{segment:017}.seg")
}

#[cfg(test)]
mod tests;
