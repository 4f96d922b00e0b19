//! Message text as it arrives: the header is kept, the body only summed up.

use super::dkim;
use crate::hash::{self, BODY};
use crate::message::{self, Label, Print};
use crc_fast::Digest;
use memchr::memmem;

/// The longest header we look through; past it a message is a stranger.
const HEADER_MAX: usize = 256 * 1_024;
const END: &[u8] = b"\r\n.\r\n";

/// One message's text.
#[derive(Debug)]
pub(super) struct Text {
    header: Vec<u8>,
    in_body: bool,
    body: Digest,
    bytes: u64,
    /// The last two bytes of a text that came as it is.
    tail: [u8; 2],
}

/// What a whole text was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    /// What it calls itself, if it is one of ours.
    pub(super) label: Option<Label>,
    /// Its checksums, from the label on.
    pub(super) print: Print,
}

impl Arrived {
    /// The body is the one the label promised.
    pub(super) fn is_whole(&self) -> bool {
        self.label.is_none_or(|label| label.body == self.print.body)
    }
}

impl Default for Text {
    fn default() -> Self {
        let (header, body) = (Vec::with_capacity(2_048), Digest::new(BODY));
        Self { header, in_body: false, body, bytes: 0, tail: [0; 2] }
    }
}

impl Text {
    /// Takes bytes of text. Returns how many it used, and whether the final dot was among them.
    /// What may be part of the final dot is left.
    pub(super) fn take(&mut self, input: &[u8]) -> (usize, bool) {
        if self.bytes == 0 {
            if input.starts_with(&END[2..]) {
                return (3, true);
            }
            if END[2..].starts_with(input) {
                return (0, false);
            }
        }
        if let Some(at) = memmem::find(input, END) {
            self.keep(&input[..at + 2]);
            return (at + END.len(), true);
        }
        let used = input.len().saturating_sub(END.len() - 1);
        self.keep(&input[..used]);
        (used, false)
    }

    /// Takes bytes of a text that came as it is, and keeps them in the form that DATA has:
    /// checksums are of that.
    pub(super) fn take_plain(&mut self, input: &[u8]) {
        for line in input.split_inclusive(|byte| *byte == b'\n') {
            if line[0] == b'.' && (self.bytes == 0 || self.tail == *b"\r\n") {
                self.keep(b".");
            }
            self.tail = match line {
                [.., one, other] => [*one, *other],
                _ => [self.tail[1], line[0]],
            };
            self.keep(line);
        }
    }

    fn keep(&mut self, part: &[u8]) {
        self.bytes += part.len() as u64;
        if self.in_body {
            return self.body.update(part);
        }
        let searched = self.header.len().saturating_sub(3);
        self.header.extend_from_slice(part);
        let blank = memmem::find(&self.header[searched..], b"\r\n\r\n");
        if let Some(at) = blank {
            self.in_body = true;
            let body_start = searched + at + 4;
            self.body.update(&self.header[body_start..]);
            self.header.truncate(body_start);
        } else if self.header.len() > HEADER_MAX {
            self.in_body = true;
        }
    }

    /// The domains that signed it, as its DKIM-Signature fields say: at most
    /// [`dkim::SIGNERS_MAX`], in lower case.
    pub(super) fn signers(&self) -> Vec<String> {
        dkim::signers(&self.header)
    }

    /// What it was; ready for the next.
    pub(super) fn finish(&mut self) -> Arrived {
        let label = message::label(&self.header);
        let start = label.map_or(0, |label| label.start);
        let print = Print {
            header: hash::header(&self.header[start..]),
            body: self.body.finalize_reset(),
            bytes: u32::try_from(self.bytes - start as u64).unwrap_or(u32::MAX),
        };
        self.forget();
        Arrived { label, print }
    }

    pub(super) fn forget(&mut self) {
        self.header.clear();
        self.in_body = false;
        self.body.reset();
        self.bytes = 0;
        self.tail = [0; 2];
    }
}
