//! Replies as people have them: from a log, a bounce, or another relay's words about it.

use super::condition::Stage;
use event::{EnhancedCode, Response};

/// A reply that somebody quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted<'t> {
    /// The reply.
    pub response: Response,
    /// Who said it, if that is told: `host mx.example.com[192.0.2.1] said: ...`.
    pub host: Option<&'t str>,
    /// To what, if that is told: `... (in reply to RCPT TO command)`.
    pub stage: Option<Stage>,
}

/// What Postfix writes behind a reply, and what it means.
const REPLIES_TO: [(&str, Stage); 6] = [
    ("(in reply to EHLO command)", Stage::Hello),
    ("(in reply to HELO command)", Stage::Hello),
    ("(in reply to MAIL FROM command)", Stage::Mail),
    ("(in reply to RCPT TO command)", Stage::Rcpt),
    ("(in reply to DATA command)", Stage::Data),
    ("(in reply to end of DATA command)", Stage::Text),
];

/// What stands between a reply and whoever tells of it.
const MARKS: [&str; 3] = [" said: ", "smtp; ", "smtp;"];

/// Reads a reply of one line or several, each with its code, as it went over the wire; several may
/// have been joined by spaces. `None` if there is no reply in it that says no.
#[must_use]
pub fn quoted(text: &str) -> Option<Quoted<'_>> {
    let text = text.trim();
    let told = MARKS.iter().find_map(|mark| text.split_once(mark));
    let (before, reply) = told.filter(|_| code_of(text).is_none()).unwrap_or(("", text));
    let reply = reply.trim();
    let found = REPLIES_TO.iter().find(|(words, _)| reply.ends_with(words));
    let reply = found.map_or(reply, |(words, _)| reply[..reply.len() - words.len()].trim_end());
    let host = before.split_once("host ").map(|(_, rest)| rest);
    let host = host.and_then(|rest| rest.split(['[', ' ']).next()).filter(|host| !host.is_empty());
    Some(Quoted { response: response(reply)?, host, stage: found.map(|(_, stage)| *stage) })
}

fn response(reply: &str) -> Option<Response> {
    let code = code_of(reply).filter(|code| (400..600).contains(code))?;
    let lines = lines(reply, code);
    let word = lines.first()?.split(' ').next().unwrap_or_default();
    let enhanced = word.parse::<EnhancedCode>().ok();
    let enhanced = enhanced.filter(|enhanced| u16::from(enhanced.class) == code / 100);
    let bare = lines.iter().map(|line| match line.strip_prefix(word) {
        Some(rest) if enhanced.is_some() && (rest.is_empty() || rest.starts_with(' ')) => {
            rest.trim_start().as_bytes()
        }
        _ => line.as_bytes(),
    });
    let bare = bare.filter(|line| !line.is_empty());
    Some(Response::from_lines(code, enhanced, bare))
}

/// The code in front of a line, with a space, a hyphen or nothing behind it.
fn code_of(line: &str) -> Option<u16> {
    let (digits, rest) = line.split_at_checked(3)?;
    let is_code = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (rest.is_empty() || rest.starts_with([' ', '-', '\r', '\n']));
    if is_code { digits.parse().ok() } else { None }
}

/// The lines of a reply without their codes.
///
/// Where they were joined, `550-` in the midst of it begins a line, and so does `550 ` in what began
/// as a reply of several lines.
fn lines(reply: &str, code: u16) -> Vec<&str> {
    let (more, last) = (format!("{code}-"), format!("{code} "));
    let is_long = reply.starts_with(&more);
    let mut lines = Vec::new();
    let mut start = 0;
    for (at, _) in reply.match_indices(char::is_whitespace) {
        let rest = reply[at..].trim_start();
        let begins = rest.starts_with(&more)
            || rest.starts_with(&last)
            || rest == more.trim_end_matches('-');
        if at >= start && is_long && begins {
            lines.push(&reply[start..at]);
            start = reply.len() - rest.len();
        }
    }
    lines.push(&reply[start..]);
    lines.iter().map(|line| line.get(4..).unwrap_or_default().trim()).collect()
}
