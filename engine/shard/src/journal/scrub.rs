//! The task that reads what waits, so that damage to it is found while nobody needs it yet.
//!
//! A round reads every message that lives in a full segment, oldest first, each once, with every
//! check. It reads through the page cache, so what lies in that is not read from the disk.
//! A read that fails is nobody's damage: the next round tries again.

use super::log::Log;
use event::{MessageId, Tick};
use kernel::Kernel;
use std::time::Duration;

/// From the begin of a round to that of the next.
const ROUND: Duration = Duration::from_hours(24);
/// How long after a log was opened its first round begins: a start has better things to do.
const FIRST: Duration = Duration::from_mins(10);
/// A commit under way for longer has the disk to itself.
const LATE: Duration = Duration::from_millis(20);
/// How far reading may be ahead of its rate: the timers of a machine are coarse.
const AHEAD: Duration = Duration::from_millis(20);

impl<K: Kernel> Log<K> {
    /// Reads round after round, until the log is closed.
    pub(super) async fn scrub(&self) {
        if self.options.scrub_bytes_per_second == 0 {
            return;
        }
        let mut begins = self.kernel.now() + FIRST;
        while self.rest_until(begins).await {
            // What an unread backlog will settle is not worth a look yet.
            let known = self.loaded.get();
            begins = self.kernel.now() + if known { ROUND } else { FIRST };
            if known {
                self.scrub_round().await;
            }
        }
    }

    /// Reads what is in full segments now. What is carried forward meanwhile was read with its
    /// old segment, or is read in the next round.
    async fn scrub_round(&self) {
        let (mut segment, end) = (self.catalog.borrow().head(), self.durable_segment.get());
        let mut due = self.kernel.now();
        while segment < end {
            let mut messages: Vec<MessageId> = self.catalog.borrow().at_home_in(segment).collect();
            // The catalog has the latest first.
            while let Some(id) = messages.pop() {
                due = self.scrub_one(id, end, due).await;
                if self.ended.get() {
                    return;
                }
            }
            segment += 1;
        }
    }

    /// Reads one message, when the rate allows and commits are not late. Returns from when on
    /// the rate allows the next.
    async fn scrub_one(&self, id: MessageId, end: u64, due: Tick) -> Tick {
        if due > self.kernel.now() + AHEAD {
            self.rest_until(due).await;
        }
        self.commits_come_first().await;
        let Some(spot) = self.spot_of(id).filter(|spot| spot.segment() < end) else { return due };
        let _unread: Result<(), _> = self.examine(id).await;
        let takes = spot.bytes() * 1_000_000 / self.options.scrub_bytes_per_second;
        due.max(self.kernel.now()) + Duration::from_micros(takes)
    }

    /// Waits while a commit is late.
    async fn commits_come_first(&self) {
        let is_late = |since: Tick| self.kernel.now().since(since) >= LATE;
        while !self.ended.get() {
            let seen = self.written.rings();
            if !self.writing.get().is_some_and(is_late) {
                return;
            }
            self.written.after(seen).await;
        }
    }

    /// Waits until `tick`; false if the log is closed before.
    async fn rest_until(&self, tick: Tick) -> bool {
        while !self.ended.get() && self.kernel.now() < tick {
            let seen = self.alarm.rings();
            self.ring_or(&self.alarm, seen, tick).await;
        }
        !self.ended.get()
    }
}
