//! What the injectors write.

use crate::chance::Chance;
use kernel::sim::Sim;

/// A text in wire form: lines that begin with dots, empty ones, long ones, 8-bit ones; or nothing.
pub(super) fn lines(sim: &Sim, token: u64, len_max: u64, eight_bit: bool) -> Vec<u8> {
    if sim.one_in(20) {
        return Vec::new();
    }
    let len = match sim.within(0..20) {
        0 => sim.within(1..len_max),
        1..4 => sim.within(1..len_max.min(20_000)),
        _ => sim.within(1..len_max.min(2_000)),
    };
    let mut text =
        format!("From: <m{token}@senders.test>\r\nSubject: {token}\r\n\r\n").into_bytes();
    while (text.len() as u64) < len {
        match sim.within(0..8) {
            0 => text.extend_from_slice(b"..dots begin this line"),
            1 => text.extend_from_slice(b".."),
            2 => (),
            3 if eight_bit => text.extend_from_slice(&[0xe4, 0xff, 0x80, b'8']),
            4 => text.extend(std::iter::repeat_n(b'x', sim.within(1..990) as usize)),
            _ => text.extend_from_slice(format!("{:x}", sim.roll()).as_bytes()),
        }
        text.extend_from_slice(b"\r\n");
    }
    text
}

/// Octets of any kind behind a header.
pub(super) fn octets(sim: &Sim, token: u64, len_max: u64) -> Vec<u8> {
    let mut text = format!("Subject: {token}\r\n\r\n").into_bytes();
    let len = sim.within(1..len_max.min(3_000));
    while (text.len() as u64) < len {
        text.extend_from_slice(match sim.within(0..6) {
            0 => b"\r\n.\r\n",
            1 => b"\n.\n",
            2 => b"\0\xff\r",
            3 => b"\r\n..\r\n",
            _ => b"plain",
        });
    }
    text
}

/// A text in wire form without the dots of that form, and perhaps without its last CRLF.
pub(super) fn plain(sim: &Sim, wire: &[u8]) -> Vec<u8> {
    let lines = wire.split_inclusive(|byte| *byte == b'\n');
    let mut plain: Vec<u8> =
        lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect();
    if sim.one_in(3) && plain.len() > 2 && !plain.ends_with(b"\r\n\r\n") {
        plain.truncate(plain.len() - 2);
    }
    plain
}

/// BDAT, in one chunk or several, the last of which may be empty; and how many they are.
pub(super) fn chunked(sim: &Sim, text: &[u8]) -> (Vec<u8>, usize) {
    let mut said = Vec::with_capacity(text.len() + 64);
    let mut chunks = 1;
    let mut rest = text;
    while !rest.is_empty() && sim.one_in(2) {
        let (chunk, behind) = rest.split_at(sim.within(0..rest.len() as u64 + 1) as usize);
        said.extend_from_slice(format!("BDAT {}\r\n", chunk.len()).as_bytes());
        said.extend_from_slice(chunk);
        rest = behind;
        chunks += 1;
    }
    said.extend_from_slice(format!("BDAT {} LAST\r\n", rest.len()).as_bytes());
    said.extend_from_slice(rest);
    (said, chunks)
}
