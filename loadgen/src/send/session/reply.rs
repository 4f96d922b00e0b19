//! Replies of the server, cut out of the stream and read.

use super::Fault;

/// Bytes of one reply that we put up with.
const REPLY_BYTES_MAX: usize = 64 * 1_024;

/// The first complete reply in `input`, all its lines.
pub(super) fn first(input: &[u8]) -> Result<Option<&[u8]>, Fault> {
    let mut start = 0;
    while let Some(length) = memchr::memchr(b'\n', &input[start..]) {
        let line = &input[start..=start + length];
        let shown = || Fault::NotAReply(text(line));
        if line.len() < 5 || !line[..3].iter().all(u8::is_ascii_digit) {
            return Err(shown());
        }
        start += line.len();
        match line[3] {
            b'-' => (),
            b' ' | b'\r' => return Ok(Some(&input[..start])),
            _ => return Err(shown()),
        }
    }
    let endless = input.len() > REPLY_BYTES_MAX;
    if endless { Err(Fault::NotAReply("a reply without end".to_owned())) } else { Ok(None) }
}

/// The three digits in front.
pub(super) fn code(reply: &[u8]) -> u16 {
    reply.iter().take(3).fold(0, |code, digit| code * 10 + u16::from(digit - b'0'))
}

/// As it is shown.
pub(super) fn text(reply: &[u8]) -> String {
    String::from_utf8_lossy(reply.trim_ascii_end()).into_owned()
}

/// What a server may offer in answer to EHLO, of what we know how to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    Pipelining,
    EightBit,
    Size,
    Chunking,
    StartTls,
    AuthPlain,
    AuthLogin,
}

/// What it does offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms(u8);

impl Terms {
    /// The keywords of an answer to EHLO.
    ///
    /// [RFC 5321 §4.1.1.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1); `AUTH=` is
    /// what some servers say for old clients.
    pub(super) fn read(reply: &[u8]) -> Self {
        let mut terms = Self::default();
        for line in reply.split(|byte| *byte == b'\n').filter_map(|line| line.get(4..)) {
            let mut words = line.trim_ascii_end().split(|byte| b" =".contains(byte));
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_slice() {
                b"PIPELINING" => terms.add(Extension::Pipelining),
                b"8BITMIME" => terms.add(Extension::EightBit),
                b"SIZE" => terms.add(Extension::Size),
                b"CHUNKING" => terms.add(Extension::Chunking),
                b"STARTTLS" => terms.add(Extension::StartTls),
                b"AUTH" => words.for_each(|word| match word.to_ascii_uppercase().as_slice() {
                    b"PLAIN" => terms.add(Extension::AuthPlain),
                    b"LOGIN" => terms.add(Extension::AuthLogin),
                    _ => (),
                }),
                _ => (),
            }
        }
        terms
    }

    const fn add(&mut self, extension: Extension) {
        self.0 |= 1 << extension as u8;
    }

    pub(super) const fn offer(self, extension: Extension) -> bool {
        self.0 & 1 << extension as u8 != 0
    }
}
