//! Messages of others: `.eml` files that become templates for ours.
//!
//! A template is sent as it is, in wire form: every line ends with CRLF, dots are doubled, and
//! the last line is complete. In front of its header stand our [`super::ID_FIELD`] and a
//! Message-ID of its own for each message, because relays and providers take equal ones for
//! the same message. Fields that relays remove are left out, and Date and From are added where
//! they are missing, so that whatever else is changed on the way is a fault of the relay.

use super::Print;
use crate::hash::{self, scatter};
use crate::size::BYTES_MAX;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Files of one folder.
pub const TEMPLATES_MAX: usize = 10_000;
/// Bytes of all of them.
pub const TEMPLATES_BYTES_MAX: usize = 512 << 20;
/// The longest text line without its CRLF.
///
/// [RFC 5321 §4.5.3.1.6](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.6)
const LINE_MAX: usize = 998;
/// Fields of ours, or of no place but the last (and what Postfix drops by default).
const LEFT_OUT: [&[u8]; 6] =
    [b"X-Ringload-Id", b"Message-ID", b"Return-Path", b"Bcc", b"Resent-Bcc", b"Content-Length"];

/// Why files cannot be templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTemplates(String);

impl fmt::Display for NotTemplates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotTemplates {}

/// One message in wire form.
#[derive(Debug)]
pub(super) struct Template {
    path: PathBuf,
    /// Fields that are kept, each with its CRLF.
    pub(super) header: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) body_sum: u64,
    pub(super) eight_bit: bool,
    /// Fields that are not in it.
    pub(super) lacks_date: bool,
    pub(super) lacks_from: bool,
}

/// The templates of a run.
#[derive(Debug)]
pub struct Templates(Vec<Template>);

impl Templates {
    /// The `.eml` files of a folder, in the order of their names, or one file.
    ///
    /// # Errors
    /// Nothing can be read, there is no message, there are too many, or one of them is not
    /// what a relay must take.
    pub fn read(path: &Path) -> Result<Self, NotTemplates> {
        let refused =
            |cause: &dyn fmt::Display| NotTemplates(format!("{}: {cause}", path.display()));
        let paths = if path.is_dir() {
            let entries = fs::read_dir(path).map_err(|error| refused(&error))?;
            let mut paths: Vec<_> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| is_eml(path))
                .collect();
            paths.sort();
            paths
        } else {
            vec![path.to_owned()]
        };
        if paths.is_empty() {
            return Err(refused(&"no .eml file in it; give a folder of messages, or one message"));
        }
        if paths.len() > TEMPLATES_MAX {
            return Err(refused(&format!("more than {TEMPLATES_MAX} files; give fewer")));
        }
        let mut templates = Vec::with_capacity(paths.len());
        let mut bytes = 0;
        for path in paths {
            let template = Template::read(path)?;
            bytes += template.header.len() + template.body.len();
            if bytes > TEMPLATES_BYTES_MAX {
                let limit = TEMPLATES_BYTES_MAX >> 20;
                return Err(refused(&format!("more than {limit} MiB of messages; give fewer")));
            }
            templates.push(template);
        }
        Ok(Self(templates))
    }

    /// A file with letters beyond ASCII, if there is one.
    #[must_use]
    pub fn eight_bit(&self) -> Option<&Path> {
        self.0.iter().find(|template| template.eight_bit).map(|template| &*template.path)
    }

    /// The template of message `id`.
    pub(super) fn pick(&self, seed: u64, id: u64) -> &Template {
        let random = scatter(seed ^ scatter(id ^ 0x454d_4c00));
        &self.0[(random % self.0.len() as u64) as usize]
    }
}

fn is_eml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("eml"))
}

impl Template {
    fn read(path: PathBuf) -> Result<Self, NotTemplates> {
        let refused = |cause: String| NotTemplates(format!("{}: {cause}", path.display()));
        let text = fs::read(&path).map_err(|error| refused(error.to_string()))?;
        if text.len() > BYTES_MAX as usize {
            return Err(refused(format!("more than {} MiB", BYTES_MAX >> 20)));
        }
        let (header, body) = parts(&text).map_err(refused)?;
        let (body_sum, eight_bit) = (hash::body(&body), !(header.is_ascii() && body.is_ascii()));
        let lacks = |name: &[u8]| !fields(&header).any(|field| is_named(field, name));
        let (lacks_date, lacks_from) = (lacks(b"Date"), lacks(b"From"));
        Ok(Self { path, header, body, body_sum, eight_bit, lacks_date, lacks_from })
    }

    /// What the ledger keeps of a message with this body and `header`.
    pub(super) fn print(&self, header: &[u8]) -> Print {
        let bytes = (header.len() + self.body.len()) as u32;
        Print { header: hash::header(header), body: self.body_sum, bytes }
    }
}

/// Header and body in wire form, without the empty line between them.
fn parts(text: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (mut header, mut body) = (Vec::with_capacity(4_096), Vec::with_capacity(text.len()));
    let (mut in_header, mut kept) = (true, true);
    for (number, line) in (1..).zip(lines(text)) {
        if line.len() > LINE_MAX {
            return Err(format!("line {number} has more than {LINE_MAX} bytes; break it"));
        }
        if line.contains(&0) {
            return Err(format!("line {number} has a NUL in it; encode it as base64"));
        }
        if !in_header {
            append(line, &mut body);
        } else if line.is_empty() {
            in_header = false;
        } else {
            let goes_on = matches!(line[0], b' ' | b'\t') && number > 1;
            if !goes_on {
                let name = name(line).ok_or_else(|| format!("line {number} is no header field"))?;
                kept = !LEFT_OUT.iter().any(|left_out| name.eq_ignore_ascii_case(left_out));
            }
            if kept {
                append(line, &mut header);
            }
        }
    }
    Ok((header, body))
}

/// The lines of `text`, whatever ends them; what is behind the last end is one if it is not
/// empty.
fn lines(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\r', b'\n', text).unwrap_or(text.len());
        let (line, rest) = text.split_at(end);
        text = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
        Some(line)
    })
}

/// One line in wire form.
fn append(line: &[u8], out: &mut Vec<u8>) {
    if line.first() == Some(&b'.') {
        out.push(b'.');
    }
    out.extend_from_slice(line);
    out.extend_from_slice(b"\r\n");
}

/// The name of the field that starts in `line`.
fn name(line: &[u8]) -> Option<&[u8]> {
    let name = line[..memchr::memchr(b':', line)?].trim_ascii_end();
    let named = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    named.then_some(name)
}

fn fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|byte| *byte == b'\n')
}

fn is_named(field: &[u8], wanted: &[u8]) -> bool {
    name(field).is_some_and(|name| name.eq_ignore_ascii_case(wanted))
}
