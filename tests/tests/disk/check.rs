//! What a spool must hold, and what it must not.

use crate::ledger::Entry;
use crate::load;
use crate::look::{Found, Held};
use std::collections::{BTreeMap, BTreeSet};

/// What a state of the disk was compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Messages that had to be there, and were.
    pub(crate) kept: usize,
    /// Messages the next host had, or was about to have, that were there all the same.
    pub(crate) again: usize,
    /// Messages nobody had been told about yet.
    pub(crate) untold: usize,
    /// Messages the next host had, that the engine takes for lost: their text was given back
    /// before it was durable that they are through.
    pub(crate) gone: usize,
    /// Messages that were there together with a bounce that says they failed.
    pub(crate) both: usize,
}

/// Compares what is `held` with what had been promised when the disk had done `position`
/// operations.
///
/// # Errors
/// With each promise that was not kept.
pub(crate) fn compare(
    held: &Held,
    entries: &BTreeMap<u32, Entry>,
    position: usize,
) -> Result<Compared, Vec<String>> {
    let mut faults = held.damage.clone();
    let (mut messages, mut bounces) = (BTreeSet::new(), BTreeSet::new());
    let by_then = |at: Option<usize>| at.is_some_and(|at| at <= position);
    for Found { recipients, text } in &held.messages {
        let [path] = &recipients[..] else {
            faults.push(format!("recipients {recipients:?}"));
            continue;
        };
        let known = load::number_of(path)
            .and_then(|(number, to_sender)| Some((number, to_sender, entries.get(&number)?)));
        match known {
            None => faults.push(format!("{path}: never sent")),
            Some((number, true, entry)) => {
                if !by_then(entry.failed) || !bounces.insert(number) {
                    faults.push(format!("{path}: a bounce out of nothing: {entry:?}"));
                }
            }
            Some((number, false, entry)) => {
                if *text != load::text(number).into_bytes() {
                    faults.push(format!("{path}: not the text that was sent"));
                }
                if by_then(entry.refused) {
                    faults.push(format!("{path}: there, and refused: {entry:?}"));
                }
                if !messages.insert(number) {
                    faults.push(format!("{path}: there twice"));
                }
            }
        }
    }
    let mut compared = Compared { gone: held.gone, ..Compared::default() };
    for (number, entry) in entries {
        let (here, told) = (messages.contains(number), bounces.contains(number));
        compared.both += usize::from(here && told);
        let through = by_then(entry.taken) || by_then(entry.told);
        match (here || told, by_then(entry.accepted), through) {
            (false, true, false) => faults.push(format!("message {number} is lost: {entry:?}")),
            (true, true, false) => compared.kept += 1,
            (true, _, true) => compared.again += 1,
            (true, false, false) => compared.untold += 1,
            (false, ..) => (),
        }
    }
    if faults.is_empty() { Ok(compared) } else { Err(faults) }
}

#[cfg(test)]
mod tests;
