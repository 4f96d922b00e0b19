//! What a log held when it was opened: read while new mail comes in already, and told a
//! message at a time.
//!
//! Every segment is gone through twice. The first time the catalog learns what is live; only
//! behind the newest segment is that known. The second time what is live is told, with what
//! the index knows of it and the catalog does not. So a start needs no memory for a message but
//! what the queue keeps of it.

use super::error::OpenError;
use super::footers;
use super::log::Log;
use super::open::{read_segment, read_upto};
use super::segment_name;
use event::{MessageId, Wall};
use kernel::{Buffer, Kernel, Open};
use spool::{
    Contents, Entries, Entry, Footer, Listed, Open as Recipients, Recovery, SegmentHeader, Spot,
    Standing, Way, scan,
};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// Entries of an index dealt with in one turn: sessions and lanes wait meanwhile.
const TURN_MAX: usize = 2_048;
/// Between two turns.
const PAUSE: Duration = Duration::from_millis(1);

/// What a log held when it was opened, not read yet. Until it is read, nothing of the log is
/// given back.
#[must_use = "mail from before lies in it"]
pub struct Backlog<K: Kernel> {
    log: Rc<Log<K>>,
    headers: Vec<SegmentHeader>,
    /// Contents that no footer gives: the last one's, and few others, as a rule.
    scanned: BTreeMap<usize, Contents>,
    recovery: Option<Recovery>,
    /// How many segments the catalog knows, and how many were told of.
    learned: usize,
    told: usize,
}

/// A message found in the log.
#[derive(Clone, Copy, Debug)]
pub struct Recovered<'a> {
    /// Its name.
    pub id: MessageId,
    /// Where it lies.
    pub spot: Spot,
    /// When it was accepted.
    pub accepted: Wall,
    open: &'a Recipients,
    entries: &'a Entries<'a>,
    listed: &'a Listed<'a>,
}

impl Recovered<'_> {
    /// Its open recipients: where each stands, and its way.
    pub fn open(&self) -> impl Iterator<Item = (Standing, Way<'_>)> {
        let way = |open: Standing| (open, self.entries.way(self.listed, open.recipient));
        self.open.iter().map(way)
    }
}

impl<K: Kernel> Backlog<K> {
    pub(super) fn new(
        log: Rc<Log<K>>,
        headers: Vec<SegmentHeader>,
        unreadable: &[u64],
        tail: Option<Contents>,
    ) -> Self {
        let last = headers.len().saturating_sub(1);
        let scanned = tail.into_iter().map(|tail| (last, tail)).collect();
        let recovery = Some(Recovery::new(unreadable));
        Self { log, headers, scanned, recovery, learned: 0, told: 0 }
    }

    /// The log it is of.
    #[must_use]
    pub fn log(&self) -> u16 {
        self.log.number
    }

    /// Reads it, and tells what is live, oldest segment first. Ends early if the log is closed.
    ///
    /// # Errors
    /// If a segment cannot be read. The log goes on taking mail and gives nothing back; who
    /// calls again, goes on where this ended.
    pub async fn load(&mut self, mut tell: impl FnMut(Recovered<'_>)) -> Result<(), OpenError> {
        while self.learned < self.headers.len() {
            let contents = self.contents(self.learned).await?;
            self.learn(&contents).await;
            if contents.is_scanned() {
                self.scanned.insert(self.learned, contents);
            }
            self.learned += 1;
        }
        if let Some(recovery) = self.recovery.take() {
            let damage = recovery.finish(&self.log.catalog.borrow());
            self.log.note_damage(damage.iter().cloned());
            *self.log.damage.borrow_mut() = damage.into();
        }
        while self.told < self.headers.len() {
            let contents = self.contents(self.told).await?;
            self.tell(&contents, &mut tell).await;
            self.told += 1;
        }
        self.log.loaded.set(true);
        self.log.space.ring();
        Ok(())
    }

    /// What the segment at `at` holds.
    async fn contents(&mut self, at: usize) -> Result<Contents, OpenError> {
        if let Some(scanned) = self.scanned.remove(&at) {
            return Ok(scanned);
        }
        let (header, next) = (self.headers[at], self.headers.get(at + 1).copied());
        let path = self.log.directory.join(segment_name(header.segment));
        let fault = |error| OpenError::Io(path.clone(), error);
        if let Some(next) = &next
            && let Some(contents) = self.sealed(&header, next).await.map_err(fault)?
        {
            return Ok(contents);
        }
        let bytes = read_segment(&self.log.kernel, &path).await.map_err(fault)?;
        let (contents, index) = scan(&header, &bytes, next.as_ref());
        if contents.is_clean() && next.is_some() {
            // The next start is quicker for it; nobody needs it now.
            let _late: io::Result<()> = footers::write(&self.log, &contents.end, &index).await;
        }
        Ok(contents)
    }

    /// The contents by way of the footer, if there is one that checks.
    async fn sealed(
        &self,
        header: &SegmentHeader,
        next: &SegmentHeader,
    ) -> io::Result<Option<Contents>> {
        let path = self.log.directory.join(segment_name(header.segment));
        let file = self.log.kernel.open(&path, Open::Read).await?;
        let page = Buffer::with_capacity(Footer::LEN);
        let page = read_upto(&file, page, Footer::offset(header), Footer::LEN).await?;
        let Some(footer) = Footer::decode(&page, header, next) else { return Ok(None) };
        let len = footer.index_len as usize;
        let index = Buffer::with_capacity(len.max(1));
        let index = read_upto(&file, index, footer.index_offset, len).await?;
        if !footer.checks(&index[..len.min(index.len())]) {
            return Ok(None);
        }
        let contents = Contents::sealed(&footer, index[..len].to_vec());
        Ok(contents.entries().is_some().then_some(contents))
    }

    /// Brings the catalog up to date with one segment.
    async fn learn(&mut self, contents: &Contents) {
        let Some(recovery) = &mut self.recovery else { return };
        recovery.begin(&mut self.log.catalog.borrow_mut(), contents);
        let Some(mut entries) = contents.entries() else { return };
        while entries.left() > 0 && !self.log.ended.get() {
            for entry in entries.by_ref().take(TURN_MAX) {
                recovery.apply(&mut self.log.catalog.borrow_mut(), entry);
            }
            pause(&self.log, &entries).await;
        }
    }

    /// Tells what is live of one segment's messages.
    async fn tell(&self, contents: &Contents, tell: &mut impl FnMut(Recovered<'_>)) {
        let Some(mut entries) = contents.entries() else { return };
        let names = entries.clone();
        while entries.left() > 0 && !self.log.ended.get() {
            for entry in entries.by_ref().take(TURN_MAX) {
                if let Entry::Message(listed) = entry {
                    self.tell_one(&names, &listed, tell);
                }
            }
            pause(&self.log, &entries).await;
        }
    }

    fn tell_one(
        &self,
        entries: &Entries<'_>,
        listed: &Listed<'_>,
        tell: &mut impl FnMut(Recovered<'_>),
    ) {
        let (id, spot, accepted) = (listed.id, listed.spot, listed.accepted);
        let open = match self.log.catalog.borrow().get(id) {
            // If it was carried forward, a later segment tells of it.
            Some(live) if live.spot == spot => live.open.clone(),
            _ => return,
        };
        tell(Recovered { id, spot, accepted, open: &open, entries, listed });
    }
}

async fn pause<K: Kernel>(log: &Log<K>, entries: &Entries<'_>) {
    if entries.left() > 0 {
        log.kernel.sleep_until(log.kernel.now() + PAUSE).await;
    }
}

impl<K: Kernel> fmt::Debug for Backlog<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, headers, learned, told, .. } = self;
        f.debug_struct("Backlog")
            .field("log", &log.number)
            .field("segments", &headers.len())
            .field("learned", learned)
            .field("told", told)
            .finish_non_exhaustive()
    }
}
