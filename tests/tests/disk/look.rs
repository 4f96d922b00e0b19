//! What a spool holds, as the engine finds it.

use event::MessageId;
use kernel::Kernel;
use kernel::uring::{self, RingConfig};
use shard::journal::{Journal, OpenError, Options, ReadError, Reader, Recovered};
use spool::{Envelope, Flaw, Spot};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::mutant::{self, Mutant};

/// Bytes of a segment in these tests: as short as they may be, so that there are many.
pub(crate) const SEGMENT_BYTES: u64 = 4 << 20;
/// How long the tasks of a log may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A message in a spool.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) recipients: Vec<String>,
    pub(crate) text: Vec<u8>,
}

/// What a spool holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// The messages with an open recipient.
    pub(crate) messages: Vec<Found>,
    /// What is wrong with it, other than that its last write was torn.
    pub(crate) damage: Vec<String>,
    /// Messages whose text was in a segment that is in use no more.
    pub(crate) gone: usize,
}

/// What the spool in `directory` holds.
///
/// # Errors
/// If a log does not open, or a text cannot be read.
pub(crate) fn look(directory: &Path) -> io::Result<Held> {
    let mut held = Held::default();
    for (number, log) in logs(directory)? {
        let ring = RingConfig { entries: 256, ..RingConfig::default() };
        let report = uring::run(ring, async |uring| {
            let kernel = Mutant::new(uring, mutant::Flaw::Sound);
            let messages = read(&kernel, &log, number).await;
            kernel.end();
            let deadline = kernel.now() + PATIENCE;
            // What is still open when the ring goes stays so, and the disk stays busy.
            while (kernel.tasks() > 0 || is_open(&log)?) && kernel.now() < deadline {
                kernel.sleep_until(kernel.now() + Duration::from_millis(1)).await;
            }
            io::Result::Ok(messages)
        })?;
        let log = report.output??;
        held.messages.extend(log.messages);
        held.damage.extend(log.damage);
        held.gone += log.gone;
    }
    Ok(held)
}

/// Whether this process has a file of `directory` open.
fn is_open(directory: &Path) -> io::Result<bool> {
    let files = fs::read_dir("/proc/self/fd")?;
    // Some close while we look.
    let mut files = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    Ok(files.any(|file| file.starts_with(directory)))
}

/// Opens a log and reads all it holds. Nothing else here knows how that is done.
async fn read<K: Kernel>(kernel: &K, log: &Path, number: u16) -> io::Result<Held> {
    let options = Options { segment_bytes: SEGMENT_BYTES, free_bytes_min: 0, ..Options::default() };
    let opened = Journal::open(kernel.clone(), log, number, options).await;
    let fault = |error: OpenError| io::Error::other(error.to_string());
    let (journal, mut backlog) = opened.map_err(fault)?;
    let mut live = Vec::new();
    let take = |found: Recovered<'_>| {
        let open: Vec<u16> = found.open().map(|(open, _)| open.recipient).collect();
        live.push((found.id, found.spot, open));
    };
    backlog.load(take).await.map_err(fault)?;
    let reader = Reader::new(kernel.clone(), log);
    let mut messages = Vec::new();
    for (id, mut spot, open) in live {
        let mut read = message(&reader, id, &spot).await;
        // It may have been carried forward meanwhile.
        while read.is_err()
            && let Some(now) = journal.spot_of(id)
            && now != spot
        {
            read = message(&reader, id, &now).await;
            spot = now;
        }
        let (envelope, text) = read?;
        let path = |index| String::from_utf8_lossy(envelope.recipient(index)).into_owned();
        messages.push(Found { recipients: open.into_iter().map(path).collect(), text });
    }
    let (mut damage, mut gone) = (Vec::new(), 0);
    for wrong in journal.damage().iter() {
        match wrong.flaw {
            Flaw::Torn => (),
            Flaw::Missing if !wrong.messages.is_empty() => gone += wrong.messages.len(),
            Flaw::Missing | Flaw::Damaged => damage.push(format!("{wrong:?}")),
        }
    }
    Ok(Held { messages, damage, gone })
}

async fn message<K: Kernel>(
    reader: &Reader<K>,
    id: MessageId,
    spot: &Spot,
) -> io::Result<(Envelope, Vec<u8>)> {
    let fault = |error: ReadError| io::Error::other(format!("{id} at {spot:?}: {error}"));
    let loaded = reader.load(id, spot).await.map_err(fault)?;
    let mut whole = Vec::new();
    for place in &loaded.places {
        whole.extend_from_slice(&reader.read(place).await.map_err(fault)?);
    }
    Ok((loaded.envelope, whole))
}

/// The logs of a spool, by number; none if there is no spool yet.
fn logs(directory: &Path) -> io::Result<Vec<(u16, PathBuf)>> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix("log-").and_then(|number| number.parse().ok());
        logs.extend(number.map(|number| (number, path.clone())));
    }
    Ok(logs)
}
