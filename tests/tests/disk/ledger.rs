//! What was promised, and how far the disk's journal was when it was.

use crate::load;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tests::disk::Watch;

/// Of one message, each with the operations on the disk's record at that moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    /// It was said to be ours: the answer had been read.
    pub(crate) accepted: Option<usize>,
    /// It was said not to be.
    pub(crate) refused: Option<usize>,
    /// The next host may have taken it from here on.
    pub(crate) taken: Option<usize>,
    /// The next host refused it for good, from here on.
    pub(crate) failed: Option<usize>,
    /// The sender may have heard of that from here on.
    pub(crate) told: Option<usize>,
    /// How often the next host was asked.
    pub(crate) attempts: u32,
}

/// All messages of a run.
pub(crate) struct Ledger {
    watch: Watch,
    entries: Mutex<BTreeMap<u32, Entry>>,
    /// The next host puts everything off.
    closed: AtomicBool,
}

impl Ledger {
    pub(crate) fn new(watch: Watch) -> Self {
        Self { watch, entries: Mutex::default(), closed: AtomicBool::new(false) }
    }

    pub(crate) fn entries(&self) -> BTreeMap<u32, Entry> {
        self.locked().clone()
    }

    /// Whether the next host puts everything off from now on.
    pub(crate) fn close(&self, closed: bool) {
        self.closed.store(closed, Ordering::Relaxed);
    }

    /// Message `number` will be sent.
    pub(crate) fn begin(&self, number: u32) {
        self.locked().insert(number, Entry::default());
    }

    pub(crate) fn accepted(&self, number: u32) {
        let position = self.watch.position();
        self.entry(number, |entry| entry.accepted = Some(position));
    }

    pub(crate) fn refused(&self, number: u32) {
        let position = self.watch.position();
        self.entry(number, |entry| entry.refused = Some(position));
    }

    /// What was refused at `position` or later counts as refused from now on only.
    pub(crate) fn refuse_later(&self, position: usize) {
        let now = self.watch.position();
        for entry in self.locked().values_mut() {
            entry.refused = entry.refused.map(|at| if at < position { at } else { now });
        }
    }

    /// What was refused so far may come back.
    pub(crate) fn forget_refusals(&self) {
        for entry in self.locked().values_mut() {
            entry.refused = None;
        }
    }

    /// The next host is asked whether it takes mail for `path`. What it does depends on the
    /// number of the message alone, and on how often it was asked.
    pub(crate) fn next_host(&self, path: &str) -> String {
        const LATER: &str = "450 4.2.1 later";
        let position = self.watch.position();
        let Some((number, to_sender)) = load::number_of(path) else {
            return "550 5.1.1 no such user".into();
        };
        if self.closed.load(Ordering::Relaxed) {
            return LATER.into();
        }
        let mut answer = "250 2.1.5 fine";
        self.entry(number, |entry| {
            if to_sender {
                entry.told.get_or_insert(position);
                return;
            }
            entry.attempts += 1;
            match (load::fate(number), entry.attempts) {
                (load::Fate::Never, _) | (load::Fate::Later, 1) => answer = LATER,
                (load::Fate::Failed, _) => {
                    entry.failed.get_or_insert(position);
                    answer = "550 5.1.1 no such user";
                }
                _ => {
                    entry.taken.get_or_insert(position);
                }
            }
        });
        answer.into()
    }

    /// Messages that are ours, and whose fate is not to wait, that have not met it.
    pub(crate) fn on_their_way(&self) -> usize {
        let open = |number: &u32, entry: &Entry| {
            let through = match load::fate(*number) {
                load::Fate::Never => true,
                load::Fate::Failed => entry.told.is_some(),
                load::Fate::Later | load::Fate::Taken => entry.taken.is_some(),
            };
            entry.accepted.is_some() && !through
        };
        self.locked().iter().filter(|(number, entry)| open(number, entry)).count()
    }

    fn entry(&self, number: u32, change: impl FnOnce(&mut Entry)) {
        change(self.locked().entry(number).or_default());
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<u32, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
