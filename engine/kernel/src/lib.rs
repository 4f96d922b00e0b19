//! The only crate that touches the operating system: ring, sockets, files, clocks.
//!
//! Everything above it is generic over [`Kernel`]. [`uring`] is the real one (monoio on
//! `io_uring`, or on epoll where the host forbids the ring); [`sim`] is a world of its own,
//! with virtual time, an in-memory network and a disk that loses what was not synced, all
//! from one seed.
//!
//! # Rules of use
//! - A read is never cancelled. A deadline calls [`Stream::hang_up`]; the read then returns.
//! - An accept is never cancelled. [`Listener::close`] makes it return an error.
//! - Buffers are owned while the kernel has them, and come back with the result.
//! - Borrow no `RefCell` across an await.

pub mod allocator;
mod arrival;
mod buffer;
mod inherited;
mod local;
mod mailbox;
pub mod sim;
mod source;
pub mod uring;

pub use arrival::Arrival;
pub use buffer::{ALIGNMENT, Buffer, Chunk, Gather, Piece};
pub use inherited::{Inherited, inherited};
pub use local::Signal;
pub use mailbox::{Mailbox, Sender, mailbox};
pub use source::NoSuchSource;

use event::{Tick, Wall};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What one shard asks of the machine. A handle: cheap to clone, never leaves its thread.
pub trait Kernel: Clone + 'static {
    /// A connected TCP socket.
    type Stream: Stream;
    /// A listening TCP socket.
    type Listener: Listener<Stream = Self::Stream>;
    /// An open file.
    type File: File;

    /// The monotonic clock.
    fn now(&self) -> Tick;
    /// The wall clock.
    fn wall(&self) -> Wall;
    /// A random number (seeded in the simulation).
    fn random(&self) -> u64;
    /// Runs `task` on this shard until it ends. A panic in it is caught, counted and shown;
    /// it does not end the shard.
    fn spawn(&self, task: impl Future<Output = ()> + 'static);
    /// Panics caught by [`Self::spawn`] so far on this shard.
    fn panics(&self) -> u64;
    /// Waits until `tick`. May be dropped.
    fn sleep_until(&self, tick: Tick) -> impl Future<Output = ()>;

    /// Listens on `address`, sharing it with the other shards (`SO_REUSEPORT`).
    ///
    /// # Errors
    /// What bind and listen say.
    fn listen(&self, address: SocketAddr) -> io::Result<Self::Listener>;
    /// Takes connections from a socket that listens already, and that others may take from
    /// too. It goes on listening when our listener is closed.
    ///
    /// # Errors
    /// `Unsupported` in the simulation; else what the system says.
    fn listen_on(&self, socket: BorrowedFd<'_>) -> io::Result<Self::Listener>;
    /// Makes a connection this shard's own that it, or another shard, has taken.
    ///
    /// # Errors
    /// What the driver says. The connection is closed then.
    fn adopt(&self, arrival: Arrival) -> io::Result<Self::Stream>;
    /// Connects to `to`, from the address `from` if given, within `patience`. `TCP_NODELAY` is set.
    ///
    /// # Errors
    /// What connect says; `TimedOut` when patience ended; [`NoSuchSource`] inside if this machine
    /// has no address `from`.
    fn connect(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        patience: Duration,
    ) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Opens a file.
    ///
    /// # Errors
    /// What open says.
    fn open(&self, path: &Path, how: Open) -> impl Future<Output = io::Result<Self::File>>;
    /// The names in `directory`, sorted.
    ///
    /// # Errors
    /// What readdir says; `NotFound` when there is no such directory.
    fn list(&self, directory: &Path) -> impl Future<Output = io::Result<Vec<PathBuf>>>;
    /// Makes `directory` (mode 0700) and those above it; not an error if it exists.
    ///
    /// # Errors
    /// What mkdir says.
    fn make_directory(&self, directory: &Path) -> impl Future<Output = io::Result<()>>;
    /// Renames a file. Durable only after [`Self::sync_directory`].
    ///
    /// # Errors
    /// What rename says.
    fn rename(&self, from: &Path, to: &Path) -> impl Future<Output = io::Result<()>>;
    /// Removes a file. Durable only after [`Self::sync_directory`].
    ///
    /// # Errors
    /// What unlink says.
    fn remove(&self, path: &Path) -> impl Future<Output = io::Result<()>>;
    /// Makes the names in `directory` durable.
    ///
    /// # Errors
    /// What fsync says.
    fn sync_directory(&self, directory: &Path) -> impl Future<Output = io::Result<()>>;
    /// Bytes free to us on the filesystem of `path`, and its size in bytes.
    ///
    /// # Errors
    /// What statvfs says.
    fn space(&self, path: &Path) -> io::Result<(u64, u64)>;
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// For reading, through the page cache.
    Read,
    /// For reading and writing, made (mode 0600) if absent, not cut; through the page cache.
    Create,
    /// As `Create`, for a log: every write is durable when it returns. `O_DIRECT | O_DSYNC`
    /// where the filesystem allows it (buffers, lengths and offsets are then multiples of
    /// 4,096), else a write followed by fdatasync.
    Journal,
    /// For appending whole lines behind whatever is there; made if absent.
    Append,
}

/// An open file. Closed on drop.
pub trait File: 'static {
    /// Reads at most `buffer.spare()` bytes from `offset`, behind what `buffer` holds.
    /// Zero bytes mean the end of the file. May be short.
    fn read_at(
        &self,
        buffer: Buffer,
        offset: u64,
    ) -> impl Future<Output = (io::Result<usize>, Buffer)>;
    /// Writes all of `buffer` at `offset`. An error leaves an unknown part of it written.
    /// A short write is continued here, never reported as success. After an error on a
    /// [`Open::Journal`] file the file must not be used again (fsyncgate).
    fn write_at(
        &self,
        buffer: Buffer,
        offset: u64,
    ) -> impl Future<Output = (io::Result<()>, Buffer)>;
    /// Makes data and length durable (fdatasync).
    ///
    /// # Errors
    /// What fdatasync says: the file must not be used again.
    fn sync(&self) -> impl Future<Output = io::Result<()>>;
    /// Bytes in the file.
    ///
    /// # Errors
    /// What fstat says.
    fn length(&self) -> io::Result<u64>;
}

/// A listening socket.
pub trait Listener: 'static {
    /// What it accepts.
    type Stream: Stream;
    /// The next connection, with `TCP_NODELAY` set. Never drop this future before it is done.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>>;
    /// As [`Self::accept`], to be [adopted](Kernel::adopt) by any shard.
    fn take(&self) -> impl Future<Output = io::Result<Arrival>>;
    /// For when there is no descriptor left for a connection: takes those that wait, a few at
    /// most, by means of one kept for this, says `last_words` to each and hangs up. How many.
    fn turn_away(&self, last_words: &[u8]) -> u32;
    /// The address it listens on (with the port the system chose, if it was 0).
    fn address(&self) -> SocketAddr;
    /// Ends a pending [`Self::accept`], and all later ones, with an error.
    fn close(&self);
}

/// A connected socket. Closed when the last clone of its handle is dropped and no operation
/// is pending. One read and one write may be pending at once.
pub trait Stream: Clone + 'static {
    /// Who is at the other end.
    fn peer(&self) -> SocketAddr;
    /// Our end.
    fn local(&self) -> SocketAddr;
    /// Waits until there is something to read (or the end of it): an idle connection
    /// holds no buffer.
    fn readable(&self) -> impl Future<Output = io::Result<()>>;
    /// Whether bytes have come that nobody has read. Looks, and waits for nothing.
    fn has_unread(&self) -> bool;
    /// Reads at most `buffer.spare()` bytes, behind what `buffer` holds. Zero bytes mean the
    /// peer has ended. Never drop this future before it is done.
    fn read(&self, buffer: Buffer) -> impl Future<Output = (io::Result<usize>, Buffer)>;
    /// Writes all of `pieces`, as few system calls as it takes.
    fn write(&self, pieces: Gather) -> impl Future<Output = io::Result<()>>;
    /// Says `last_words` if the socket takes them without waiting, then shuts both
    /// directions: pending operations end.
    fn hang_up(&self, last_words: &[u8]);
}
