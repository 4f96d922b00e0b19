//! A spool's files as they lie, read and never touched.
//!
//! Everything the verbs know of how a log is read back goes through here: what a directory
//! holds ([`logs`]), what is live in a log ([`Log::contents`]), and a text ([`Log::text`]).
//!
//! An engine may be writing meanwhile. Its segments are given back oldest first and by a
//! rename, so one that was read whole and still has its name was not used anew; if one has
//! gone, [`again`] begins afresh. Its open tail is read twice: what the first reading says is
//! durable counts whatever the second finds there, and behind it blocks that are whole.

mod text;

pub(super) use text::Whole;

use event::MessageId;
use spool::walk::{Depth, Walk};
use spool::{
    BLOCK_ALIGN, Catalog, Damage, End, Entry, Envelope, Flaw, HeaderFault, Recovery, SegmentHeader,
    Spot, Standing, Text,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How often a log is read again because a segment was given back under us.
const TRIES: u32 = 20;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);
/// The error for that.
const MOVED: io::ErrorKind = io::ErrorKind::StaleNetworkFileHandle;

/// Who else has the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Nobody.
    Nobody,
    /// An engine, this process.
    Engine(u32),
}

/// One log's files.
#[derive(Debug)]
pub(super) struct Log {
    /// Its number, by its directory.
    pub(super) number: u16,
    pub(super) directory: PathBuf,
    /// Oldest first.
    pub(super) segments: Vec<Segment>,
    /// Files ready for use.
    pub(super) pool: Vec<(PathBuf, u64)>,
    /// Segments an earlier start could not read.
    pub(super) set_aside: Vec<PathBuf>,
    /// Copies of bad bytes, and how long each is.
    pub(super) quarantine: Vec<(PathBuf, u64)>,
    /// Files that are not ours.
    pub(super) strangers: Vec<PathBuf>,
}

/// One segment's file.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its number, by its name.
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) len: u64,
    /// Its first 4 KiB.
    pub(super) page: Vec<u8>,
    pub(super) header: Result<SegmentHeader, HeaderFault>,
}

/// A message with an open recipient.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) id: MessageId,
    pub(super) envelope: Envelope,
    pub(super) text: Text,
    pub(super) open: Vec<Standing>,
}

/// What is live in a log.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// In the order of their names.
    pub(super) live: Vec<Live>,
    /// What is wrong; beside an engine without the tail it is writing.
    pub(super) damage: Vec<Damage>,
    /// Bytes of the segments, the one being written up to where it is written.
    pub(super) written: u64,
}

/// A segment that was read.
pub(super) struct Looked<'a> {
    pub(super) segment: &'a Segment,
    pub(super) header: &'a SegmentHeader,
    /// All its bytes; beside an engine, of the last segment without the block being written.
    pub(super) bytes: &'a [u8],
    pub(super) next: Option<&'a SegmentHeader>,
}

/// The logs of a spool, by number.
pub(super) fn logs(spool: &Path) -> io::Result<Vec<Log>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(spool)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("log-")?.parse().ok());
        if let Some(number) = number
            && entry.file_type()?.is_dir()
        {
            found.push(Log::list(number, entry.path())?);
        }
    }
    found.sort_by_key(|log| log.number);
    Ok(found)
}

/// Does `work` again while segments are given back under it.
pub(super) fn again<T>(mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..TRIES {
        match work() {
            Err(error) if error.kind() == MOVED => thread::sleep(PAUSE),
            result => return result,
        }
    }
    work()
}

/// The file name of a segment.
pub(super) fn segment_name(number: u64) -> String {
    format!("{number:017}.seg")
}

fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".seg")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

impl Log {
    fn list(number: u16, directory: PathBuf) -> io::Result<Self> {
        let (segments, pool, set_aside, quarantine, strangers) = Default::default();
        let mut log = Self { number, directory, segments, pool, set_aside, quarantine, strangers };
        for path in settled_names(&log.directory)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(number) = segment_number(name) {
                log.segments.push(Segment::open(number, path)?);
            } else if name == "pool" {
                log.pool = files_in(&path)?;
            } else if name == "quarantine" {
                log.quarantine = files_in(&path)?;
            } else if path.extension().is_some_and(|end| end == "bad") {
                log.set_aside.push(path);
            } else {
                log.strangers.push(path);
            }
        }
        log.segments.sort_by_key(|segment| segment.number);
        Ok(log)
    }

    /// Segments whose header can be read, with it.
    pub(super) fn readable(&self) -> Vec<(&Segment, SegmentHeader)> {
        let segments = self.segments.iter();
        segments.filter_map(|segment| Some((segment, segment.header.ok()?))).collect()
    }

    /// Reads all segments, oldest first, shows each to `look`, and says what is live.
    pub(super) fn contents(
        &self,
        beside: Beside,
        mut look: impl FnMut(&Looked<'_>) -> io::Result<()>,
    ) -> io::Result<Contents> {
        let readable = self.readable();
        let unreadable = self.segments.iter().filter(|segment| segment.header.is_err());
        let unreadable: Vec<u64> = unreadable.map(|segment| segment.number).collect();
        let head = readable.first().map_or(1, |(segment, _)| segment.number);
        let mut reading = Reading::new(self.number, head, &unreadable);
        let mut written = 0;
        for (at, (segment, header)) in readable.iter().enumerate() {
            let next = readable.get(at + 1).map(|(_, next)| next);
            let bytes = match (beside, next) {
                (Beside::Engine(_), None) => segment.settled_part(header)?,
                _ => segment.read()?,
            };
            let end = reading.segment(header, &bytes, next);
            let tail = next.is_none() && !end.torn;
            written += if tail { u64::from(end.offset) } else { bytes.len() as u64 };
            look(&Looked { segment, header, bytes: &bytes, next })?;
        }
        let (live, mut damage) = reading.finish();
        if beside != Beside::Nobody {
            damage.retain(|damage| damage.flaw != Flaw::Torn);
        }
        Ok(Contents { live, damage, written })
    }
}

/// A log being read back from its blocks. Footers are not looked at: what they say is a
/// convenience, and damage is what people ask for here.
struct Reading {
    catalog: Catalog,
    recovery: Recovery,
    /// What was in every DELIVERY and COPY that may be live, by where it was.
    seen: BTreeMap<(MessageId, u64, u32), (Envelope, Text)>,
}

impl Reading {
    fn new(log: u16, head: u64, unreadable: &[u64]) -> Self {
        let (catalog, recovery) = (Catalog::new(log, head), Recovery::new(unreadable));
        Self { catalog, recovery, seen: BTreeMap::new() }
    }

    /// Takes one segment, and says where its blocks end.
    fn segment(
        &mut self,
        header: &SegmentHeader,
        bytes: &[u8],
        next: Option<&SegmentHeader>,
    ) -> End {
        let (contents, _) = spool::scan(header, bytes, next);
        self.recovery.begin(&mut self.catalog, &contents);
        for entry in contents.entries().into_iter().flatten() {
            if let Entry::Message(message) = &entry {
                self.see(message.id, &message.spot, bytes);
            }
            self.recovery.apply(&mut self.catalog, entry);
        }
        contents.end
    }

    fn see(&mut self, id: MessageId, spot: &Spot, bytes: &[u8]) {
        let start = spot.offset() as usize;
        let payload = bytes.get(start..start + spot.len() as usize);
        if let Some(message) = payload.and_then(spool::envelope_of) {
            self.seen.insert((id, spot.segment(), spot.offset()), message);
        }
    }

    fn finish(mut self) -> (Vec<Live>, Vec<Damage>) {
        let mut live = Vec::with_capacity(self.catalog.len());
        for found in self.catalog.iter() {
            let place = (found.id, found.spot.segment(), found.spot.offset());
            if let Some((envelope, text)) = self.seen.remove(&place) {
                let open = found.open.iter().collect();
                live.push(Live { id: found.id, envelope, text, open });
            }
        }
        live.sort_by_key(|live| live.id);
        (live, self.recovery.finish(&self.catalog))
    }
}

impl Live {
    /// Bytes of its text, as received.
    pub(super) fn text_bytes(&self) -> u64 {
        self.text.iter().map(|place| u64::from(place.len)).sum()
    }

    /// Bytes it needs on disk, headers of records not counted.
    pub(super) fn bytes(&self) -> u64 {
        self.text_bytes() + self.envelope.bytes().len() as u64
    }
}

impl Segment {
    fn open(number: u64, path: PathBuf) -> io::Result<Self> {
        let file = open(&path)?;
        let len = file.metadata()?.len();
        let mut page = Vec::with_capacity(BLOCK_ALIGN);
        file.take(BLOCK_ALIGN as u64).read_to_end(&mut page)?;
        let header = SegmentHeader::decode(&page);
        Ok(Self { number, path, len, page, header })
    }

    /// All its bytes, of one life of the file.
    fn read(&self) -> io::Result<Vec<u8>> {
        let mut file = open(&self.path)?;
        let mut bytes = Vec::with_capacity(self.len as usize + 1);
        file.read_to_end(&mut bytes)?;
        let same = fs::metadata(&self.path).is_ok_and(|now| {
            file.metadata().is_ok_and(|then| (then.dev(), then.ino()) == (now.dev(), now.ino()))
        });
        let unchanged = bytes.get(..self.page.len()) == Some(&self.page);
        if same && unchanged { Ok(bytes) } else { Err(moved(&self.path)) }
    }

    /// Its bytes without the block that is being written: see [`settled`].
    fn settled_part(&self, header: &SegmentHeader) -> io::Result<Vec<u8>> {
        let first = self.read()?;
        Ok(settled(header, &first, self.read()?))
    }
}

/// The later of two readings of a segment that is being written, with zeros where it is not
/// settled. In one reading alone a block may be half there and the next one whole, which
/// looks like damage. What the first says is durable counts, whatever the second finds there;
/// behind it a block counts if it is whole.
fn settled(header: &SegmentHeader, first: &[u8], mut second: Vec<u8>) -> Vec<u8> {
    let mut walk = Walk::new(header, first, None, Depth::Structure);
    walk.by_ref().for_each(drop);
    let durable = walk.durable();
    let mut walk = Walk::new(header, &second, None, Depth::Texts);
    let mut end = walk.offset();
    while let Some(stretch) = walk.next()
        && (walk.block() <= durable + 1 || stretch.faults.is_empty())
    {
        end = walk.offset();
    }
    second[end as usize..].fill(0);
    second
}

/// The files of a directory, as two looks in a row agree on: one alone may pass over a file
/// that gets its name meanwhile, and show a later one.
fn settled_names(directory: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let look = || fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect();
    let mut names: io::Result<BTreeSet<PathBuf>> = look();
    for _ in 0..TRIES {
        let before = names?;
        names = look();
        if names.as_ref().is_ok_and(|now| *now == before) {
            break;
        }
    }
    names
}

fn files_in(directory: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // One that is taken for use meanwhile, or gets its final name, is no longer there.
        if let Ok(metadata) = entry.metadata() {
            files.push((entry.path(), metadata.len()));
        }
    }
    Ok(files)
}

fn open(path: &Path) -> io::Result<File> {
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => moved(path),
        kind => io::Error::new(kind, format!("{}: {error}", path.display())),
    })
}

fn moved(path: &Path) -> io::Error {
    io::Error::new(MOVED, format!("{} was given back while it was read", path.display()))
}

fn too_fast() -> io::Error {
    io::Error::new(MOVED, "texts are moved faster than they are read")
}

#[cfg(test)]
mod tests;
