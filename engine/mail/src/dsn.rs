//! The report to a sender on what became of its mail: that it failed, that it is late, or that
//! it went to a host that gives no reports.
//!
//! A multipart of three: for people, for programs, and the header of the message, or all of it.
//! [RFC 6522](https://www.rfc-editor.org/rfc/rfc6522),
//! [RFC 3464](https://www.rfc-editor.org/rfc/rfc3464). It is pure ASCII with short lines whatever
//! it reports on (a recipient or sender beyond ASCII is the one exception, and only in the To
//! field), so that no host on the way back can refuse it for its form.

mod quoted;
mod status;

use crate::write_date;
use event::{MessageId, Response, Wall};
use memchr::memmem;
use std::fmt;
use std::io::Write as _;
use std::net::IpAddr;

/// How much of the original's header goes back, in octets.
pub const HEADERS_MAX: usize = 32 * 1_024;

/// The longest message that goes back as a whole, in octets. Of a longer one, or one that is not
/// plain ASCII in lines, the header does: that can be refused by nobody for its form.
pub const MESSAGE_MAX: usize = 64 * 1_024;

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
    /// What its sender called the original: ENVID, in xtext; empty if nothing.
    pub envid: &'a [u8],
    /// Whom it is about. At least one.
    pub fates: &'a [Fate<'a>],
    /// The original's header, in wire form; cut to [`HEADERS_MAX`] here.
    pub headers: &'a [u8],
    /// All of the original, in wire form, if its sender wants it back.
    pub message: Option<&'a [u8]>,
}

/// One recipient, and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct Fate<'a> {
    /// The address, as it was given to us.
    pub recipient: &'a [u8],
    /// Who it was at first: ORCPT, as it came; empty if that was not said.
    pub original: &'a [u8],
    /// What became of it.
    pub action: Action,
    /// The last that was said about it.
    pub response: &'a Response,
    /// The host it was said by, or about.
    pub host: Option<IpAddr>,
    /// When it was said.
    pub at: Wall,
}

impl Fate<'_> {
    /// The host that said it, if not we ourselves did.
    fn teller(&self) -> Option<IpAddr> {
        self.host.filter(|_| !self.response.local)
    }
}

/// What became of a recipient.
///
/// [RFC 3464 §2.3.3](https://www.rfc-editor.org/rfc/rfc3464#section-2.3.3)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Somebody said never.
    Failed,
    /// Its time was up; nobody said never.
    Expired,
    /// It is tried again, until then.
    Delayed(Wall),
    /// A host took it that gives no reports.
    Relayed,
}

/// The report in wire form: CRLF, dots doubled, the final dot not included.
#[must_use]
pub fn write(report: &Report<'_>) -> Vec<u8> {
    let headers = capped(report.headers);
    let message = report.message.filter(|message| returns(message));
    let back = message.unwrap_or(headers);
    let boundary = boundary(report, back);
    let mut out = Vec::with_capacity(2_048 + 1_024 * report.fates.len() + back.len());
    write_header(report, &boundary, &mut out);
    part(&boundary, "text/plain; charset=utf-8", &mut out);
    line(&mut out, format_args!("Content-Transfer-Encoding: quoted-printable\r\n"));
    quoted::write(&for_people(report), &mut out);
    part(&boundary, "message/delivery-status", &mut out);
    status::write(report, &mut out);
    if let Some(message) = message {
        part(&boundary, "message/rfc822", &mut out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(message);
    } else {
        part(&boundary, "text/rfc822-headers", &mut out);
        write_headers(headers, &mut out);
    }
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

/// Whether a message may go back as it is.
fn returns(message: &[u8]) -> bool {
    message.len() <= MESSAGE_MAX && message.ends_with(b"\r\n") && is_plain(message)
}

/// ASCII in lines that anybody takes.
fn is_plain(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    let mut plain = text.is_ascii();
    while let (true, Some(line)) = (plain, lines.next()) {
        // Only CRLF ends a line, whatever the message was let in by.
        let ended = lines.peek().is_some();
        let content = if ended { line.strip_suffix(b"\r") } else { Some(line) };
        plain = content.is_some_and(|content| {
            content.len() <= LINE_MAX && memchr::memchr2(b'\r', 0, content).is_none()
        });
    }
    plain
}

/// A boundary that the original does not contain, whoever wrote it.
fn boundary(report: &Report<'_>, back: &[u8]) -> String {
    let mut boundary = format!("=_{}_{:x}", report.id, report.now.0);
    while memmem::find(back, boundary.as_bytes()).is_some() {
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
    let subject = match report.fates.first().map(|fate| fate.action) {
        Some(Action::Delayed(_)) => "Mail delayed: it is tried again",
        Some(Action::Relayed) => "Mail passed on",
        _ => "Undelivered mail",
    };
    line(out, format_args!("Subject: {subject}"));
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
    let action = report.fates.first().map_or(Action::Failed, |fate| fate.action);
    let (before, behind) = match action {
        Action::Failed | Action::Expired => {
            ("Your message could not be delivered to:", "It will not be tried again.")
        }
        Action::Delayed(_) => (
            "Your message could not be delivered yet to:",
            "It is tried again; you need not send it again.",
        ),
        Action::Relayed => (
            "Your message was passed on, to a host that gives no reports of delivery, for:",
            "You will hear no more of it, unless it fails there.",
        ),
    };
    line(&mut text, format_args!("This is the mail system at {hostname}.\r\n"));
    line(&mut text, format_args!("{before}\r\n"));
    for fate in report.fates {
        let recipient = String::from_utf8_lossy(fate.recipient);
        let who = fate.teller().map_or_else(String::new, |host| format!("{host} said: "));
        let expired = fate.action == Action::Expired;
        let why = if expired { "it was tried for too long; last, " } else { "" };
        line(&mut text, format_args!("<{recipient}>:\r\n    {why}{who}{}\r\n", fate.response));
    }
    let whole = report.message.is_some_and(returns);
    let attached = if whole { "It is attached." } else { "Its header is attached." };
    line(&mut text, format_args!("{behind} {attached}"));
    text
}

/// The third part: the header as it came, or encoded where it is not plain.
///
/// [RFC 6522 §4](https://www.rfc-editor.org/rfc/rfc6522#section-4)
fn write_headers(headers: &[u8], out: &mut Vec<u8>) {
    if is_plain(headers) {
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

#[cfg(test)]
mod tests;
