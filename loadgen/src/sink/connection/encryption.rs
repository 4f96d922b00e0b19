//! A conversation under TLS.

use super::Conversation;
use crate::net::Input;
use crate::tls::{Fault, Tls};
use std::io;

/// TLS, and what came out of it and is not used yet.
pub(super) struct Encryption {
    tls: Tls,
    pub(super) plain: Vec<u8>,
    /// For the peer: handshakes, alerts, replies.
    out: Vec<u8>,
}

impl Conversation<'_> {
    /// From here on all is encrypted. The 220 has been sent, or waits in front.
    pub(super) fn start_tls(&mut self) -> Result<(), Fault> {
        // Without a certificate STARTTLS is not offered.
        let Some(server) = &self.desk.shared.certificate else { return Ok(()) };
        let (plain, out) = (Vec::new(), Vec::new());
        self.encryption = Some(Encryption { tls: server.accept()?, plain, out });
        self.session.encrypted();
        Ok(())
    }
}

impl Encryption {
    /// Takes all that was read.
    pub(super) fn take(&mut self, input: &mut Input) -> Result<(), Fault> {
        let taken = self.tls.take(input.unread(), &mut self.plain, &mut self.out);
        input.consume(input.unread().len());
        taken
    }

    /// Puts what the peer is to be sent in the place of what it is to be told.
    pub(super) fn give(&mut self, replies: &mut Vec<u8>) -> io::Result<()> {
        if !replies.is_empty() {
            self.tls.give(replies, &mut self.out).map_err(io::Error::other)?;
            replies.clear();
        }
        std::mem::swap(replies, &mut self.out);
        Ok(())
    }

    /// What says that nothing more will be said.
    pub(super) fn close(&mut self) -> Vec<u8> {
        // Who cannot be told sees the connection end.
        drop(self.tls.close(&mut self.out));
        std::mem::take(&mut self.out)
    }
}
