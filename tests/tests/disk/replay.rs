//! Spools on disks that lost their power, looked at one by one.

use crate::check::{Compared, compare};
use crate::dice::Dice;
use crate::format::Filesystem;
use crate::ledger::Entry;
use crate::look::{Held, look};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use tests::disk::{History, Image, RecordingDisk, Tear};
use tests::mounted::Mounted;
use tests::scratch::Scratch;

/// States looked at at one time: most of it is waiting.
const WORKERS: usize = 3;

/// A run, and what was promised in it.
pub(crate) struct Replay {
    pub(crate) history: History,
    /// Operations that every state has behind it. A filesystem writes its superblock in place
    /// when it is mounted and unmounted: torn then, it is lost, whatever is on it.
    pub(crate) start: usize,
    pub(crate) filesystem: Filesystem,
    pub(crate) entries: BTreeMap<u32, Entry>,
    /// Seeds the states.
    pub(crate) seed: u64,
}

/// What many states came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// States looked at.
    pub(crate) states: usize,
    /// What was there in all of them.
    pub(crate) compared: Compared,
    /// Each state that broke a promise, by its number, and which.
    pub(crate) broken: Vec<(usize, String)>,
}

impl Replay {
    /// Looks at the states numbered `states`, until one breaks the promise that is `wanted`.
    ///
    /// # Errors
    /// If a disk cannot be served.
    pub(crate) fn run(&self, states: Range<usize>, wanted: Option<&str>) -> io::Result<Outcome> {
        let next = AtomicUsize::new(states.start);
        let outcome = Mutex::new(Outcome::default());
        let work = || -> io::Result<()> {
            let mut bench = self.bench()?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let locked = || outcome.lock().unwrap_or_else(PoisonError::into_inner);
                if number >= states.end || wanted.is_some_and(|wanted| locked().has(wanted)) {
                    return Ok(());
                }
                let result = self.state(&bench, number);
                if result.is_err() || bench.spoiled.get() {
                    // Something may still be mounted on it.
                    bench = self.bench()?;
                }
                locked().add(number, result);
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("a worker ends"))
        })?;
        Ok(outcome.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn bench(&self) -> io::Result<Bench> {
        Bench::new(self.history.cut(0, Tear::All, || true)?, self.filesystem)
    }

    fn state(&self, bench: &Bench, number: usize) -> Result<Compared, String> {
        let mut dice = Dice(self.seed.wrapping_mul(0x0100_0193) ^ number as u64);
        let position = self.start + dice.below(self.history.len() - self.start + 1);
        let tear = Tear::ALL[dice.below(Tear::ALL.len())];
        let told = |fault: &str| format!("after {position} operations, {tear:?}: {fault}");
        let image = self.history.cut(position, tear, || dice.coin());
        let found = image.and_then(|image| bench.look(image));
        let found = found.map_err(|error| told(&error.to_string()))?;
        let compared = compare(&found, &self.entries, position).map_err(|faults| {
            let (count, last) = (faults.len(), faults.len().saturating_sub(5));
            told(&format!("{count} faults: {}", faults[last..].join("; ")))
        })?;
        // A bounce and the settlement it tells of are in one block. If only a part of the block
        // is on the disk, the bounce alone may count: someone hears of a failure twice.
        let torn = tear == Tear::Sectors;
        let whole = torn || compared.both == 0;
        if whole { Ok(compared) } else { Err(told("a message is open, and told to have failed")) }
    }
}

impl Outcome {
    /// Whether a state broke a promise in this way.
    fn has(&self, fault: &str) -> bool {
        self.broken.iter().any(|(_, said)| said.contains(fault))
    }

    fn add(&mut self, number: usize, looked: Result<Compared, String>) {
        self.states += 1;
        match looked {
            Ok(compared) => {
                self.compared.kept += compared.kept;
                self.compared.again += compared.again;
                self.compared.untold += compared.untold;
                self.compared.both += compared.both;
                self.compared.gone += compared.gone;
            }
            Err(fault) => self.broken.push((number, fault)),
        }
    }
}

/// A disk to put states on.
struct Bench {
    disk: RecordingDisk,
    filesystem: Filesystem,
    scratch: Scratch,
    /// A filesystem on it is still in use.
    spoiled: Cell<bool>,
}

impl Bench {
    fn new(image: Image, filesystem: Filesystem) -> io::Result<Self> {
        let scratch = Scratch::new("state")?;
        let disk = RecordingDisk::start(&scratch.path().join("device"), image)?;
        Ok(Self { disk, filesystem, scratch, spoiled: Cell::new(false) })
    }

    fn look(&self, image: Image) -> io::Result<Held> {
        self.disk.load(image);
        let folder = self.scratch.path().join("spool");
        let mounted = Mounted::new(&self.disk.path(), &folder, self.filesystem.options())?;
        let found = look(mounted.path());
        // A file that was being opened when its task ended stays open as long as this process.
        self.spoiled.set(mounted.unmount().is_err());
        found
    }
}
