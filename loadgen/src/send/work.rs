//! Which message is offered next: fresh ones in order and at their time, and between them
//! those that were answered with 4xx.

use super::Options;
use crate::clock::Nanos;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Which recipients of a message are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recipients {
    /// All of them.
    All,
    /// Those with these indexes.
    These(Vec<u16>),
}

/// A message to be offered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Its number, with the run in the upper 24 bits.
    pub id: u64,
    /// How often it was offered before.
    pub tries: u16,
    /// To whom.
    pub recipients: Recipients,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Offer this.
    Offer(Message),
    /// Nothing is due before this moment.
    Wait(Nanos),
    /// Nothing will come any more.
    Done,
}

/// The list, shared by all sessions.
#[derive(Debug)]
pub(super) struct Work {
    first: u64,
    messages: u64,
    started: Nanos,
    /// Nanoseconds between two messages; zero is none.
    pace: f64,
    fresh: AtomicU64,
    waiting: AtomicUsize,
    again: Mutex<BinaryHeap<Reverse<(Nanos, Message)>>>,
}

impl Work {
    pub(super) fn new(options: &Options, started: Nanos) -> Self {
        Self {
            first: u64::from(options.run) << 40,
            messages: options.messages,
            started,
            pace: options.rate.map_or(0.0, |rate| 1e9 / rate.max(1e-6)),
            fresh: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            again: Mutex::default(),
        }
    }

    /// The numbers of all messages.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> + use<> {
        self.first..self.first + self.messages
    }

    pub(super) fn next(&self, now: Nanos) -> Next {
        let retry = self.retry(now);
        if let Next::Offer(_) = retry {
            return retry;
        }
        let due = self.due(self.fresh.load(Relaxed));
        if due > now && self.fresh.load(Relaxed) < self.messages {
            return sooner(retry, due);
        }
        match self.fresh.fetch_add(1, Relaxed) {
            number if number < self.messages => Next::Offer(Message {
                id: self.first + number,
                tries: 0,
                recipients: Recipients::All,
            }),
            _ => {
                self.fresh.fetch_sub(1, Relaxed);
                retry
            }
        }
    }

    /// When the fresh message with this number is due.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a pace is no exact thing"
    )]
    fn due(&self, number: u64) -> Nanos {
        self.started + (number as f64 * self.pace) as u64
    }

    fn retry(&self, now: Nanos) -> Next {
        if self.waiting.load(Relaxed) == 0 {
            return Next::Done;
        }
        let mut again = self.again.lock().unwrap_or_else(PoisonError::into_inner);
        match again.peek() {
            Some(Reverse((due, _))) if *due > now => Next::Wait(*due),
            _ => match again.pop() {
                Some(Reverse((_, message))) => {
                    self.waiting.fetch_sub(1, Relaxed);
                    Next::Offer(message)
                }
                None => Next::Done,
            },
        }
    }

    /// Takes back a message, to be offered again at `due`.
    pub(super) fn put_back(&self, message: Message, due: Nanos) {
        let mut again = self.again.lock().unwrap_or_else(PoisonError::into_inner);
        again.push(Reverse((due, message)));
        self.waiting.fetch_add(1, Relaxed);
    }
}

fn sooner(retry: Next, due: Nanos) -> Next {
    match retry {
        Next::Wait(earlier) if earlier < due => retry,
        _ => Next::Wait(due),
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Next, Options, Recipients, Work};

    fn work(rate: Option<f64>) -> Work {
        let target = "127.0.0.1:25".parse().unwrap();
        Work::new(&Options { messages: 2, rate, run: 1, ..Options::new(target) }, 1_000)
    }

    fn fresh(number: u64) -> Message {
        Message { id: (1 << 40) + number, tries: 0, recipients: Recipients::All }
    }

    #[test]
    fn every_message_is_offered_once_and_what_is_put_back_again_when_due() {
        let work = work(None);
        assert_eq!(work.next(1_000), Next::Offer(fresh(0)));
        let again = Message { tries: 1, recipients: Recipients::These(vec![1]), ..fresh(0) };
        work.put_back(again.clone(), 5_000);
        assert_eq!(work.next(1_000), Next::Offer(fresh(1)));
        assert_eq!(work.next(1_000), Next::Wait(5_000));
        assert_eq!(work.next(5_000), Next::Offer(again));
        assert_eq!(work.next(5_000), Next::Done);
    }

    #[test]
    fn a_rate_spaces_the_fresh_ones_and_only_those() {
        let work = work(Some(1e6));
        assert_eq!(work.next(1_000), Next::Offer(fresh(0)));
        assert_eq!(work.next(1_999), Next::Wait(2_000));
        work.put_back(fresh(0), 1_500);
        assert_eq!(work.next(1_400), Next::Wait(1_500));
        assert_eq!(work.next(1_600), Next::Offer(fresh(0)));
        assert_eq!(work.next(2_000), Next::Offer(fresh(1)));
        assert_eq!(work.next(2_000), Next::Done);
    }
}
