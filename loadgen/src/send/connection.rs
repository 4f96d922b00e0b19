//! One thread of the generator: dials, and drives a [`Session`] for each connection.

use super::desk::{Desk, Turn, add};
use super::measured::Phase;
use super::session::{Fault, Session};
use super::work::Ahead;
use super::{Findings, Shared};
use crate::clock::{self, nanos};
use crate::ledger::{Row, Writer};
use crate::net::{self, Input, Stream};
use std::io;
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const INPUT_LEN: usize = 16 * 1_024;
/// How often a thread looks for connections whose peer has been silent too long, and how long
/// a session sleeps at most before it looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(20);
const REDIAL_FIRST: Duration = Duration::from_millis(10);
const REDIAL_LONGEST: Duration = Duration::from_secs(1);

/// Runs these sessions to their end.
pub(super) fn send(
    sessions: impl Iterator<Item = usize>,
    ledger: Option<Writer>,
    shared: Arc<Shared>,
) -> io::Result<Findings> {
    let desk = Rc::new(Desk::new(shared, ledger));
    net::run(async {
        for number in sessions {
            desk.sessions.update(|count| count + 1);
            net::spawn(run_session(number as u32 + 1, Rc::clone(&desk)));
        }
        let mut before = clock::now();
        while desk.sessions.get() > 0 {
            net::sleep(LOOK).await;
            let now = clock::now();
            let lag = now.saturating_sub(before + nanos(LOOK));
            desk.findings.borrow_mut().measured.timer_lag.record(lag);
            desk.open.expire(now);
            before = now;
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
        let dialled = clock::now();
        let ended = match Stream::connect(desk.shared.options.target).await {
            Ok(stream) => {
                let took = clock::now().saturating_sub(dialled);
                desk.findings.borrow_mut().measured.phases.record(Phase::Connect, took);
                desk.attend(Rc::new(stream), number).await
            }
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

impl Desk {
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
        let mut now = clock::now();
        let mut session = Session::new(&self.shared.options, &self.shared.composer, now);
        let (mut out, mut input) = (Vec::new(), Input::with_room(INPUT_LEN));
        let (mut turn, mut useful) = (Turn::default(), false);
        let lost = loop {
            let ahead = if session.is_idle() { Ahead::Yes } else { Ahead::No };
            let until = session.say(now, || self.next(now, ahead, &mut turn), &mut out);
            if !out.is_empty() {
                self.started(&mut turn);
                let (written, returned) = stream.write(out).await;
                out = returned;
                if let Err(error) = written {
                    break format!("write: {error}");
                }
            }
            if session.is_over() {
                return if turn.drained { Ended::Done } else { Ended::Useful };
            }
            if let Some(until) = until {
                let span = Duration::from_nanos(until.saturating_sub(clock::now()));
                net::sleep(span.min(LOOK)).await;
                now = clock::now();
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
            now = clock::now();
            turn.free = now;
            let heard = {
                let phases = &mut self.findings.borrow_mut().measured.phases;
                session.hear(input.unread(), now, phases, &mut out)
            };
            useful |= self.settle(session.outcomes(), number, now);
            match heard {
                Ok(used) => input.consume(used),
                Err(fault) => break describe(&fault),
            }
            if input.is_full() {
                break "a reply without end".to_owned();
            }
        };
        self.lose(session, turn, number, lost);
        if useful { Ended::Useful } else { Ended::Useless }
    }
}

fn describe(fault: &Fault) -> String {
    match fault {
        Fault::AnswerToNothing(text) => format!("an answer to nothing: {text}"),
        Fault::NotAReply(text) => format!("no reply: {text}"),
        Fault::Unwelcome(text) | Fault::Closing(text) => text.clone(),
    }
}
