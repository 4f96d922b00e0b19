//! What becomes of one batch, for all who wait for it.

use super::error::JournalError;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Pending, durable or failed. Each waiter has a seat of its own, so that a commit of a
/// thousand messages wakes each of them once and compares none.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate(Rc<RefCell<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    outcome: Option<Result<(), JournalError>>,
    seats: Vec<Waker>,
}

impl Fate {
    /// Decides it, once.
    pub(super) fn resolve(&self, outcome: Result<(), JournalError>) {
        let woken = {
            let mut inner = self.0.borrow_mut();
            inner.outcome.get_or_insert(outcome);
            std::mem::take(&mut inner.seats)
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Waits until it is decided. May be dropped.
    pub(super) async fn known(&self) -> Result<(), JournalError> {
        let mut seat = None;
        poll_fn(|context| self.poll(context, &mut seat)).await
    }

    fn poll(
        &self,
        context: &Context<'_>,
        seat: &mut Option<usize>,
    ) -> Poll<Result<(), JournalError>> {
        let mut inner = self.0.borrow_mut();
        if let Some(outcome) = inner.outcome {
            return Poll::Ready(outcome);
        }
        if let Some(taken) = *seat {
            inner.seats[taken].clone_from(context.waker());
        } else {
            *seat = Some(inner.seats.len());
            inner.seats.push(context.waker().clone());
        }
        Poll::Pending
    }
}
