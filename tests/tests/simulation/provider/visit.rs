//! One connection to a provider: its session, the mood over it, and what is written down.

mod faults;
mod texts;

use super::{Provider, Say, Stage};
use crate::chance::{Chance, pause};
use crate::dialogue::Dialogue;
use crate::ledger::{Taking, token_of, told_of};
use event::Tick;
use kernel::Kernel;
use loadgen::clock::Nanos;
use loadgen::ledger::{Row, Rule, Verdict};
use loadgen::sink::site::Guest;
use loadgen::sink::{After, Output, Session};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A transaction, as the book needs it.
struct Envelope {
    sender: String,
    /// Those answered 250.
    recipients: Vec<String>,
    /// Its text need not consist of lines.
    binary: bool,
}

/// The code of an answer, and how the connection goes on.
type Answer = (u16, After);

/// One connection.
pub(super) struct Visit<'p> {
    provider: &'p Rc<Provider>,
    dialogue: Dialogue,
    number: u32,
    begun: Tick,
    session: Session,
    /// With the replies that are not sent yet.
    output: Output,
    /// Where in them the session's last answer begins.
    said: usize,
    envelope: Option<Envelope>,
    /// A chunk was refused, and nobody knows what is left of its envelope.
    unclear: bool,
    pipelining: bool,
}

impl<'p> Visit<'p> {
    pub(super) fn new(provider: &'p Rc<Provider>, dialogue: Dialogue, guest: Guest) -> Self {
        let site = Arc::clone(&provider.site);
        let mut session = Session::new(site, 0, guest.number, guest.source);
        if !provider.faulty.get() {
            session.spare();
        }
        Self {
            provider,
            dialogue,
            number: guest.number,
            begun: provider.sim.now(),
            session,
            output: Output::default(),
            said: 0,
            envelope: None,
            unclear: false,
            pipelining: false,
        }
    }

    /// Until one of the two has enough.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        let ended = self.converse().await;
        self.session.leave(self.now());
        ended
    }

    async fn converse(&mut self) -> io::Result<()> {
        let (mut code, mut after) = self.greet().await?;
        loop {
            if self.dialogue.is_drained() || !self.pipelining || after != After::Continue {
                self.flush().await?;
            }
            match after {
                After::Continue => (),
                After::Close => return self.closed(code),
                After::Reset => {
                    self.dialogue.reset();
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                After::Endless(between) => return self.endless(between).await,
                After::Mute => return self.mute().await,
                After::StartTls => unreachable!("no profile here offers it"),
            }
            let mut line = self.dialogue.line().await?;
            if !self.pipelining && !self.dialogue.is_drained() {
                self.violation("spoke ahead without PIPELINING", &line);
            }
            line.extend_from_slice(b"\r\n");
            (code, after) = self.command(&line).await?;
        }
    }

    /// The session has closed behind an answer with this code. Says if it was not surely heard.
    fn closed(&self, code: u16) -> io::Result<()> {
        // Who closes without a word, as some large providers do, may not know that it was not
        // heard; and 421 comes in reply to anything.
        let is_sound = code != 421 && self.provider.book.borrow().network_sound;
        if code == 221 || is_sound { Ok(()) } else { Err(io::ErrorKind::ConnectionAborted.into()) }
    }

    async fn greet(&mut self) -> io::Result<Answer> {
        let after = self.session.greet(self.now(), &mut self.output);
        self.accuse();
        let said = self.provider.decide(Stage::Greeting, false);
        if said == Say::Yes {
            return Ok((code_of(&self.output.replies), after));
        }
        self.output.replies.clear();
        let (code, _) = self.answer(said, Stage::Greeting, b"").await?;
        Ok((code, After::Close))
    }

    async fn command(&mut self, line: &[u8]) -> io::Result<Answer> {
        let verb = line.trim_ascii_end().split(|byte| *byte == b' ').next().unwrap_or_default();
        match &*verb.to_ascii_uppercase() {
            b"EHLO" if !self.provider.ehlo => Ok(self.reply("502 5.5.1 HELO is what I know")),
            b"EHLO" => {
                let answer = self.hello(line).await?;
                self.pipelining = answer.0 == 250 && self.provider.site.provider().pipelining;
                Ok(answer)
            }
            b"HELO" => self.hello(line).await,
            b"MAIL" => self.mail(line).await,
            b"RCPT" => self.rcpt(line).await,
            b"DATA" => self.data(line).await,
            b"BDAT" => self.chunk(line).await,
            verb => {
                if verb == b"RSET" {
                    (self.envelope, self.unclear) = (None, false);
                }
                Ok(self.step(line))
            }
        }
    }

    async fn hello(&mut self, line: &[u8]) -> io::Result<Answer> {
        self.answer(self.provider.decide(Stage::Hello, false), Stage::Hello, line).await
    }

    async fn mail(&mut self, line: &[u8]) -> io::Result<Answer> {
        if self.unclear {
            self.violation("began a message behind a refused chunk without RSET", line);
        }
        let sender = path(line);
        // Who refuses a null sender's MAIL names nobody, so nobody could be told of it.
        let mut said = self.provider.decide(Stage::Mail, sender.is_empty());
        if said == Say::Never && token_of(&sender).is_none() {
            said = Say::Later;
        }
        let (code, after) = self.answer(said, Stage::Mail, line).await?;
        if code == 503 {
            self.violation("began a message inside another", line);
        }
        if let Some(token) = token_of(&sender).filter(|_| code >= 500) {
            self.refuse_all(token);
        }
        // After a refusal there is no transaction: MAIL may come again.
        let binary = line.windows(10).any(|word| word == b"BINARYMIME");
        let envelope = Envelope { sender, recipients: Vec::new(), binary };
        self.envelope = (code == 250).then_some(envelope);
        Ok((code, after))
    }

    async fn rcpt(&mut self, line: &[u8]) -> io::Result<Answer> {
        let Some(mut envelope) = self.envelope.take() else { return Ok(self.step(line)) };
        let said = self.provider.decide(Stage::Rcpt, self.is_bounce(&envelope));
        let answer = self.answer(said, Stage::Rcpt, line).await?;
        let recipient = path(line);
        match answer.0 {
            250 => envelope.recipients.push(recipient),
            code => self.turn_down(&[recipient], code),
        }
        self.envelope = Some(envelope);
        Ok(answer)
    }

    /// What the session answers to `input`, or what is said instead.
    async fn answer(&mut self, say: Say, stage: Stage, input: &[u8]) -> io::Result<Answer> {
        match say {
            Say::Yes => return Ok(self.step(input)),
            Say::Later => return Ok(self.reply("450 4.3.2 later")),
            Say::Never => return Ok(self.reply("554 5.7.1 no")),
            Say::Closing => {
                self.reply(&format!("421 4.3.2 closing at {stage:?}"));
                self.flush().await?;
            }
            Say::Silence => {
                self.flush().await?;
                // Longer than any patience: the other hangs up first.
                pause(&self.provider.sim, Duration::from_mins(30)).await;
            }
            // What was not said yet is never heard.
            Say::Drop => self.output.replies.clear(),
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn step(&mut self, input: &[u8]) -> Answer {
        self.said = self.output.replies.len();
        let (_, after) = self.session.step(input, self.now(), &mut self.output);
        self.accuse();
        // A reset takes back what was not sent yet.
        self.said = self.said.min(self.output.replies.len());
        let code = code_of(&self.output.replies[self.said..]);
        if matches!(code, 500 | 501) {
            self.violation("said what no server knows", input);
        }
        (code, after)
    }

    fn reply(&mut self, line: &str) -> Answer {
        self.output.replies.extend_from_slice(line.as_bytes());
        self.output.replies.extend_from_slice(b"\r\n");
        (code_of(line.as_bytes()), After::Continue)
    }

    /// A relay that breaks a rule it can know breaks its world.
    fn accuse(&mut self) {
        let rows = std::mem::take(&mut self.output.rows);
        let broken = rows.into_iter().filter(|row| row.verdict == Verdict::Broken);
        for Row { code, body, bytes, .. } in broken {
            let rule = Rule::of(code).map_or("unknown", Rule::name);
            let measure = format!("{body} where {bytes} may be");
            self.violation(&format!("broke the rule {rule}"), measure.as_bytes());
        }
    }

    /// The message is ours: writes it down for each recipient, and compares.
    fn take(&self, envelope: &Envelope, text: &[u8]) {
        let taking = Taking {
            at: self.provider.sim.now(),
            begun: self.begun,
            visit: Some(self.number),
            is_certain: false,
        };
        let mut book = self.provider.book.borrow_mut();
        if self.is_bounce(envelope) {
            let bounce = book.reports_like(text).entry(text.to_vec()).or_default();
            if bounce.takings.is_empty() {
                envelope.recipients[0].clone_into(&mut bounce.to);
                bounce.of = told_of(text);
            }
            bounce.takings.push(taking);
            return;
        }
        for recipient in &envelope.recipients {
            crate::body::compare(&mut book, &envelope.sender, recipient, text);
            match book.fate(recipient) {
                Some(fate) => fate.takings.push(taking),
                None => book.violation(format!("{recipient} was never written to")),
            }
        }
    }

    fn is_bounce(&self, envelope: &Envelope) -> bool {
        envelope.sender.is_empty() && self.provider.domain == "senders.test"
    }

    /// Writes down an answer with this code, if it is a no.
    fn turn_down(&self, recipients: &[String], code: u16) {
        let now = self.provider.sim.now();
        let mut book = self.provider.book.borrow_mut();
        for recipient in recipients {
            match book.fate(recipient) {
                Some(fate) if code >= 500 => fate.refused.push(now),
                Some(fate) if code >= 400 => fate.deferred.push(now),
                _ => (),
            }
        }
    }

    fn refuse_all(&self, token: u64) {
        let now = self.provider.sim.now();
        let mut book = self.provider.book.borrow_mut();
        for fate in book.fates_at(token, self.provider.domain) {
            fate.refused.push(now);
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        let replies = std::mem::take(&mut self.output.replies);
        if replies.is_empty() {
            return Ok(());
        }
        let (sim, late) = (&self.provider.sim, self.provider.site.provider().delay_ms);
        if late > 0 {
            pause(sim, sim.millis(0..late)).await;
        }
        match self.session.drips() {
            Some(between) => self.drip(replies, between).await?,
            None => self.dialogue.say(replies).await?,
        }
        self.provider.book.borrow_mut().answered(self.number, self.provider.sim.now());
        Ok(())
    }

    fn now(&self) -> Nanos {
        self.provider.sim.now().0
    }

    fn violation(&self, what: &str, detail: &[u8]) {
        let (domain, detail) = (self.provider.domain, String::from_utf8_lossy(detail));
        self.provider
            .book
            .borrow_mut()
            .violation(format!("at {domain} the relay {what}: {detail}"));
    }
}

/// The code of the first of these replies; 0 if there is none.
fn code_of(replies: &[u8]) -> u16 {
    let code = replies.get(..3).and_then(|code| std::str::from_utf8(code).ok());
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// What stands between the angle brackets.
fn path(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let start = line.find('<').map_or(0, |at| at + 1);
    line[start..].split('>').next().unwrap_or_default().to_owned()
}
