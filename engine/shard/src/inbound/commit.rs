//! The end of a message: durable first, and only then 250.

use super::header::Passed;
use super::session::Visit;
use super::transaction::{Streamed, Transaction};
use super::window::Window;
use crate::intake::Incoming;
use crate::journal::{Closed, JournalError};
use event::{Encryption, Entrance, MessageId, Tick};
use kernel::Kernel;
use mail::trace::{self, Hop, Proofs, Protocol};
use smtp::server::{Facts, Refusal};

impl<K: Kernel> Visit<K> {
    /// The text has ended: makes the message durable, and only then says so.
    pub(super) async fn commit(
        &mut self,
        window: &mut Window,
        facts: &Facts,
        replies: &mut Vec<u8>,
    ) {
        let mut transaction = self.transaction.take().expect("a commit ends a transaction");
        let streamed = transaction.streamed.as_ref().map(|streamed| streamed.id);
        self.announced = None;
        // The peer waits for us now, not we for it.
        self.connection.watch().busy_until(Tick::NEVER);
        let passed = match &transaction.streamed {
            Some(Streamed { broken: Some(refusal), .. }) => Err(*refusal),
            Some(streamed) => Ok(streamed.passed),
            None => self.pass_header(&mut transaction, window, facts.form),
        };
        // It was sent, whatever becomes of it. A dot that stands for nothing is not the sender's.
        let counted = self.count_text(facts.size(), transaction.declared);
        let received = match counted.and(passed) {
            Ok(passed) => self.receive(*transaction, window.text(), facts, &passed).await,
            Err(refusal) => Err(refusal),
        };
        match received {
            Ok(id) => self.session.committed(id, replies),
            Err(refusal) => self.session.rejected(refusal, replies),
        }
        if let Some(id) = streamed {
            // Its parts are held by the message now, or by nobody.
            self.shard.journal().forget(id);
        }
        window.release();
        window.shrink();
    }

    /// The keyword behind `with`.
    ///
    /// [RFC 3848](https://www.rfc-editor.org/rfc/rfc3848),
    /// [RFC 6531 §4.3](https://www.rfc-editor.org/rfc/rfc6531#section-4.3)
    fn protocol(&self, utf8: bool) -> Protocol {
        let (encrypted, authenticated) =
            (self.session.is_secure(), self.session.is_authenticated());
        let proofs = Proofs { encrypted, authenticated };
        match (self.session.greeted_with_ehlo(), utf8) {
            (true, true) => Protocol::Utf8Smtp(proofs),
            (true, false) => Protocol::Esmtp(proofs),
            (false, _) => Protocol::Smtp,
        }
    }

    /// How its messages come.
    fn entrance(&self, protocol: &'static str) -> Entrance<'_> {
        Entrance {
            peer: self.peer.address,
            listener: self.door.gate.address,
            source: self.guest.source().name(),
            user: self.user.as_ref().map(|pass| pass.user.name()),
            protocol,
            tls: self.encryption(),
            connection: self.peer.unique_id(),
        }
    }

    /// The TLS below: ours, or one that a balancer has ended.
    fn encryption(&self) -> Option<Encryption<'_>> {
        let own = self.connection.facts().map(|facts| Encryption {
            version: facts.version,
            cipher: facts.cipher,
            client: facts.peer_subject.as_deref(),
        });
        own.or_else(|| self.peer.cover())
    }

    async fn receive(
        &self,
        transaction: Transaction,
        text: &[u8],
        facts: &Facts,
        passed: &Passed,
    ) -> Result<MessageId, Refusal> {
        let bytes = facts.bytes - passed.removed;
        let (id, parts) = match &transaction.streamed {
            Some(streamed) => (streamed.id, streamed.parts.clone()),
            None => (self.shard.journal().next_id(), spool::Text::new()),
        };
        let recipients: smallvec::SmallVec<[&[u8]; 8]> = transaction.recipients().collect();
        let mut prefix = Vec::with_capacity(256);
        let protocol = self.protocol(transaction.utf8);
        let hop = Hop {
            helo: self.session.helo(),
            peer: self.peer.address.ip(),
            name: self.peer.name(),
            connection: self.peer.unique_id(),
            hostname: &self.shard.hostname,
            protocol,
            id,
            recipient: (recipients.len() == 1).then(|| recipients[0]),
            encryption: self.encryption(),
            at: self.shard.kernel.wall(),
        };
        trace::received(&mut prefix, &hop);
        self.add_missing(passed, id, &mut prefix);
        let incoming = Incoming {
            id,
            sender: &transaction.sender,
            recipients: &recipients,
            prefix: &prefix,
            parts,
            text,
            bytes,
            dotted: facts.dots > 0,
            eight_bit: facts.eight_bit,
            utf8: transaction.utf8,
            requiretls: transaction.requiretls,
            form: transaction.form(facts),
            extra: &transaction.extra,
            entrance: self.entrance(protocol.name()),
        };
        self.shard.take_in(incoming).await.map_err(refusal)?;
        for source in self.guest.counting() {
            source.count(recipients.len() as u64, bytes);
        }
        self.tell_faults(passed, id);
        Ok(id)
    }
}

/// What the peer is told about mail that the log did not take. A disk may have become full
/// since MAIL was welcome.
pub(super) const fn refusal(error: JournalError) -> Refusal {
    match error {
        JournalError::Closed(Closed::Full) => Refusal::DiskFull,
        _ => Refusal::LocalError,
    }
}
