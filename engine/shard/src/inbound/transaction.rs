//! One mail transaction: what MAIL and RCPT said, and the parts of the text already on disk.

use super::header::Passed;
use crate::message::{Budget, Share};
use event::MessageId;
use mail::header::Injected;
use policy::Class;
use policy::source::Terms;
use smtp::server::{Body, Facts, Form, Mail, Notify, Rcpt, Refusal, Ret};
use spool::{ENVELOPE_MAX, Extra, LABELS_MAX, Label, ORIGINAL_MAX, Request, Return, Text};

/// What one more recipient may take up in an envelope, what was asked about it not counted.
const RECIPIENT_MAX: usize = 4 + smtp::address::MAILBOX_MAX;

/// What an envelope has besides recipients and what was asked: sender, and our header fields.
const OTHERS_MAX: usize = 32 * 1_024;

/// What of recipients, and of what was asked about them, nobody asks memory for: most envelopes
/// are smaller.
const ENVELOPE_FREE: usize = 4 * 1_024;

const _: () = assert!(
    ENVELOPE_FREE > RECIPIENT_MAX + ORIGINAL_MAX,
    "twice the memory is enough for one more recipient"
);

const _: () = assert!(
    OTHERS_MAX + LABELS_MAX + spool::EXTRA_MAX + RECIPIENT_MAX < ENVELOPE_MAX,
    "an envelope has room for recipients"
);

/// A transaction not yet committed.
#[expect(clippy::struct_excessive_bools, reason = "each is something that MAIL said")]
pub(super) struct Transaction {
    pub(super) sender: Box<[u8]>,
    pub(super) declared: Option<u64>,
    pub(super) utf8: bool,
    pub(super) requiretls: bool,
    /// It need not consist of lines.
    binary: bool,
    /// MAIL said what its sender calls it.
    named: bool,
    /// What else MAIL and RCPT said, and what is known of the message by other ways.
    pub(super) extra: Extra,
    /// All recipients, one behind the other.
    recipients: Vec<u8>,
    /// Where each ends.
    ends: Vec<u32>,
    /// Octets of text that have come.
    pub(super) came: u64,
    /// Set when the first part of the text went to disk.
    pub(super) streamed: Option<Streamed>,
    /// The memory its text may use while it is received.
    pub(super) share: Option<Share>,
    /// The memory of a long list of recipients.
    envelope: Option<Share>,
}

/// A text too large for one buffer: what of it is on disk.
pub(super) struct Streamed {
    pub(super) id: MessageId,
    pub(super) parts: Text,
    /// What the header came to, which is in the first part.
    pub(super) passed: Passed,
    /// A part could not be written, so the message cannot be accepted, and this is why.
    pub(super) broken: Option<Refusal>,
}

impl Transaction {
    pub(super) fn new(mail: &Mail<'_>, share: Option<Share>) -> Self {
        let mut transaction = Self {
            sender: mail.path.into(),
            declared: mail.size,
            utf8: mail.utf8,
            requiretls: mail.requiretls,
            binary: mail.body == Body::Binary,
            named: mail.envid.is_some(),
            extra: Extra::default(),
            recipients: Vec::new(),
            ends: Vec::new(),
            came: 0,
            streamed: None,
            share,
            envelope: None,
        };
        let fresh = match mail.ret {
            None => true,
            Some(Ret::Full) => transaction.extra.set_return(Return::Full),
            Some(Ret::Headers) => transaction.extra.set_return(Return::Headers),
        };
        let named = transaction.label(Label::Envid, mail.envid.unwrap_or_default());
        debug_assert!(fresh && named, "a command line is shorter than what fits");
        transaction
    }

    /// Says under a label what is known of the message, in the place of what was said before;
    /// nothing takes it away. False if it is longer than [`spool::LABEL_MAX`], or the envelope is
    /// full. An [`Label::Envid`] is xtext (`mail::xtext::encode`).
    pub(super) fn label(&mut self, label: Label, value: &[u8]) -> bool {
        self.extra.set(label, value)
    }

    /// Notes where the message belongs: where its injector says, else where its source does.
    /// What MAIL said of its name stands. False if something of that cannot be noted.
    pub(super) fn place(&mut self, injected: &Injected<'_>, terms: &Terms) -> bool {
        fn own(word: Option<&str>) -> &[u8] {
            word.map(str::as_bytes).unwrap_or_default()
        }
        // What everything is need not be said.
        let urgent = terms.class.filter(|class| *class == Class::Transactional);
        let class = urgent.map(|class| class.name().as_bytes()).unwrap_or_default();
        let labels = [
            (Label::Tenant, injected.tenant.unwrap_or(own(terms.tenant.as_deref()))),
            (Label::Pool, injected.pool.unwrap_or(own(terms.pool.as_deref()))),
            (Label::Job, injected.job.unwrap_or_default()),
            (Label::Campaign, injected.campaign.unwrap_or_default()),
            (Label::Class, class),
        ];
        let mut labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
        labels.all(|(label, value)| self.label(label, value))
            && injected
                .envid
                .filter(|_| !self.named)
                .is_none_or(|envid| self.label(Label::Envid, &mail::xtext::encode(envid)))
    }

    /// Whether there is no room for one more recipient, whatever is asked about it.
    pub(super) fn is_full(&self) -> bool {
        let paths = self.recipients.len() + 4 * self.ends.len() + RECIPIENT_MAX;
        let envelope = OTHERS_MAX + LABELS_MAX + self.extra.bytes().len() + paths;
        envelope > ENVELOPE_MAX || !self.extra.has_room_for(ORIGINAL_MAX + LABELS_MAX)
    }

    /// Takes what one more recipient may need from the memory for messages on their way in.
    /// False if there is none.
    pub(super) fn grow(&mut self, intake: &Budget) -> bool {
        let held = self.recipients.len() + 4 * self.ends.len() + self.extra.bytes().len();
        let needed = held + RECIPIENT_MAX + ORIGINAL_MAX;
        let granted = ENVELOPE_FREE + self.envelope.as_ref().map_or(0, Share::bytes);
        if needed <= granted {
            return true;
        }
        let Some(mut more) = intake.take(granted) else { return false };
        if let Some(share) = self.envelope.take() {
            more.join(share);
        }
        self.envelope = Some(more);
        true
    }

    /// In what form its text lies there.
    pub(super) const fn form(&self, facts: &Facts) -> spool::Form {
        match facts.form {
            Form::Stuffed => spool::Form::Stuffed,
            Form::Raw => spool::Form::Raw {
                // Where nothing is, no line is left open.
                ended: facts.ends_with_crlf || facts.bytes == 0,
                binary: self.binary,
            },
        }
    }

    /// Adds a recipient. `postmaster` alone means ours.
    ///
    /// [RFC 5321 §4.5.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.1)
    pub(super) fn add(&mut self, rcpt: &Rcpt<'_>, hostname: &str) {
        let path = rcpt.path.mailbox;
        let said = |notify: Notify| spool::Notify {
            success: notify.contains(Notify::SUCCESS),
            failure: notify.contains(Notify::FAILURE),
            delay: notify.contains(Notify::DELAY),
        };
        let request =
            Request { notify: rcpt.notify.map(said), original: rcpt.orcpt.unwrap_or_default() };
        let noted = self.extra.request(self.ends.len() as u16, &request);
        debug_assert!(noted, "who is full takes no more recipients");
        self.recipients.extend_from_slice(path);
        if !path.contains(&b'@') {
            self.recipients.push(b'@');
            self.recipients.extend_from_slice(hostname.as_bytes());
        }
        self.ends.push(self.recipients.len() as u32);
    }

    /// The recipients, in the order they were named.
    pub(super) fn recipients(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.recipients[start as usize..end as usize])
    }
}
