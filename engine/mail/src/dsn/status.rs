//! The second part of a report, for programs.

use super::{Action, Fate, Report, field};
use crate::trace::Literal;
use crate::{write_date, xtext};
use event::{EnhancedCode, Wall};
use std::fmt;

/// Writes a group of fields for the message, and one for each recipient.
///
/// [RFC 3464 §2.1](https://www.rfc-editor.org/rfc/rfc3464#section-2.1)
pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
    if !report.envid.is_empty() {
        field(out, "Original-Envelope-Id", format_args!("{}", Plain(report.envid)));
    }
    field(out, "Reporting-MTA", format_args!("dns; {}", report.hostname));
    date_field(out, "Arrival-Date", report.arrived);
    for fate in report.fates {
        out.extend_from_slice(b"\r\n");
        recipient(fate, out);
    }
}

fn recipient(fate: &Fate<'_>, out: &mut Vec<u8>) {
    let Fate { original, action, response, at, .. } = fate;
    if let Some((kind, address)) = typed(original) {
        if kind.eq_ignore_ascii_case(b"utf-8") {
            let address = String::from_utf8_lossy(&xtext::decode(address)).into_owned();
            field(out, "Original-Recipient", format_args!("utf-8;{}", Ascii(&address)));
        } else {
            let kind = String::from_utf8_lossy(kind);
            field(out, "Original-Recipient", format_args!("{kind};{}", Plain(address)));
        }
    }
    field(out, "Final-Recipient", format_args!("{}", Address(fate.recipient)));
    let action = match action {
        Action::Failed | Action::Expired => "failed",
        Action::Delayed(_) => "delayed",
        Action::Relayed => "relayed",
    };
    field(out, "Action", format_args!("{action}"));
    field(out, "Status", format_args!("{}", status(fate)));
    if let Some(host) = fate.teller() {
        field(out, "Remote-MTA", format_args!("dns; {}", Literal(host)));
    }
    // RFC 3464 §2.3.6: smtp is what a host said to us by SMTP. What we say has a type of our own.
    let kind = if response.local { "X-Ringpost" } else { "smtp" };
    field(out, "Diagnostic-Code", format_args!("{kind}; {response}"));
    date_field(out, "Last-Attempt-Date", *at);
    if let Action::Delayed(until) = fate.action {
        date_field(out, "Will-Retry-Until", until);
    }
}

/// What was said, or the nearest to it that has a number.
///
/// [RFC 3463 §3.5](https://www.rfc-editor.org/rfc/rfc3463#section-3.5): for a message that
/// expired, the actual problem is better than 4.4.7.
fn status(fate: &Fate<'_>) -> EnhancedCode {
    fate.response.enhanced.unwrap_or(match fate.action {
        Action::Failed => EnhancedCode::new(5, 0, 0),
        Action::Expired => EnhancedCode::new(4, 4, 7),
        Action::Delayed(_) => EnhancedCode::new(4, 0, 0),
        Action::Relayed => EnhancedCode::new(2, 0, 0),
    })
}

/// The type and the address of an ORCPT.
fn typed(original: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = original.iter().position(|byte| *byte == b';')?;
    original.split_at_checked(at).map(|(kind, rest)| (kind, rest.get(1..).unwrap_or_default()))
}

/// Xtext as it was before it was encoded. [`field`] writes what is not printable as `?`.
///
/// [RFC 3461 §6.3](https://www.rfc-editor.org/rfc/rfc3461#section-6.3)
struct Plain<'a>(&'a [u8]);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&xtext::decode(self.0)))
    }
}

fn date_field(out: &mut Vec<u8>, name: &str, at: Wall) {
    let mut date = Vec::new();
    write_date(at, &mut date);
    field(out, name, format_args!("{}", String::from_utf8_lossy(&date)));
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
        write!(f, "utf-8; {}", Ascii(&text.replace('\\', "\\x{5C}")))
    }
}

/// Text in which a backslash begins the name of a character: what is not printable ASCII gets one.
///
/// [RFC 6533 §3](https://www.rfc-editor.org/rfc/rfc6533#section-3)
struct Ascii<'a>(&'a str);

impl fmt::Display for Ascii<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '!'..='~' => write!(f, "{character}"),
            _ => write!(f, "\\x{{{:X}}}", u32::from(character)),
        })
    }
}
