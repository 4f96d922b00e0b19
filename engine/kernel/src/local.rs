//! Waiting for another task of the same shard.

use slab::Slab;
use smallvec::SmallVec;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A bell that tasks of one shard wait at. Ringing it wakes all who wait; it also counts, so
/// a ring between a look and a wait is not missed.
#[derive(Clone, Debug, Default)]
pub struct Signal(Rc<RefCell<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    rings: u64,
    waiting: Slab<Waker>,
}

impl Signal {
    /// Wakes all who wait.
    pub fn ring(&self) {
        let woken: SmallVec<[Waker; 8]> = {
            let mut inner = self.0.borrow_mut();
            inner.rings += 1;
            inner.waiting.drain().collect()
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Whether this is the same bell.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// How often it has rung: take this, look at what you wait for, then [`Self::after`].
    #[must_use]
    pub fn rings(&self) -> u64 {
        self.0.borrow().rings
    }

    /// Waits until it has rung more than `seen` times. May be dropped.
    pub async fn after(&self, seen: u64) {
        Wait { signal: self, seen, place: None }.await;
    }
}

/// One task's wait. A thousand tasks may wait at one bell, so each knows its own place.
struct Wait<'s> {
    signal: &'s Signal,
    seen: u64,
    /// Where our waker is, until the bell has rung more often than this.
    place: Option<(u64, usize)>,
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let rings = self.signal.rings();
        if rings > self.seen {
            return Poll::Ready(());
        }
        self.leave();
        let place = self.signal.0.borrow_mut().waiting.insert(context.waker().clone());
        self.place = Some((rings, place));
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Wait<'_> {
    fn leave(&mut self) {
        let Some((rings, place)) = self.place.take() else { return };
        let waker = {
            let mut inner = self.signal.0.borrow_mut();
            (inner.rings == rings).then(|| inner.waiting.remove(place))
        };
        // It may be the last thing that holds a task, and that a wait at this bell: so we
        // drop it when the bell is free again.
        drop(waker);
    }
}

#[cfg(test)]
mod tests;
