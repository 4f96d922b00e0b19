//! The task that writes blocks, one at a time.

use super::error::JournalError;
use super::fate::Fate;
use super::log::Log;
use super::segment_name;
use event::Tick;
use kernel::{Buffer, File, Kernel, Open};
use spool::{BLOCK_ALIGN, BLOCK_MAX, Sealed, SegmentHeader};
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// How long we wait between segments when one after another fails.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a message whose write failed waits for a segment that says so.
const VOID_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long a message may wait for the disk.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Batches that are void, whose waiters may not be told before no restart can find them: what
/// failed may be on the disk.
#[derive(Default)]
pub(super) struct Failed {
    fates: Vec<Fate>,
    /// When the first of them began to be written.
    since: Tick,
}

impl Failed {
    fn add(&mut self, began: Tick, fates: [Fate; 2]) {
        if self.fates.is_empty() {
            self.since = began;
        }
        self.fates.extend(fates);
    }

    /// Tells them, once a segment that declares them void is `begun`, or when for some time
    /// nothing could be written at all. Then a restart may bring back what they were refused.
    fn tell(&mut self, begun: bool, now: Tick) {
        if begun || now.since(self.since) >= VOID_WAIT_MAX {
            self.fates.drain(..).for_each(|fate| fate.resolve(Err(JournalError::Failed)));
        }
    }
}

impl<K: Kernel> Log<K> {
    /// Writes whatever is due, until the log is closed.
    pub(super) async fn write_blocks(&self) {
        let mut failed = Failed::default();
        while !self.ended.get() {
            let seen = self.work.rings();
            let due = self.writer.borrow().flush_at();
            match due {
                None => self.work.after(seen).await,
                Some(due) if due > self.kernel.now() => self.ring_or(&self.work, seen, due).await,
                Some(_) => {
                    let result = self.commit(&mut failed).await;
                    if result.is_err() && self.is_stuck() {
                        self.kernel.sleep_until(self.kernel.now() + PATIENCE).await;
                    }
                }
            }
        }
    }

    /// Writes the open batch, durably, and tells who waits.
    pub(super) async fn commit(&self, failed: &mut Failed) -> io::Result<()> {
        let (salt, now, wall) = (self.kernel.random(), self.kernel.now(), self.kernel.wall());
        let sealed = self.writer.borrow_mut().seal(salt, now, wall);
        let Some(sealed) = sealed else { return Ok(()) };
        let fate = self.fate.take();
        self.room.ring();
        self.writing.set(Some(now));
        let (block, len, segment) = (sealed.block, sealed.len, sealed.segment);
        let (offset, records) = (sealed.offset, sealed.records);
        let (result, memory) = self.write_or_tell(sealed, failed, &fate).await;
        self.writing.set(None);
        self.written.ring();
        let Err(error) = result else {
            self.writer.borrow_mut().written(memory);
            self.failures.set(0);
            self.durable_segment.set(segment);
            self.count(|counts| {
                counts.commits += 1;
                counts.bytes += len as u64;
                counts.records += u64::from(records);
            });
            if let Some(observe) = self.observer.get() {
                observe(self.kernel.now().since(now));
            }
            debug_assert_eq!(self.writer.borrow().durable(), block, "blocks are durable in order");
            fate.resolve(Ok(()));
            self.mind_space();
            return Ok(());
        };
        self.fail(memory, segment, offset);
        failed.add(now, [fate, self.fate.take()]);
        Err(error)
    }

    /// Nothing from `offset` on counts in `segment`, and its file is never touched again.
    fn fail(&self, memory: Buffer, segment: u64, offset: u64) {
        let (salt, now) = (self.kernel.random(), self.kernel.now());
        let open = self.writer.borrow().position().segment.segment;
        self.stage(|writer, _| writer.failed(memory, salt, now));
        self.failures.set(self.failures.get() + 1);
        self.file.borrow_mut().take();
        let mut voids = self.voids.borrow_mut();
        voids.push((segment, offset));
        if open != segment {
            // The open batch was to begin this one, and parts were given places in it.
            voids.push((open, 0));
        }
        drop(voids);
        self.count(|counts| counts.failures += 1);
        self.room.ring();
    }

    /// Writes a block, however long it takes; after a while those who wait for it are told
    /// that it failed.
    ///
    /// [RFC 1047](https://www.rfc-editor.org/rfc/rfc1047): a peer that gives up waiting sends
    /// the message again, so we must not keep it.
    async fn write_or_tell(
        &self,
        sealed: Sealed<Buffer>,
        failed: &mut Failed,
        fate: &Fate,
    ) -> (io::Result<()>, Buffer) {
        let mut write = pin!(self.write(sealed, failed));
        let mut waiting = pin!(self.kernel.sleep_until(self.kernel.now() + WAIT_MAX));
        let mut told = false;
        poll_fn(|context| {
            let written = write.as_mut().poll(context);
            if written.is_pending() && !told && waiting.as_mut().poll(context).is_ready() {
                told = true;
                fate.resolve(Err(JournalError::Failed));
                self.fate.take().resolve(Err(JournalError::Failed));
            }
            written
        })
        .await
    }

    async fn write(&self, sealed: Sealed<Buffer>, failed: &mut Failed) -> (io::Result<()>, Buffer) {
        let Sealed { mut memory, len, offset, begins, .. } = sealed;
        if let Some(header) = begins {
            let begun = self.begin(&header).await;
            failed.tell(begun.is_ok(), self.kernel.now());
            if let Err(error) = begun {
                return (Err(error), memory);
            }
        }
        let file = self.file.borrow().clone().expect("a block follows its segment's header");
        memory.set_len(len);
        let (result, mut memory) = file.write_at(memory, offset).await;
        memory.set_len(BLOCK_MAX);
        (result, memory)
    }

    /// Makes a segment out of a file of the pool: its header first, then its name, both
    /// durable before any block.
    async fn begin(&self, header: &SegmentHeader) -> io::Result<()> {
        let spare = loop {
            let seen = self.space.rings();
            match self.pool.take() {
                Some(spare) => break spare,
                None if self.pool.is_full() => return Err(io::ErrorKind::StorageFull.into()),
                None => self.space.after(seen).await,
            }
        };
        let finished = self.writer.borrow_mut().finished();
        self.footers.borrow_mut().extend(finished);
        self.space.ring();
        let file = match self.begin_in(&spare, header).await {
            Ok(file) => file,
            Err(error) => {
                // A file that failed once is not used again; if it cannot go, a restart may.
                let _removed: io::Result<()> = self.kernel.remove(&spare).await;
                return Err(error);
            }
        };
        self.catalog.borrow_mut().begin(header.segment);
        *self.file.borrow_mut() = Some(Rc::new(file));
        Ok(())
    }

    async fn begin_in(&self, spare: &Path, header: &SegmentHeader) -> io::Result<K::File> {
        let file = self.kernel.open(spare, self.how()).await?;
        let mut page = Buffer::with_capacity(BLOCK_ALIGN);
        page.set_len(BLOCK_ALIGN);
        header.encode(&mut page);
        file.write_at(page, 0).await.0?;
        let path = self.directory.join(segment_name(header.segment));
        self.kernel.rename(spare, &path).await?;
        self.sync_names().await?;
        Ok(file)
    }

    /// Opens the segment a clean log goes on in.
    pub(super) async fn go_on(&self, segment: u64) -> io::Result<()> {
        debug_assert_ne!(self.how(), Open::Read);
        let path = self.directory.join(segment_name(segment));
        let file = self.kernel.open(&path, self.how()).await?;
        *self.file.borrow_mut() = Some(Rc::new(file));
        self.durable_segment.set(segment);
        Ok(())
    }
}
