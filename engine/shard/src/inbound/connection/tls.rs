//! TLS below a connection: the handshake, and reading through it.

use super::Connection;
use crate::secured::HANDSHAKE_PATIENCE;
use crate::shard::Shard;
use kernel::{Buffer, Gather, Kernel, Piece, Stream};
use std::io;
use wire::{Acceptor, Cause, Fault, TlsFacts};

/// Room for sealed bytes: about what the reader has room for when they are opened.
const SEALED: [usize; 3] = [4 * 1_024, 16 * 1_024, 64 * 1_024];

/// Why nothing more is read.
pub(super) enum Failure {
    /// The socket says so.
    Lost(io::Error),
    /// TLS does. The peer has been told.
    Fault(Fault),
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(error) => error,
            Failure::Fault(fault) => Self::new(io::ErrorKind::InvalidData, fault),
        }
    }
}

impl<K: Kernel> Connection<K> {
    /// Puts TLS below. Whatever was read before belongs to the time before: the caller holds
    /// none of it, and what was pushed back is the beginning of the handshake.
    ///
    /// [RFC 3207 §6](https://www.rfc-editor.org/rfc/rfc3207#section-6)
    ///
    /// # Errors
    /// There was no handshake: the connection is of no use.
    pub(in crate::inbound) async fn secure(
        &mut self,
        shard: &Shard<K>,
        acceptor: &Acceptor,
    ) -> io::Result<()> {
        let deadline = shard.kernel.now() + HANDSHAKE_PATIENCE;
        self.watch.busy_until(deadline);
        let tls = acceptor.accept().map_err(io::Error::other)?;
        self.watch.put_below(tls, shard.shelf.clone());
        // Boxed, so that a connection pays for it only meanwhile.
        let met = Box::pin(self.shake_hands()).await;
        let meters = shard.meters();
        match met {
            Ok(facts) => {
                meters.tls_handshakes.add(1);
                meters.tls_resumed.add(u64::from(facts.resumed));
                self.facts = Some(Box::new(facts));
                Ok(())
            }
            Err(failure) => {
                let failed = match &failure {
                    Failure::Lost(_) if shard.kernel.now() >= deadline => {
                        &meters.tls_failed_timeout
                    }
                    Failure::Lost(_) => &meters.tls_failed_lost,
                    Failure::Fault(fault) => match fault.cause {
                        Cause::Alert => &meters.tls_failed_alert,
                        Cause::Offer => &meters.tls_failed_offer,
                        Cause::Certificate => &meters.tls_failed_certificate,
                        Cause::Protocol => &meters.tls_failed_protocol,
                    },
                };
                failed.add(1);
                Err(failure.into())
            }
        }
    }

    async fn shake_hands(&mut self) -> Result<TlsFacts, Failure> {
        loop {
            if let Some(facts) = self.watch.below(|secured| secured.tls().facts()) {
                return Ok(facts);
            }
            if self.watch.below(|secured| secured.is_readable()) {
                return Err(Failure::Lost(io::ErrorKind::UnexpectedEof.into()));
            }
            // Slow hands hold no buffer.
            if self.pushed_back.is_none() {
                self.watch.stream().readable().await.map_err(Failure::Lost)?;
            }
            self.pump(None).await?;
        }
    }

    /// Whether a read would return without the socket.
    pub(super) fn is_ready(&self) -> bool {
        if self.watch.is_secured() {
            self.watch.below(|secured| secured.is_readable())
        } else {
            self.pushed_back.is_some()
        }
    }

    pub(super) async fn read_opened(&mut self, buffer: &mut Buffer) -> io::Result<usize> {
        let held = buffer.len();
        loop {
            if let Some(count) = self.watch.below(|secured| secured.read(buffer)) {
                return Ok(count);
            }
            self.pump(Some(buffer)).await?;
            if buffer.len() > held {
                return Ok(buffer.len() - held);
            }
        }
    }

    /// Reads once, and opens what came: into `buffer` as far as there is room, else to be read
    /// later. Says what TLS has to say to it.
    pub(super) async fn pump(&mut self, buffer: Option<&mut Buffer>) -> Result<(), Failure> {
        let room = buffer.as_ref().map_or(0, |buffer| buffer.spare());
        let capacity = SEALED.into_iter().find(|capacity| *capacity >= room).unwrap_or(SEALED[2]);
        let buffers = self.watch.below(|secured| secured.shelf());
        let (result, mut sealed) = self.read_raw(buffers.take(capacity)).await;
        let mut replies = Vec::new();
        let opened = result
            .map(|_| self.watch.below(|secured| secured.open(&mut sealed, buffer, &mut replies)));
        buffers.put(sealed);
        let opened = opened.map_err(Failure::Lost)?;
        if !replies.is_empty() {
            let pieces = Gather::from_iter([Piece::Owned(replies)]);
            let said = self.watch.stream().write(pieces).await;
            // If the peer is at fault, that is what is told, whether it hears it or not.
            if opened.is_ok() {
                said.map_err(Failure::Lost)?;
            }
        }
        opened.map_err(Failure::Fault)
    }
}

impl<K: Kernel> Drop for Connection<K> {
    /// The end of TLS is said, so that the peer knows that nothing was cut off.
    fn drop(&mut self) {
        if self.facts.is_some() {
            self.watch.hang_up(b"");
        }
    }
}
