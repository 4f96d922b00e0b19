//! One turn of the library, whichever end of the connection it keeps: what it came to, and what
//! is done about it.

use crate::Fault;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};

/// What one turn of the library asked for.
pub(super) enum Turn {
    /// Call it again.
    Again,
    /// All whole records are opened.
    Starved,
    /// The peer has ended the connection.
    Ended,
}

/// What one turn came to: how many bytes it used, and what is next.
pub(super) fn turned<Data>(
    UnbufferedStatus { mut discard, state, .. }: UnbufferedStatus<'_, '_, Data>,
    plain: &mut impl FnMut(&[u8]),
    replies: &mut Vec<u8>,
) -> Result<(usize, Turn), Fault> {
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

/// Appends an alert to `out`, if that is what the library came to.
pub(super) fn alert<Data>(status: UnbufferedStatus<'_, '_, Data>, out: &mut Vec<u8>) -> bool {
    let Ok(ConnectionState::EncodeTlsData(flight)) = status.state else { return false };
    encode(flight, out).is_ok()
}

/// What is to be sealed.
#[derive(Clone, Copy)]
pub(super) enum Saying<'p> {
    Plain(&'p [u8]),
    /// That nothing more will be said.
    Close,
}

/// How far the library is with it.
pub(super) enum Said {
    All,
    /// It had something of its own to say first.
    Nothing,
    /// It takes more room.
    Room(usize),
    /// It says nothing any more, or not yet.
    Never,
}

/// Appends `saying` to `out` in `room` bytes, or what the library has to say first.
pub(super) fn say<Data>(
    UnbufferedStatus { discard, state, .. }: UnbufferedStatus<'_, '_, Data>,
    saying: Saying<'_>,
    room: usize,
    out: &mut Vec<u8>,
) -> Result<(usize, Said), Fault> {
    let said = match state? {
        ConnectionState::WriteTraffic(traffic) => seal(traffic, saying, room, out)?,
        ConnectionState::EncodeTlsData(flight) => {
            encode(flight, out)?;
            Said::Nothing
        }
        ConnectionState::TransmitTlsData(flight) => {
            flight.done();
            Said::Nothing
        }
        ConnectionState::PeerClosed => Said::Nothing,
        _ => Said::Never,
    };
    Ok((discard, said))
}

fn seal<Data>(
    mut traffic: WriteTraffic<'_, Data>,
    saying: Saying<'_>,
    room: usize,
    out: &mut Vec<u8>,
) -> Result<Said, Fault> {
    let from = out.len();
    out.resize(from + room, 0);
    let sealed = match saying {
        Saying::Plain(plain) => traffic.encrypt(plain, &mut out[from..]),
        Saying::Close => traffic.queue_close_notify(&mut out[from..]),
    };
    out.truncate(from + sealed.as_ref().unwrap_or(&0));
    match sealed {
        Ok(_) => Ok(Said::All),
        Err(EncryptError::InsufficientSize(size)) => Ok(Said::Room(size.required_size)),
        Err(error) => Err(Fault::protocol(&error.to_string())),
    }
}

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
