//! From the form in which a text is kept to the form in which it leaves.

use super::text::{Source, Transfer};
use kernel::{Chunk, Piece};
use smtp::dots::{self, Stuffer};
use spool::Form;

/// A text on its way out, piece by piece.
pub(super) struct Wire {
    dots: Dots,
    /// What stands behind the last piece.
    pub(super) end: &'static [u8],
}

/// What is done to dots that begin a line.
enum Dots {
    /// Nothing.
    Kept,
    Doubled(Stuffer),
    /// Doubled ones are single again, in a text of one piece.
    Single,
}

impl Wire {
    /// By DATA: dot-stuffed, its last line ended, and the final dot.
    pub(super) fn data(transfer: &Transfer) -> Self {
        let envelope = &transfer.message.envelope;
        match envelope.form() {
            Form::Stuffed => Self { dots: Dots::Kept, end: b".\r\n" },
            Form::Raw { ended, .. } => Self {
                // Our own header fields stand in front: it begins at the start of a line.
                dots: if envelope.dotted() {
                    Dots::Doubled(Stuffer::default())
                } else {
                    Dots::Kept
                },
                end: if ended { b".\r\n" } else { b"\r\n.\r\n" },
            },
        }
    }

    /// By BDAT: as many octets as [`size`] counts. Where it counts dots, the text is in memory.
    pub(super) fn chunk(transfer: &Transfer) -> Self {
        let envelope = &transfer.message.envelope;
        match envelope.form() {
            Form::Stuffed if envelope.dotted() => Self { dots: Dots::Single, end: b"" },
            Form::Raw { ended: false, binary: false } => Self { dots: Dots::Kept, end: b"\r\n" },
            Form::Stuffed | Form::Raw { .. } => Self { dots: Dots::Kept, end: b"" },
        }
    }

    /// The next piece: what is kept, untouched where that will do.
    pub(super) fn piece(&mut self, chunk: Chunk) -> Piece {
        match &mut self.dots {
            Dots::Kept => Piece::Shared(chunk),
            Dots::Single => Piece::Owned(dots::removed(&chunk)),
            Dots::Doubled(stuffer) => {
                let mut wire = Vec::with_capacity(chunk.len() + chunk.len() / 16);
                stuffer.write(&chunk, &mut wire);
                Piece::Owned(wire)
            }
        }
    }
}

/// How large a message is.
pub(super) struct Size {
    pub(super) octets: u64,
    /// Dots for transparency were not counted with it.
    pub(super) counted: bool,
}

/// Octets of the message as the next host counts them: our own header fields included, dots for
/// transparency not. Dots are found in a text that is in memory; in a larger one nobody looks for
/// them, and what is known is a bound.
///
/// [RFC 1870 §3](https://www.rfc-editor.org/rfc/rfc1870#section-3)
pub(super) fn size(transfer: &Transfer) -> Size {
    let envelope = &transfer.message.envelope;
    let text = match &transfer.source {
        Source::Memory(text) => text.len() as u64,
        Source::Disk(first, rest) => {
            first.len() as u64 + rest.iter().map(|place| u64::from(place.len)).sum::<u64>()
        }
    };
    let stuffed = envelope.dotted() && envelope.form() == Form::Stuffed;
    let dots = match &transfer.source {
        Source::Memory(text) if stuffed => Some(dots::count(text)),
        Source::Disk(..) if stuffed => None,
        _ => Some(0),
    };
    let crlf = match envelope.form() {
        Form::Raw { ended: false, binary: false } => 2,
        _ => 0,
    };
    let octets = envelope.prefix().len() as u64 + text - dots.unwrap_or(0) + crlf;
    Size { octets, counted: dots.is_some() }
}
