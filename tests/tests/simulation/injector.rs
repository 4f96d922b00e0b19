//! Those who send: scripts that say what an SMTP client may say, in every rhythm, and give up
//! at any byte.

use crate::chance::{Chance, pause};
use crate::dialogue::Dialogue;
use crate::ledger::{Book, Fate, Message, Standing};
use kernel::Kernel;
use kernel::sim::Sim;
use std::cell::Cell;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// Who the injectors write to.
#[derive(Clone, Debug)]
pub(crate) struct Addressees {
    pub(crate) domains: Vec<&'static str>,
    /// Those nothing can be delivered to.
    pub(crate) hopeless: Vec<&'static str>,
    /// Those that lack 8BITMIME.
    pub(crate) seven_bit: Vec<&'static str>,
}

/// What one session does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habit {
    pub(crate) messages: u64,
    pub(crate) text_max: u64,
    /// Gives up in the middle of something, so many times in a hundred.
    pub(crate) moody_percent: u64,
}

/// One session after another until all messages were tried.
pub(crate) struct Injector {
    pub(crate) sim: Sim,
    pub(crate) book: Book,
    pub(crate) relay: SocketAddr,
    pub(crate) to: Rc<Addressees>,
    pub(crate) habit: Habit,
    /// Nobody needs to write any more.
    pub(crate) enough: Rc<Cell<bool>>,
}

impl Injector {
    pub(crate) async fn run(self) {
        let mut left = self.habit.messages;
        for _ in 0..40 {
            if left == 0 || self.enough.get() {
                return;
            }
            // Whoever is cut off comes back; the message that was under way is another's business.
            let _cut: io::Result<()> = self.session(&mut left).await;
            pause(&self.sim, self.sim.millis(50..500)).await;
        }
    }

    async fn session(&self, left: &mut u64) -> io::Result<()> {
        let stream = self.sim.connect(self.relay, None, PATIENCE).await?;
        let mut dialogue = Dialogue::new(&self.sim, stream);
        dialogue.reply().await?;
        dialogue.say("EHLO injector.test\r\n").await?;
        dialogue.reply().await?;
        let mut next = None;
        while *left > 0 && (next.is_some() || !self.enough.get()) {
            *left -= 1;
            let token = if let Some(token) = next.take() {
                token
            } else {
                let token = self.compose();
                self.say_envelope(&dialogue, token).await?;
                token
            };
            if self.hear_envelope(&mut dialogue, token).await? {
                let follows = *left > 0 && self.sim.one_in(3);
                next = self.say_text(&dialogue, token, follows).await?;
                self.hear_verdict(&mut dialogue, token).await?;
            }
            if self.sim.one_in(4) {
                pause(&self.sim, self.sim.millis(1..400)).await;
            }
        }
        dialogue.say("QUIT\r\n").await?;
        dialogue.reply().await.map(drop)
    }

    /// Writes a new message down.
    fn compose(&self) -> u64 {
        let (sim, mut book) = (&self.sim, self.book.borrow_mut());
        let token = book.messages.len() as u64 + 1;
        let sender = if sim.one_in(10) { String::new() } else { format!("m{token}@senders.test") };
        let eight_bit = sim.one_in(6);
        let count = if sim.one_in(3) { sim.within(2..6) } else { 1 };
        for index in 0..count {
            let domain = sim.pick(&self.to.domains);
            let fate = Fate {
                token,
                hopeless: self.to.hopeless.contains(&domain),
                unfit: eight_bit && self.to.seven_bit.contains(&domain),
                ..Fate::default()
            };
            book.fates.insert(format!("m{token}.{index}@{domain}"), fate);
        }
        let text = text(sim, token, self.habit.text_max, eight_bit);
        let message =
            Message { sender, recipients: Vec::new(), text, eight_bit, standing: Standing::Begun };
        book.messages.insert(token, message);
        token
    }

    fn envelope(&self, token: u64) -> String {
        let book = self.book.borrow();
        let message = &book.messages[&token];
        let mut words = format!("MAIL FROM:<{}>", message.sender);
        if self.sim.one_in(2) {
            write!(words, " SIZE={}", message.text.len()).expect("a String takes every write");
        }
        if message.eight_bit {
            words.push_str(" BODY=8BITMIME");
        }
        words.push_str("\r\n");
        for recipient in addresses(&book.fates, token) {
            write!(words, "RCPT TO:<{recipient}>\r\n").expect("a String takes every write");
        }
        words + "DATA\r\n"
    }

    async fn say_envelope(&self, dialogue: &Dialogue, token: u64) -> io::Result<()> {
        self.say(dialogue, self.envelope(token).into()).await
    }

    /// Hears the answers to an envelope. True if the text is asked for.
    async fn hear_envelope(&self, dialogue: &mut Dialogue, token: u64) -> io::Result<bool> {
        dialogue.reply().await?;
        let asked: Vec<String> = addresses(&self.book.borrow().fates, token).cloned().collect();
        for recipient in asked {
            if dialogue.reply().await?.0 == 250 {
                let mut book = self.book.borrow_mut();
                let message = book.messages.get_mut(&token).expect("it was composed");
                message.recipients.push(recipient);
            }
        }
        let (code, _) = dialogue.reply().await?;
        if code != 354 {
            self.stand(token, Standing::Refused { at: self.sim.now() });
        }
        Ok(code == 354)
    }

    /// Says the text and its dot, and perhaps the next envelope right behind it.
    async fn say_text(
        &self,
        dialogue: &Dialogue,
        token: u64,
        follows: bool,
    ) -> io::Result<Option<u64>> {
        let mut words = self.book.borrow().messages[&token].text.clone();
        if self.sim.percent(self.habit.moody_percent) {
            // Not the whole final dot, so there is no message.
            words.extend_from_slice(b".\r\n");
            words.truncate(self.sim.within(0..words.len() as u64 - 1) as usize);
            dialogue.say(words).await?;
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.stand(token, Standing::Dotted);
        words.extend_from_slice(b".\r\n");
        let next = follows.then(|| self.compose());
        if let Some(next) = next {
            words.extend_from_slice(self.envelope(next).as_bytes());
        }
        self.say(dialogue, words).await?;
        if self.sim.percent(self.habit.moody_percent) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(next)
    }

    async fn hear_verdict(&self, dialogue: &mut Dialogue, token: u64) -> io::Result<()> {
        let (code, line) = dialogue.reply().await?;
        let at = self.sim.now();
        if code != 250 {
            self.stand(token, Standing::Refused { at });
            return Ok(());
        }
        let id = line.rsplit(' ').next().and_then(|word| word.parse().ok());
        let id = id.ok_or_else(|| io::Error::other(format!("a 250 without an id: {line:?}")))?;
        self.stand(token, Standing::Acknowledged { at, id });
        self.book.borrow_mut().acknowledged.push(token);
        Ok(())
    }

    fn stand(&self, token: u64, standing: Standing) {
        let mut book = self.book.borrow_mut();
        book.messages.get_mut(&token).expect("it was composed").standing = standing;
    }

    /// Says it at once, or in two pieces with a pause between.
    async fn say(&self, dialogue: &Dialogue, mut words: Vec<u8>) -> io::Result<()> {
        if self.sim.one_in(3) {
            let rest = words.split_off(self.sim.within(0..words.len() as u64) as usize);
            dialogue.say(words).await?;
            pause(&self.sim, self.sim.millis(0..30)).await;
            words = rest;
        }
        dialogue.say(words).await
    }
}

/// The recipients of a message, in the order of their RCPT.
fn addresses(
    fates: &std::collections::BTreeMap<String, Fate>,
    token: u64,
) -> impl Iterator<Item = &String> {
    fates.iter().filter(move |(_, fate)| fate.token == token).map(|(address, _)| address)
}

/// A text in wire form: lines that begin with dots, empty ones, long ones, 8-bit ones; or nothing.
fn text(sim: &Sim, token: u64, len_max: u64, eight_bit: bool) -> Vec<u8> {
    if sim.one_in(20) {
        return Vec::new();
    }
    let len = match sim.within(0..20) {
        0 => sim.within(1..len_max),
        1..4 => sim.within(1..len_max.min(20_000)),
        _ => sim.within(1..len_max.min(2_000)),
    };
    let mut text =
        format!("From: <m{token}@senders.test>\r\nSubject: {token}\r\n\r\n").into_bytes();
    while (text.len() as u64) < len {
        match sim.within(0..8) {
            0 => text.extend_from_slice(b"..dots begin this line"),
            1 => text.extend_from_slice(b".."),
            2 => (),
            3 if eight_bit => text.extend_from_slice(&[0xe4, 0xff, 0x80, b'8']),
            4 => text.extend(std::iter::repeat_n(b'x', sim.within(1..990) as usize)),
            _ => text.extend_from_slice(format!("{:x}", sim.roll()).as_bytes()),
        }
        text.extend_from_slice(b"\r\n");
    }
    text
}
