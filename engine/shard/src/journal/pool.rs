//! Segments made ready ahead of need.
//!
//! A file in the pool has been written from end to end, so writing it again changes no
//! metadata: one device write a commit. What it holds does not matter, since the next use
//! has a new salt. The pool is also the reserve for completions when the disk is full.

use super::log::Log;
use super::{Durability, segment_name};
use kernel::{Buffer, File, Kernel, Open};
use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Zeros are written in pieces of this size.
const PIECE: usize = 1_024 * 1_024;
/// Files kept beyond what was asked for; more are removed.
const SURPLUS: usize = 2;
/// How long we wait before trying a full disk again, or one that failed: mail is to be accepted
/// within a second of a fault.
const PATIENCE: Duration = Duration::from_millis(500);

/// The files of a pool.
#[derive(Debug)]
pub(super) struct Pool {
    directory: PathBuf,
    wanted: usize,
    ready: RefCell<Vec<PathBuf>>,
    /// The last try to make a file found no space for it. It stays so while files are only
    /// given back: who takes one of the last must know before the next try.
    full: Cell<bool>,
    /// Acceptance is closed until the pool is as it should be.
    low: Cell<bool>,
    made: Cell<u64>,
}

impl Pool {
    pub(super) fn new(log: &Path, wanted: usize) -> Self {
        let (full, low, made) = (Cell::new(false), Cell::new(false), Cell::new(0));
        let directory = log.join("pool");
        Self { directory, wanted: wanted.max(2), ready: RefCell::default(), full, low, made }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn len(&self) -> usize {
        self.ready.borrow().len()
    }

    /// Whether the filesystem has no space for a file that is missing.
    pub(super) fn is_full(&self) -> bool {
        self.full.get() && self.len() < self.wanted
    }

    /// Whether what is left is kept for completions. Once low, it stays so until the pool is
    /// as large as it should be.
    pub(super) fn is_low(&self) -> bool {
        self.low.get()
    }

    pub(super) fn take(&self) -> Option<PathBuf> {
        let file = self.ready.borrow_mut().pop();
        self.weigh();
        file
    }

    pub(super) fn put(&self, file: PathBuf) {
        self.ready.borrow_mut().push(file);
        self.weigh();
    }

    fn weigh(&self) {
        if self.len() >= self.wanted {
            self.low.set(false);
        } else if self.full.get() && self.len() < self.wanted.min(2) {
            self.low.set(true);
        }
    }

    fn declare_full(&self) {
        self.full.set(true);
        self.weigh();
    }

    /// A name no earlier file has.
    fn new_name(&self, boot: u32) -> PathBuf {
        self.made.set(self.made.get() + 1);
        self.directory.join(format!("new-{boot}-{}.seg", self.made.get()))
    }
}

impl<K: Kernel> Log<K> {
    /// Looks at what an earlier life left in the pool. A file cut short is made anew.
    pub(super) async fn adopt_pool(&self) -> io::Result<()> {
        for name in self.kernel.list(self.pool.directory()).await? {
            let path = self.pool.directory().join(name);
            let length = self.kernel.open(&path, Open::Read).await?.length()?;
            if !self.syncs() || length >= self.options.segment_bytes {
                self.pool.put(path);
            } else {
                self.kernel.remove(&path).await?;
            }
        }
        Ok(())
    }

    /// The task that keeps the pool filled.
    pub(super) async fn keep_pool(&self) {
        while !self.ended.get() {
            let seen = self.space.rings();
            if self.pool.len() >= self.pool.wanted {
                self.space.after(seen).await;
                continue;
            }
            if self.prepare().await.is_err() {
                self.pool.declare_full();
                self.space.ring();
                self.kernel.sleep_until(self.kernel.now() + PATIENCE).await;
            }
        }
    }

    /// Makes one file ready, if that leaves others what is theirs.
    pub(super) async fn prepare(&self) -> io::Result<()> {
        self.require_space(self.options.segment_bytes)?;
        self.make_ready().await
    }

    /// Fails if a file of so many bytes would take what is left to others.
    pub(super) fn require_space(&self, bytes: u64) -> io::Result<()> {
        let (free, _) = self.kernel.space(&self.directory)?;
        if free < bytes + self.options.free_bytes_min {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Makes one file ready, whatever it leaves: without a first segment a log cannot start,
    /// and then nothing would ever be delivered that could make room.
    pub(super) async fn make_ready(&self) -> io::Result<()> {
        let path = self.pool.new_name(self.boot);
        if let Err(error) = self.make(&path).await {
            // What is left of it is made anew at the next start, if it cannot be removed now.
            let _removed: io::Result<()> = self.kernel.remove(&path).await;
            return Err(error);
        }
        self.pool.full.set(false);
        self.pool.put(path);
        self.space.ring();
        Ok(())
    }

    async fn make(&self, path: &Path) -> io::Result<()> {
        let file = self.kernel.open(path, self.how()).await?;
        if !self.syncs() {
            return Ok(());
        }
        let mut zeros = Buffer::with_capacity(PIECE);
        let mut offset = 0;
        while offset < self.options.segment_bytes {
            let len = (self.options.segment_bytes - offset).min(PIECE as u64);
            zeros.set_len(len as usize);
            let (result, returned) = file.write_at(zeros, offset).await;
            zeros = returned;
            result?;
            offset += len;
        }
        self.kernel.sync_directory(self.pool.directory()).await
    }

    /// How segments are opened for writing.
    pub(super) fn how(&self) -> Open {
        match self.options.durability {
            Durability::Sync => Open::Journal,
            Durability::PageCache | Durability::Memory => Open::Create,
        }
    }

    /// Gives a segment that nothing needs back to the pool, or to the filesystem.
    ///
    /// The names are synced before the next older one can go: were two renames to land out
    /// of order, a segment could outlive the completions that are about it.
    pub(super) async fn give_back(&self, segment: u64) -> io::Result<()> {
        let path = self.directory.join(segment_name(segment));
        let pooled = self.pool.directory().join(segment_name(segment));
        let surplus = self.pool.len() >= self.pool.wanted + SURPLUS;
        let gone = if surplus {
            self.kernel.remove(&path).await
        } else {
            self.kernel.rename(&path, &pooled).await
        };
        match gone {
            // A segment that was never begun: its header could not be written.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            gone => gone?,
        }
        self.sync_names().await?;
        if surplus {
            return Ok(());
        }
        self.pool.put(pooled);
        self.space.ring();
        Ok(())
    }

    /// Makes the names in the log's directories durable.
    pub(super) async fn sync_names(&self) -> io::Result<()> {
        if self.options.durability == Durability::Memory {
            return Ok(());
        }
        self.kernel.sync_directory(&self.directory).await?;
        self.kernel.sync_directory(self.pool.directory()).await
    }
}
