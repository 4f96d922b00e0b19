//! Which message is offered next: fresh ones in order and at their time, and between them
//! those that were answered with 4xx.

use super::Options;
use crate::arrivals::Starts;
use crate::clock::{Nanos, nanos};
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
    /// When it is to start, in an open loop; 0: as soon as a session is free.
    pub due: Nanos,
    /// How often it was offered before.
    pub tries: u16,
    /// To whom.
    pub recipients: Recipients,
}

/// Whether a fresh message may be taken before its time, by a session that has nothing else to
/// do: it then waits for that moment alone, and the other sessions for later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ahead {
    Yes,
    No,
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
    fresh: AtomicU64,
    /// In an open loop, when the next fresh message starts; locked while one is taken.
    starts: Option<Mutex<Starts>>,
    drop_after: Option<Nanos>,
    dropped: AtomicU64,
    waiting: AtomicUsize,
    again: Mutex<BinaryHeap<Reverse<(Nanos, Message)>>>,
}

impl Work {
    pub(super) fn new(options: &Options, started: Nanos) -> Self {
        Self {
            first: u64::from(options.run) << 40,
            messages: options.messages,
            started,
            fresh: AtomicU64::new(0),
            starts: options.arrivals.starts(options.seed).map(Mutex::new),
            drop_after: options.drop_after.map(nanos),
            dropped: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            again: Mutex::default(),
        }
    }

    /// The numbers of all messages.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> + use<> {
        self.first..self.first + self.messages
    }

    /// Messages that were not sent because their start was past.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// What to do next. With [`Ahead::Yes`] an offer may be due later than `now`.
    pub(super) fn next(&self, now: Nanos, ahead: Ahead) -> Next {
        let retry = self.retry(now);
        if let Next::Offer(_) = retry {
            return retry;
        }
        if let Some(starts) = &self.starts {
            let starts = &mut starts.lock().unwrap_or_else(PoisonError::into_inner);
            return self.next_in_time(starts, now, ahead, retry);
        }
        match self.fresh.fetch_add(1, Relaxed) {
            number if number < self.messages => Next::Offer(self.message(number, 0)),
            _ => {
                self.fresh.fetch_sub(1, Relaxed);
                retry
            }
        }
    }

    fn next_in_time(&self, starts: &mut Starts, now: Nanos, ahead: Ahead, retry: Next) -> Next {
        loop {
            let number = self.fresh.load(Relaxed);
            if number >= self.messages {
                return retry;
            }
            let due = self.started.saturating_add(nanos(starts.peek()));
            if due > now {
                match retry {
                    Next::Wait(earlier) if earlier <= due => return retry,
                    _ if ahead == Ahead::No => return Next::Wait(due),
                    _ => (),
                }
            }
            starts.advance();
            self.fresh.store(number + 1, Relaxed);
            if self.drop_after.is_none_or(|limit| now.saturating_sub(due) <= limit) {
                return Next::Offer(self.message(number, due));
            }
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    fn message(&self, number: u64, due: Nanos) -> Message {
        Message { id: self.first + number, due, tries: 0, recipients: Recipients::All }
    }

    /// Only what was put back and is due.
    pub(super) fn retry(&self, now: Nanos) -> Next {
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

#[cfg(test)]
mod tests {
    use super::{Ahead, Message, Next, Options, Recipients, Work};
    use std::time::Duration;

    fn work(messages: u64, arrivals: &str, drop_after: Option<Duration>) -> Work {
        let arrivals = arrivals.parse().unwrap();
        let target = "127.0.0.1:25".parse().unwrap();
        let options = Options { messages, arrivals, drop_after, run: 1, ..Options::new(target) };
        Work::new(&options, 1_000)
    }

    fn fresh(number: u64, due: u64) -> Message {
        Message { id: (1 << 40) + number, due, tries: 0, recipients: Recipients::All }
    }

    fn offered(number: u64, due: u64) -> Next {
        Next::Offer(fresh(number, due))
    }

    #[test]
    fn every_message_is_offered_once_and_what_is_put_back_again_when_due() {
        let work = work(2, "closed", None);
        assert_eq!(work.next(1_000, Ahead::Yes), offered(0, 0));
        let again = Message { tries: 1, recipients: Recipients::These(vec![1]), ..fresh(0, 0) };
        work.put_back(again.clone(), 5_000);
        assert_eq!(work.next(1_000, Ahead::Yes), offered(1, 0));
        assert_eq!(work.next(1_000, Ahead::Yes), Next::Wait(5_000));
        assert_eq!(work.next(5_000, Ahead::Yes), Next::Offer(again));
        assert_eq!(work.next(5_000, Ahead::Yes), Next::Done);
    }

    #[test]
    fn a_plan_spaces_the_fresh_ones_and_only_those() {
        let work = work(2, "constant:1000000/s", None);
        assert_eq!(work.next(1_000, Ahead::No), offered(0, 1_000));
        assert_eq!(work.next(1_999, Ahead::No), Next::Wait(2_000));
        work.put_back(fresh(0, 0), 1_500);
        assert_eq!(work.next(1_400, Ahead::Yes), Next::Wait(1_500));
        assert_eq!(work.next(1_600, Ahead::No), offered(0, 0));
        assert_eq!(work.next(2_000, Ahead::No), offered(1, 2_000));
        assert_eq!(work.next(2_000, Ahead::No), Next::Done);
    }

    #[test]
    fn idle_sessions_wait_for_a_start_each_and_busy_ones_leave_them_alone() {
        let work = work(4, "constant:1000000/s", None);
        for number in 0..3 {
            assert_eq!(work.next(1_000, Ahead::Yes), offered(number, 1_000 * (number + 1)));
        }
        assert_eq!(work.next(1_000, Ahead::No), Next::Wait(4_000));
        assert_eq!(work.next(9_000, Ahead::No), offered(3, 4_000));
    }

    #[test]
    fn starts_too_far_in_the_past_are_dropped_and_counted() {
        let work = work(6, "constant:1000000/s", Some(Duration::from_micros(2)));
        assert_eq!(work.next(1_000, Ahead::Yes), offered(0, 1_000));
        assert_eq!(work.next(6_000, Ahead::Yes), offered(3, 4_000));
        assert_eq!(work.dropped(), 2);
        assert_eq!(work.next(u64::MAX, Ahead::Yes), Next::Done);
        assert_eq!(work.dropped(), 4);
    }
}
