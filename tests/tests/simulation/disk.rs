//! What a power loss would leave of the spool, read as a restart would read it.

use crate::relay::{LOGS_MAX, SPOOL};
use event::{MessageId, Wall};
use kernel::sim::{Host, World};
use spool::{Catalog, Place, Recovery, SegmentHeader, Tried, envelope_of, scan};
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
        // Zeros behind the last block are no records; looking at each takes its time.
        let bytes = world.durable_front(host, path).unwrap_or_default();
        if let Ok(header) = SegmentHeader::decode(&bytes) {
            files.insert(header.segment, bytes);
            headers.push(header);
        } else {
            bad.extend(path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok()));
        }
    }
    let mut catalog = Catalog::new(log, headers.first().map_or(1, |header| header.segment));
    let mut recovery = Recovery::new(&bad);
    for (at, header) in headers.iter().enumerate() {
        let (contents, _) = scan(header, &files[&header.segment], headers.get(at + 1));
        recovery.begin(&mut catalog, &contents);
        for entry in contents.entries().expect("a scan gives an index") {
            recovery.apply(&mut catalog, entry);
        }
    }
    for live in catalog.iter() {
        let payload = bytes_at(&files, live.spot.segment(), live.spot.offset(), live.spot.len());
        let (envelope, places) = envelope_of(payload).expect("its record was whole");
        let text = places.iter().flat_map(|place| bytes_of(&files, place)).copied().collect();
        found.texts.insert(live.id, text);
        for open in live.open.iter() {
            let recipient = String::from_utf8_lossy(envelope.recipient(open.recipient));
            let key = (live.id, recipient.into_owned());
            found.open.insert(
                key,
                Open { attempt: Tried::from_number(open.attempt).count(), due: open.due },
            );
        }
    }
}

fn bytes_of<'f>(files: &'f BTreeMap<u64, Vec<u8>>, place: &Place) -> &'f [u8] {
    bytes_at(files, place.segment, place.offset, place.len)
}

fn bytes_at(files: &BTreeMap<u64, Vec<u8>>, segment: u64, offset: u32, len: u32) -> &[u8] {
    let range = offset as usize..(offset + len) as usize;
    files.get(&segment).and_then(|bytes| bytes.get(range)).unwrap_or_default()
}
