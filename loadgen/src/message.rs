//! The messages: each is a function of (seed, id, size), and says so itself.
//!
//! ```text
//! X-Ringload-Id: <id, 16 hex digits>-<checksum of the body, 16 hex digits>
//! Date: ...          the usual fields, so that no relay need add one
//!
//! <id>               the first line of the body, so that no two bodies are equal
//! ...                lines from the pool of this seed
//! ```
//!
//! Or each is a template of somebody else's with that field in front: see [`Templates`].
//!
//! Everything is in wire form: CRLF, dots doubled. A relay must hand on exactly these bytes
//! from `X-Ringload-Id` to the last CRLF, whatever it puts in front.

mod pool;
mod template;

pub use template::{NotTemplates, TEMPLATES_BYTES_MAX, TEMPLATES_MAX, Templates};

use crate::hash::{self, hex, scatter, unhex};
use crate::recipient;
use crate::size::BYTES_MIN;
use pool::Pool;
use std::sync::Arc;
use template::Template;

/// The field that names a message, up to its value.
pub const ID_FIELD: &[u8] = b"X-Ringload-Id: ";
/// Longest header we write: fixed text, two addresses of at most 254 bytes, three numbers.
const HEADER_MAX: usize = 1_280;

/// What the ledger keeps of a message's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Print {
    /// Checksum of the header from [`ID_FIELD`] to the empty line, inclusive.
    pub header: u32,
    /// Checksum of the body in wire form.
    pub body: u64,
    /// Bytes of both.
    pub bytes: u32,
}

/// Writes messages. Made once; cheap to use.
#[derive(Debug)]
pub struct Composer {
    seed: u64,
    domain: String,
    date: String,
    seven_bit: Pool,
    eight_bit: Pool,
    templates: Option<Arc<Templates>>,
}

impl Composer {
    /// For senders at `domain`, with `date` in every Date field.
    #[must_use]
    pub fn new(seed: u64, domain: &str, date: &str) -> Self {
        Self {
            seed,
            domain: domain.to_owned(),
            date: date.to_owned(),
            seven_bit: Pool::new(seed, false),
            eight_bit: Pool::new(seed, true),
            templates: None,
        }
    }

    /// Takes every message from `templates`, if there are any.
    #[must_use]
    pub fn with_templates(self, templates: Option<Arc<Templates>>) -> Self {
        Self { templates, ..self }
    }

    /// Size in bytes of message `id`, and whether it has letters beyond ASCII, if that is for
    /// its template to say.
    #[must_use]
    pub fn template(&self, id: u64) -> Option<(u32, bool)> {
        let template = self.templates.as_ref()?.pick(self.seed, id);
        let mut header = Vec::new();
        self.template_header(id, template, &mut header);
        Some(((header.len() + template.body.len()) as u32, template.eight_bit))
    }

    /// Appends message `id` to `out`: `size` bytes, or as few as its header and one line of
    /// body take; or what its template says. The final dot is the caller's.
    pub fn write(
        &self,
        id: u64,
        size: u32,
        eight_bit: bool,
        to: &[u8],
        out: &mut Vec<u8>,
    ) -> Print {
        let start = out.len();
        if let Some(templates) = &self.templates {
            let template = templates.pick(self.seed, id);
            self.template_header(id, template, out);
            let print = template.print(&out[start..]);
            out.extend_from_slice(&template.body);
            return print;
        }
        out.reserve(HEADER_MAX + size as usize);
        self.header(id, eight_bit, to, out);
        let body_start = out.len();
        hex(id, out);
        out.extend_from_slice(b"\r\n");
        let pool = if eight_bit { &self.eight_bit } else { &self.seven_bit };
        let used = out.len() - start;
        pool.append(scatter(self.seed ^ id), (size as usize).saturating_sub(used), out);
        let body = hash::body(&out[body_start..]);
        let checksum_at = start + ID_FIELD.len() + 17;
        let mut digits = Vec::with_capacity(16);
        hex(body, &mut digits);
        out[checksum_at..checksum_at + 16].copy_from_slice(&digits);
        let header = hash::header(&out[start..body_start]);
        Print { header, body, bytes: (out.len() - start) as u32 }
    }

    fn template_header(&self, id: u64, template: &Template, out: &mut Vec<u8>) {
        out.extend_from_slice(ID_FIELD);
        hex(id, out);
        out.push(b'-');
        hex(template.body_sum, out);
        out.extend_from_slice(b"\r\nMessage-ID: <");
        hex(id, out);
        out.extend_from_slice(b".ringload@");
        out.extend_from_slice(self.domain.as_bytes());
        out.extend_from_slice(b">\r\n");
        if template.lacks_date {
            out.extend_from_slice(b"Date: ");
            out.extend_from_slice(self.date.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if template.lacks_from {
            out.extend_from_slice(b"From: <");
            recipient::sender(id, &self.domain, out);
            out.extend_from_slice(b">\r\n");
        }
        out.extend_from_slice(&template.header);
        out.extend_from_slice(b"\r\n");
    }

    fn header(&self, id: u64, eight_bit: bool, to: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(ID_FIELD);
        hex(id, out);
        out.extend_from_slice(b"-0000000000000000\r\nDate: ");
        out.extend_from_slice(self.date.as_bytes());
        out.extend_from_slice(b"\r\nFrom: Ringload <");
        recipient::sender(id, &self.domain, out);
        out.extend_from_slice(b">\r\nTo: <");
        out.extend_from_slice(to);
        out.extend_from_slice(b">\r\nSubject: Load test ");
        hex(id, out);
        out.extend_from_slice(b"\r\nMessage-ID: <");
        hex(id, out);
        out.extend_from_slice(b".ringload@");
        out.extend_from_slice(self.domain.as_bytes());
        out.extend_from_slice(
            b">\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n",
        );
        let encoding: &[u8] = if eight_bit { b"8bit" } else { b"7bit" };
        out.extend_from_slice(b"Content-Transfer-Encoding: ");
        out.extend_from_slice(encoding);
        out.extend_from_slice(b"\r\n\r\n");
    }
}

/// What a header says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where the generator's own header starts.
    pub start: usize,
    /// The message.
    pub id: u64,
    /// What the checksum of its body must be.
    pub body: u64,
}

/// Finds [`ID_FIELD`] in the header of a message that may have gained fields in front.
#[must_use]
pub fn label(header: &[u8]) -> Option<Label> {
    let at_line_start = |at: &usize| *at == 0 || header.get(at - 1) == Some(&b'\n');
    let start = memchr::memmem::find_iter(header, ID_FIELD).find(at_line_start)?;
    let value = header.get(start + ID_FIELD.len()..)?;
    let (id, body) = (unhex(value.get(..16)?)?, unhex(value.get(17..33)?)?);
    Some(Label { start, id, body })
}

const _: () = assert!(HEADER_MAX > BYTES_MIN as usize, "the reserve covers small messages too");

#[cfg(test)]
mod tests;
