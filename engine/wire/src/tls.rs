//! One connection: what came is opened, what goes is sealed.
//!
//! The driver's contract: start with nothing of the connection read that belongs to the time
//! before ([RFC 3207 §6](https://www.rfc-editor.org/rfc/rfc3207#section-6)); hand every
//! received byte to [`Tls::open`], and send what it appends to the replies at once; hand
//! everything to be said to [`Tls::seal`] once the handshake is complete. When
//! [`Opened::ended`], the peer has ended the connection, and nothing that follows is read:
//! not as TLS, and never as clear text.

use crate::acceptor::Asked;
use crate::subject::subject;
use crate::{Fault, TlsFacts};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{HandshakeKind, ProtocolVersion};
use std::mem;
use std::sync::Arc;

/// The most sealed bytes kept during the handshake until the rest of a record, or of a message in
/// several records, has come: the client's certificates may be as long.
pub const SEALED_MAX: usize = 64 * 1_024;

/// The most sealed bytes kept after it: the beginning of one record. No client has anything more
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

/// Our end of one connection.
pub struct Tls {
    end: UnbufferedServerConnection,
    /// The beginning of a record whose rest has not come. No memory if there is none.
    partial: Vec<u8>,
    /// Until the handshake is complete.
    asked: Option<Arc<Asked>>,
    /// After a fault the library is not to be asked again: it would look for the bytes that it
    /// was at.
    broken: bool,
}

/// What one turn of the library asked for.
enum Turn {
    /// Call it again.
    Again,
    /// All whole records are opened.
    Starved,
    /// The peer has ended the connection.
    Ended,
}

impl Tls {
    pub(crate) const fn new(end: UnbufferedServerConnection, asked: Arc<Asked>) -> Self {
        Self { end, partial: Vec::new(), asked: Some(asked), broken: false }
    }

    /// Whether the handshake is still under way.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.end.is_handshaking()
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
    /// What came is not what the protocol allows, or the client is not whom we trust. The
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
            return Err(Fault::protocol("a message is longer than any client needs"));
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
        let UnbufferedStatus { mut discard, state } = self.end.process_tls_records(sealed);
        let turn = match state? {
            ConnectionState::ReadTraffic(mut records) => {
                while let Some(record) = records.next_record() {
                    let record = record?;
                    plain(record.payload);
                    discard += record.discard;
                }
                Turn::Again
            }
            ConnectionState::EncodeTlsData(flight) => {
                encode(flight, replies)?;
                Turn::Again
            }
            ConnectionState::TransmitTlsData(flight) => {
                flight.done();
                Turn::Again
            }
            ConnectionState::WriteTraffic(_) | ConnectionState::BlockedHandshake => Turn::Starved,
            ConnectionState::PeerClosed | ConnectionState::Closed => Turn::Ended,
            _ => return Err(Fault::protocol("early data was not offered")),
        };
        Ok((discard, turn))
    }

    /// What the library wants to be said after a fault.
    fn flush_alert(&mut self, replies: &mut Vec<u8>) {
        while self.end.wants_write() {
            let status = self.end.process_tls_records(&mut []);
            let Ok(ConnectionState::EncodeTlsData(flight)) = status.state else { return };
            if encode(flight, replies).is_err() {
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
        self.write(room, out, |traffic, out| traffic.encrypt(plain, out))
    }

    /// Appends to `out` that we will say nothing more.
    ///
    /// [RFC 8446 §6.1](https://www.rfc-editor.org/rfc/rfc8446#section-6.1)
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn close(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "it is for one lifetime only"
        )]
        self.write(RECORD_OVERHEAD, out, |traffic, out| traffic.queue_close_notify(out))
    }

    /// Brings the library to where it takes plain text, and gives it some.
    fn write(
        &mut self,
        mut room: usize,
        out: &mut Vec<u8>,
        mut give: impl FnMut(&mut Traffic<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<(), Fault> {
        self.ask()?;
        for _ in 0..WRITE_TURNS_MAX {
            // The beginning of a message must be shown again, though no whole one is in it.
            let UnbufferedStatus { discard, state } =
                self.end.process_tls_records(&mut self.partial);
            match state? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    let from = out.len();
                    out.resize(from + room, 0);
                    let given = give(&mut traffic, &mut out[from..]);
                    out.truncate(from + given.as_ref().unwrap_or(&0));
                    match given {
                        Ok(_) => return Ok(()),
                        Err(EncryptError::InsufficientSize(size)) => room = size.required_size,
                        Err(error) => return Err(Fault::protocol(&error.to_string())),
                    }
                }
                ConnectionState::EncodeTlsData(flight) => encode(flight, out)?,
                ConnectionState::TransmitTlsData(flight) => flight.done(),
                ConnectionState::PeerClosed => (),
                _ => break,
            }
            self.partial.drain(..discard);
        }
        Err(Fault::protocol("nothing can be said now"))
    }

    /// What the handshake came to, once it is complete. To be asked for once.
    pub fn facts(&mut self) -> Option<TlsFacts> {
        if self.end.is_handshaking() {
            return None;
        }
        let asked = self.asked.take()?;
        let suite = self.end.negotiated_cipher_suite()?.suite();
        let client = self.end.peer_certificates().and_then(<[_]>::first);
        Some(TlsFacts {
            version: match self.end.protocol_version()? {
                ProtocolVersion::TLSv1_3 => "TLSv1.3",
                _ => "TLSv1.2",
            },
            cipher: registered(suite.as_str().unwrap_or("unknown")),
            sni: asked.name(),
            client_subject: client.and_then(|client| subject(client)),
            resumed: self.end.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }
}

/// What the registry calls a cipher suite that rustls calls `TLS13_...`.
///
/// [RFC 8446 §B.4](https://www.rfc-editor.org/rfc/rfc8446#appendix-B.4)
fn registered(name: &'static str) -> &'static str {
    match name {
        "TLS13_AES_128_GCM_SHA256" => "TLS_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384" => "TLS_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256" => "TLS_CHACHA20_POLY1305_SHA256",
        name => name,
    }
}

type Traffic<'c> = WriteTraffic<'c, ServerConnectionData>;

/// Appends a flight of the handshake to `out`.
fn encode<Data>(mut flight: EncodeTlsData<'_, Data>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let from = out.len();
    let mut room = 0;
    loop {
        out.resize(from + room, 0);
        match flight.encode(&mut out[from..]) {
            Ok(written) => {
                out.truncate(from + written);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(size)) if size.required_size > room => {
                room = size.required_size;
            }
            Err(error) => return Err(Fault::protocol(&error.to_string())),
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
