//! The mail that brings a domain its report of TLS.
//!
//! [RFC 8460 §5.3](https://www.rfc-editor.org/rfc/rfc8460#section-5.3). It is ASCII in short lines,
//! none of which begins with a dot, so it is in wire form as it is written.

use crate::write_date;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::Wall;
use std::fmt;
use std::io::Write as _;

/// Bytes of a file that make one line of it.
const LINE_BYTES: usize = 57;

const BOUNDARY: &str = "=_tls-report";

/// One report. All its words are printable ASCII.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Whose mail it is.
    pub from: &'a str,
    /// Whom it goes to.
    pub to: &'a str,
    /// The domain it is about.
    pub domain: &'a str,
    /// The server that reports.
    pub submitter: &'a str,
    /// Whose server that is.
    pub organization: &'a str,
    /// What the report is called.
    pub id: &'a str,
    /// What its file is called.
    pub file_name: &'a str,
    /// The file: JSON under gzip.
    pub file: &'a [u8],
    /// When it is sent.
    pub now: Wall,
}

/// The mail in wire form, the final dot not included.
#[must_use]
pub fn write(report: &Report<'_>) -> Vec<u8> {
    let Report { from, to, domain, submitter, organization, id, file_name, file, now } = *report;
    let mut out = Vec::with_capacity(2_048 + file.len() / 2 * 3);
    line(&mut out, format_args!("From: <{from}>\r\nTo: <{to}>"));
    out.extend_from_slice(b"Date: ");
    write_date(now, &mut out);
    line(&mut out, format_args!("\r\nMessage-ID: <{id}>"));
    line(&mut out, format_args!("Subject: Report Domain: {domain}"));
    line(&mut out, format_args!("\tSubmitter: {submitter}\r\n\tReport-ID: <{id}>"));
    line(&mut out, format_args!("TLS-Report-Domain: {domain}"));
    line(&mut out, format_args!("TLS-Report-Submitter: {submitter}"));
    // RFC 8689 section 5: what may be wrong with TLS is what it tells of.
    line(&mut out, format_args!("TLS-Required: No"));
    // RFC 3834 section 5: nobody's vacation message answers this.
    line(&mut out, format_args!("Auto-Submitted: auto-generated"));
    line(&mut out, format_args!("MIME-Version: 1.0"));
    line(&mut out, format_args!("Content-Type: multipart/report; report-type=\"tlsrpt\";"));
    line(&mut out, format_args!("\tboundary=\"{BOUNDARY}\""));
    line(&mut out, format_args!("\r\n--{BOUNDARY}\r\nContent-Type: text/plain; charset=us-ascii"));
    line(&mut out, format_args!("\r\nThis is an aggregate TLS report from {organization}."));
    line(&mut out, format_args!("\r\n--{BOUNDARY}\r\nContent-Type: application/tlsrpt+gzip"));
    line(&mut out, format_args!("Content-Transfer-Encoding: base64"));
    line(
        &mut out,
        format_args!("Content-Disposition: attachment;\r\n\tfilename=\"{file_name}\"\r\n"),
    );
    for part in file.chunks(LINE_BYTES) {
        line(&mut out, format_args!("{}", STANDARD.encode(part)));
    }
    line(&mut out, format_args!("\r\n--{BOUNDARY}--"));
    out
}

fn line(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
