//! One thread of the generator: dials, and drives a [`Session`] for each connection.

use super::session::{Fault, Outcome, Session};
use super::work::{Message, Next, Recipients};
use super::{Findings, Shared};
use crate::clock::{self, Nanos};
use crate::ledger::{Row, Verdict, Writer};
use crate::net::{self, Input, Open, Stream};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const INPUT_LEN: usize = 16 * 1_024;
/// How often a thread looks for connections whose peer has been silent too long, and how long
/// a session sleeps at most before it looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(20);
const REDIAL_FIRST: Duration = Duration::from_millis(10);
const REDIAL_LONGEST: Duration = Duration::from_secs(1);

/// What the sessions of a thread share.
struct Desk {
    shared: Arc<Shared>,
    ledger: RefCell<Option<Writer>>,
    findings: RefCell<Findings>,
    open: Open,
    /// Why the ledger could not be written.
    broken: RefCell<Option<io::Error>>,
    sessions: Cell<usize>,
}

/// Runs these sessions to their end.
pub(super) fn send(
    sessions: impl Iterator<Item = usize>,
    ledger: Option<Writer>,
    shared: Arc<Shared>,
) -> io::Result<Findings> {
    let desk = Rc::new(Desk {
        shared,
        ledger: RefCell::new(ledger),
        findings: RefCell::default(),
        open: Open::default(),
        broken: RefCell::default(),
        sessions: Cell::new(0),
    });
    net::run(async {
        for number in sessions {
            desk.sessions.update(|count| count + 1);
            net::spawn(run_session(number as u32 + 1, Rc::clone(&desk)));
        }
        while desk.sessions.get() > 0 {
            net::sleep(LOOK).await;
            desk.open.expire(clock::now());
        }
    })?;
    desk.write(&[Row::end(clock::now())]);
    if let Some(error) = desk.broken.take() {
        return Err(error);
    }
    let mut findings = desk.findings.take();
    findings.cpu = clock::thread_cpu();
    findings.driver = net::driver();
    Ok(findings)
}

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// There is no more work.
    Done,
    /// Messages were answered on it; another connection may do more.
    Useful,
    /// Nothing came of it.
    Useless,
}

/// Dials again and again until the work is done, or nothing has come of it for too long.
async fn run_session(number: u32, desk: Rc<Desk>) {
    let mut redial = REDIAL_FIRST;
    let mut useless_since = None;
    while !desk.is_stopped() {
        let ended = match Stream::connect(desk.shared.options.target).await {
            Ok(stream) => desk.attend(Rc::new(stream), number).await,
            Err(error) => {
                add(&desk.shared.counters.dials_failed, 1);
                desk.note(format!("connect: {error}"));
                Ended::Useless
            }
        };
        match ended {
            Ended::Done => break,
            Ended::Useful => (redial, useless_since) = (REDIAL_FIRST, None),
            Ended::Useless => {
                let since = *useless_since.get_or_insert_with(clock::now);
                if clock::now() - since > nanos(desk.shared.options.patience) {
                    break;
                }
                net::sleep(redial).await;
                redial = (redial * 2).min(REDIAL_LONGEST);
            }
        }
    }
    desk.findings.borrow_mut().ended = clock::now();
    desk.sessions.update(|count| count - 1);
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Relaxed);
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX / 2)
}

impl Desk {
    fn is_stopped(&self) -> bool {
        self.shared.stop.load(Relaxed) || self.broken.borrow().is_some()
    }

    fn note(&self, trouble: String) {
        self.findings.borrow_mut().trouble = Some(trouble);
    }

    async fn attend(&self, stream: Rc<Stream>, number: u32) -> Ended {
        let counters = &self.shared.counters;
        add(&counters.connections, 1);
        add(&counters.open, 1);
        self.open.add(number, &stream);
        let ended = self.converse(&stream, number).await;
        stream.shutdown(Shutdown::Both);
        self.open.remove(number);
        counters.open.fetch_sub(1, Relaxed);
        ended
    }

    async fn converse(&self, stream: &Stream, number: u32) -> Ended {
        let mut session = Session::new(&self.shared.options, &self.shared.composer);
        let (mut out, mut input) = (Vec::new(), Input::with_room(INPUT_LEN));
        let (mut drained, mut useful) = (false, false);
        let lost = loop {
            let now = clock::now();
            let until = session.say(now, || self.next(now, &mut drained), &mut out);
            if !out.is_empty() {
                let (written, returned) = stream.write(out).await;
                out = returned;
                if let Err(error) = written {
                    break format!("write: {error}");
                }
            }
            if session.is_over() {
                return if drained { Ended::Done } else { Ended::Useful };
            }
            if let Some(until) = until {
                let span = Duration::from_nanos(until.saturating_sub(clock::now()));
                net::sleep(span.min(LOOK)).await;
                continue;
            }
            let deadline = clock::now() + nanos(self.shared.options.patience);
            self.open.expect(number, Some(deadline));
            let (read, returned) = stream.read(input).await;
            input = returned;
            match read {
                Ok(0) => break "the relay closed the connection".to_owned(),
                Ok(_) => (),
                Err(error) => break format!("read: {error}"),
            }
            let heard = session.hear(input.unread(), &mut out);
            useful |= self.settle(session.outcomes(), number);
            match heard {
                Ok(used) => input.consume(used),
                Err(fault) => break describe(&fault),
            }
            if input.is_full() {
                break "a reply without end".to_owned();
            }
        };
        self.lose(session, number, lost);
        if useful { Ended::Useful } else { Ended::Useless }
    }

    fn next(&self, now: Nanos, drained: &mut bool) -> Next {
        let next = if self.is_stopped() { Next::Done } else { self.shared.work.next(now) };
        *drained |= next == Next::Done;
        next
    }

    fn lose(&self, session: Session<'_>, number: u32, cause: String) {
        let (outcomes, back) = session.lost();
        add(&self.shared.counters.lost, 1);
        self.note(cause);
        self.settle(outcomes, number);
        let now = clock::now();
        for message in back {
            self.shared.work.put_back(message, now);
        }
    }

    /// Writes down, counts, and arranges what is to be offered again. Says whether there was
    /// anything.
    fn settle(&self, outcomes: impl IntoIterator<Item = Outcome>, session: u32) -> bool {
        let now = clock::now();
        let mut rows = Vec::new();
        for outcome in outcomes {
            self.settle_one(outcome, session, now, &mut rows);
        }
        self.write(&rows);
        !rows.is_empty()
    }

    fn settle_one(&self, outcome: Outcome, session: u32, now: Nanos, rows: &mut Vec<Row>) {
        let counters = &self.shared.counters;
        let options = &self.shared.options;
        let (print, message) = (outcome.print, outcome.message);
        let mut again = Vec::new();
        let mut taken = false;
        for (index, recipient, code) in outcome.codes {
            let (verdict, counter) = match code {
                0 => (Verdict::Unanswered, &counters.unanswered),
                200..=299 => (Verdict::Accepted, &counters.accepted),
                400..=499 if message.tries < options.retries_max => {
                    again.push(index);
                    (Verdict::Postponed, &counters.postponed)
                }
                _ => (Verdict::Refused, &counters.refused),
            };
            add(counter, 1);
            taken |= verdict == Verdict::Accepted;
            rows.push(Row {
                id: message.id,
                recipient,
                body: print.body,
                at: now,
                header: print.header,
                bytes: print.bytes,
                session,
                code,
                verdict,
            });
        }
        if taken {
            add(&counters.messages, 1);
            add(&counters.bytes, u64::from(print.bytes));
            let mut findings = self.findings.borrow_mut();
            findings.transaction.record(now.saturating_sub(outcome.began));
            findings.final_dot.record(now.saturating_sub(outcome.dotted.unwrap_or(now)));
        }
        if let Some(refusal) = outcome.refusal {
            self.note(refusal);
        }
        if again.is_empty() {
            add(&counters.finished, 1);
            return;
        }
        let (tries, recipients) = (message.tries + 1, Recipients::These(again));
        let due = now + nanos(options.retry_after);
        self.shared.work.put_back(Message { id: message.id, tries, recipients }, due);
    }

    /// Writes rows to the ledger; they outlive this process when it returns.
    fn write(&self, rows: &[Row]) {
        if let Some(ledger) = self.ledger.borrow_mut().as_mut() {
            let written = rows.iter().try_for_each(|row| ledger.add(row));
            if let Err(error) = written.and_then(|()| ledger.flush()) {
                self.broken.replace(Some(error));
            }
        }
    }
}

fn describe(fault: &Fault) -> String {
    match fault {
        Fault::AnswerToNothing(text) => format!("an answer to nothing: {text}"),
        Fault::NotAReply(text) => format!("no reply: {text}"),
        Fault::Unwelcome(text) | Fault::Closing(text) => text.clone(),
    }
}
