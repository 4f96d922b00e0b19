//! One connection: what came is opened, what goes is sealed.
//!
//! The driver's contract: start with nothing of the connection read that belongs to the time
//! before ([RFC 3207 §6](https://www.rfc-editor.org/rfc/rfc3207#section-6)); hand every
//! received byte to [`Tls::open`], and send what it appends to the replies at once; hand
//! everything to be said to [`Tls::seal`] once the handshake is complete. When
//! [`Opened::ended`], the peer has ended the connection, and nothing that follows is read:
//! not as TLS, and never as clear text.

mod turn;

use crate::acceptor::Asked;
use crate::connector::Claim;
use crate::{Fault, TlsFacts};
use rustls::CommonState;
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use std::mem;
use std::sync::Arc;
use turn::{Said, Saying, Turn, alert, say, turned};

/// The most sealed bytes kept during the handshake until the rest of a record, or of a message in
/// several records, has come: the peer's certificates may be as long.
pub const SEALED_MAX: usize = 64 * 1_024;

/// The most sealed bytes kept after it: the beginning of one record. No peer has anything more
/// to say to us that is longer.
///
/// [RFC 5246 §6.2.3](https://www.rfc-editor.org/rfc/rfc5246#section-6.2.3)
pub const RECORD_SEALED_MAX: usize = 5 + RECORD_MAX + 2_048;

/// Bytes that a record is longer than what is in it, at most.
const RECORD_OVERHEAD: usize = 64;
/// Bytes of plain text in one record.
const RECORD_MAX: usize = 16 * 1_024;

/// Turns of the library in a row that bring nothing to light. More, and it would be asked for
/// ever.
const IDLE_TURNS_MAX: usize = 4;
/// Turns until it takes plain text, at most: what it still had to say comes first.
const WRITE_TURNS_MAX: usize = 16;

/// What opening came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Bytes of plain text.
    pub plain: usize,
    /// The peer will say nothing more.
    pub ended: bool,
}

/// Our end of one connection, whoever began it.
pub struct Tls {
    end: End,
    /// The beginning of a record whose rest has not come. No memory if there is none.
    partial: Vec<u8>,
    /// Who the other end says it is, until the handshake is complete.
    peer: Option<Peer>,
    /// After a fault the library is not to be asked again: it would look for the bytes that it
    /// was at.
    broken: bool,
}

/// The two kinds of ends there are.
enum End {
    /// Ours is the server's.
    Server(UnbufferedServerConnection),
    /// Ours is the client's.
    Client(UnbufferedClientConnection),
}

impl End {
    fn state(&self) -> &CommonState {
        match self {
            Self::Server(end) => end,
            Self::Client(end) => end,
        }
    }
}

/// Who is at the other end.
pub(crate) enum Peer {
    /// A client, and what it asked for.
    Client(Arc<Asked>),
    /// A server, and whose it has to be.
    Server(Box<Claim>),
}

impl Tls {
    /// The end of whoever was dialled.
    pub(crate) const fn server(end: UnbufferedServerConnection, asked: Arc<Asked>) -> Self {
        Self::new(End::Server(end), Peer::Client(asked))
    }

    /// The end of whoever dials. It speaks first: [`Self::open`] nothing, to have what it says.
    pub(crate) const fn client(end: UnbufferedClientConnection, claim: Box<Claim>) -> Self {
        Self::new(End::Client(end), Peer::Server(claim))
    }

    const fn new(end: End, peer: Peer) -> Self {
        Self { end, partial: Vec::new(), peer: Some(peer), broken: false }
    }

    /// Whether the handshake is still under way.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.end.state().is_handshaking()
    }

    /// Bytes of memory it holds beside the library's.
    #[must_use]
    pub const fn memory(&self) -> usize {
        size_of::<Self>() + self.waiting()
    }

    /// Bytes of it that hold what the peer has begun to say.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.partial.capacity()
    }

    /// Takes all of `sealed`, as it came from the network; it is used as scratch space. Gives
    /// the plain text in it to `plain`, piece by piece, and appends what the peer must be sent
    /// to `replies`.
    ///
    /// # Errors
    /// What came is not what the protocol allows, or the peer is not whom we trust. The
    /// alert to be sent is in `replies`; the connection is of no more use.
    pub fn open(
        &mut self,
        sealed: &mut [u8],
        mut plain: impl FnMut(&[u8]),
        replies: &mut Vec<u8>,
    ) -> Result<Opened, Fault> {
        self.ask()?;
        let opened = self.join(sealed, &mut plain, replies);
        self.broken = opened.is_err();
        opened
    }

    fn ask(&self) -> Result<(), Fault> {
        if self.broken { Err(Fault::protocol("it is over")) } else { Ok(()) }
    }

    /// Opens `sealed`, behind what was kept of what came before.
    fn join(
        &mut self,
        sealed: &mut [u8],
        plain: &mut impl FnMut(&[u8]),
        replies: &mut Vec<u8>,
    ) -> Result<Opened, Fault> {
        let mut joined = mem::take(&mut self.partial);
        let (used, opened) = if joined.is_empty() {
            let (used, opened) = self.turns(sealed, plain, replies)?;
            joined.extend_from_slice(sealed.get(used..).unwrap_or_default());
            (0, opened)
        } else {
            joined.extend_from_slice(sealed);
            self.turns(&mut joined, plain, replies)?
        };
        if !opened.ended && used < joined.len() {
            // What is kept for long has no more memory than it needs.
            self.partial = if used == 0 { joined } else { joined.split_off(used) };
        }
        let most = if self.is_handshaking() { SEALED_MAX } else { RECORD_SEALED_MAX };
        if self.partial.len() > most {
            return Err(Fault::protocol("a message is longer than any peer needs"));
        }
        Ok(opened)
    }

    /// Turns the library until it needs more. Says how much of `sealed` is done with.
    fn turns(
        &mut self,
        sealed: &mut [u8],
        plain: &mut impl FnMut(&[u8]),
        replies: &mut Vec<u8>,
    ) -> Result<(usize, Opened), Fault> {
        let (mut used, mut bytes, mut idle) = (0, 0, 0);
        let mut count = |piece: &[u8]| {
            bytes += piece.len();
            plain(piece);
        };
        let ended = loop {
            let rest = sealed.get_mut(used..).unwrap_or_default();
            let said = replies.len();
            let (discard, turn) = match self.turn(rest, &mut count, replies) {
                Ok(turned) => turned,
                Err(fault) => {
                    self.flush_alert(replies);
                    return Err(fault);
                }
            };
            used += discard;
            match turn {
                Turn::Starved => break false,
                Turn::Ended => break true,
                Turn::Again if discard > 0 || replies.len() > said => idle = 0,
                Turn::Again => idle += 1,
            }
            if idle > IDLE_TURNS_MAX {
                return Err(Fault::protocol("no progress"));
            }
        };
        Ok((used, Opened { plain: bytes, ended }))
    }

    /// One turn: how many bytes of `sealed` it used, and what is next.
    fn turn(
        &mut self,
        sealed: &mut [u8],
        plain: &mut impl FnMut(&[u8]),
        replies: &mut Vec<u8>,
    ) -> Result<(usize, Turn), Fault> {
        match &mut self.end {
            End::Server(end) => turned(end.process_tls_records(sealed), plain, replies),
            End::Client(end) => turned(end.process_tls_records(sealed), plain, replies),
        }
    }

    /// What the library wants to be said after a fault.
    fn flush_alert(&mut self, replies: &mut Vec<u8>) {
        while self.end.state().wants_write() {
            let told = match &mut self.end {
                End::Server(end) => alert(end.process_tls_records(&mut []), replies),
                End::Client(end) => alert(end.process_tls_records(&mut []), replies),
            };
            if !told {
                return;
            }
        }
    }

    /// Appends to `out` what `plain` is on the network.
    ///
    /// # Errors
    /// The handshake is not complete, or the keys have been used as often as they may.
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        if plain.is_empty() {
            return Ok(());
        }
        let room = plain.len() + plain.len().div_ceil(RECORD_MAX) * RECORD_OVERHEAD;
        self.write(room, out, Saying::Plain(plain))
    }

    /// Appends to `out` that we will say nothing more.
    ///
    /// [RFC 8446 §6.1](https://www.rfc-editor.org/rfc/rfc8446#section-6.1)
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn close(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.write(RECORD_OVERHEAD, out, Saying::Close)
    }

    /// Brings the library to where it takes plain text, and gives it some.
    fn write(
        &mut self,
        mut room: usize,
        out: &mut Vec<u8>,
        saying: Saying<'_>,
    ) -> Result<(), Fault> {
        self.ask()?;
        for _ in 0..WRITE_TURNS_MAX {
            // The beginning of a message must be shown again, though no whole one is in it.
            let partial = &mut self.partial;
            let (discard, said) = match &mut self.end {
                End::Server(end) => say(end.process_tls_records(partial), saying, room, out)?,
                End::Client(end) => say(end.process_tls_records(partial), saying, room, out)?,
            };
            match said {
                Said::All => return Ok(()),
                Said::Nothing => (),
                Said::Room(size) => room = size,
                Said::Never => break,
            }
            self.partial.drain(..discard);
        }
        Err(Fault::protocol("nothing can be said now"))
    }

    /// What the handshake came to, once it is complete. To be asked for once.
    pub fn facts(&mut self) -> Option<TlsFacts> {
        if self.is_handshaking() {
            return None;
        }
        let peer = self.peer.take()?;
        let state = self.end.state();
        match peer {
            Peer::Client(asked) => TlsFacts::of_client(state, asked.name()),
            Peer::Server(claim) => TlsFacts::of_server(state, &claim),
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("handshaking", &self.is_handshaking()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
