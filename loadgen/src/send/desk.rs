//! What the sessions of one thread share: whom to serve next, and what became of messages.

use super::series::Fate;
use super::session::{Outcome, Session};
use super::work::{Ahead, Message, Next, Recipients};
use super::{Findings, Shared};
use crate::clock::{self, Nanos, nanos};
use crate::ledger::{Row, Verdict, Writer};
use crate::net::Open;
use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the sessions of a thread share.
pub(super) struct Desk {
    pub(super) shared: Arc<Shared>,
    pub(super) ledger: RefCell<Option<Writer>>,
    pub(super) findings: RefCell<Findings>,
    pub(super) open: Open,
    /// Why the ledger could not be written.
    pub(super) broken: RefCell<Option<io::Error>>,
    /// Sessions not yet over.
    pub(super) sessions: Cell<usize>,
}

/// Where one connection stands in the queue for messages.
#[derive(Default)]
pub(super) struct Turn {
    /// Since when it could have taken another message: the last answer.
    pub(super) free: Nanos,
    /// Nothing will come any more.
    pub(super) drained: bool,
    /// A message whose start it waits for.
    claimed: Option<Message>,
    /// The intended start of a message it has taken and not yet handed to the socket.
    starting: Option<Nanos>,
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Relaxed);
}

/// How long a start waited for a free session, and how long although one was free.
///
/// Until the session had its last answer, the relay kept it busy; what comes behind both that
/// and the intended start is ours.
fn lateness(due: Nanos, free: Nanos, said: Nanos) -> (Nanos, Nanos) {
    let possible = due.max(free);
    (possible - due, said.saturating_sub(possible))
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>, ledger: Option<Writer>) -> Self {
        Self {
            shared,
            ledger: RefCell::new(ledger),
            findings: RefCell::default(),
            open: Open::default(),
            broken: RefCell::default(),
            sessions: Cell::new(0),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.shared.stop.load(Relaxed) || self.broken.borrow().is_some()
    }

    pub(super) fn note(&self, trouble: String) {
        self.findings.borrow_mut().trouble = Some(trouble);
    }

    /// The next message for a connection, or how long to wait for one.
    pub(super) fn next(&self, now: Nanos, ahead: Ahead, turn: &mut Turn) -> Next {
        let next = match turn.claimed.take() {
            _ if self.is_stopped() => Next::Done,
            Some(claimed) if claimed.due <= now => Next::Offer(claimed),
            Some(claimed) => {
                let due = claimed.due;
                turn.claimed = Some(claimed);
                match self.shared.work.retry(now) {
                    Next::Offer(retry) => Next::Offer(retry),
                    _ => Next::Wait(due),
                }
            }
            None => self.shared.work.next(now, ahead),
        };
        match next {
            Next::Offer(early) if early.due > now => {
                let due = early.due;
                turn.claimed = Some(early);
                Next::Wait(due)
            }
            Next::Offer(message) => {
                turn.starting = Some(message.due).filter(|due| *due > 0);
                Next::Offer(message)
            }
            next => {
                turn.drained |= next == Next::Done;
                next
            }
        }
    }

    /// What was said is about to be handed to the socket.
    pub(super) fn started(&self, turn: &mut Turn) {
        let Some(due) = turn.starting.take() else { return };
        let (waited, own) = lateness(due, turn.free, clock::now());
        let limit = nanos(self.shared.options.late_after);
        let mut findings = self.findings.borrow_mut();
        findings.measured.session_wait.record(waited);
        findings.measured.own_lateness.record(own);
        findings.late += u64::from(waited + own > limit);
        findings.late_by_generator += u64::from(own > limit);
    }

    /// The connection has ended with work under way.
    pub(super) fn lose(&self, session: Session<'_>, turn: Turn, number: u32, cause: String) {
        let (outcomes, back) = session.lost();
        add(&self.shared.counters.lost, 1);
        self.note(cause);
        let now = clock::now();
        self.settle(outcomes, number, now);
        for message in back {
            self.shared.work.put_back(message, now);
        }
        if let Some(claimed) = turn.claimed {
            let due = claimed.due;
            self.shared.work.put_back(claimed, due);
        }
    }

    /// Writes down, counts, and arranges what is to be offered again. Says whether there was
    /// anything.
    pub(super) fn settle(
        &self,
        outcomes: impl IntoIterator<Item = Outcome>,
        session: u32,
        now: Nanos,
    ) -> bool {
        let mut rows = Vec::new();
        for outcome in outcomes {
            self.settle_one(outcome, session, now, &mut rows);
        }
        self.write(&rows);
        !rows.is_empty()
    }

    fn settle_one(&self, outcome: Outcome, session: u32, now: Nanos, rows: &mut Vec<Row>) {
        let options = &self.shared.options;
        let (print, message) = (&outcome.print, &outcome.message);
        let mut again = Vec::new();
        let first = rows.len();
        for (index, recipient, code) in &outcome.codes {
            let verdict = match code {
                0 => Verdict::Unanswered,
                200..=299 => Verdict::Accepted,
                400..=499 if message.tries < options.retries_max => {
                    again.push(*index);
                    Verdict::Postponed
                }
                _ => Verdict::Refused,
            };
            rows.push(Row {
                id: message.id,
                recipient: *recipient,
                body: print.body,
                at: now,
                header: print.header,
                bytes: print.bytes,
                session,
                code: *code,
                verdict,
            });
        }
        self.count(&outcome, &rows[first..], now);
        if let Some(refusal) = outcome.refusal {
            self.note(refusal);
        }
        if again.is_empty() {
            add(&self.shared.counters.finished, 1);
            return;
        }
        let Message { id, due, tries, .. } = outcome.message;
        let later = now + nanos(options.retry_after);
        let due = if due > 0 { later } else { 0 };
        let recipients = Recipients::These(again);
        self.shared.work.put_back(Message { id, due, tries: tries + 1, recipients }, later);
    }

    fn count(&self, outcome: &Outcome, rows: &[Row], now: Nanos) {
        let counters = &self.shared.counters;
        let since_start = now.saturating_sub(self.shared.started);
        let measured = &mut self.findings.borrow_mut().measured;
        let mut taken = false;
        for row in rows {
            let (counter, fate) = match row.verdict {
                Verdict::Accepted => (&counters.accepted, Some(Fate::Accepted)),
                Verdict::Postponed => (&counters.postponed, Some(Fate::Postponed)),
                Verdict::Refused => (&counters.refused, Some(Fate::Refused)),
                _ => (&counters.unanswered, None),
            };
            add(counter, 1);
            taken |= row.verdict == Verdict::Accepted;
            if let Some(fate) = fate {
                measured.series.count(since_start, fate);
            }
        }
        if taken {
            add(&counters.messages, 1);
            add(&counters.bytes, u64::from(outcome.print.bytes));
            let raw = now.saturating_sub(outcome.began);
            measured.transaction.record(raw);
            let due = outcome.message.due;
            let felt = if due > 0 { now.saturating_sub(due) } else { raw };
            if due > 0 {
                measured.corrected.record(felt);
            }
            measured.series.record(since_start, felt);
            counters.recent.record(felt);
        }
    }

    /// Writes rows to the ledger; they outlive this process when it returns.
    pub(super) fn write(&self, rows: &[Row]) {
        if let Some(ledger) = self.ledger.borrow_mut().as_mut() {
            let written = rows.iter().try_for_each(|row| ledger.add(row));
            if let Err(error) = written.and_then(|()| ledger.flush()) {
                self.broken.replace(Some(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lateness;

    #[test]
    fn waiting_for_a_session_and_being_late_are_told_apart() {
        assert_eq!(lateness(1_000, 400, 1_000), (0, 0), "an idle session, at its moment");
        assert_eq!(lateness(1_000, 400, 1_250), (0, 250), "an idle session that woke late");
        assert_eq!(lateness(1_000, 1_700, 1_700), (700, 0), "a session that was busy");
        assert_eq!(lateness(1_000, 1_700, 1_750), (700, 50), "and then slow by itself");
    }
}
