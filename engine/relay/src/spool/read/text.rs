//! A message's text, from its places.

use super::{Beside, Log, open, segment_name};
use spool::{Envelope, Form, Place};
use std::io;
use std::os::unix::fs::FileExt as _;

/// A text, as far as it is there.
#[derive(Debug, Default)]
pub(in crate::spool) struct Whole {
    /// As it came off the wire.
    pub(in crate::spool) raw: Vec<u8>,
    /// Places that are not what was written, each with the reason.
    pub(in crate::spool) bad: Vec<(Place, String)>,
    /// A segment of it is no longer there.
    gone: bool,
}

impl Log {
    /// Reads what lies at `places` and compares its check.
    pub(in crate::spool) fn text(&self, places: &[Place]) -> io::Result<Whole> {
        let mut whole = Whole::default();
        for place in places {
            match self.part(place) {
                Ok(bytes) => {
                    if spool::crc(&bytes) != place.crc {
                        whole.bad.push((*place, "its bytes are not what was written".to_owned()));
                    }
                    whole.raw.extend_from_slice(&bytes);
                }
                Err(error) if error.kind() == super::MOVED => {
                    whole.gone = true;
                    whole.bad.push((*place, "its segment is not there".to_owned()));
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    whole.bad.push((*place, "its file ends before it".to_owned()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(whole)
    }

    fn part(&self, place: &Place) -> io::Result<Vec<u8>> {
        let file = open(&self.directory.join(segment_name(place.segment)))?;
        let mut bytes = vec![0; place.len as usize];
        file.read_exact_at(&mut bytes, u64::from(place.offset))?;
        Ok(bytes)
    }
}

impl Whole {
    /// Beside an engine a live text may have been moved: then all is read again.
    pub(in crate::spool) fn settled(self, beside: Beside) -> io::Result<Self> {
        if self.gone && beside != Beside::Nobody {
            return Err(super::too_fast());
        }
        Ok(self)
    }

    /// The message as the next host gets it, without the dots that SMTP adds: the header
    /// fields we put in front, then the text.
    pub(in crate::spool) fn delivered(&self, envelope: &Envelope) -> Vec<u8> {
        let mut message = envelope.prefix().to_vec();
        if envelope.dotted() && envelope.form() == Form::Stuffed {
            unstuff(&self.raw, &mut message);
        } else {
            message.extend_from_slice(&self.raw);
        }
        message
    }
}

/// Takes one dot off each line that begins with one.
///
/// [RFC 5321 §4.5.2](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2)
fn unstuff(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, behind) = rest.split_at(end);
        let begins = out.is_empty() || out.ends_with(b"\r\n");
        let stuffed = begins && line.first() == Some(&b'.');
        out.extend_from_slice(&line[usize::from(stuffed)..]);
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::unstuff;

    #[test]
    fn only_a_dot_behind_crlf_is_taken_off() {
        let cases: [(&[u8], &[u8]); 5] = [
            (b"..\r\n", b".\r\n"),
            (b"a\r\n..b\r\n", b"a\r\n.b\r\n"),
            (b"a\n..b\r\n", b"a\n..b\r\n"),
            (b"a..\r\nb.\r\n", b"a..\r\nb.\r\n"),
            (b".x", b"x"),
        ];
        for (stuffed, plain) in cases {
            let mut out = Vec::new();
            unstuff(stuffed, &mut out);
            assert_eq!(out, plain);
        }
    }
}
