//! The delivery log: one JSON line an event, appended in whole lines to one file that all
//! shards share.
//!
//! It is a convenience, the spool is the truth: a crash loses at most the last
//! [`FLUSH_EVERY`] of it. Lines leave behind the records of what they tell, so what is over by the log is not
//! tried again after a crash. Lines that cannot be written are counted, never waited for.

use crate::setup::Topics;
use event::{Event, Wall};
use kernel::{Buffer, File, Kernel, Open};
use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::time::Duration;

/// How long a line may wait in memory.
pub(crate) const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// How much may wait in memory; lines beyond it are lost, and counted.
const BACKLOG_MAX: usize = 16 * 1_024 * 1_024;
/// How much goes to the file at once. No line is longer.
const WRITE_MAX: usize = 256 * 1_024;

/// Lines on their way to the file.
pub(crate) struct DeliveryLog<F> {
    file: Option<F>,
    topics: Topics,
    lines: RefCell<Vec<u8>>,
    lost: Cell<u64>,
}

/// Opens the log at `path`, or one that keeps nothing.
///
/// # Errors
/// What making its directory or the file says.
pub(crate) async fn open<K: Kernel>(
    kernel: &K,
    path: Option<&Path>,
    topics: Topics,
) -> io::Result<DeliveryLog<K::File>> {
    let Some(path) = path else { return Ok(DeliveryLog::new(None, topics)) };
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        kernel.make_directory(directory).await?;
    }
    Ok(DeliveryLog::new(Some(kernel.open(path, Open::Append).await?), topics))
}

impl<F: File> DeliveryLog<F> {
    fn new(file: Option<F>, topics: Topics) -> Self {
        Self { file, topics, lines: RefCell::default(), lost: Cell::new(0) }
    }

    /// What somebody wants to read of: the line of anything else need not be made.
    pub(crate) fn topics(&self) -> Topics {
        let Topics { accepted, refused } = self.topics;
        let open = self.file.is_some();
        Topics { accepted: open && accepted, refused: open && refused }
    }

    /// Takes one line.
    pub(crate) fn write(&self, event: &Event<'_>, at: Wall) {
        if self.file.is_none() {
            return;
        }
        let mut lines = self.lines.borrow_mut();
        if lines.len() < BACKLOG_MAX {
            event.json(at, &mut lines);
        } else {
            self.lose(1);
        }
    }

    /// Lines that could not be written so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.get()
    }

    /// Bytes that have gathered.
    pub(crate) fn gathered(&self) -> usize {
        self.lines.borrow().len()
    }

    /// Writes the first so many bytes of what has gathered, in whole lines: other shards append to the
    /// same file.
    pub(crate) async fn flush(&self, bytes: usize) {
        let Some(file) = &self.file else { return };
        let mut lines = self.lines.take();
        let later = lines.split_off(bytes.min(lines.len()));
        self.lines.replace(later);
        let mut rest = lines.as_slice();
        while !rest.is_empty() {
            let room = &rest[..rest.len().min(WRITE_MAX)];
            let end = memchr::memrchr(b'\n', room).map_or(rest.len(), |end| end + 1);
            let (now, later) = rest.split_at(end);
            let (result, _) = file.write_at(Buffer::copy_of(now), 0).await;
            if result.is_err() {
                self.lose(memchr::memchr_iter(b'\n', now).count() as u64);
            }
            rest = later;
        }
    }

    fn lose(&self, lines: u64) {
        self.lost.set(self.lost.get() + lines);
    }
}
