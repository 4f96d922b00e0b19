//! A megabyte of text lines in wire form, from which bodies are cut.

use crate::hash::Random;

const POOL_LEN: usize = 1 << 20;
/// The longest text line without its CRLF and without a doubled dot.
///
/// [RFC 5321 §4.5.3.1.6](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.6)
const LINE_MAX: usize = 998;

/// Lines of every awkward kind: usual ones, the longest allowed, empty ones, a dot alone,
/// dots in front, and letters beyond ASCII where the pool is 8-bit.
#[derive(Debug)]
pub(super) struct Pool {
    text: Vec<u8>,
    /// Where each line starts, and the end of the last.
    starts: Vec<usize>,
}

impl Pool {
    pub(super) fn new(seed: u64, eight_bit: bool) -> Self {
        let mut random = Random::new(seed ^ u64::from(eight_bit));
        let mut pool = Self { text: Vec::with_capacity(POOL_LEN + 1_024), starts: vec![0] };
        while pool.text.len() < POOL_LEN {
            pool.line(&mut random, eight_bit);
        }
        pool
    }

    fn line(&mut self, random: &mut Random, eight_bit: bool) {
        let kind = random.next();
        match kind % 32 {
            0 => (),
            1 => self.text.extend_from_slice(b".."),
            2 => self.letters(b"..", LINE_MAX - 1, random, false),
            3 => self.letters(b"....", 40, random, eight_bit),
            4 => self.letters(b"", LINE_MAX, random, eight_bit),
            5..8 => self.letters(b"..", 60, random, eight_bit),
            _ => self.letters(b"", 30 + (kind >> 32) as usize % 48, random, eight_bit),
        }
        self.text.extend_from_slice(b"\r\n");
        self.starts.push(self.text.len());
    }

    /// `front`, then `count` bytes of letters.
    fn letters(&mut self, front: &[u8], count: usize, random: &mut Random, eight_bit: bool) {
        const LETTERS: &[u8; 64] =
            b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ =.,0123456";
        let start = self.text.len();
        self.text.extend_from_slice(front);
        let end = self.text.len() + count;
        if eight_bit {
            self.text.extend_from_slice("Grüße, żółw, 日本 ".as_bytes());
        }
        while self.text.len() < end {
            let bits = random.next();
            self.text.extend((0..10).map(|n| LETTERS[(bits >> (6 * n)) as usize & 63]));
        }
        self.text.truncate(end);
        // By chance a dot in front: it would have to be doubled.
        if front.is_empty() && self.text[start] == b'.' {
            self.text[start] = b'x';
        }
    }

    /// Appends exactly `len` bytes of whole lines, from a place that `random` chooses: the
    /// last of them is cut to fit. Less than a line of its own is no line, so nothing.
    pub(super) fn append(&self, random: u64, mut len: usize, out: &mut Vec<u8>) {
        let lines = self.starts.len() - 1;
        let mut first = (random % lines as u64) as usize;
        while len > 0 {
            let start = self.starts[first];
            let past = self.starts.partition_point(|line| *line <= start + len) - 1;
            let end = self.starts[past];
            out.extend_from_slice(&self.text[start..end]);
            len -= end - start;
            first = past % lines;
            if first != 0 || end == start {
                return filler(len, out);
            }
        }
    }
}

/// `len` bytes of one last line, fewer than the longest line takes.
fn filler(len: usize, out: &mut Vec<u8>) {
    if let Some(letters) = len.checked_sub(2) {
        out.resize(out.len() + letters, b'-');
        out.extend_from_slice(b"\r\n");
    }
}
