//! What can go wrong, and when.

use std::ops::Range;
use std::time::Duration;

/// What a shard asks of the machine, counted per host and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `Listener::accept`
    Accept,
    /// `Kernel::connect`
    Connect,
    /// `Stream::read`
    Read,
    /// `Stream::write`
    Write,
    /// `Kernel::open`
    Open,
    /// `Kernel::list`
    List,
    /// `Kernel::make_directory`
    MakeDirectory,
    /// `Kernel::rename`
    Rename,
    /// `Kernel::remove`
    Remove,
    /// `Kernel::sync_directory`
    SyncDirectory,
    /// `File::read_at`
    FileRead,
    /// `File::write_at`
    FileWrite,
    /// `File::sync`
    FileSync,
}

impl Operation {
    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::Accept,
        Self::Connect,
        Self::Read,
        Self::Write,
        Self::Open,
        Self::List,
        Self::MakeDirectory,
        Self::Rename,
        Self::Remove,
        Self::SyncDirectory,
        Self::FileRead,
        Self::FileWrite,
        Self::FileSync,
    ];

    /// Whether it is asked of the disk, not of the network.
    #[must_use]
    pub const fn is_of_disk(self) -> bool {
        self as usize >= Self::Open as usize
    }
}

/// Which operations a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The how-manieth one from now on, counting from 1. Happens once.
    Nth(u64),
    /// Each one, this many times in a million.
    Chance(u32),
}

/// What happens to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this error number. A file write leaves an unknown part written; a file
    /// sync forgets what was not on the disk (fsyncgate); a socket is reset, unless the error
    /// is one that passes (`EINTR`, `EAGAIN`, `ENOBUFS`, `ENOMEM`).
    ///
    /// What the real kernel crate tries again by itself, its callers never see, so they do not
    /// see it here: a file's read or write that ends in `EINTR` or `EAGAIN` did nothing and is
    /// asked for once more. All else is for the caller to bear: `ECANCELED`, and `EINTR` of a
    /// sync, an open or a change of names.
    Error(i32),
    /// A read of a file gives less than there is. A write of one gets a part done, and the
    /// rest of it is asked for as another write; or the rest fails with this error number, as
    /// it does on a full disk. Nothing else can be short.
    Short(Option<i32>),
    /// It takes so much longer.
    Slow(Duration),
    /// The host goes down with the operation half done.
    CrashDuring(Crash),
    /// The host goes down when it is done, before any task knows.
    CrashAfter(Crash),
}

/// How a host goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Power loss: what was not synced is kept by chance, sector by sector and name by
    /// name; peers hear nothing until the host is back.
    Power,
    /// `kill -9`: files keep what was written; peers hear an end or a reset.
    Kill,
}

/// How this world behaves when nothing is wrong.
#[derive(Clone, Debug)]
pub struct Physics {
    /// Time bytes need from one host to another.
    pub latency: Range<Duration>,
    /// Bytes a socket takes before its peer has read them.
    pub window_bytes: usize,
    /// Connections that wait to be accepted; further ones are ignored, as by Linux.
    pub backlog: usize,
    /// Reads and writes cut short, times in a million.
    pub short_ppm: u32,
    /// Connections reset at a random byte of what is being sent, times in a million writes.
    pub reset_ppm: u32,
    /// Time a file read needs.
    pub disk_read: Range<Duration>,
    /// Time a file write needs.
    pub disk_write: Range<Duration>,
    /// Time a sync needs, and a change of names.
    pub disk_sync: Range<Duration>,
    /// Ready tasks run in random order, not in the order they were woken in.
    pub shuffle: bool,
    /// Steps after which the world is taken to be stuck.
    pub steps_max: u64,
    /// Steps without time passing after which it is taken to spin.
    pub steps_per_moment_max: u64,
}

impl Default for Physics {
    fn default() -> Self {
        let micros = Duration::from_micros;
        Self {
            latency: micros(50)..micros(2_000),
            window_bytes: 65_536,
            backlog: 128,
            short_ppm: 200_000,
            reset_ppm: 0,
            disk_read: micros(5)..micros(100),
            disk_write: micros(50)..micros(500),
            disk_sync: micros(100)..micros(2_000),
            shuffle: true,
            steps_max: 50_000_000,
            steps_per_moment_max: 200_000,
        }
    }
}

/// One entry of a host's fault plan.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) operation: Operation,
    pub(super) when: When,
    pub(super) fault: Fault,
}
