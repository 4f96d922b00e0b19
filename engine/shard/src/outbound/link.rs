//! The bytes of one connection to a host, in the clear or under TLS: nothing above can tell.
//!
//! What TLS has to say by itself (that it follows new keys, or what it did not like) waits for
//! the next write, or for the end: nobody waits for it, and only one writes at a time.

use crate::inbound::Shelf;
use crate::secured::HANDSHAKE_PATIENCE;
use crate::shard::Shard;
use crate::watch::Watch;
use event::{Count, ShardMeters, Tick, TlsResult};
use kernel::{Buffer, Gather, Kernel, Piece, Stream};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use wire::{Cause, Fault, Tls, TlsFacts};

/// Room for sealed bytes: replies are short.
const SEALED: usize = 4 * 1_024;

/// What came of a read: how many bytes are behind what the buffer held. None: nothing will come.
pub(super) type Read = (io::Result<usize>, Buffer);

/// A read on its way. It is never dropped before it is done.
pub(super) type Reading = Pin<Box<dyn Future<Output = Read>>>;

/// One connection to a host.
pub(super) struct Link<K: Kernel> {
    watch: Rc<Watch<K::Stream>>,
}

/// Why there is no TLS.
pub(super) enum Failure {
    /// The connection was lost, or the peer closed it.
    Lost,
    /// It took too long.
    Late,
    /// What came was not right. The peer has been told.
    Fault(Fault),
}

impl Failure {
    /// Where it is counted.
    pub(super) fn count<'m>(&self, meters: &'m ShardMeters) -> &'m Count {
        match self {
            Self::Lost => &meters.tls_out_failed_lost,
            Self::Late => &meters.tls_out_failed_timeout,
            Self::Fault(fault) => match fault.cause {
                Cause::Alert => &meters.tls_out_failed_alert,
                Cause::Offer => &meters.tls_out_failed_offer,
                Cause::Certificate => &meters.tls_out_failed_certificate,
                Cause::Protocol => &meters.tls_out_failed_protocol,
            },
        }
    }
}

impl Failure {
    /// What reports call it.
    pub(super) fn result(&self) -> TlsResult {
        match self {
            Self::Lost | Self::Late => TlsResult::ValidationFailure,
            Self::Fault(fault) => fault.result,
        }
    }

    /// Whether the host showed a certificate that is not its own, or none.
    pub(super) fn is_of_certificate(&self) -> bool {
        matches!(self, Self::Fault(fault) if fault.cause == Cause::Certificate)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => f.write_str("the connection was lost in the handshake"),
            Self::Late => f.write_str("the handshake took too long"),
            Self::Fault(fault) => f.write_str(fault.text()),
        }
    }
}

impl<K: Kernel> Link<K> {
    /// In the clear, until [`Self::secure`].
    pub(super) fn new(shard: &Shard<K>, stream: K::Stream) -> Self {
        Self { watch: Rc::new(shard.watches.watch(stream, Tick::NEVER, b"")) }
    }

    /// Reads something, behind what `buffer` holds. Zero bytes mean that nothing will come.
    pub(super) fn reading(&self, buffer: Buffer) -> Reading {
        if self.watch.is_secured() {
            Box::pin(open(Rc::clone(&self.watch), buffer))
        } else {
            let stream = self.watch.stream().clone();
            Box::pin(async move { stream.read(buffer).await })
        }
    }

    /// Writes all of `pieces`. It is never dropped before it is done: [`Self::hang_up`] ends it.
    ///
    /// # Errors
    /// TLS can say nothing more.
    pub(super) fn writing(
        &self,
        pieces: Gather,
    ) -> io::Result<impl Future<Output = io::Result<()>> + use<K>> {
        let pieces = self.watch.seal(pieces)?;
        let stream = self.watch.stream().clone();
        Ok(async move { stream.write(pieces).await })
    }

    pub(super) fn hang_up(&self) {
        self.watch.hang_up(b"");
    }

    /// Whether it was: nothing that is written now gets anywhere.
    pub(super) fn is_hung_up(&self) -> bool {
        self.watch.is_hung_up()
    }

    /// What the peer hears, and is hung up on, if nothing happens until `deadline`.
    pub(super) fn wait_until(&self, deadline: Tick, last_words: &'static [u8]) {
        self.watch.say_last(last_words);
        self.watch.busy_until(deadline);
    }

    /// Puts TLS below, and shakes hands. Nothing is being read meanwhile, and nothing that was read
    /// is left: it would be of the time before
    /// ([RFC 3207 §4.2](https://www.rfc-editor.org/rfc/rfc3207#section-4.2)).
    ///
    /// # Errors
    /// There is no TLS: the connection is of no use.
    pub(super) async fn secure(&self, kernel: &K, tls: Tls) -> Result<TlsFacts, Failure> {
        let deadline = kernel.now() + HANDSHAKE_PATIENCE;
        self.wait_until(deadline, b"");
        self.watch.put_below(tls, Shelf::default());
        // Boxed, so that a connection pays for it only meanwhile.
        let met = Box::pin(self.shake_hands()).await;
        met.map_err(|failure| match failure {
            Failure::Lost if kernel.now() >= deadline => Failure::Late,
            failure => failure,
        })
    }

    async fn shake_hands(&self) -> Result<TlsFacts, Failure> {
        let (watch, stream) = (&self.watch, self.watch.stream());
        let mut replies = Vec::new();
        let begun = watch.below(|secured| secured.tls().open(&mut [], |_| (), &mut replies));
        let mut opened = begun.map(drop);
        let buffers = watch.below(|secured| secured.shelf());
        loop {
            if !replies.is_empty() {
                let flight = Gather::from_iter([Piece::Owned(std::mem::take(&mut replies))]);
                let said = stream.write(flight).await;
                // If the peer is at fault, that is what is told, whether it hears it or not.
                if opened.is_ok() {
                    said.map_err(|_| Failure::Lost)?;
                }
            }
            opened.map_err(Failure::Fault)?;
            if let Some(facts) = watch.below(|secured| secured.tls().facts()) {
                return Ok(facts);
            }
            if watch.below(|secured| secured.is_readable()) {
                return Err(Failure::Lost);
            }
            let (result, mut sealed) = stream.read(buffers.take(SEALED)).await;
            result.map_err(|_| Failure::Lost)?;
            opened = watch.below(|secured| secured.open(&mut sealed, None, &mut replies));
            buffers.put(sealed);
        }
    }
}

/// Reads through TLS.
async fn open<S: Stream>(watch: Rc<Watch<S>>, mut buffer: Buffer) -> Read {
    let held = buffer.len();
    let buffers = watch.below(|secured| secured.shelf());
    loop {
        if let Some(count) = watch.below(|secured| secured.read(&mut buffer)) {
            return (Ok(count), buffer);
        }
        let (result, mut sealed) = watch.stream().read(buffers.take(SEALED)).await;
        let opened = result.and_then(|_| {
            let opened = watch.below(|secured| secured.open_quietly(&mut sealed, &mut buffer));
            opened.map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))
        });
        buffers.put(sealed);
        match opened {
            Ok(()) if buffer.len() == held => (),
            Ok(()) => return (Ok(buffer.len() - held), buffer),
            Err(error) => return (Err(error), buffer),
        }
    }
}
