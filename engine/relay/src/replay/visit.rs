//! A provider's hosts in a replay: they answer as [`Provider`] says.

use super::bucket::Level;
use super::log::Log;
use super::provider::{Provider, To};
use event::{Response, Tick};
use rehearsal::{Next, Visit};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A line of a command may be as long as this.
const LINE_MAX: usize = 4_096;
const AT_ONCE: Duration = Duration::ZERO;

/// All hosts of a site, in one run.
pub(super) struct Hosts {
    log: Arc<Log>,
    provider: Provider,
    begun: Tick,
    level: RefCell<Level>,
    /// How many replies of its own each recipient has heard.
    heard: RefCell<BTreeMap<u32, usize>>,
    open: Cell<usize>,
    /// Connections so far.
    pub(super) visits: Cell<u64>,
}

impl Hosts {
    pub(super) fn new(log: &Arc<Log>, provider: &Provider, begun: Tick) -> Rc<Self> {
        Rc::new(Self {
            log: Arc::clone(log),
            provider: provider.clone(),
            begun,
            level: RefCell::default(),
            heard: RefCell::default(),
            open: Cell::default(),
            visits: Cell::default(),
        })
    }

    fn millis(&self, now: Tick) -> u32 {
        u32::try_from(now.since(self.begun).as_millis()).unwrap_or(u32::MAX)
    }

    fn reply(&self, number: u32) -> Response {
        self.log.replies.all[number as usize].response.clone()
    }

    fn greeting(&self, now: Tick) -> Greeting {
        if let Some(spell) = self.provider.spell(To::Callers, self.millis(now)) {
            return match spell.reply {
                Some(reply) => Greeting::Refusal(self.reply(reply)),
                None => Greeting::Silence,
            };
        }
        match self.provider.connections {
            Some((most, reply)) if self.open.get() > most => Greeting::Refusal(self.reply(reply)),
            _ => Greeting::Welcome,
        }
    }

    /// What mail of this domain hears, if that is no.
    fn refusal(&self, sender: u32, now: Tick) -> Option<u32> {
        let now = self.millis(now);
        let of_all = || self.provider.spell(To::All, now);
        let spell = self.provider.spell(To::Sender(sender), now).or_else(of_all);
        if let Some(reply) = spell.and_then(|spell| spell.reply) {
            return Some(reply);
        }
        let (bucket, reply) = self.provider.bucket?;
        let takes = bucket.takes(&mut self.level.borrow_mut(), now);
        (!takes).then_some(reply)
    }

    /// Whether it can only have been said of a text: 421 before one is not said of a message.
    fn is_of_text(&self, reply: u32) -> bool {
        let said = &self.log.replies.all[reply as usize];
        said.response.code == 421 && said.is_verdict
    }

    fn own(&self, message: u32) -> Option<u32> {
        let replies = self.log.own.get(&message)?;
        let mut heard = self.heard.borrow_mut();
        let place = heard.entry(message).or_default();
        let (_, reply) = replies.get(*place)?;
        *place += 1;
        Some(*reply)
    }
}

/// What a connection hears first.
enum Greeting {
    Welcome,
    Refusal(Response),
    /// Nothing: it is closed.
    Silence,
}

/// So that connections hold on to their hosts.
pub(super) struct Door(pub(super) Rc<Hosts>);

impl rehearsal::Provider for Door {
    type Visit = Call;

    fn visit(&self, _: IpAddr, _: Tick) -> Call {
        self.0.visits.set(self.0.visits.get() + 1);
        self.0.open.set(self.0.open.get() + 1);
        Call { hosts: Rc::clone(&self.0), next: "MAIL", in_text: false, verdict: None }
    }
}

/// A connection.
pub(super) struct Call {
    hosts: Rc<Hosts>,
    /// The verb that may come: a message of a replay has one recipient.
    next: &'static str,
    in_text: bool,
    /// What is to be said of the text.
    verdict: Option<u32>,
}

impl Call {
    fn command(&mut self, line: &str, now: Tick, words: &mut Vec<u8>) -> Next {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let mut reply = None;
        let answer = match verb.as_str() {
            "EHLO" => "250-host\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n",
            "MAIL" => {
                let sender = number(line, "@s").unwrap_or(u32::MAX);
                reply = self.hosts.refusal(sender, now);
                self.verdict = reply.take_if(|reply| self.hosts.is_of_text(*reply));
                self.next = if reply.is_none() { "RCPT" } else { "MAIL" };
                "250 ok\r\n"
            }
            "RCPT" if self.next == "RCPT" => {
                reply = number(line, "<n").and_then(|message| self.hosts.own(message));
                if reply.is_some() && self.verdict.is_none() {
                    self.hosts.level.borrow_mut().give_back();
                }
                let of_text = reply.take_if(|reply| self.hosts.is_of_text(*reply));
                self.verdict = self.verdict.take().or(of_text);
                self.next = if reply.is_some() { "MAIL" } else { "DATA" };
                "250 ok\r\n"
            }
            "DATA" if self.next == "DATA" => {
                self.next = "MAIL";
                self.in_text = true;
                "354 go on\r\n"
            }
            "RCPT" | "DATA" => "503 5.5.1 not now\r\n",
            "QUIT" => {
                words.extend_from_slice(b"221 bye\r\n");
                return Next::Close(AT_ONCE);
            }
            _ => "250 ok\r\n",
        };
        let Some(reply) = reply else {
            words.extend_from_slice(answer.as_bytes());
            return Next::Listen(AT_ONCE);
        };
        say(&self.hosts.reply(reply), words)
    }
}

impl Visit for Call {
    fn greet(&mut self, now: Tick, words: &mut Vec<u8>) -> Next {
        match self.hosts.greeting(now) {
            Greeting::Welcome => {
                words.extend_from_slice(b"220 host\r\n");
                Next::Listen(AT_ONCE)
            }
            Greeting::Silence => Next::Close(AT_ONCE),
            Greeting::Refusal(response) => {
                say(&response, words);
                Next::Close(AT_ONCE)
            }
        }
    }

    fn hear(&mut self, input: &[u8], now: Tick, words: &mut Vec<u8>) -> (usize, Next) {
        let end: &[u8] = if self.in_text { b"\r\n.\r\n" } else { b"\r\n" };
        let found = input.windows(end.len()).position(|window| window == end);
        let Some(at) = found else {
            let is_endless = !self.in_text && input.len() > LINE_MAX;
            return (0, if is_endless { Next::Close(AT_ONCE) } else { Next::Listen(AT_ONCE) });
        };
        let used = at + end.len();
        if std::mem::take(&mut self.in_text) {
            if let Some(reply) = self.verdict.take() {
                return (used, say(&self.hosts.reply(reply), words));
            }
            words.extend_from_slice(b"250 taken\r\n");
            let takes = Duration::from_millis(self.hosts.provider.takes_millis.into());
            return (used, Next::Listen(takes));
        }
        let line = String::from_utf8_lossy(&input[..at]).into_owned();
        (used, self.command(&line, now, words))
    }

    fn leave(&mut self, _: Tick) {
        self.hosts.open.set(self.hosts.open.get().saturating_sub(1));
    }
}

/// Says no, and ends the connection if the code does.
fn say(response: &Response, words: &mut Vec<u8>) -> Next {
    words.extend_from_slice(format!("{response}\r\n").as_bytes());
    if response.code == 421 { Next::Close(AT_ONCE) } else { Next::Listen(AT_ONCE) }
}

/// The number behind `mark`: see [`super::run`].
fn number(line: &str, mark: &str) -> Option<u32> {
    let (_, rest) = line.split_once(mark)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
