//! Handing values to another shard, or to the control thread, without a lock.
//!
//! Many senders, one receiver. A busy receiver costs the sender a push and a look; a sleeping
//! one is woken once for any number of pushes.

use atomic_waker::AtomicWaker;
use crossbeam_queue::SegQueue;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

/// A new mailbox and the first of its senders. May be made on any thread.
#[must_use]
pub fn mailbox<T>() -> (Sender<T>, Mailbox<T>) {
    let shared = Arc::new(Shared {
        letters: SegQueue::new(),
        asleep: AtomicBool::new(false),
        waker: AtomicWaker::new(),
    });
    (Sender(Arc::clone(&shared)), Mailbox(shared))
}

#[derive(Debug)]
struct Shared<T> {
    letters: SegQueue<T>,
    /// The receiver saw no letter after it had set this. Sender and receiver each write first
    /// and then look at what the other writes, all in one order: one of them sees the other.
    asleep: AtomicBool,
    waker: AtomicWaker,
}

/// The end that is posted into. Works from any thread.
#[derive(Debug)]
pub struct Sender<T>(Arc<Shared<T>>);

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Sender<T> {
    /// Hands `letter` over. Their number is bounded by what the senders may hold, not here.
    pub fn post(&self, letter: T) {
        self.0.letters.push(letter);
        // The look alone leaves the receiver's cache line in peace while it is awake.
        if self.0.asleep.load(Ordering::SeqCst) && self.0.asleep.swap(false, Ordering::SeqCst) {
            self.0.waker.wake();
        }
    }
}

/// The end that is read, by one task.
#[derive(Debug)]
pub struct Mailbox<T>(Arc<Shared<T>>);

impl<T> Mailbox<T> {
    /// The next letter, if one is there. Those of one sender come in its order.
    #[must_use]
    pub fn take(&mut self) -> Option<T> {
        self.0.letters.pop()
    }

    /// Waits until a letter is there. May be dropped.
    pub async fn arrival(&mut self) {
        poll_fn(|context| {
            if !self.0.letters.is_empty() {
                return Poll::Ready(());
            }
            self.0.waker.register(context.waker());
            self.0.asleep.store(true, Ordering::SeqCst);
            if self.0.letters.is_empty() {
                return Poll::Pending;
            }
            self.0.asleep.store(false, Ordering::SeqCst);
            Poll::Ready(())
        })
        .await;
    }
}

#[cfg(test)]
mod tests;
