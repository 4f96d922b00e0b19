//! The task that writes down what a full segment comes to, behind its blocks: see
//! [`spool::footer`]. Nobody waits for it.

use super::log::Log;
use super::segment_name;
use kernel::{Buffer, File, Kernel};
use spool::{End, Footer, Index};
use std::io;

/// Bytes written at once: commits go on meanwhile, on the same disk.
const PIECE: usize = 256 * 1_024;

impl<K: Kernel> Log<K> {
    /// Writes footers as segments become full, until the log is closed.
    pub(super) async fn write_footers(&self) {
        while !self.ended.get() {
            let seen = self.space.rings();
            let next = self.footers.borrow_mut().pop_front();
            let Some((end, index)) = next else {
                self.space.after(seen).await;
                continue;
            };
            self.sealing.set(Some(end.segment.segment));
            // Without its footer a segment is scanned at the next start.
            let _missing: io::Result<()> = write(self, &end, &index).await;
            self.sealing.set(None);
            self.space.ring();
        }
    }

    /// Whether something is still to be written into this segment.
    pub(super) fn awaits_footer(&self, segment: u64) -> bool {
        let waits = |(end, _): &(End, Index)| end.segment.segment == segment;
        self.sealing.get() == Some(segment) || self.footers.borrow().iter().any(waits)
    }
}

/// Writes the footer of a segment that ended at `end`.
pub(super) async fn write<K: Kernel>(log: &Log<K>, end: &End, index: &Index) -> io::Result<()> {
    let Some((start, bytes)) = Footer::encode(end, index) else { return Ok(()) };
    let path = log.directory.join(segment_name(end.segment.segment));
    let file = log.kernel.open(&path, log.how()).await?;
    let mut offset = start;
    for piece in bytes.chunks(PIECE) {
        file.write_at(Buffer::copy_of(piece), offset).await.0?;
        offset += piece.len() as u64;
    }
    Ok(())
}
