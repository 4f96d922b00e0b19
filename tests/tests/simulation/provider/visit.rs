//! One connection to a provider, as the script has it.

use super::{Provider, Say, Stage};
use crate::chance::{Chance, pause};
use crate::dialogue::Dialogue;
use crate::ledger::{Taking, token_of};
use event::Tick;
use kernel::Kernel;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// A transaction.
struct Envelope {
    sender: String,
    /// Those answered 250.
    recipients: Vec<String>,
}

/// One connection.
pub(super) struct Visit<'p> {
    provider: &'p Rc<Provider>,
    dialogue: Dialogue,
    number: u64,
    begun: Tick,
    replies: Vec<u8>,
    envelope: Option<Envelope>,
    pipelining: bool,
    taken: u64,
}

impl<'p> Visit<'p> {
    pub(super) fn new(provider: &'p Rc<Provider>, dialogue: Dialogue, number: u64) -> Self {
        Self {
            provider,
            dialogue,
            number,
            begun: provider.sim.now(),
            replies: Vec::new(),
            envelope: None,
            pipelining: false,
            taken: 0,
        }
    }

    /// Until one of the two has enough.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        match self.provider.decide(Stage::Greeting, false) {
            Say::Yes => self.reply("220 provider.test"),
            Say::Later => return self.close("450 4.3.2 not now").await,
            Say::Never => return self.close("554 5.7.1 go away").await,
            say => self.end(say, Stage::Greeting).await?,
        }
        loop {
            if self.dialogue.is_drained() || !self.pipelining {
                self.flush().await?;
            }
            let line = self.dialogue.line().await?;
            let line = String::from_utf8(line).map_err(io::Error::other)?;
            if !self.pipelining && !self.dialogue.is_drained() {
                self.violation("spoke ahead without PIPELINING", &line);
            }
            if line.eq_ignore_ascii_case("QUIT") {
                return self.close("221 2.0.0 bye").await;
            }
            self.command(&line).await?;
            if self.taken == self.provider.nature.messages_max {
                // Without a word, as some large providers do; so it may not know that it was not heard.
                self.flush().await?;
                let is_sound = self.provider.book.borrow().network_sound;
                return if is_sound {
                    Ok(())
                } else {
                    Err(io::ErrorKind::ConnectionAborted.into())
                };
            }
        }
    }

    async fn command(&mut self, line: &str) -> io::Result<()> {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match &*verb {
            "EHLO" | "HELO" => self.hello(verb == "EHLO").await,
            "MAIL" => self.mail(line).await,
            "RCPT" => self.rcpt(line).await,
            "DATA" => self.data().await,
            "RSET" => {
                self.envelope = None;
                self.reply("250 2.0.0 forgotten");
                Ok(())
            }
            _ => {
                self.violation("said what no server knows", line);
                self.reply("500 5.5.1 what?");
                Ok(())
            }
        }
    }

    async fn hello(&mut self, extended: bool) -> io::Result<()> {
        let nature = self.provider.nature;
        if extended && !nature.ehlo {
            self.reply("502 5.5.1 HELO is what I know");
            return Ok(());
        }
        match self.provider.decide(Stage::Hello, false) {
            Say::Yes => (),
            Say::Later | Say::Never => {
                self.reply("450 4.3.2 not now");
                return Ok(());
            }
            say => return self.end(say, Stage::Hello).await,
        }
        self.pipelining = extended && nature.pipelining;
        if extended {
            self.reply("250-provider.test");
            if nature.pipelining {
                self.reply("250-PIPELINING");
            }
            if nature.eight_bit {
                self.reply("250-8BITMIME");
            }
        }
        self.reply("250 SIZE 10000000");
        Ok(())
    }

    async fn mail(&mut self, line: &str) -> io::Result<()> {
        let sender = path(line).to_owned();
        if self.envelope.is_some() {
            self.violation("began a message inside another", line);
        }
        // Who refuses a null sender's MAIL names nobody, so nobody could be told of it.
        let mut said = self.provider.decide(Stage::Mail, sender.is_empty());
        if said == Say::Never && token_of(&sender).is_none() {
            said = Say::Later;
        }
        match said {
            Say::Yes => self.reply("250 2.1.0 go on"),
            Say::Later => self.reply("451 4.7.1 later"),
            Say::Never => {
                let token = token_of(&sender).expect("checked above");
                self.refuse_all(token);
                self.reply("550 5.7.1 not from you");
            }
            say => return self.end(say, Stage::Mail).await,
        }
        // After a refusal there is no transaction: MAIL may come again.
        self.envelope = (said == Say::Yes).then_some(Envelope { sender, recipients: Vec::new() });
        Ok(())
    }

    async fn rcpt(&mut self, line: &str) -> io::Result<()> {
        let recipient = path(line).to_owned();
        let Some(envelope) = &self.envelope else {
            self.reply("503 5.5.1 MAIL first");
            return Ok(());
        };
        let is_bounce = self.is_bounce(&envelope.sender);
        let now = self.provider.sim.now();
        let said = self.provider.decide(Stage::Rcpt, is_bounce);
        match said {
            Say::Yes => {
                self.reply("250 2.1.5 known");
                self.envelope
                    .iter_mut()
                    .for_each(|envelope| envelope.recipients.push(recipient.clone()));
            }
            Say::Later => {
                self.note(&recipient, |fate| fate.deferred.push(now));
                self.reply("452 4.2.2 full");
            }
            Say::Never => {
                self.note(&recipient, |fate| fate.refused.push(now));
                self.reply("550 5.1.1 unknown");
            }
            say => return self.end(say, Stage::Rcpt).await,
        }
        Ok(())
    }

    async fn data(&mut self) -> io::Result<()> {
        let Some(envelope) = self.envelope.take() else {
            self.reply("503 5.5.1 MAIL first");
            return Ok(());
        };
        if envelope.recipients.is_empty() && self.provider.sim.one_in(2) {
            self.reply("554 5.5.1 no valid recipients");
            return Ok(());
        }
        let is_bounce = self.is_bounce(&envelope.sender);
        let said = if envelope.recipients.is_empty() {
            Say::Yes
        } else {
            self.provider.decide(Stage::Data, is_bounce)
        };
        match said {
            Say::Yes => self.reply("354 go ahead"),
            Say::Later | Say::Never => {
                self.turn_down(&envelope, said);
                self.reply(if said == Say::Later { "451 4.3.0 later" } else { "554 5.6.0 no" });
                return Ok(());
            }
            say => return self.end(say, Stage::Data).await,
        }
        if !self.pipelining && !self.dialogue.is_drained() {
            self.violation("sent text before it was asked for", "");
        }
        self.flush().await?;
        let text = self.dialogue.text().await?;
        self.text(envelope, text, is_bounce).await
    }

    async fn text(&mut self, envelope: Envelope, text: Vec<u8>, is_bounce: bool) -> io::Result<()> {
        if envelope.recipients.is_empty() {
            if !text.is_empty() {
                self.violation("sent text to nobody", &envelope.sender);
            }
            self.reply("554 5.5.1 no valid recipients");
            return Ok(());
        }
        let said = self.provider.decide(Stage::Final, is_bounce);
        let keeps = said == Say::Yes || (said == Say::Drop && self.provider.sim.one_in(2));
        if keeps {
            self.take(&envelope, &text);
        }
        match said {
            Say::Yes => {
                self.taken += 1;
                self.reply("250 2.0.0 mine");
            }
            Say::Later | Say::Never => {
                self.turn_down(&envelope, said);
                self.reply(if said == Say::Later { "452 4.3.1 later" } else { "554 5.6.0 no" });
            }
            say => return self.end(say, Stage::Final).await,
        }
        Ok(())
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
        if self.is_bounce(&envelope.sender) {
            let bounce = book.bounces.entry(text.to_vec()).or_default();
            if bounce.takings.is_empty() {
                envelope.recipients[0].clone_into(&mut bounce.to);
                bounce.of = crate::ledger::told_of(text);
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

    fn is_bounce(&self, sender: &str) -> bool {
        sender.is_empty() && self.provider.nature.domain == "senders.test"
    }

    fn turn_down(&self, envelope: &Envelope, said: Say) {
        let now = self.provider.sim.now();
        for recipient in &envelope.recipients {
            self.note(recipient, |fate| match said {
                Say::Never => fate.refused.push(now),
                _ => fate.deferred.push(now),
            });
        }
    }

    fn note(&self, recipient: &str, note: impl FnOnce(&mut crate::ledger::Fate)) {
        if let Some(fate) = self.provider.book.borrow_mut().fate(recipient) {
            note(fate);
        }
    }

    fn refuse_all(&self, token: u64) {
        let now = self.provider.sim.now();
        let mut book = self.provider.book.borrow_mut();
        for fate in book.fates_at(token, self.provider.nature.domain) {
            fate.refused.push(now);
        }
    }

    fn reply(&mut self, line: &str) {
        self.replies.extend_from_slice(line.as_bytes());
        self.replies.extend_from_slice(b"\r\n");
    }

    async fn flush(&mut self) -> io::Result<()> {
        let slowness = self.provider.nature.slowness_millis;
        if slowness > 0 && !self.replies.is_empty() {
            pause(&self.provider.sim, self.provider.sim.millis(0..slowness)).await;
        }
        let replies = std::mem::take(&mut self.replies);
        if !replies.is_empty() {
            self.dialogue.say(replies).await?;
            self.provider.book.borrow_mut().answered(self.number, self.provider.sim.now());
        }
        Ok(())
    }

    async fn close(&mut self, line: &str) -> io::Result<()> {
        self.reply(line);
        self.flush().await
    }

    /// The connection ends here, one way or another.
    async fn end(&mut self, say: Say, stage: Stage) -> io::Result<()> {
        match say {
            Say::Closing => self.close(&format!("421 4.3.2 closing at {stage:?}")).await?,
            Say::Silence => {
                self.flush().await?;
                // Longer than any patience: the other hangs up first.
                pause(&self.provider.sim, Duration::from_mins(30)).await;
            }
            // What was not said yet is never heard.
            _ => self.replies.clear(),
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn violation(&self, what: &str, detail: &str) {
        let domain = self.provider.nature.domain;
        self.provider
            .book
            .borrow_mut()
            .violation(format!("at {domain} the relay {what}: {detail}"));
    }
}

/// What stands between the angle brackets.
fn path(line: &str) -> &str {
    let start = line.find('<').map_or(0, |at| at + 1);
    line[start..].split('>').next().unwrap_or_default()
}
