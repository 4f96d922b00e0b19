//! The report to a sender that mail was not delivered.
//!
//! A multipart of three: for people, for programs, and the header of what was lost.
//! [RFC 6522](https://www.rfc-editor.org/rfc/rfc6522),
//! [RFC 3464](https://www.rfc-editor.org/rfc/rfc3464). It is pure ASCII with short lines whatever
//! it reports on (a recipient or sender beyond ASCII is the one exception, and only in the To
//! field), so that no host on the way back can refuse it for its form.

mod quoted;

use crate::write_date;
use event::{EnhancedCode, MessageId, Response, Wall};
use memchr::memmem;
use std::fmt;
use std::io::Write as _;

/// How much of the original's header goes back, in octets.
pub const HEADERS_MAX: usize = 32 * 1_024;

/// A line longer than this, CRLF not counted, is encoded.
///
/// [RFC 5322 §2.1.1](https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1)
const LINE_MAX: usize = 998;

/// Where our own fields are folded.
const FOLD_AT: usize = 76;

/// One report. It may cover several recipients of one message.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Our name.
    pub hostname: &'a str,
    /// Whom it goes to: the sender of the original, never empty (`<>` gets no report).
    pub to: &'a [u8],
    /// What the report itself is called.
    pub id: MessageId,
    /// When the original came.
    pub arrived: Wall,
    /// When the report is written.
    pub now: Wall,
    /// Who did not get it.
    pub failures: &'a [Failure<'a>],
    /// The original's header, in wire form; cut to [`HEADERS_MAX`] here.
    pub headers: &'a [u8],
}

/// One recipient that did not get the message.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// The address, as it was given to us.
    pub recipient: &'a [u8],
    /// The last that was said about it.
    pub response: &'a Response,
    /// Its time was up; nobody said never.
    pub expired: bool,
    /// The host that said it, if one did.
    pub host: Option<&'a str>,
    /// When it was said.
    pub at: Wall,
}

/// The report in wire form: CRLF, dots doubled, the final dot not included.
#[must_use]
pub fn write(report: &Report<'_>) -> Vec<u8> {
    let headers = capped(report.headers);
    let boundary = boundary(report, headers);
    let mut out = Vec::with_capacity(2_048 + 1_024 * report.failures.len() + headers.len());
    write_header(report, &boundary, &mut out);
    part(&boundary, "text/plain; charset=utf-8", &mut out);
    line(&mut out, format_args!("Content-Transfer-Encoding: quoted-printable\r\n"));
    quoted::write(&for_people(report), &mut out);
    part(&boundary, "message/delivery-status", &mut out);
    write_status(report, &mut out);
    part(&boundary, "text/rfc822-headers", &mut out);
    write_headers(headers, &mut out);
    line(&mut out, format_args!("\r\n--{boundary}--"));
    out
}

/// As much of the original's header as goes back: whole lines of it.
fn capped(headers: &[u8]) -> &[u8] {
    match headers.get(..HEADERS_MAX) {
        Some(head) => head.get(..memmem::rfind(head, b"\r\n").map_or(0, |end| end + 2)),
        None => Some(headers),
    }
    .unwrap_or_default()
}

/// A boundary that the original does not contain, whoever wrote it.
fn boundary(report: &Report<'_>, headers: &[u8]) -> String {
    let mut boundary = format!("=_{}_{:x}", report.id, report.now.0);
    while memmem::find(headers, boundary.as_bytes()).is_some() {
        boundary.push('_');
    }
    boundary
}

fn write_header(report: &Report<'_>, boundary: &str, out: &mut Vec<u8>) {
    let Report { hostname, id, now, .. } = report;
    line(out, format_args!("From: Mail Delivery System <MAILER-DAEMON@{hostname}>"));
    out.extend_from_slice(b"To: <");
    out.extend(report.to.iter().map(|byte| if byte.is_ascii_control() { b'?' } else { *byte }));
    out.extend_from_slice(b">\r\nDate: ");
    write_date(*now, out);
    line(out, format_args!("\r\nMessage-ID: <{id}.{:x}.bounce@{hostname}>", now.0));
    line(out, format_args!("Subject: Undelivered mail"));
    // RFC 3834 §5: nobody's vacation message answers this.
    line(out, format_args!("Auto-Submitted: auto-replied"));
    line(out, format_args!("MIME-Version: 1.0"));
    line(out, format_args!("Content-Type: multipart/report; report-type=delivery-status;"));
    line(out, format_args!("\tboundary=\"{boundary}\""));
}

/// Begins a part. Its further fields, and the blank line behind them, come next.
fn part(boundary: &str, content_type: &str, out: &mut Vec<u8>) {
    line(out, format_args!("\r\n--{boundary}\r\nContent-Type: {content_type}"));
}

/// The first part, in UTF-8, not encoded yet.
fn for_people(report: &Report<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    let hostname = report.hostname;
    line(&mut text, format_args!("This is the mail system at {hostname}.\r\n"));
    line(&mut text, format_args!("Your message could not be delivered to:\r\n"));
    for failure in report.failures {
        let recipient = String::from_utf8_lossy(failure.recipient);
        let who = failure.host.map_or_else(String::new, |host| format!("{host} said: "));
        let why = if failure.expired { "it was tried for too long; last, " } else { "" };
        line(&mut text, format_args!("<{recipient}>:\r\n    {why}{who}{}\r\n", failure.response));
    }
    line(&mut text, format_args!("It will not be tried again. Its header is attached."));
    text
}

/// The second part: a group of fields for the message, and one for each recipient.
///
/// [RFC 3464 §2.1](https://www.rfc-editor.org/rfc/rfc3464#section-2.1)
fn write_status(report: &Report<'_>, out: &mut Vec<u8>) {
    field(out, "\r\nReporting-MTA", format_args!("dns; {}", report.hostname));
    date_field(out, "Arrival-Date", report.arrived);
    for failure in report.failures {
        let Failure { response, host, at, .. } = failure;
        out.extend_from_slice(b"\r\n");
        field(out, "Final-Recipient", format_args!("{}", Address(failure.recipient)));
        field(out, "Action", format_args!("failed"));
        field(out, "Status", format_args!("{}", status(failure)));
        if let Some(host) = host {
            field(out, "Remote-MTA", format_args!("dns; {host}"));
        }
        field(out, "Diagnostic-Code", format_args!("smtp; {response}"));
        date_field(out, "Last-Attempt-Date", *at);
    }
}

/// What was said, or the nearest to it that has a number.
///
/// [RFC 3463 §3.5](https://www.rfc-editor.org/rfc/rfc3463#section-3.5): for a message that
/// expired, the actual problem is better than 4.4.7.
fn status(failure: &Failure<'_>) -> EnhancedCode {
    failure.response.enhanced.unwrap_or(match failure {
        Failure { expired: true, .. } => EnhancedCode::new(4, 4, 7),
        _ => EnhancedCode::new(5, 0, 0),
    })
}

/// The third part: the header as it came, or encoded where it is not plain.
///
/// [RFC 6522 §4](https://www.rfc-editor.org/rfc/rfc6522#section-4)
fn write_headers(headers: &[u8], out: &mut Vec<u8>) {
    let long = |line: &[u8]| line.len() > LINE_MAX;
    let plain = headers.is_ascii() && !headers.split(|byte| *byte == b'\n').any(long);
    if plain {
        out.extend_from_slice(b"\r\n");
        return out.extend_from_slice(headers);
    }
    line(out, format_args!("Content-Transfer-Encoding: quoted-printable\r\n"));
    quoted::write(&without_dots(headers), out);
}

/// Wire form to plain form: the first dot of a line is not part of it.
fn without_dots(wire: &[u8]) -> Vec<u8> {
    let lines = wire.split_inclusive(|byte| *byte == b'\n');
    lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect()
}

fn date_field(out: &mut Vec<u8>, name: &str, at: Wall) {
    let mut date = Vec::new();
    write_date(at, &mut date);
    field(out, name, format_args!("{}", String::from_utf8_lossy(&date)));
}

/// Appends a field of ASCII, folded at spaces, or in a word that is too long for a line.
fn field(out: &mut Vec<u8>, name: &str, value: fmt::Arguments<'_>) {
    line_start(out, name);
    let mut column = name.len();
    for word in value.to_string().split(' ').filter(|word| !word.is_empty()) {
        if column > 0 && column + word.len() >= FOLD_AT {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.push(b' ');
        column += 1 + word.len();
        for (at, character) in word.chars().enumerate() {
            if at > 0 && at.is_multiple_of(LINE_MAX / 2) {
                out.extend_from_slice(b"\r\n ");
                column = 0;
            }
            let safe = matches!(character, '!'..='~');
            out.push(if safe { character as u8 } else { b'?' });
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn line_start(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
}

fn line(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
    out.extend_from_slice(b"\r\n");
}

/// An address with its type: beyond ASCII, in the form that survives seven bits.
///
/// [RFC 6533 §3](https://www.rfc-editor.org/rfc/rfc6533#section-3)
struct Address<'a>(&'a [u8]);

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(self.0);
        if text.is_ascii() {
            return write!(f, "rfc822; {text}");
        }
        f.write_str("utf-8; ")?;
        for character in text.chars() {
            match character {
                '\\' => f.write_str("\\x{5C}")?,
                '!'..='~' => write!(f, "{character}")?,
                _ => write!(f, "\\x{{{:X}}}", u32::from(character))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
