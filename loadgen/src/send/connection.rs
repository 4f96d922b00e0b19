//! One thread of the generator: dials, and drives a [`Session`] for each connection.

use super::channel::Channel;
use super::desk::{Desk, Turn, add};
use super::measured::Phase;
use super::session::{Fault, Session};
use super::work::Ahead;
use super::{Encryption, Findings, Options, Shared};
use crate::clock::{self, nanos};
use crate::ledger::{Row, Writer};
use crate::net::{self, Stream};
use std::io;
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

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
        let mut channel = Channel::new(Rc::clone(&stream), number);
        let ended = match self.prepare(&mut channel).await {
            Ok(()) => self.converse(&mut channel, number).await,
            Err(cause) => {
                add(&counters.lost, 1);
                self.note(cause);
                Ended::Useless
            }
        };
        stream.shutdown(Shutdown::Both);
        self.open.remove(number);
        counters.open.fetch_sub(1, Relaxed);
        ended
    }

    /// What comes before the first word: the PROXY header, and implicit TLS.
    async fn prepare(&self, channel: &mut Channel) -> Result<(), String> {
        let Options { proxy, encryption, target, .. } = &self.shared.options;
        if let Some(proxy) = proxy {
            let mut header = Vec::new();
            let connection = self.shared.proxied.fetch_add(1, Relaxed);
            proxy.append(connection, *target, &mut header);
            channel.say(header).await.0?;
        }
        if let Encryption::Implicit(client) = encryption {
            channel.encrypt(client, clock::now(), self).await?;
        }
        Ok(())
    }

    async fn converse(&self, channel: &mut Channel, number: u32) -> Ended {
        let mut now = clock::now();
        let mut session = Session::new(&self.shared.options, &self.shared.composer, now);
        let mut out = Vec::new();
        let (mut turn, mut useful) = (Turn::default(), false);
        let lost = loop {
            let ahead = if session.is_idle() { Ahead::Yes } else { Ahead::No };
            let until = session.say(now, || self.next(now, ahead, &mut turn), &mut out);
            if !out.is_empty() {
                self.started(&mut turn);
                let (said, returned) = channel.say(out).await;
                out = returned;
                if let Err(cause) = said {
                    break cause;
                }
            }
            if session.is_over() {
                channel.close().await;
                return if turn.drained { Ended::Done } else { Ended::Useful };
            }
            if let Some(until) = until {
                let span = Duration::from_nanos(until.saturating_sub(clock::now()));
                net::sleep(span.min(LOOK)).await;
                now = clock::now();
                continue;
            }
            if let Err(cause) = channel.hear(self).await {
                break cause;
            }
            now = clock::now();
            turn.free = now;
            let heard = {
                let phases = &mut self.findings.borrow_mut().measured.phases;
                session.hear(channel.unread(), now, phases, &mut out)
            };
            useful |= self.settle(session.outcomes(), number, now);
            match heard {
                Ok(used) => channel.consume(used),
                Err(fault) => break describe(&fault),
            }
            if session.awaits_handshake()
                && let Encryption::StartTls(client) = &self.shared.options.encryption
            {
                if let Err(cause) = channel.encrypt(client, now, self).await {
                    break cause;
                }
                now = clock::now();
                session.secured(now, &mut out);
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
        Fault::Lacking(what) => format!("the relay does not offer {what}"),
        Fault::Injected => "bytes behind the answer to STARTTLS, without its protection".to_owned(),
        Fault::Unwelcome(text) | Fault::Closing(text) => text.clone(),
    }
}
