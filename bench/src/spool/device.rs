//! The bare disk: one file, one ring, one commit in flight.
//!
//! [`Device::put`] fills the open batch, [`Device::begin`] sends it off, and [`Device::turn`]
//! says when it is durable. Meanwhile the next batch fills.
#![allow(unsafe_code, reason = "memory lent to the ring")]

use super::strategy::{Ground, Strategy};
use io_uring::{IoUring, opcode, squeue, types};
use kernel::{ALIGNMENT, Buffer};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// The longest batch.
pub(super) const BATCH_MAX: usize = 1 << 20;
/// The file's length: a segment. It is written again from its start.
pub(super) const FILE_LEN: u64 = 64 << 20;

/// A file that is written in one way.
pub(super) struct Device {
    ring: IoUring,
    file: File,
    strategy: Strategy,
    offset: u64,
    open: Buffer,
    /// The batch in flight; its memory is the kernel's until all that is awaited has come.
    sealed: Buffer,
    /// Completions to come.
    awaited: u32,
    /// The sync is a step of its own, and still to be made.
    sync_next: bool,
}

impl Device {
    /// A file in `folder`, of which `ground` is true. One that was written from end to end is
    /// used again; it is not shared between those that use the page cache and those that
    /// do not.
    pub(super) fn new(folder: &Path, ground: Ground, strategy: Strategy) -> io::Result<Self> {
        let cached = if strategy.is_direct() { "direct" } else { "cached" };
        let path = folder.join(format!("{ground:?}-{cached}"));
        if ground != Ground::Zeroed || !path.exists() {
            lay(&path, ground)?;
        }
        let file = OpenOptions::new().write(true).custom_flags(strategy.flags()).open(&path)?;
        let ring = IoUring::builder().setup_single_issuer().setup_defer_taskrun().build(8)?;
        let batch = || Buffer::with_capacity(BATCH_MAX);
        let (open, sealed) = (batch(), batch());
        let (offset, awaited, sync_next) = (0, 0, false);
        Ok(Self { ring, file, strategy, offset, open, sealed, awaited, sync_next })
    }

    /// Copies a message into the open batch.
    pub(super) fn put(&mut self, message: &[u8]) {
        self.open.extend(message);
    }

    /// Bytes in the open batch.
    pub(super) fn filled(&self) -> usize {
        self.open.len()
    }

    /// Whether a commit is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.awaited > 0
    }

    /// Sends the open batch off, at the end of what was written before.
    ///
    /// # Panics
    /// If another is in flight.
    pub(super) fn begin(&mut self) {
        assert!(!self.is_busy(), "one commit is in flight at a time");
        std::mem::swap(&mut self.open, &mut self.sealed);
        self.open.set_len(0);
        let len = self.sealed.len().next_multiple_of(ALIGNMENT);
        self.sealed.set_len(len);
        if self.offset + len as u64 > FILE_LEN {
            self.offset = 0;
        }
        let write = opcode::Write::new(self.descriptor(), self.sealed.as_ptr(), len as u32)
            .offset(self.offset)
            .rw_flags(self.strategy.write_flags())
            .build();
        self.offset += len as u64;
        match self.strategy {
            Strategy::BufferedLinked | Strategy::DirectLinked => {
                let sync = self.sync();
                self.push(&write.flags(squeue::Flags::IO_LINK));
                self.push(&sync);
            }
            strategy => {
                self.sync_next = strategy.syncs_apart();
                self.push(&write);
            }
        }
    }

    /// Submits, and waits for what comes, at most for `patience`. Says whether the commit is
    /// durable now.
    pub(super) fn turn(&mut self, patience: Option<Duration>) -> io::Result<bool> {
        self.wait(patience)?;
        let expected = self.sealed.len();
        while let Some(completion) = self.ring.completion().next() {
            match completion.result() {
                error @ ..0 => return Err(io::Error::from_raw_os_error(-error)),
                // A sync moves nothing.
                0 => (),
                moved if moved.unsigned_abs() as usize == expected => (),
                _ => return Err(io::ErrorKind::WriteZero.into()),
            }
            self.awaited -= 1;
        }
        if self.awaited == 0 && std::mem::take(&mut self.sync_next) {
            let sync = self.sync();
            self.push(&sync);
            return self.turn(patience);
        }
        Ok(self.awaited == 0)
    }

    /// One commit of `len` bytes, of whatever is there.
    pub(super) fn commit(&mut self, len: usize) -> io::Result<()> {
        self.open.set_len(len);
        self.begin();
        while !self.turn(None)? {}
        Ok(())
    }

    /// Makes all that was written durable.
    pub(super) fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn wait(&mut self, patience: Option<Duration>) -> io::Result<()> {
        let wanted = usize::from(self.is_busy());
        let done = match patience {
            None => self.ring.submit_and_wait(wanted),
            Some(patience) => {
                let limit = types::Timespec::from(patience);
                let limit = types::SubmitArgs::new().timespec(&limit);
                self.ring.submitter().submit_with_args(1, &limit)
            }
        };
        match done {
            Err(error) if !matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR)) => {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    fn descriptor(&self) -> types::Fd {
        types::Fd(self.file.as_raw_fd())
    }

    fn sync(&self) -> squeue::Entry {
        opcode::Fsync::new(self.descriptor()).flags(types::FsyncFlags::DATASYNC).build()
    }

    fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: the entry names our file, and at most the sealed batch, whose memory stays
        // as it is until its completion: `begin` is not called before, and `drop` waits.
        unsafe { self.ring.submission().push(entry) }.expect("three entries fit the queue");
        self.awaited += 1;
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // The kernel may hold our memory until what is in flight has come back.
        while self.awaited > 0 && self.ring.submit_and_wait(1).is_ok() {
            self.awaited -= self.ring.completion().count() as u32;
        }
    }
}

/// Makes the file, on the disk and not only in memory.
fn lay(path: &Path, ground: Ground) -> io::Result<()> {
    // What an earlier round wrote there is no part of this one.
    let _ = std::fs::remove_file(path);
    let file = File::create(path)?;
    match ground {
        Ground::Growing => (),
        Ground::Fallocated => {
            // SAFETY: the call touches no memory of ours, and the file is open.
            let result =
                unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, FILE_LEN.cast_signed()) };
            if result != 0 {
                return Err(io::Error::from_raw_os_error(result));
            }
        }
        Ground::Zeroed => {
            // Not through the page cache: a write past it would have to empty it first.
            let file = OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path)?;
            let mut zeros = Buffer::with_capacity(BATCH_MAX);
            zeros.set_len(BATCH_MAX);
            for offset in (0..FILE_LEN).step_by(BATCH_MAX) {
                file.write_all_at(&zeros, offset)?;
            }
        }
    }
    file.sync_all()
}
