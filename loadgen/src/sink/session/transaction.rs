//! One message: its sender, its recipients, its text.

use super::{After, Output, Session, State, say};
use crate::clock::Nanos;
use crate::hash::{self, hex};
use crate::ledger::{Row, Verdict};
use crate::message::Print;
use crate::recipient;
use crate::sink::reply::Reply;
use crate::sink::site::{Asked, Refusal, Text, domain_of};
use crate::sink::text::Arrived;
use std::sync::Arc;

/// The envelope so far.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    /// MAIL was taken.
    open: bool,
    /// The message its sender names, if it names one.
    id: Option<u64>,
    /// The address in MAIL FROM; empty: the null sender.
    sender: Vec<u8>,
    /// The domain of the first recipient.
    domain: Vec<u8>,
    recipients: Vec<Mailbox>,
}

#[derive(Clone, Copy, Debug)]
struct Mailbox {
    address: u64,
    /// The message whose sender this mailbox is.
    about: Option<u64>,
}

impl Envelope {
    /// There is somebody to take a text.
    pub(super) const fn is_deliverable(&self) -> bool {
        self.open && !self.recipients.is_empty()
    }

    /// Forgets it, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.open = false;
        self.id = None;
        self.sender.clear();
        self.domain.clear();
        self.recipients.clear();
    }
}

impl Session {
    pub(super) fn mail(&mut self, argument: &[u8], now: Nanos, output: &mut Output) -> After {
        let Some(path) = path(argument, b" FROM:") else {
            say(&mut output.replies, "501 5.5.4 ", &["Syntax: MAIL FROM:<address>"]);
            return After::Continue;
        };
        if self.envelope.open {
            say(&mut output.replies, "503 5.5.1 ", &["Nested MAIL command"]);
            return After::Continue;
        }
        let site = Arc::clone(&self.site);
        let refused = site.mail(&self.guest, self.is_encrypted, now, &mut output.breaches);
        self.note(recipient::id_of(path).unwrap_or(0), now, output);
        if let Some(reply) = refused {
            return self.turn_down(reply, now, output);
        }
        self.envelope.open = true;
        self.envelope.id = recipient::id_of(path);
        self.envelope.sender.extend_from_slice(path);
        say(&mut output.replies, "250 2.1.0 ", &["Sender ok"]);
        After::Continue
    }

    pub(super) fn rcpt(&mut self, argument: &[u8], now: Nanos, output: &mut Output) -> After {
        let Some(path) = path(argument, b" TO:") else {
            say(&mut output.replies, "501 5.5.4 ", &["Syntax: RCPT TO:<address>"]);
            return After::Continue;
        };
        if !self.envelope.open {
            say(&mut output.replies, "503 5.5.1 ", &["Need MAIL first"]);
            return After::Continue;
        }
        let mailbox = Mailbox { address: hash::address(path), about: recipient::id_of(path) };
        let id = self.envelope.id.unwrap_or(0);
        let asked = Asked {
            id,
            sender: &self.envelope.sender,
            recipient: path,
            hash: mailbox.address,
            others: self.envelope.recipients.len(),
            first_domain: &self.envelope.domain,
        };
        let site = Arc::clone(&self.site);
        let refused = site.rcpt(&self.guest, asked, now, &mut output.breaches);
        self.note(id, now, output);
        if let Some(reply) = refused {
            // One recipient too many is no verdict on it.
            if self.envelope.id.is_some() && reply != &site.provider().replies.recipients {
                let row = self.row(id, mailbox.address, Print::default(), now, verdict(reply));
                output.rows.push(Row { code: reply.code(), ..row });
            }
            return self.turn_down(reply, now, output);
        }
        if self.envelope.recipients.is_empty() {
            self.envelope.domain.extend_from_slice(domain_of(path));
        }
        self.envelope.recipients.push(mailbox);
        say(&mut output.replies, "250 2.1.5 ", &["Recipient ok"]);
        After::Continue
    }

    pub(super) fn data(&mut self, replies: &mut Vec<u8>) {
        if !self.envelope.open {
            return say(replies, "503 5.5.1 ", &["Need MAIL first"]);
        }
        if self.envelope.recipients.is_empty() {
            return say(replies, "554 5.5.1 ", &["No valid recipients"]);
        }
        self.state = State::Text;
        say(replies, "354 ", &["Go ahead"]);
    }

    pub(super) fn text(&mut self, input: &[u8], now: Nanos, output: &mut Output) -> (usize, After) {
        let (used, whole) = self.text.take(input);
        if !whole {
            return (used, After::Continue);
        }
        self.state = State::Command;
        (used, self.arrived(now, output))
    }

    /// The text is all there.
    pub(super) fn arrived(&mut self, now: Nanos, output: &mut Output) -> After {
        let signers = match self.site.provider().quota {
            Some(quota) if quota.dkim.is_some() => self.text.signers(),
            _ => Vec::new(),
        };
        let arrived = self.text.finish();
        self.taken += 1;
        output.messages += 1;
        output.bytes += u64::from(arrived.print.bytes);
        output.corrupt += u64::from(!arrived.is_whole());
        let after = self.judge_text(arrived, &signers, now, output);
        self.envelope.clear();
        if after == After::Continue { self.behind_message(now) } else { after }
    }

    fn judge_text(
        &mut self,
        arrived: Arrived,
        signers: &[String],
        now: Nanos,
        output: &mut Output,
    ) -> After {
        let (site, envelope) = (Arc::clone(&self.site), std::mem::take(&mut self.envelope));
        let named = arrived.label.map(|label| label.id);
        let is_report = envelope.sender.is_empty();
        let mail_from = match site.provider().quota {
            Some(_) => String::from_utf8_lossy(domain_of(&envelope.sender)).to_ascii_lowercase(),
            None => String::new(),
        };
        let text = Text {
            id: named.filter(|_| !is_report),
            first: envelope.recipients.first().map_or(0, |mailbox| mailbox.address),
            recipients: envelope.recipients.len() as u16,
            mail_from: &mail_from,
            signers,
        };
        let refused = site.text(&self.guest, text, now, &mut output.breaches);
        self.note(named.unwrap_or(0), now, output);
        let (said, code) = match &refused {
            Some(refusal) => (verdict(refusal.reply), refusal.reply.code()),
            None if is_report => (Verdict::Reported, 250),
            None if named.is_none() => (Verdict::Stranger, 250),
            None => (Verdict::Delivered, 250),
        };
        for mailbox in &envelope.recipients {
            let about = if is_report { mailbox.about } else { named };
            if refused.is_none() || about.is_some() {
                let row = self.row(about.unwrap_or(0), mailbox.address, arrived.print, now, said);
                output.rows.push(Row { code, ..row });
            }
        }
        let id = named.or(envelope.id);
        self.envelope = envelope;
        let Some(Refusal { reply, domain }) = refused else {
            accept(id, &mut output.replies);
            return After::Continue;
        };
        if self.refuse(reply, domain, output) { self.hang_up(now) } else { After::Continue }
    }

    fn turn_down(&mut self, reply: &Reply, now: Nanos, output: &mut Output) -> After {
        if self.refuse(reply, "", output) { self.hang_up(now) } else { After::Continue }
    }

    fn row(&self, id: u64, recipient: u64, print: Print, at: Nanos, verdict: Verdict) -> Row {
        let Print { header, body, bytes } = print;
        let session = self.guest.number;
        Row { id, recipient, body, at, header, bytes, session, code: 0, verdict }
    }
}

/// What a refusal makes of a recipient.
const fn verdict(reply: &Reply) -> Verdict {
    if reply.is_permanent() { Verdict::Failed } else { Verdict::Deferred }
}

fn accept(id: Option<u64>, replies: &mut Vec<u8>) {
    replies.extend_from_slice(b"250 2.0.0 Ok: queued as ");
    hex(id.unwrap_or(0), replies);
    replies.extend_from_slice(b"\r\n");
}

/// The address between the angle brackets behind `keyword`.
fn path<'i>(argument: &'i [u8], keyword: &[u8]) -> Option<&'i [u8]> {
    let (head, rest) = argument.split_at_checked(keyword.len())?;
    let rest = rest.strip_prefix(b"<").filter(|_| head.eq_ignore_ascii_case(keyword))?;
    rest.get(..memchr::memchr(b'>', rest)?)
}
