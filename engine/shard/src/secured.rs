//! The TLS of one connection, as its reader, its writer and its watch share it.
//!
//! Once there is one, it stays until the connection is dropped: after the end of TLS nothing
//! is read, and nothing is ever read or written in clear again.

use crate::inbound::Shelf;
use kernel::{Buffer, Gather, Piece};
use std::mem;
use std::time::Duration;
use wire::{Fault, Tls};

/// What the library keeps for a connection at rest: its keys and their schedule. As measured: what
/// `listener held` shows TLS 1.3 to add, without the rest of [`Secured::memory`].
const LIBRARY_BYTES: usize = 2_880;

/// How long a handshake may take, from the invitation to its last message (T20).
pub(crate) const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// Pieces that come to no more than this are sealed as one: what is in one record.
const JOINED_MAX: usize = 16 * 1_024;

/// TLS, begun and never to be left.
pub(crate) struct Secured {
    tls: Tls,
    /// Opened, and not read yet: what the reader had no room for.
    plain: Vec<u8>,
    /// What TLS itself has to say with the next write.
    due: Vec<u8>,
    /// Nothing more will come.
    ended: bool,
    /// Where buffers for sealed bytes come from.
    shelf: Shelf,
}

impl Secured {
    pub(crate) fn new(tls: Tls, shelf: Shelf) -> Self {
        Self { tls, plain: Vec::new(), due: Vec::new(), ended: false, shelf }
    }

    pub(crate) fn tls(&mut self) -> &mut Tls {
        &mut self.tls
    }

    pub(crate) fn shelf(&self) -> Shelf {
        self.shelf.clone()
    }

    /// Whether a read would return at once.
    pub(crate) fn is_readable(&self) -> bool {
        self.ended || !self.plain.is_empty()
    }

    /// Whether the peer has said something that nobody has read.
    pub(crate) fn has_unread(&self) -> bool {
        !self.plain.is_empty()
    }

    /// Puts what is opened behind what `buffer` holds. `None` if that is nothing, unless
    /// nothing will come either.
    pub(crate) fn read(&mut self, buffer: &mut Buffer) -> Option<usize> {
        if !self.is_readable() {
            return None;
        }
        let count = self.plain.len().min(buffer.spare());
        buffer.extend(&self.plain[..count]);
        if count == self.plain.len() {
            // At rest, a connection holds no memory for what is not there.
            self.plain = Vec::new();
        } else {
            self.plain.drain(..count);
        }
        Some(count)
    }

    /// Opens `sealed`, all that came in one read: nothing means that nothing will come. What
    /// has no room in `buffer` is kept. Appends what the peer must be sent to `replies`.
    pub(crate) fn open(
        &mut self,
        sealed: &mut [u8],
        mut buffer: Option<&mut Buffer>,
        replies: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let Self { tls, plain, .. } = self;
        let keep = |opened: &[u8]| {
            let room = buffer.as_ref().filter(|_| plain.is_empty()).map_or(0, |to| to.spare());
            let (now, later) = opened.split_at(room.min(opened.len()));
            if let Some(buffer) = &mut buffer {
                buffer.extend(now);
            }
            plain.extend_from_slice(later);
        };
        let opened = tls.open(sealed, keep, replies);
        self.ended |= sealed.is_empty() || opened.as_ref().map_or(true, |opened| opened.ended);
        opened.map(drop)
    }

    /// The same, where nothing can be sent now: what the peer must be sent goes with the next write.
    pub(crate) fn open_quietly(
        &mut self,
        sealed: &mut [u8],
        buffer: &mut Buffer,
    ) -> Result<(), Fault> {
        let mut due = mem::take(&mut self.due);
        let opened = self.open(sealed, Some(buffer), &mut due);
        self.due = due;
        opened
    }

    /// What `pieces` are on the network.
    pub(crate) fn seal(&mut self, pieces: &Gather) -> Result<Gather, Fault> {
        let mut sealed = mem::take(&mut self.due);
        let bytes = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        if pieces.len() > 1 && bytes <= JOINED_MAX {
            let mut joined = Vec::with_capacity(bytes);
            pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
            self.tls.seal(&joined, &mut sealed)?;
        } else {
            pieces.iter().try_for_each(|piece| self.tls.seal(piece, &mut sealed))?;
        }
        Ok(Gather::from_iter([Piece::Owned(sealed)]))
    }

    /// `last_words` and the end of TLS, as far as they can be said now: nobody hears them
    /// before the handshake is complete.
    pub(crate) fn farewell(&mut self, last_words: &[u8]) -> Vec<u8> {
        self.ended = true;
        let mut sealed = mem::take(&mut self.due);
        if !self.tls.is_handshaking() {
            // A connection that can say nothing more is hung up without.
            let _ = self.tls.seal(last_words, &mut sealed);
            let _ = self.tls.close(&mut sealed);
        }
        sealed
    }

    /// Bytes of it that hold what the peer has said or begun to say, and nobody has read.
    pub(crate) fn waiting(&self) -> usize {
        self.tls.waiting() + self.plain.capacity()
    }

    /// Bytes of memory it holds.
    pub(crate) fn memory(&self) -> usize {
        LIBRARY_BYTES + self.tls.memory() + self.plain.capacity()
    }
}
