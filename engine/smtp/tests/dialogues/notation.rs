//! Bytes as a transcript shows them: `\r`, `\n`, `\0` and `\\` by name, forty of one kind in a
//! row or more as `{x*40}`.

use std::fmt::Write as _;

const RUN_MIN: usize = 40;

/// The bytes of all lines that begin with `mark`, each with its CRLF.
pub(crate) fn spoken(transcript: &str, mark: &str) -> Vec<u8> {
    let lines = transcript.lines().filter_map(|line| line.strip_prefix(mark));
    lines
        .flat_map(|line| {
            [&decode(line.strip_prefix(' ').unwrap_or(line)), b"\r\n".as_slice()].concat()
        })
        .collect()
}

/// The values set by `#! name value`.
pub(crate) fn settings(transcript: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = transcript.lines().filter_map(|line| line.strip_prefix("#! "));
    lines.map(|line| line.split_once(' ').unwrap_or((line, "")))
}

/// The lines at the top that only people read, and those that set the scene.
pub(crate) fn preamble(transcript: &str) -> String {
    let lines = transcript.lines().take_while(|line| line.starts_with(['#', '+']));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Shows whole lines, each behind `mark`.
pub(crate) fn show(mark: &str, bytes: &[u8]) -> String {
    let Some(text) = bytes.strip_suffix(b"\r\n") else {
        assert!(bytes.is_empty(), "whole lines: {}", String::from_utf8_lossy(bytes));
        return String::new();
    };
    let text = encode(text);
    let lines = text.split("\\r\\n").map(|line| match line {
        "" => format!("{mark}\n"),
        line => format!("{mark} {line}\n"),
    });
    lines.collect()
}

fn encode(bytes: &[u8]) -> String {
    let mut shown = String::new();
    let characters: Vec<char> = String::from_utf8_lossy(bytes).chars().collect();
    for run in characters.chunk_by(|one, other| one == other) {
        let one = match run[0] {
            '\r' => "\\r".into(),
            '\n' => "\\n".into(),
            '\0' => "\\0".into(),
            '\\' => "\\\\".into(),
            character => character.to_string(),
        };
        match run.len() {
            len @ RUN_MIN.. => write!(shown, "{{{one}*{len}}}").unwrap(),
            len => shown.push_str(&one.repeat(len)),
        }
    }
    shown
}

fn decode(line: &str) -> Vec<u8> {
    let mut bytes = String::new();
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        if let Some((run, after)) = run(rest) {
            bytes.push_str(&run);
            rest = after;
            continue;
        }
        rest = &rest[character.len_utf8()..];
        if character != '\\' {
            bytes.push(character);
            continue;
        }
        let named = rest.chars().next().expect("a name behind a backslash");
        rest = &rest[1..];
        bytes.push(match named {
            'r' => '\r',
            'n' => '\n',
            '0' => '\0',
            other => other,
        });
    }
    bytes.into_bytes()
}

/// `{x*40}` at the start of `rest`, and what follows it.
fn run(rest: &str) -> Option<(String, &str)> {
    let (inside, after) = rest.strip_prefix('{')?.split_once('}')?;
    let (one, count) = inside.split_once('*')?;
    Some((one.repeat(count.parse().ok()?), after))
}
