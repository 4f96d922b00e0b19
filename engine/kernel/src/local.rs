//! Waiting for another task of the same shard.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// A bell that tasks of one shard wait at. Ringing it wakes all who wait; it also counts, so
/// a ring between a look and a wait is not missed.
#[derive(Clone, Debug, Default)]
pub struct Signal(Rc<RefCell<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    rings: u64,
    waiting: Vec<Waker>,
}

impl Signal {
    /// Wakes all who wait.
    pub fn ring(&self) {
        let woken = {
            let mut inner = self.0.borrow_mut();
            inner.rings += 1;
            std::mem::take(&mut inner.waiting)
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// How often it has rung: take this, look at what you wait for, then [`Self::after`].
    #[must_use]
    pub fn rings(&self) -> u64 {
        self.0.borrow().rings
    }

    /// Waits until it has rung more than `seen` times. May be dropped.
    pub async fn after(&self, seen: u64) {
        poll_fn(|context| {
            let mut inner = self.0.borrow_mut();
            if inner.rings > seen {
                return Poll::Ready(());
            }
            if !inner.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                inner.waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}
