//! The task that looks at suspects, keeps a copy of damaged bytes, and makes known what is damaged:
//! see `spool/FORMAT.md`. Nobody waits for it but the segment, which is not given back before.

use super::log::Log;
use super::segment_name;
use kernel::{Buffer, File, Kernel, Open};
use spool::{Damage, Flaw};
use std::io;
use std::ops::Range;
use std::path::Path;

/// Where copies of bad bytes are, in a log's directory.
const QUARANTINE: &str = "quarantine";
/// Bytes copied at once: commits go on meanwhile, on the same disk.
const PIECE: usize = 256 * 1_024;

/// Damage in a log, to be told.
#[derive(Debug)]
pub struct Finding {
    /// What is wrong, where, and whom it hit. Never a torn tail: that is nobody's damage.
    pub damage: Damage,
    /// The file that keeps the bad bytes, below the log's directory; or why there is none:
    /// `NotFound` if the segment is gone, `StorageFull` if a copy would take what is kept for
    /// mail, or what the machine says.
    pub copy: io::Result<String>,
}

impl<K: Kernel> Log<K> {
    /// Takes note of damage, to be kept and told.
    pub(super) fn note_damage(&self, damage: impl IntoIterator<Item = Damage>) {
        let damage = damage.into_iter().filter(|damage| damage.flaw != Flaw::Torn);
        self.damaged.borrow_mut().extend(damage);
        self.alarm.ring();
    }

    /// Keeps and tells what is noted, until the log is closed.
    pub(super) async fn keep_damage(&self) {
        while !self.ended.get() {
            let seen = self.alarm.rings();
            let next = self.damaged.borrow().front().map(|next| (next.segment, next.range.clone()));
            if let Some((segment, range)) = next {
                self.keep_first(segment, &range).await;
                continue;
            }
            let suspect = self.suspects.borrow_mut().pop_front();
            match suspect {
                // One that cannot be read just now is suspected again when it is next tried.
                Some(id) => _ = self.examine(id).await,
                None => self.alarm.after(seen).await,
            }
        }
    }

    /// Keeps the first damage noted, of this range, and has it told.
    async fn keep_first(&self, segment: u64, range: &Range<u64>) {
        let copy = self.keep(segment, range).await;
        let damage = self.damaged.borrow_mut().pop_front();
        self.findings.borrow_mut().extend(damage.map(|damage| Finding { damage, copy }));
        self.space.ring();
    }

    /// Whether bytes of this segment are still to be copied.
    pub(super) fn awaits_copy(&self, segment: u64) -> bool {
        self.damaged.borrow().iter().any(|damage| damage.segment == segment)
    }

    /// Copies a range of a segment into a file that is named after it, unless that is there.
    /// A segment that is missing may have been set aside.
    async fn keep(&self, segment: u64, range: &Range<u64>) -> io::Result<String> {
        if range.is_empty() {
            let aside = Path::new(&segment_name(segment)).with_extension("bad");
            self.kernel.open(&self.directory.join(&aside), Open::Read).await?;
            return Ok(aside.display().to_string());
        }
        let name = format!("{QUARANTINE}/{segment:017}-{}-{}.bin", range.start, range.end);
        let (directory, path) = (self.directory.join(QUARANTINE), self.directory.join(&name));
        match self.kernel.open(&path, Open::Read).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.require_space(range.end - range.start)?;
                self.kernel.make_directory(&directory).await?;
                self.copy_whole(segment, range, &path).await?;
            }
            there => _ = there?,
        }
        // Also of a copy that is there: whoever made it may have been killed before this.
        self.kernel.sync_directory(&directory).await?;
        self.kernel.sync_directory(&self.directory).await?;
        Ok(name)
    }

    /// Makes `to` a copy of `range`, or nothing.
    async fn copy_whole(&self, segment: u64, range: &Range<u64>, to: &Path) -> io::Result<()> {
        let unfinished = to.with_extension("tmp");
        if let Err(error) = self.copy_range(segment, range, &unfinished).await {
            // What is left of it is written over by the next try.
            let _removed: io::Result<()> = self.kernel.remove(&unfinished).await;
            return Err(error);
        }
        self.kernel.rename(&unfinished, to).await
    }

    /// Copies all of `range`, or as much of it as the file has, and syncs it.
    async fn copy_range(&self, segment: u64, range: &Range<u64>, to: &Path) -> io::Result<()> {
        let path = self.directory.join(segment_name(segment));
        let from = self.kernel.open(&path, Open::Read).await?;
        let to = self.kernel.open(to, Open::Create).await?;
        let mut at = range.start;
        while at < range.end {
            let piece = Buffer::with_capacity((range.end - at).min(PIECE as u64) as usize);
            let (read, piece) = from.read_at(piece, at).await;
            let read = read? as u64;
            if read == 0 {
                break;
            }
            to.write_at(piece, at - range.start).await.0?;
            at += read;
        }
        to.sync().await
    }
}
