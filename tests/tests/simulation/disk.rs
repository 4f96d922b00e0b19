//! What a power loss would leave of the spool, read as a restart would read it.

use crate::relay::{LOGS_MAX, SPOOL};
use event::{MessageId, Wall};
use kernel::sim::{Host, World};
use spool::{Place, Recovery, SegmentHeader};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The live messages of all logs.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) open: BTreeMap<(MessageId, String), Open>,
    pub(crate) texts: BTreeMap<MessageId, Vec<u8>>,
}

/// A recipient that is still to be served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) attempt: u16,
    pub(crate) due: Wall,
}

/// Reads what is durable of the spool of `host`.
pub(crate) fn read(world: &World, host: Host) -> Found {
    let names = world.durable_names(host);
    let mut found = Found::default();
    for log in 0..LOGS_MAX as u16 {
        let directory = shard::log_directory(Path::new(SPOOL), log);
        read_log(world, host, log, &segments(&names, &directory), &mut found);
    }
    found
}

/// Segment files, oldest first.
fn segments(names: &[PathBuf], directory: &Path) -> Vec<PathBuf> {
    let is_segment = |path: &&PathBuf| {
        path.parent() == Some(directory) && path.extension().is_some_and(|end| end == "seg")
    };
    names.iter().filter(is_segment).cloned().collect()
}

fn read_log(world: &World, host: Host, log: u16, segments: &[PathBuf], found: &mut Found) {
    let mut files: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut headers = Vec::new();
    let mut bad = Vec::new();
    for path in segments {
        let mut bytes = world.durable(host, path).unwrap_or_default();
        // Zeros behind the last block are no records; looking at each takes its time.
        let is_written = |page: &[u8]| page != &[0; spool::BLOCK_ALIGN][..page.len()];
        let pages =
            bytes.chunks(spool::BLOCK_ALIGN).rposition(is_written).map_or(0, |last| last + 1);
        bytes.truncate(pages * spool::BLOCK_ALIGN);
        if let Ok(header) = SegmentHeader::decode(&bytes) {
            files.insert(header.segment, bytes);
            headers.push(header);
        } else {
            bad.extend(path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok()));
        }
    }
    let mut recovery = Recovery::new(log, headers.first().map_or(1, |header| header.segment));
    for number in bad {
        recovery.missing(number);
    }
    for (at, header) in headers.iter().enumerate() {
        recovery.segment(header, &files[&header.segment], headers.get(at + 1));
    }
    for survivor in recovery.finish(0, spool::SEGMENT_MIN as u64).survivors {
        let text =
            survivor.text.iter().flat_map(|place| bytes_at(&files, place)).copied().collect();
        found.texts.insert(survivor.id, text);
        for open in &survivor.open {
            let recipient = String::from_utf8_lossy(survivor.envelope.recipient(open.recipient));
            let key = (survivor.id, recipient.into_owned());
            found.open.insert(key, Open { attempt: open.attempt, due: open.due });
        }
    }
}

fn bytes_at<'f>(files: &'f BTreeMap<u64, Vec<u8>>, place: &Place) -> &'f [u8] {
    let range = place.offset as usize..(place.offset + place.len) as usize;
    files.get(&place.segment).and_then(|bytes| bytes.get(range)).unwrap_or_default()
}
