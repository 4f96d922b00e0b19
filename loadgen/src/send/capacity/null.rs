//! The server's side of a conversation that takes everything and looks at nothing.

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A PROXY header; what is behind it.
    Header(After),
    Command,
    /// So many lines that answer a 334.
    Auth(u8),
    /// A text up to its final dot.
    Text,
    /// So many bytes of a chunk.
    Chunk(usize),
}

/// What the driver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Read on.
    Continue,
    /// Begin TLS; what is left of the input is part of it.
    Encrypt,
    /// Send what there is to say and close.
    Close,
}

const END: &[u8] = b"\r\n.\r\n";

/// One connection.
#[derive(Debug)]
pub(super) struct Null {
    state: State,
}

impl Null {
    /// With a PROXY `header` in front, and behind that with TLS from the first byte.
    pub(super) const fn new(header: bool, implicit: bool) -> Self {
        let state = match (header, implicit) {
            (true, true) => State::Header(After::Encrypt),
            (true, false) => State::Header(After::Continue),
            (false, _) => State::Command,
        };
        Self { state }
    }

    /// Takes what it can of `input`; appends answers to `out`. Returns how many bytes it took.
    pub(super) fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, After) {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            let taken = match self.state {
                State::Header(after) => match (self.header(rest), after) {
                    (taken @ 1.., After::Encrypt) => return (used + taken, after),
                    (taken, _) => taken,
                },
                State::Text => self.text(rest, out),
                State::Chunk(left) => self.chunk(rest, left, out),
                State::Command | State::Auth(_) => {
                    let Some(end) = memchr::memchr(b'\n', rest) else {
                        return (used, After::Continue);
                    };
                    used += end + 1;
                    let after = self.line(&rest[..end], out);
                    if after != After::Continue {
                        return (used, after);
                    }
                    continue;
                }
            };
            if taken == 0 {
                return (used, After::Continue);
            }
            used += taken;
        }
    }

    fn header(&mut self, rest: &[u8]) -> usize {
        let length = if rest.starts_with(b"PROXY ") {
            memchr::memchr(b'\n', rest).map(|end| end + 1)
        } else {
            rest.get(14..16).map(|len| 16 + usize::from(u16::from_be_bytes([len[0], len[1]])))
        };
        let Some(length) = length.filter(|length| *length <= rest.len()) else { return 0 };
        self.state = State::Command;
        length
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> After {
        if let State::Auth(left) = self.state {
            self.state = if left > 1 { State::Auth(left - 1) } else { State::Command };
            out.extend_from_slice(if left > 1 { b"334 \r\n" } else { b"235 \r\n" });
            return After::Continue;
        }
        match line.get(..4).unwrap_or_default() {
            b"EHLO" => out.extend_from_slice(
                b"250-null\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE\r\n250-CHUNKING\r\n\
                  250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
            ),
            b"STAR" => {
                out.extend_from_slice(b"220 \r\n");
                return After::Encrypt;
            }
            b"AUTH" if line.starts_with(b"AUTH LOGIN") => {
                self.state = State::Auth(2);
                out.extend_from_slice(b"334 \r\n");
            }
            b"AUTH" => out.extend_from_slice(b"235 \r\n"),
            b"DATA" => {
                self.state = State::Text;
                out.extend_from_slice(b"354 \r\n");
            }
            b"BDAT" => {
                let digits = line[5..].iter().take_while(|byte| byte.is_ascii_digit());
                let size = digits.fold(0, |size, digit| size * 10 + usize::from(digit - b'0'));
                self.state = State::Chunk(size);
                self.chunk(b"", size, out);
            }
            b"QUIT" => {
                out.extend_from_slice(b"221 \r\n");
                return After::Close;
            }
            _ => out.extend_from_slice(b"250 \r\n"),
        }
        After::Continue
    }

    /// Leaves what may be the beginning of the end.
    fn text(&mut self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        let Some(end) = memchr::memmem::find(rest, END) else {
            return rest.len().saturating_sub(END.len() - 1);
        };
        self.state = State::Command;
        out.extend_from_slice(b"250 \r\n");
        end + END.len()
    }

    fn chunk(&mut self, rest: &[u8], left: usize, out: &mut Vec<u8>) -> usize {
        let taken = rest.len().min(left);
        self.state = State::Chunk(left - taken);
        if taken == left {
            self.state = State::Command;
            out.extend_from_slice(b"250 \r\n");
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::{After, Null};

    /// What is answered when the input comes in pieces of this size.
    fn answers(header: bool, input: &[u8], piece: usize) -> (String, After) {
        let (mut null, mut out, mut kept, mut last) =
            (Null::new(header, false), Vec::new(), Vec::new(), After::Continue);
        for bytes in input.chunks(piece) {
            kept.extend_from_slice(bytes);
            let (used, after) = null.take(&kept, &mut out);
            kept.drain(..used);
            last = after;
        }
        let codes = String::from_utf8(out).unwrap();
        let codes = codes.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]);
        (codes.collect::<Vec<_>>().join(" "), last)
    }

    #[test]
    fn everything_is_taken_however_it_is_cut() {
        let data = b"EHLO a\r\nMAIL x\r\nRCPT y\r\nDATA\r\n..\r\nDATA\r\n\r\n.\r\nMAIL x\r\nRCPT y\r\n\
                     BDAT 6\r\n\r\n.\r\nMBDAT 0 LAST\r\nAUTH LOGIN\r\na\r\nb\r\nAUTH PLAIN x\r\nQUIT\r\n";
        let codes = "250 250 250 354 250 250 250 250 250 334 334 235 235 221";
        let v1 = [b"PROXY TCP4 a b 1 2\r\n".as_slice(), data].concat();
        let v2 = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x02\n\n".as_slice(), data].concat();
        for piece in [1, 2, 5, 1_000] {
            for (header, input) in [(false, &data[..]), (true, &v1), (true, &v2)] {
                assert_eq!(answers(header, input, piece), (codes.to_owned(), After::Close));
            }
        }
        assert_eq!(answers(false, b"STARTTLS\r\n", 9).1, After::Encrypt);
    }
}
