//! Those who send: scripts that say what an SMTP client may say, in every rhythm, and give up
//! at any byte.

mod text;

use crate::chance::{Chance, pause};
use crate::dialogue::Dialogue;
use crate::ledger::{Book, Fate, Form, Message, Standing};
use kernel::Kernel;
use kernel::sim::Sim;
use std::cell::Cell;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// What senders ask to be told.
const NOTIFY: [&str; 5] = ["NEVER", "SUCCESS", "FAILURE", "DELAY", "SUCCESS,FAILURE,DELAY"];

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
    /// Says BDAT, so many times in a hundred.
    pub(crate) chunked_percent: u64,
    /// There is a balancer, which speaks first.
    pub(crate) proxied: bool,
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
        if self.habit.proxied {
            self.introduce(&dialogue).await?;
        }
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

    /// What a balancer says of us, or some of it.
    async fn introduce(&self, dialogue: &Dialogue) -> io::Result<()> {
        let mut words: Vec<u8> = if self.sim.one_in(2) {
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n".to_vec()
        } else {
            let addresses = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0, 25];
            [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &addresses].concat()
        };
        if self.sim.percent(self.habit.moody_percent) {
            words.truncate(self.sim.within(0..words.len() as u64) as usize);
            dialogue.say(words).await?;
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.say(dialogue, words).await
    }

    /// Writes a new message down.
    fn compose(&self) -> u64 {
        let (sim, mut book) = (&self.sim, self.book.borrow_mut());
        let token = book.messages.len() as u64 + 1;
        let sender = if sim.one_in(10) { String::new() } else { format!("m{token}@senders.test") };
        let form = if sim.percent(self.habit.chunked_percent) {
            sim.pick(&[Form::Chunks, Form::Chunks, Form::Binary])
        } else {
            Form::Data
        };
        let eight_bit = form != Form::Binary && sim.one_in(6);
        let count = if sim.one_in(3) { sim.within(2..6) } else { 1 };
        for index in 0..count {
            let domain = sim.pick(&self.to.domains);
            let fate = Fate {
                token,
                notify: if sim.one_in(2) { sim.pick(&NOTIFY) } else { "" },
                hopeless: self.to.hopeless.contains(&domain),
                // Some offer BINARYMIME, and some do not.
                unfit: form == Form::Binary || (eight_bit && self.to.seven_bit.contains(&domain)),
                ..Fate::default()
            };
            book.fates.insert(format!("m{token}.{index}@{domain}"), fate);
        }
        let text = match form {
            Form::Binary => text::octets(sim, token, self.habit.text_max),
            _ => text::lines(sim, token, self.habit.text_max, eight_bit),
        };
        let sent = match form {
            Form::Chunks => text::plain(sim, &text),
            _ => text.clone(),
        };
        let (recipients, standing, answers) = (Vec::new(), Standing::Begun, 1);
        let message =
            Message { sender, recipients, text, sent, form, answers, eight_bit, standing };
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
        match message.form {
            Form::Binary => words.push_str(" BODY=BINARYMIME"),
            _ if message.eight_bit => words.push_str(" BODY=8BITMIME"),
            _ => (),
        }
        words.push_str("\r\n");
        for recipient in addresses(&book.fates, token) {
            let notify = book.fates[recipient].notify;
            let notify = if notify.is_empty() { "" } else { &format!(" NOTIFY={notify}") };
            write!(words, "RCPT TO:<{recipient}>{notify}\r\n").expect("a String takes it");
        }
        if message.form == Form::Data { words + "DATA\r\n" } else { words }
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
        let goes_on = if self.form(token) == Form::Data {
            dialogue.reply().await?.0 == 354
        } else if self.book.borrow().messages[&token].recipients.is_empty() {
            dialogue.say("RSET\r\n").await?;
            dialogue.reply().await?;
            false
        } else {
            true
        };
        if !goes_on {
            self.stand(token, Standing::Refused { at: self.sim.now() });
        }
        Ok(goes_on)
    }

    fn form(&self, token: u64) -> Form {
        self.book.borrow().messages[&token].form
    }

    /// Says the text and its dot, and perhaps the next envelope right behind it.
    async fn say_text(
        &self,
        dialogue: &Dialogue,
        token: u64,
        follows: bool,
    ) -> io::Result<Option<u64>> {
        let sent = self.book.borrow().messages[&token].sent.clone();
        let (mut words, answers) = match self.form(token) {
            Form::Data => ([&sent[..], b".\r\n"].concat(), 1),
            _ => text::chunked(&self.sim, &sent),
        };
        if self.sim.percent(self.habit.moody_percent) {
            // Not the whole final dot, or chunk, so there is no message.
            words.truncate(self.sim.within(0..words.len() as u64 - 1) as usize);
            dialogue.say(words).await?;
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.stand(token, Standing::Dotted);
        self.change(token, |message| message.answers = answers);
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
        let answers = self.book.borrow().messages[&token].answers;
        for _ in 1..answers {
            dialogue.reply().await?;
        }
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
        self.change(token, |message| message.standing = standing);
    }

    fn change(&self, token: u64, change: impl FnOnce(&mut Message)) {
        change(self.book.borrow_mut().messages.get_mut(&token).expect("it was composed"));
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
