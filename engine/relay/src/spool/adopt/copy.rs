//! A log, copied under another number.

use super::Log;
use spool::{BLOCK_ALIGN, HeaderFault, SegmentHeader};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::Path;

/// The log's identity: that of its segments. `None` if none of them can be read.
pub(super) fn uuid_of(log: &Log) -> Option<[u8; 16]> {
    log.readable().first().map(|(_, header)| header.log_uuid)
}

/// A log this version would not start on is not copied either.
pub(super) fn refuse_foreign(log: &Log) -> io::Result<()> {
    let uuid = uuid_of(log);
    for segment in &log.segments {
        let wrong = match &segment.header {
            Ok(header) if header.log != log.number || Some(header.log_uuid) != uuid => {
                "a segment of another log"
            }
            Err(HeaderFault::Version) => "a segment of a later version",
            // Set aside, and named, by the first start.
            Ok(_) | Err(HeaderFault::Unreadable) => continue,
        };
        return Err(io::Error::other(format!("{}: {wrong}", segment.path.display())));
    }
    Ok(())
}

/// Copies all segments into a fresh `directory`, as those of log `number`, durably.
pub(super) fn copy_log(log: &Log, directory: &Path, number: u16) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    for segment in &log.segments {
        let to = directory.join(super::read::segment_name(segment.number));
        copy_segment(segment, &to, number).map_err(|error| {
            let wrong = format!("{}: {error}", segment.path.display());
            io::Error::new(error.kind(), wrong)
        })?;
    }
    File::open(directory)?.sync_all()
}

fn copy_segment(segment: &super::read::Segment, to: &Path, number: u16) -> io::Result<()> {
    let copied = fs::copy(&segment.path, to)?;
    if copied != segment.len {
        return Err(io::Error::other(format!("{copied} of {} bytes were copied", segment.len)));
    }
    let file = OpenOptions::new().write(true).open(to)?;
    if let Ok(header) = &segment.header {
        let mut page = vec![0; BLOCK_ALIGN];
        let renumbered = SegmentHeader { log: number, ..*header };
        renumbered.encode(&mut page);
        file.write_all_at(&page, 0)?;
    }
    file.sync_all()
}
