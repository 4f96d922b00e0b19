//! A task whose panic ends it alone.
#![allow(unsafe_code, reason = "a pinned field is reached through its pinned owner")]

use super::Shared;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Runs a future to its end, or to its panic: that is counted and told, and what the future
/// held (its connection) is dropped at once.
pub(super) struct Contained<F> {
    future: Option<F>,
    shard: Rc<Shared>,
}

impl<F: Future<Output = ()>> Contained<F> {
    pub(super) fn new(future: F, shard: Rc<Shared>) -> Self {
        Self { future: Some(future), shard }
    }
}

impl<F: Future<Output = ()>> Future for Contained<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // SAFETY: `future` is pinned as long as we are: it is only polled and dropped in
        // place. `shard` is never pinned.
        let (mut future, shard) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.future), &this.shard)
        };
        let turn = catch_unwind(AssertUnwindSafe(|| match future.as_mut().as_pin_mut() {
            Some(future) => future.poll(context),
            None => Poll::Ready(()),
        }));
        turn.unwrap_or_else(|panic| {
            shard.caught(&*panic);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| future.set(None))) {
                shard.caught(&*panic);
            }
            Poll::Ready(())
        })
    }
}

impl Shared {
    fn caught(&self, panic: &(dyn Any + Send)) {
        self.panics.set(self.panics.get() + 1);
        let message = panic.downcast_ref::<&str>().copied();
        let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        (self.panicked)(message.unwrap_or("a panic without a message"));
    }
}

/// Says on standard error what happened, behind the place that Rust's own report names.
pub(super) fn show(message: &str) {
    eprintln!(
        "this is a bug in ringpost: a task panicked and was ended, its shard goes on: {message}"
    );
}
