//! Turns by deficit: who takes more than its part waits longer for its next turn.
//!
//! Each in its turn is given credit, and has its turn until that is spent. What it takes last may cost
//! more than is left: then it owes, and is passed over until its turns have paid for it. So nobody has to know
//! beforehand what anything costs, and a turn that is passed over was paid for by what was taken.
//!
//! [M. Shreedhar, G. Varghese, Efficient Fair Queuing Using Deficit Round-Robin, 1996](https://doi.org/10.1109/90.502236)

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// What has nothing for now.
pub(super) trait Idle {
    fn is_idle(&self) -> bool;
}

/// Those who take turns, by name. One that is idle when its turn comes is let go of, with what it owes.
#[derive(Debug)]
pub(super) struct Round<T> {
    all: BTreeMap<Arc<str>, Turn<T>>,
    order: VecDeque<Arc<str>>,
}

#[derive(Debug)]
struct Turn<T> {
    /// What it may still take; what it owes, if that is less than nothing.
    credit: i64,
    /// What it is given each turn.
    gain: i64,
    of: T,
}

impl<T> Default for Round<T> {
    fn default() -> Self {
        Self { all: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<T: Idle> Round<T> {
    /// Those there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The one of this name, who takes turns from now on, the last of all, if it did not before.
    pub(super) fn join(&mut self, name: &Arc<str>, gain: i64, new: impl FnOnce() -> T) -> &mut T {
        let order = &mut self.order;
        let turn = self.all.entry(Arc::clone(name)).or_insert_with(|| {
            order.push_back(Arc::clone(name));
            Turn { credit: 0, gain, of: new() }
        });
        &mut turn.of
    }

    /// Whose turn it is; `None` if nobody has anything. It stays so until something is
    /// [paid](Self::pay) for.
    pub(super) fn first(&mut self) -> Option<&mut T> {
        loop {
            let name = self.order.front()?;
            let turn = self.all.get_mut(name)?;
            if turn.of.is_idle() {
                self.all.remove(name);
                self.order.pop_front();
                continue;
            }
            if turn.credit <= 0 {
                turn.credit += turn.gain;
            }
            if turn.credit > 0 {
                break;
            }
            self.order.rotate_left(1);
        }
        self.order.front().and_then(|name| self.all.get_mut(name)).map(|turn| &mut turn.of)
    }

    /// Whose turn it is has taken what costs so much.
    pub(super) fn pay(&mut self, cost: i64) {
        let Some(turn) = self.order.front().and_then(|name| self.all.get_mut(name)) else { return };
        turn.credit -= cost;
        if turn.credit <= 0 {
            self.order.rotate_left(1);
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.all.get(name).map(|turn| &turn.of)
    }

    pub(super) fn find(&mut self, name: &str) -> Option<&mut T> {
        self.all.get_mut(name).map(|turn| &mut turn.of)
    }

    /// The only one there is.
    pub(super) fn only(&mut self) -> Option<&mut T> {
        if self.order.len() != 1 {
            return None;
        }
        self.all.values_mut().next().map(|turn| &mut turn.of)
    }

    /// All of them by name.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut T> {
        self.all.values_mut().map(|turn| &mut turn.of)
    }

    /// All of them by name, from this one on.
    pub(super) fn from(&self, first: Bound<&str>) -> impl Iterator<Item = &T> {
        self.all.range::<str, _>((first, Bound::Unbounded)).map(|(_, turn)| &turn.of)
    }
}
