//! What a delivery log tells: the mail that came, what became of it, and what hosts said, and when.
//!
//! A recipient that mail came for costs 20 bytes, one that was taken 16 more until hosts are known, and one
//! that waits some 20; what is said of single recipients comes on top. Names of domains, hosts and sites are kept once, and of
//! replies [`REPLIES_MAX`].

use super::line::{Attempt, DialFailed, Event, Gate};
use super::names::Names;
use super::tally::Tally;
use event::Response;
use policy::replies::{Reading, Rules, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufRead};

/// So many replies are kept word by word; what hosts say beyond that as another of the same codes.
const REPLIES_MAX: usize = 4_096;
/// Hosts that are kept of one domain.
const HOSTS_MAX: usize = 4;
/// The domain that stands for the sender of bounces.
const NOBODY: &str = "";

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) messages: Vec<Message>,
    /// Places of messages, in the order in which they came.
    pub(super) order: Vec<u32>,
    /// What single recipients heard that nobody else would have: when, and which reply; one try after
    /// the other.
    pub(super) own: BTreeMap<u32, Vec<(u32, u32)>>,
    pub(super) replies: Replies,
    pub(super) senders: Names,
    pub(super) hosts: Names,
    pub(super) domains: Vec<Domain>,
    pub(super) domain_names: Names,
    pub(super) sites: Vec<Site>,
    pub(super) site_names: Names,
    /// Lines read.
    pub(super) lines: u64,
    /// Recipients that never had a site: DNS said no.
    pub(super) unplaced: u64,
    /// Milliseconds from the first line to the last that happened.
    pub(super) length: u32,
}

/// A recipient that mail came for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    /// In milliseconds since the first line of the log; what came before counts as come then.
    pub(super) at: u32,
    /// Whose it is: the domain.
    pub(super) sender: u32,
    pub(super) domain: u32,
    pub(super) bytes: u32,
}

/// A domain that mail is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Domain {
    pub(super) site: u32,
    /// The hosts that were seen to answer for it.
    pub(super) hosts: BTreeSet<u32>,
}

/// One site.
#[derive(Debug, Default)]
pub(super) struct Site {
    /// When each message was out, and when it was taken.
    pub(super) taken: Vec<(u32, u32)>,
    pub(super) refused: Vec<Refused>,
    pub(super) dials: Vec<Dial>,
    /// What the log says became of its mail.
    pub(super) tally: Tally,
}

/// A no that others would have heard as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) at: u32,
    /// Which message heard it; `None` if it came before any text and is known by what was done about it.
    pub(super) message: Option<u32>,
    pub(super) reply: u32,
    /// The sender's domain, if it is meant.
    pub(super) sender: Option<u32>,
}

/// A dial that came to nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dial {
    pub(super) at: u32,
    /// What was said in place of a greeting; `None`: nothing.
    pub(super) reply: Option<u32>,
}

/// What hosts said.
#[derive(Debug, Default)]
pub(super) struct Replies {
    pub(super) all: Vec<Said>,
    places: BTreeMap<(u16, Option<event::EnhancedCode>, Box<str>), u32>,
}

/// Something that was said.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) response: Response,
    /// Who said it first.
    pub(super) host: Box<str>,
    pub(super) times: u64,
    /// It was the answer to a message. 421 to anything but a text is none: the message counts as not tried.
    pub(super) is_verdict: bool,
}

/// A log, being read.
struct Reader<'r> {
    log: Log,
    rules: &'r Rules,
    first: Option<u64>,
    /// Recipients that wait: by a hash of message and address.
    open: BTreeMap<u64, u32>,
}

impl Log {
    /// Reads it; messages call it `name`. What is about one recipient is told from what is about everybody
    /// by `rules`. A last line without an end is being written, and is left out.
    ///
    /// # Errors
    /// What reading says; a line that is no event; nothing that mail was for.
    pub(super) fn read(name: &str, mut source: impl BufRead, rules: &Rules) -> io::Result<Self> {
        let log = Self::default();
        let mut reader = Reader { log, rules, first: None, open: BTreeMap::new() };
        let mut line = Vec::new();
        while source.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            reader.log.lines += 1;
            let text = line.trim_ascii();
            if !text.is_empty() {
                reader.note(text).map_err(|wrong| {
                    let place = format!("{name}:{}: {wrong}", reader.log.lines);
                    io::Error::new(io::ErrorKind::InvalidData, place)
                })?;
            }
            line.clear();
        }
        let log = reader.finish();
        if log.messages.is_empty() {
            let wrong = "no recipient was tried in it; expected a delivery log, the file that \
                         [log] delivery names, with mail to replay";
            let wrong = format!("{name}:{}: {wrong}", log.lines);
            return Err(io::Error::new(io::ErrorKind::InvalidData, wrong));
        }
        Ok(log)
    }

    pub(super) fn site_of(&self, message: u32) -> u32 {
        self.domains[self.messages[message as usize].domain as usize].site
    }
}

impl Reader<'_> {
    fn note(&mut self, line: &[u8]) -> Result<(), String> {
        match Event::parse(line)? {
            Event::Attempt(attempt) if attempt.site.is_empty() => {
                self.log.unplaced += u64::from(attempt.outcome != "deferred");
            }
            Event::Attempt(attempt) => self.note_attempt(&attempt),
            Event::DialFailed(dial) => self.note_dial(&dial),
            Event::Gate(gate) => self.note_gate(&gate),
            Event::Other => (),
        }
        Ok(())
    }

    /// Milliseconds since the first line.
    fn since_first(&mut self, at: u64) -> u32 {
        let first = *self.first.get_or_insert(at);
        let since = u32::try_from(at.saturating_sub(first)).unwrap_or(u32::MAX);
        self.log.length = self.log.length.max(since);
        since
    }

    fn site(&mut self, name: &str) -> u32 {
        let site = self.log.site_names.number(name);
        if self.log.sites.len() <= site as usize {
            self.log.sites.resize_with(site as usize + 1, Site::default);
        }
        site
    }

    fn domain(&mut self, recipient: &str, site: u32) -> u32 {
        let domain = self.log.domain_names.number(domain_of(recipient));
        if self.log.domains.len() <= domain as usize {
            self.log.domains.resize_with(domain as usize + 1, Domain::default);
        }
        self.log.domains[domain as usize].site = site;
        domain
    }

    fn note_attempt(&mut self, attempt: &Attempt<'_>) {
        self.since_first(attempt.at);
        let site = self.site(&attempt.site);
        let domain = self.domain(&attempt.recipient, site);
        let host = attempt.host.as_deref().map_or("", bare);
        if !host.is_empty() {
            let host = self.log.hosts.number(host);
            let hosts = &mut self.log.domains[domain as usize].hosts;
            if hosts.len() < HOSTS_MAX {
                hosts.insert(host);
            }
        }
        let message = self.message(attempt, site, domain);
        let after = |millis: Option<f64>| attempt.accepted + whole(millis.unwrap_or_default());
        let (sent, at) = (after(attempt.sent), after(attempt.answered));
        if self.log.sites[site as usize].tally.note(attempt) {
            self.open.remove(&key(attempt));
        }
        // What we say ourselves tells nothing of hosts but that they could not be asked.
        if attempt.local {
            return;
        }
        let (sent, at) = (self.since_first(sent), self.since_first(at));
        if attempt.outcome == "delivered" {
            return self.log.sites[site as usize].taken.push((sent, at));
        }
        let response = attempt.response();
        let reading = self.rules.read(&response, self.rules.provider_at(host), None);
        let is_own = is_own(&reading, &response);
        let reply = self.log.replies.number(response, host);
        self.log.replies.all[reply as usize].is_verdict = true;
        if is_own {
            return self.log.own.entry(message).or_default().push((at, reply));
        }
        let of_sender = is_of_sender(&reading);
        let sender = of_sender.then(|| self.log.messages[message as usize].sender);
        let refused = Refused { at, message: Some(message), reply, sender };
        self.log.sites[site as usize].refused.push(refused);
    }

    /// The message it is about, which is new if it was not put off before.
    fn message(&mut self, attempt: &Attempt<'_>, site: u32, domain: u32) -> u32 {
        let key = key(attempt);
        if let Some(known) = self.open.get(&key) {
            return *known;
        }
        let at = self.since_first(attempt.accepted);
        let sender = match domain_of(&attempt.sender) {
            "" => NOBODY,
            domain => domain,
        };
        let sender = self.log.senders.number(sender);
        let bytes = u32::try_from(attempt.bytes).unwrap_or(u32::MAX);
        let place = self.log.messages.len() as u32;
        self.log.messages.push(Message { at, sender, domain, bytes });
        self.log.sites[site as usize].tally.messages += 1;
        self.open.insert(key, place);
        place
    }

    fn note_dial(&mut self, dial: &DialFailed<'_>) {
        let at = self.since_first(dial.at);
        let site = self.site(&dial.site);
        self.log.sites[site as usize].tally.dials_failed += 1;
        let said = dial.said();
        if said.is_none() && !dial.is_silence() {
            return;
        }
        let reply = said.map(|response| self.log.replies.number(response, ""));
        self.log.sites[site as usize].dials.push(Dial { at, reply });
    }

    fn note_gate(&mut self, gate: &Gate<'_>) {
        let site = self.site(&gate.site);
        if !gate.is_less() {
            return;
        }
        self.log.sites[site as usize].tally.limits_hit += 1;
        let at = self.since_first(gate.asked);
        let reply = self.log.replies.number(gate.response(), "");
        let sender = gate.sender().map(|domain| self.log.senders.number(domain));
        let refused = Refused { at, message: None, reply, sender };
        self.log.sites[site as usize].refused.push(refused);
    }

    fn finish(self) -> Log {
        let mut log = self.log;
        log.order = (0..log.messages.len() as u32).collect();
        log.order.sort_by_key(|place| log.messages[*place as usize].at);
        for site in &mut log.sites {
            site.taken.sort_unstable_by_key(|(_, at)| *at);
            site.refused.sort_by_key(|refused| refused.at);
            site.dials.sort_by_key(|dial| dial.at);
        }
        log
    }
}

impl Replies {
    pub(super) fn number(&mut self, response: Response, host: &str) -> u32 {
        let is_room = self.all.len() < REPLIES_MAX;
        let text = if is_room { response.text.clone() } else { Box::default() };
        let mut key = (response.code, response.enhanced, text);
        if !is_room {
            // One with its words, if they are known; else whichever has its codes.
            key.2.clone_from(&response.text);
            if !self.places.contains_key(&key) {
                key.2 = Box::default();
            }
        }
        let next = self.all.len() as u32;
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.all.push(Said { response, host: host.into(), times: 0, is_verdict: false });
        }
        let said = &mut self.all[place as usize];
        said.times += 1;
        if said.host.is_empty() {
            said.host = host.into();
        }
        place
    }
}

/// What a recipient is known by while it waits.
fn key(attempt: &Attempt<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&attempt.id, &attempt.recipient).hash(&mut hasher);
    hasher.finish()
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// A host without its port.
fn bare(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|it| it.is_ascii_digit()) => {
            name
        }
        _ => host,
    }
}

#[expect(clippy::cast_sign_loss, reason = "it is positive")]
fn whole(millis: f64) -> u64 {
    millis.max(0.0) as u64
}

/// Whether a reply is about a recipient or a message and nothing else; where the rules do not say, its
/// codes do: what is refused for good, and what is about addresses, mailboxes and texts.
fn is_own(reading: &Reading<'_>, response: &Response) -> bool {
    let mut scopes = reading.scopes.iter().peekable();
    if scopes.peek().is_none() {
        let is_of_one = |code: event::EnhancedCode| matches!(code.subject, 1 | 2 | 6);
        return response.code >= 500 || response.enhanced.is_some_and(is_of_one);
    }
    scopes.all(|scope| matches!(scope, Scope::Recipient | Scope::Message))
}

fn is_of_sender(reading: &Reading<'_>) -> bool {
    let of_sender = [Scope::MailFromDomain, Scope::DkimDomain, Scope::FromDomain, Scope::UrlDomain];
    let mut scopes = reading.scopes.iter().peekable();
    scopes.peek().is_some() && scopes.all(|scope| of_sender.contains(&scope))
}

#[cfg(test)]
mod tests;
