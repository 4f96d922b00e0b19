//! One mail transaction: what MAIL and RCPT said, and the parts of the text already on disk.

use crate::message::Share;
use event::MessageId;
use smtp::server::Refusal;
use spool::Text;

/// A transaction not yet committed.
pub(super) struct Transaction {
    pub(super) sender: Box<[u8]>,
    pub(super) declared: Option<u64>,
    pub(super) utf8: bool,
    /// All recipients, one behind the other.
    recipients: Vec<u8>,
    /// Where each ends.
    ends: Vec<u32>,
    /// Set when the first part of the text went to disk.
    pub(super) streamed: Option<Streamed>,
    /// The memory it may use while it is received.
    pub(super) share: Option<Share>,
}

/// A text too large for one buffer: what of it is on disk.
pub(super) struct Streamed {
    pub(super) id: MessageId,
    pub(super) parts: Text,
    /// Received fields counted in the first part, which holds the header.
    pub(super) received: u16,
    /// A part could not be written, so the message cannot be accepted, and this is why.
    pub(super) broken: Option<Refusal>,
}

impl Transaction {
    pub(super) fn new(mail: &smtp::server::Mail<'_>, share: Option<Share>) -> Self {
        Self {
            sender: mail.path.into(),
            declared: mail.size,
            utf8: mail.utf8,
            recipients: Vec::new(),
            ends: Vec::new(),
            streamed: None,
            share,
        }
    }

    /// Adds a recipient. `postmaster` alone means ours.
    ///
    /// [RFC 5321 §4.5.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.1)
    pub(super) fn add(&mut self, path: &[u8], hostname: &str) {
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
