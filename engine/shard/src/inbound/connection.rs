//! The bytes of one inbound connection, whatever carries them.
//!
//! A session reads and writes here and nowhere else. What was read too far is pushed back
//! and read again first. Below may be TLS (`connection/tls.rs`), and once it is, it is to
//! the end. At rest there is no buffer, and one pointer where each of these would be.

mod tls;

use crate::watch::{Watch, Watches};
use event::Tick;
use kernel::{Buffer, Gather, Kernel, Stream};
use std::io;
use std::net::SocketAddr;
use wire::TlsFacts;

/// One connection, watched until it is dropped.
pub(super) struct Connection<K: Kernel> {
    watch: Watch<K::Stream>,
    /// Read before anything else. Never empty.
    #[allow(clippy::box_collection, reason = "an idle connection pays for one pointer")]
    pushed_back: Option<Box<Vec<u8>>>,
    facts: Option<Box<TlsFacts>>,
}

impl<K: Kernel> Connection<K> {
    /// A connection that hears `last_words` and is hung up when its deadline passes.
    pub(super) fn new(
        watches: &Watches<K::Stream>,
        stream: K::Stream,
        deadline: Tick,
        last_words: &'static [u8],
    ) -> Self {
        let watch = watches.watch(stream, deadline, last_words);
        Self { watch, pushed_back: None, facts: None }
    }

    /// Its deadline, and what it hears when that passes.
    pub(super) const fn watch(&self) -> &Watch<K::Stream> {
        &self.watch
    }

    /// The other end of the socket: the balancer's, if there is one in front.
    pub(super) fn peer(&self) -> SocketAddr {
        self.watch.stream().peer()
    }

    /// What the TLS handshake came to; `None` in the clear.
    pub(super) fn facts(&self) -> Option<&TlsFacts> {
        self.facts.as_deref()
    }

    /// Waits until a read would return something, or the end. Needs no buffer.
    pub(super) async fn readable(&mut self) -> io::Result<()> {
        loop {
            if self.is_ready() {
                return Ok(());
            }
            self.watch.stream().readable().await?;
            if !self.watch.is_secured() {
                return Ok(());
            }
            // Boxed, so that this costs nothing in the clear.
            Box::pin(self.pump(None)).await?;
        }
    }

    /// Whether the peer has said something that nobody has read. Looks, and waits for nothing.
    pub(super) fn has_unread(&self) -> bool {
        if self.watch.is_secured() {
            return self.watch.below(|secured| secured.has_unread());
        }
        self.pushed_back.is_some() || self.watch.stream().has_unread()
    }

    /// As [`Stream::read`]: behind what `buffer` holds, and never dropped before it is done.
    pub(super) async fn read(&mut self, mut buffer: Buffer) -> (io::Result<usize>, Buffer) {
        if !self.watch.is_secured() {
            return self.read_raw(buffer).await;
        }
        let result = Box::pin(self.read_opened(&mut buffer)).await;
        (result, buffer)
    }

    /// What comes next when reading, in front of everything that has not been read yet. Not
    /// once TLS has begun.
    #[allow(dead_code, reason = "whoever reads a header in front of the session needs it")]
    pub(super) fn push_back(&mut self, bytes: &[u8]) {
        debug_assert!(!self.watch.is_secured(), "what is pushed back is read below TLS");
        if bytes.is_empty() {
            return;
        }
        let behind = self.pushed_back.take();
        let behind = behind.as_deref().map_or(&[][..], Vec::as_slice);
        self.pushed_back = Some(Box::new([bytes, behind].concat()));
    }

    /// Sends all of `pieces`.
    pub(super) async fn write(&mut self, pieces: Gather) -> io::Result<()> {
        let pieces = self.watch.seal(pieces)?;
        self.watch.stream().write(pieces).await
    }

    /// Says `last_words` if that needs no waiting, and ends the connection.
    pub(super) fn hang_up(&self, last_words: &[u8]) {
        self.watch.hang_up(last_words);
    }

    /// Reads what the socket carries.
    async fn read_raw(&mut self, mut buffer: Buffer) -> (io::Result<usize>, Buffer) {
        match self.pushed_back.take() {
            Some(bytes) => (Ok(self.read_again(*bytes, &mut buffer)), buffer),
            None => self.watch.stream().read(buffer).await,
        }
    }

    fn read_again(&mut self, mut bytes: Vec<u8>, buffer: &mut Buffer) -> usize {
        let count = bytes.len().min(buffer.spare());
        buffer.extend(&bytes[..count]);
        if count < bytes.len() {
            bytes.drain(..count);
            self.pushed_back = Some(Box::new(bytes));
        }
        count
    }
}

#[cfg(test)]
mod tests;
