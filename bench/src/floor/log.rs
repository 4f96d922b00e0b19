//! The append log: two batches of aligned memory, one of them in flight at most.

use super::plan::{PREFIX_LEN, Plan};
use super::ring::{Ring, Token};
use kernel::{ALIGNMENT, Buffer};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A log is this long, and written again from its start: a recycled segment.
const LOG_LEN: u64 = 64 << 20;

/// A record's header and its envelope, beside the text.
const RECORD_LEN: usize = 192;

/// A settle record, for a message that was delivered.
const SETTLE_LEN: usize = 32;

/// Records on their way to the disk.
pub(super) struct Log {
    file: File,
    path: PathBuf,
    offset: u64,
    open: Batch,
    sealed: Batch,
    in_flight: bool,
    pub(super) commits: u64,
    pub(super) bytes: u64,
}

/// Bytes, and the sessions whose messages are among them.
struct Batch {
    bytes: Buffer,
    sessions: Vec<u32>,
}

impl Log {
    /// Makes a pre-zeroed log for the shard `index` that holds the records of all its buffers.
    pub(super) fn new(plan: &Plan, index: u16, buffers: u32) -> io::Result<Self> {
        let path = plan.directory.join(format!("floor-{}-{index}.log", std::process::id()));
        zeroed(&path)?;
        let flags = libc::O_DIRECT | libc::O_DSYNC;
        let file = OpenOptions::new().write(true).custom_flags(flags).open(&path)?;
        let record = RECORD_LEN + SETTLE_LEN + PREFIX_LEN + plan.text_len;
        let room = (record * (buffers as usize + 1)).next_multiple_of(ALIGNMENT);
        let batch = || Batch { bytes: Buffer::with_capacity(room), sessions: Vec::new() };
        let (open, sealed) = (batch(), batch());
        let (offset, in_flight, commits, bytes) = (0, false, 0, 0);
        Ok(Self { file, path, offset, open, sealed, in_flight, commits, bytes })
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    pub(super) fn append(&mut self, text: &[u8], session: u32) {
        self.open.bytes.extend(&[b'r'; RECORD_LEN]);
        self.open.bytes.extend(text);
        self.open.sessions.push(session);
    }

    pub(super) fn settle(&mut self) {
        self.open.bytes.extend(&[b's'; SETTLE_LEN]);
    }

    /// Starts a commit, if messages wait for one and none is in flight.
    #[allow(unsafe_code, reason = "memory lent to the ring")]
    pub(super) fn commit(&mut self, ring: &mut Ring, token: Token, file: u32) {
        if self.in_flight || self.open.sessions.is_empty() {
            return;
        }
        std::mem::swap(&mut self.open, &mut self.sealed);
        let bytes = &mut self.sealed.bytes;
        let len = bytes.len().next_multiple_of(ALIGNMENT);
        bytes.set_len(len);
        if self.offset + len as u64 > LOG_LEN {
            self.offset = 0;
        }
        // SAFETY: the sealed batch is not touched until `committed`.
        unsafe { ring.write(token, file, &raw const **bytes, self.offset) };
        self.offset += len as u64;
        self.bytes += len as u64;
        self.commits += 1;
        self.in_flight = true;
    }

    /// The commit is durable: whose messages were in it.
    pub(super) fn committed(&mut self, written: usize) -> io::Result<Vec<u32>> {
        if written != self.sealed.bytes.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.sealed.bytes.set_len(0);
        self.in_flight = false;
        Ok(std::mem::take(&mut self.sealed.sessions))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // A log left behind is found by whoever cleans the directory.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn zeroed(path: &Path) -> io::Result<()> {
    const PART: usize = 1 << 20;
    let mut file = File::create(path)?;
    let zeros = vec![0; PART];
    for _ in 0..LOG_LEN / PART as u64 {
        file.write_all(&zeros)?;
    }
    file.sync_all()
}
