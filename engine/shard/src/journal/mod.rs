//! One log of the spool, driven on a kernel.
//!
//! A shard owns one [`Journal`] for each of its logs. Everything of a message's life on disk
//! goes through it: its text and envelope, what became of each recipient, and at last the
//! reuse of the space. Other shards read texts with a [`Reader`] and ask the owner for
//! everything else.
//!
//! Three tasks run beside the callers: one writes blocks, one prepares segments ahead of
//! need, one gives segments back. A call waits for them, never for a file.

mod error;
mod reader;

pub use error::{Closed, JournalError, OpenError, ReadError};
pub use reader::Reader;

use event::{MessageId, Wall};
use kernel::{Chunk, Kernel};
use spool::{Deferral, Draft, Envelope, Place, Settlement, Text};
use std::marker::PhantomData;
use std::path::Path;

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
    /// Bytes of one segment; raised to the least the format allows.
    pub segment_bytes: u64,
    /// Segments kept ready in the pool.
    pub pool_segments: usize,
    /// Bytes of the filesystem that are left to others.
    pub free_bytes_min: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Sync,
            segment_bytes: 64 * 1_024 * 1_024,
            pool_segments: 2,
            free_bytes_min: 128 * 1_024 * 1_024,
        }
    }
}

/// A message that is ours.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Who it is from and for.
    pub envelope: Envelope,
    /// Where its text lies.
    pub text: Text,
}

/// A message found in the log when it was opened.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Its name.
    pub id: MessageId,
    /// Who it is from and for.
    pub envelope: Envelope,
    /// Where its text lies.
    pub text: Text,
    /// Recipients still open, attempts made, and when they are due (zero: at once).
    pub open: Vec<(u16, u16, Wall)>,
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
    /// Commit blocks written.
    pub commits: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Messages carried forward.
    pub copies: u64,
}

impl State {
    /// Whether mail is accepted.
    #[must_use]
    pub const fn accepting(&self) -> bool {
        self.closed.is_none()
    }
}

/// One log. A handle: cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal<K: Kernel>(PhantomData<K>);

impl<K: Kernel> Journal<K> {
    /// Opens the log in `directory`, making it if there is none, and says what it holds.
    ///
    /// # Errors
    /// If the directory cannot be read or written, or is another log's.
    pub async fn open(
        _kernel: K,
        _directory: &Path,
        _log: u16,
        _options: Options,
    ) -> Result<(Self, Vec<Recovered>), OpenError> {
        unimplemented!()
    }

    /// A name for a message that is coming in.
    #[must_use]
    pub fn next_id(&self) -> MessageId {
        unimplemented!()
    }

    /// Writes a part of a large text ahead of the rest. Waits for room, not for the disk: the
    /// message comes to exist with [`Self::accept`]. Who does not get there calls
    /// [`Self::forget`].
    ///
    /// # Errors
    /// If no mail is accepted, or the text is longer than [`spool::PART_MAX`].
    pub async fn part(&self, _id: MessageId, _text: &[u8]) -> Result<Place, JournalError> {
        unimplemented!()
    }

    /// The message whose parts were written will not come.
    pub fn forget(&self, _id: MessageId) {
        unimplemented!()
    }

    /// Makes a message durable: `parts` already written, then `last`. Returns when it is, as
    /// far as [`Durability`] asks. May not be dropped before.
    ///
    /// # Errors
    /// If it is not ours, and will not be after a restart either.
    pub async fn accept(
        &self,
        _id: MessageId,
        _parts: Text,
        _last: &[u8],
        _draft: &Draft<'_>,
    ) -> Result<Accepted, JournalError> {
        unimplemented!()
    }

    /// As [`Self::accept`] for a bounce: the message comes to exist together with the
    /// settlement it tells of, or neither does.
    ///
    /// # Errors
    /// As [`Self::accept`]. The settled recipients are still open then.
    pub async fn accept_and_settle(
        &self,
        _id: MessageId,
        _text: &[u8],
        _draft: &Draft<'_>,
        _settled: &Settlement<'_>,
    ) -> Result<Accepted, JournalError> {
        unimplemented!()
    }

    /// Records that recipients are through. Durable within some 10 ms; not waited for.
    pub fn settle(&self, _settled: &Settlement<'_>) {
        unimplemented!()
    }

    /// Records that recipients are to be tried again. Durable within some 10 ms.
    pub fn defer(&self, _deferred: &Deferral<'_>) {
        unimplemented!()
    }

    /// Reads a text's part back.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn read(&self, _place: &Place) -> Result<Chunk, ReadError> {
        unimplemented!()
    }

    /// Where the text of a live message lies now.
    #[must_use]
    pub fn place_of(&self, _id: MessageId) -> Option<Text> {
        unimplemented!()
    }

    /// How the log stands.
    #[must_use]
    pub fn state(&self) -> State {
        unimplemented!()
    }

    /// Returns when all that was put in is durable.
    pub async fn drain(&self) {
        unimplemented!()
    }
}

/// The file name of a segment in its log's directory.
fn segment_name(segment: u64) -> String {
    format!("{segment:017}.seg")
}
