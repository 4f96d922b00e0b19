//! One message on its way: which of its lines were said, and what was answered.

use super::chunks::Chunks;
use super::{Expected, Outcome};
use crate::clock::Nanos;
use crate::hash::{self, scatter};
use crate::message::{Composer, Print};
use crate::recipient;
use crate::send::Options;
use crate::send::work::{Message, Recipients};

/// A message under way.
#[derive(Debug)]
pub(super) struct Transaction {
    message: Message,
    mailboxes: Vec<Mailbox>,
    size: u32,
    eight_bit: bool,
    /// Lines said: MAIL, one RCPT each, DATA or all of BDAT.
    said: usize,
    /// With BDAT, the text of which some is said and some is not.
    chunks: Option<Chunks>,
    /// The text is said with BDAT.
    chunked: bool,
    sender: Option<u16>,
    data: Option<u16>,
    /// The text with its end was said: final dot, last chunk, or in the absence of takers the
    /// lone dot.
    dotted: bool,
    began: Nanos,
    print: Print,
    /// What was said of the text.
    answered: Option<u16>,
    refusal: Option<String>,
}

#[derive(Debug)]
struct Mailbox {
    index: u16,
    address: Vec<u8>,
    code: Option<u16>,
}

const fn is_yes(code: u16) -> bool {
    matches!(code, 200..=399)
}

impl Transaction {
    pub(super) fn new(
        message: Message,
        options: &Options,
        composer: &Composer,
        eight_bit: bool,
        now: Nanos,
    ) -> Self {
        let random = scatter(options.seed ^ scatter(message.id ^ 0x5157));
        let mailbox = |index| {
            let mut address = Vec::with_capacity(48);
            options.recipient(message.id, index, &mut address);
            Mailbox { index, address, code: None }
        };
        let mailboxes = match &message.recipients {
            Recipients::All => (0..options.recipients.max(1)).map(mailbox).collect(),
            Recipients::These(indexes) => indexes.iter().copied().map(mailbox).collect(),
        };
        let (size, beyond_ascii) = composer.template(message.id).unwrap_or_else(|| {
            (options.sizes.pick(random), options.eight_bit && random >> 63 == 1)
        });
        Self {
            mailboxes,
            size,
            eight_bit: eight_bit && beyond_ascii,
            message,
            said: 0,
            chunks: None,
            chunked: false,
            sender: None,
            data: None,
            dotted: false,
            began: now,
            print: Print::default(),
            answered: None,
            refusal: None,
        }
    }

    /// Appends the next line of the envelope, if there is one worth saying.
    pub(super) fn say(
        &mut self,
        options: &Options,
        composer: &Composer,
        size: bool,
        out: &mut Vec<u8>,
    ) -> Option<Expected> {
        let recipients = self.mailboxes.len();
        let line = self.said;
        if line > recipients + 1 || self.is_over() {
            return None;
        }
        if let Some(size) = options.bdat.filter(|_| line > recipients) {
            return Some(self.chunk(options, composer, size, out));
        }
        self.said += 1;
        if line == 0 {
            self.mail(options, size, out);
            return Some(Expected::Sender);
        }
        if let Some(mailbox) = self.mailboxes.get(line - 1) {
            out.extend_from_slice(b"RCPT TO:<");
            out.extend_from_slice(&mailbox.address);
            out.extend_from_slice(b">\r\n");
            return Some(Expected::Recipient(line - 1));
        }
        out.extend_from_slice(b"DATA\r\n");
        Some(Expected::Data)
    }

    /// Appends the next chunk of the text.
    fn chunk(
        &mut self,
        options: &Options,
        composer: &Composer,
        size: usize,
        out: &mut Vec<u8>,
    ) -> Expected {
        let mut chunks = self.chunks.take().unwrap_or_else(|| {
            let mut wire = Vec::new();
            self.compose(composer, options, &mut wire);
            Chunks::new(&wire)
        });
        self.chunked = true;
        if chunks.append(size, out) {
            self.said += 1;
            self.dotted = true;
            return Expected::Final;
        }
        self.chunks = Some(chunks);
        Expected::Chunk
    }

    fn compose(&mut self, composer: &Composer, options: &Options, out: &mut Vec<u8>) {
        // All recipients of a message get the same text, also when it is offered again.
        let mut to = Vec::with_capacity(48);
        options.recipient(self.message.id, 0, &mut to);
        self.print = composer.write(self.message.id, self.size, self.eight_bit, &to, out);
    }

    fn mail(&self, options: &Options, size: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(b"MAIL FROM:<");
        recipient::sender(self.message.id, &options.sender_domain, out);
        out.push(b'>');
        if size {
            out.extend_from_slice(b" SIZE=");
            out.extend_from_slice(self.size.to_string().as_bytes());
        }
        out.extend_from_slice(if self.eight_bit { b" BODY=8BITMIME\r\n" } else { b"\r\n" });
    }

    /// The text, or without takers a lone dot, may be said.
    pub(super) fn is_invited(&self) -> bool {
        !self.dotted && self.chunks.is_none() && self.data.is_some_and(is_yes)
    }

    /// Appends the text and its final dot.
    pub(super) fn text(&mut self, composer: &Composer, options: &Options, out: &mut Vec<u8>) {
        if self.has_takers() {
            self.compose(composer, options, out);
        }
        out.extend_from_slice(b".\r\n");
        self.dotted = true;
    }

    fn has_takers(&self) -> bool {
        self.mailboxes.iter().any(|mailbox| mailbox.code.is_some_and(is_yes))
    }

    pub(super) fn sender_answered(&mut self, code: u16, reply: &[u8]) {
        self.sender = Some(code);
        self.note(code, reply);
    }

    pub(super) fn recipient_answered(&mut self, index: usize, code: u16, reply: &[u8]) {
        if let Some(mailbox) = self.mailboxes.get_mut(index) {
            mailbox.code = Some(code);
        }
        self.note(code, reply);
    }

    pub(super) fn data_answered(&mut self, code: u16, reply: &[u8]) {
        self.data = Some(code);
        self.note(code, reply);
    }

    pub(super) fn text_answered(&mut self, code: u16, reply: &[u8]) {
        self.answered = Some(code);
        for mailbox in &mut self.mailboxes {
            if mailbox.code.is_some_and(is_yes) {
                mailbox.code = Some(code);
            }
        }
        self.note(code, reply);
    }

    fn note(&mut self, code: u16, reply: &[u8]) {
        if !is_yes(code) && self.refusal.is_none() {
            self.refusal = Some(String::from_utf8_lossy(reply.trim_ascii_end()).into_owned());
        }
    }

    /// Nothing more is to be said or heard of it.
    pub(super) fn is_over(&self) -> bool {
        let turned_down = self.sender.is_some_and(|code| !is_yes(code)) && self.said == 1;
        let none_taken = self.said == self.mailboxes.len() + 1
            && self.mailboxes.iter().all(|mailbox| mailbox.code.is_some_and(|code| !is_yes(code)));
        // Chunks that have left are all answered, also behind one that was refused.
        let data_refused = self.data.is_some_and(|code| !is_yes(code)) && !self.dotted;
        self.answered.is_some() || turned_down || none_taken || data_refused
    }

    /// The server may still have its sender: only RSET tells it otherwise.
    pub(super) fn leaves_stale(&self) -> bool {
        // A text that left by BDAT before anybody was taken ends nothing when it is refused.
        let ended = self.answered.is_some_and(|code| is_yes(code) || !self.chunked);
        !ended && self.sender.is_some_and(is_yes)
    }

    pub(super) const fn is_dotted(&self) -> bool {
        self.dotted
    }

    pub(super) fn into_message(self) -> Message {
        self.message
    }

    /// What became of each recipient: its own refusal, else that of the whole.
    pub(super) fn outcome(self, unanswered: bool) -> Outcome {
        let refused = |code: &u16| !is_yes(*code);
        let whole = self.sender.filter(refused).or(self.data.filter(refused));
        let code = |mailbox: &Mailbox| match mailbox.code {
            Some(code) if refused(&code) => whole.filter(|_| code == 503).unwrap_or(code),
            _ if unanswered => 0,
            taken => whole.or(taken).unwrap_or(0),
        };
        let of =
            |mailbox: &Mailbox| (mailbox.index, hash::address(&mailbox.address), code(mailbox));
        Outcome {
            codes: self.mailboxes.iter().map(of).collect(),
            message: self.message,
            print: self.print,
            unanswered,
            began: self.began,
            refusal: self.refusal,
        }
    }
}
