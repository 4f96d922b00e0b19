//! A hierarchical timer wheel over entries of the store.
//!
//! Six levels of 64 slots. A slot of level 0 is one [`UNIT`]; a slot of
//! level n is as long as all of level n-1. An entry lies at the level of the highest digit,
//! in base 64, in which its due time differs from `elapsed`, so that it is moved at most
//! five times before it is due. Entries of the same unit come out in the order they were
//! put in.
//!
//! A slot of a higher level may hold millions. It is sorted into the levels below in steps
//! of [`SORTED_MAX`], so that no turn of the shard's loop takes long because of it.

use super::store::{Cursor, List, Loose, Step, Store};
use event::Tick;
use std::time::Duration;

/// Nanoseconds in a unit, as a power of two. Retries are minutes apart: a finer unit would
/// only move each entry once more.
const UNIT_BITS: u32 = 23;
/// How exactly due times are kept: 8.4 ms. Nothing comes out before it is due.
pub const UNIT: Duration = Duration::from_nanos(1 << UNIT_BITS);
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const LEVELS: usize = 6;
/// The furthest a due time may be ahead, in units: what 32 bits can tell apart.
const UNITS_MAX: u64 = u32::MAX as u64;

/// The furthest a due time may be ahead, about 416 days. What is due later comes out then, and
/// is to be put back.
pub const HORIZON: Duration = Duration::from_nanos(UNITS_MAX << UNIT_BITS);

/// The most entries moved between slots in one call.
pub const SORTED_MAX: usize = 256;

const _: () = assert!(SLOT_BITS as usize * LEVELS > 32, "the top level holds the horizon");

/// What [`Wheel::turn`] found.
#[derive(Debug)]
pub(super) enum Turn {
    /// This one is due.
    Due(Loose),
    /// Nothing is due.
    Nothing,
    /// There may be more, but enough was done for one call.
    Later,
}

/// The wheel. Its entries are in a [`Store`].
#[derive(Debug)]
pub(super) struct Wheel {
    origin: Tick,
    /// The unit up to which everything has been taken out.
    elapsed: u64,
    slots: [[List; SLOTS]; LEVELS],
    /// One bit for each slot that is not empty.
    occupied: [u64; LEVELS],
    /// What is left of a slot that is being sorted into the levels below. `elapsed` is the
    /// start of that slot.
    sorting: List,
    /// The level it came from.
    sorting_level: usize,
    look: Look,
}

/// How far a look through all that waits has come: behind this entry of this slot. From the top
/// down, since entries only ever move to lower levels: none is missed.
#[derive(Clone, Copy, Debug)]
struct Look {
    level: usize,
    slot: usize,
    behind: Cursor,
}

impl Look {
    const START: Self = Self { level: LEVELS - 1, slot: 0, behind: Cursor::START };

    /// The slot behind this one; `None` behind the last.
    const fn next(self) -> Option<Self> {
        let behind = Cursor::START;
        match self {
            Self { level, slot, .. } if slot + 1 < SLOTS => {
                Some(Self { level, slot: slot + 1, behind })
            }
            Self { level: 0, .. } => None,
            Self { level, .. } => Some(Self { level: level - 1, slot: 0, behind }),
        }
    }
}

impl Wheel {
    /// A wheel without entries that starts at `now`.
    pub(super) const fn new(now: Tick) -> Self {
        Self {
            origin: now,
            elapsed: 0,
            slots: [[List::EMPTY; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            sorting: List::EMPTY,
            sorting_level: 0,
            look: Look::START,
        }
    }

    /// Takes out what passes `test`, which hears when each is due, among the next `looks` entries and
    /// slots; whether these were the last. Then it starts again.
    pub(super) fn look<D>(
        &mut self,
        store: &mut Store<D>,
        looks: usize,
        mut test: impl FnMut(&D, Tick) -> bool,
    ) -> (Vec<Loose>, bool) {
        let mut taken = Vec::new();
        let mut budget = looks;
        let (origin, elapsed) = (self.origin, self.elapsed);
        let due = |low: u32| tick(origin, unit(elapsed, low));
        // What is between two levels is looked at on the lower one.
        if !self.sort(store, &mut budget) {
            return (taken, false);
        }
        for _ in 0..looks {
            let Look { level, slot, behind } = &mut self.look;
            let list = &mut self.slots[*level][*slot];
            match store.step(list, behind, |delivery, low| test(delivery, due(low))) {
                Step::Taken(entry) => taken.push(entry),
                Step::Left => continue,
                Step::End => {
                    let next = self.look.next();
                    self.look = next.unwrap_or(Look::START);
                    if next.is_none() {
                        return (taken, true);
                    }
                    continue;
                }
            }
            if list.is_empty() {
                self.occupied[*level] &= !(1 << *slot);
            }
        }
        (taken, false)
    }

    /// The next look starts at the beginning.
    pub(super) const fn restart_look(&mut self) {
        self.look = Look::START;
    }

    /// Puts `delivery` in, to come out at `due` or up to a unit later.
    pub(super) fn insert<D>(&mut self, store: &mut Store<D>, due: Tick, delivery: D) {
        let unit = self.unit_after(due).clamp(self.elapsed, self.elapsed + UNITS_MAX);
        let entry = store.keep(delivery, unit as u32);
        if !self.sorting.is_empty() && self.level(unit) < self.sorting_level {
            // It belongs into the slot being sorted: behind what came before it.
            store.push_back(&mut self.sorting, entry);
        } else {
            self.place(store, entry);
        }
    }

    /// Takes the next entry that is due at `now`.
    pub(super) fn turn<D>(&mut self, store: &mut Store<D>, now: Tick) -> Turn {
        let now = self.unit_before(now);
        let mut budget = SORTED_MAX;
        loop {
            if !self.sort(store, &mut budget) {
                return Turn::Later;
            }
            match self.next_slot() {
                Some((start, _, _)) if start > now => break,
                Some((start, 0, slot)) => {
                    self.elapsed = start;
                    return self.pop(store, slot);
                }
                Some((start, level, slot)) => {
                    self.elapsed = start;
                    self.sorting = self.empty(level, slot);
                    self.sorting_level = level;
                }
                None => break,
            }
        }
        self.elapsed = self.elapsed.max(now);
        Turn::Nothing
    }

    /// When [`Self::turn`] next has something to do: at or before the first due time.
    pub(super) fn next(&self) -> Option<Tick> {
        if !self.sorting.is_empty() {
            return Some(self.tick(self.elapsed));
        }
        self.next_slot().map(|(start, _, _)| self.tick(start))
    }

    /// Sorts what is left of a slot into the levels below; whether it is done.
    fn sort<D>(&mut self, store: &mut Store<D>, budget: &mut usize) -> bool {
        while !self.sorting.is_empty() {
            if *budget == 0 {
                return false;
            }
            *budget -= 1;
            if let Some(entry) = store.pop(&mut self.sorting) {
                self.place(store, entry);
            }
        }
        true
    }

    fn pop<D>(&mut self, store: &mut Store<D>, slot: usize) -> Turn {
        let list = &mut self.slots[0][slot];
        let first = store.pop(list);
        if first.as_ref().is_some_and(|entry| entry.is_at(self.look.behind)) {
            self.look.behind = Cursor::START;
        }
        if list.is_empty() {
            self.occupied[0] &= !(1 << slot);
        }
        first.map_or(Turn::Nothing, Turn::Due)
    }

    fn empty(&mut self, level: usize, slot: usize) -> List {
        self.occupied[level] &= !(1 << slot);
        if (self.look.level, self.look.slot) == (level, slot) {
            self.look.behind = Cursor::START;
        }
        std::mem::replace(&mut self.slots[level][slot], List::EMPTY)
    }

    fn place<D>(&mut self, store: &mut Store<D>, entry: Loose) {
        let due = self.unit(store.due(&entry));
        let level = self.level(due);
        let slot = (due >> (level as u32 * SLOT_BITS)) as usize % SLOTS;
        store.push_back(&mut self.slots[level][slot], entry);
        self.occupied[level] |= 1 << slot;
    }

    fn level(&self, due: u64) -> usize {
        let differing = (self.elapsed ^ due).checked_ilog2().unwrap_or(0);
        ((differing / SLOT_BITS) as usize).min(LEVELS - 1)
    }

    /// The first slot with entries: when it starts, its level, its number.
    ///
    /// The lowest occupied level has it, because what lies higher is beyond all of that level.
    /// Only the top level goes round: its slots before the current one are those of its next turn.
    fn next_slot(&self) -> Option<(u64, usize, usize)> {
        let level = self.occupied.iter().position(|occupied| *occupied != 0)?;
        let shift = level as u32 * SLOT_BITS;
        let current = self.elapsed >> shift;
        let turned = self.occupied[level].rotate_right(current as u32 % SLOTS as u32);
        let ahead = current + u64::from(turned.trailing_zeros());
        Some((ahead << shift, level, ahead as usize % SLOTS))
    }

    fn unit(&self, low: u32) -> u64 {
        unit(self.elapsed, low)
    }

    fn unit_before(&self, tick: Tick) -> u64 {
        tick.0.saturating_sub(self.origin.0) >> UNIT_BITS
    }

    fn unit_after(&self, tick: Tick) -> u64 {
        tick.0.saturating_sub(self.origin.0).div_ceil(1 << UNIT_BITS)
    }

    const fn tick(&self, unit: u64) -> Tick {
        tick(self.origin, unit)
    }
}

/// The whole of a due time from its low 32 bits: it is at most 2^32 - 1 units ahead.
fn unit(elapsed: u64, low: u32) -> u64 {
    elapsed + u64::from(low.wrapping_sub(elapsed as u32))
}

const fn tick(origin: Tick, unit: u64) -> Tick {
    Tick(origin.0.saturating_add(unit << UNIT_BITS))
}

#[cfg(test)]
mod tests;
