//! Files.
#![allow(unsafe_code, reason = "memory lent to the ring")]

use super::lend::Spare;
use crate::{Buffer, File, Open};
use monoio::buf::IoBuf;
use monoio::fs::OpenOptions;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// An open file of one shard.
#[derive(Debug)]
pub struct UringFile {
    file: monoio::fs::File,
    /// It goes past the page cache, and wants everything aligned.
    direct: Cell<bool>,
}

impl UringFile {
    pub(super) async fn open(path: &Path, how: Open) -> io::Result<Self> {
        match how {
            Open::Journal => Self::open_journal(path).await,
            Open::Read => Self::open_with(path, OpenOptions::new().read(true)).await,
            Open::Create => Self::open_with(path, writer().read(true)).await,
            Open::Append => Self::open_with(path, writer().append(true)).await,
        }
    }

    /// `O_DSYNC` makes each write durable by itself, with `O_DIRECT` and without: a write and
    /// its sync are one operation.
    async fn open_journal(path: &Path) -> io::Result<Self> {
        // Not `OFlags::DSYNC`: on Linux that is O_SYNC, with which every write waits for the
        // filesystem to write down the file's times as well.
        let (direct, synced) = (libc::O_DIRECT | libc::O_DSYNC, libc::O_DSYNC);
        match Self::open_with(path, &flagged(direct)).await {
            Ok(file) => {
                file.direct.set(true);
                Ok(file)
            }
            // The filesystem has no direct I/O.
            Err(error) if is(&error, Errno::INVAL) => Self::open_with(path, &flagged(synced)).await,
            Err(error) => Err(error),
        }
    }

    async fn open_with(path: &Path, options: &OpenOptions) -> io::Result<Self> {
        Ok(Self { file: options.open(path).await?, direct: Cell::new(false) })
    }

    /// Whether it goes past the page cache. A [`Open::Journal`] file stops doing so, for good,
    /// at the first operation that the disk finds badly aligned.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.direct.get()
    }

    /// Goes through the page cache from now on; writes stay durable, as `O_DSYNC` stays.
    fn leave_direct(&self) -> io::Result<()> {
        let flags = rustix::fs::fcntl_getfl(self.descriptor())?;
        rustix::fs::fcntl_setfl(self.descriptor(), flags - OFlags::DIRECT)?;
        self.direct.set(false);
        Ok(())
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        // SAFETY: the file owns the descriptor and is borrowed as long as we show it.
        unsafe { BorrowedFd::borrow_raw(self.file.as_raw_fd()) }
    }

    /// What to do about a failed operation: nothing and try again, or give up.
    async fn again(&self, error: io::Error) -> io::Result<()> {
        match Errno::from_io_error(&error) {
            Some(Errno::INTR) => Ok(()),
            Some(Errno::AGAIN) => {
                monoio::time::sleep(Duration::from_millis(1)).await;
                Ok(())
            }
            // Memory, place or length is not aligned as this disk wants it. Nothing was read
            // or written.
            Some(Errno::INVAL) if self.direct.get() => self.leave_direct(),
            _ => Err(error),
        }
    }

    async fn write_rest(&self, rest: Rest, offset: u64) -> (io::Result<()>, Rest) {
        let at = offset + rest.written as u64;
        let (result, mut rest) = self.file.write_at(rest, at).await;
        match result {
            Ok(0) => (Err(io::ErrorKind::WriteZero.into()), rest),
            Ok(count) => {
                rest.written += count;
                (Ok(()), rest)
            }
            Err(error) => (self.again(error).await, rest),
        }
    }
}

impl File for UringFile {
    async fn read_at(&self, buffer: Buffer, offset: u64) -> (io::Result<usize>, Buffer) {
        assert!(buffer.spare() > 0, "a read without room looks like the end");
        let mut room = Spare(buffer);
        loop {
            let (result, back) = self.file.read_at(room, offset).await;
            room = back;
            match result {
                Ok(count) => return (Ok(count), room.0),
                Err(error) => {
                    if let Err(error) = self.again(error).await {
                        return (Err(error), room.0);
                    }
                }
            }
        }
    }

    async fn write_at(&self, buffer: Buffer, offset: u64) -> (io::Result<()>, Buffer) {
        let mut rest = Rest { buffer, written: 0 };
        while rest.bytes_init() > 0 {
            let (result, back) = self.write_rest(rest, offset).await;
            rest = back;
            if let Err(error) = result {
                return (Err(error), rest.buffer);
            }
        }
        (Ok(()), rest.buffer)
    }

    async fn sync(&self) -> io::Result<()> {
        self.file.sync_data().await
    }

    fn length(&self) -> io::Result<u64> {
        Ok(rustix::fs::fstat(self.descriptor())?.st_size.unsigned_abs())
    }
}

/// For writing, made if absent.
fn writer() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn flagged(flags: i32) -> OpenOptions {
    let mut options = writer();
    options.read(true).custom_flags(flags);
    options
}

fn is(error: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(error) == Some(errno)
}

/// What is left of a write.
struct Rest {
    buffer: Buffer,
    written: usize,
}

// SAFETY: the bytes are on the heap, owned by the buffer, and stay where they are while the
// operation that owns this is pending.
unsafe impl IoBuf for Rest {
    fn read_ptr(&self) -> *const u8 {
        self.buffer[self.written..].as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.buffer.len() - self.written
    }
}
