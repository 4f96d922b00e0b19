//! The ledger: one row for each thing that became of a message at one recipient.
//!
//! A file of rows of the same length, the first of which is a header. Rows are only ever
//! appended, with `write`, before the peer is told: what a process said, its ledger holds even
//! if the process is killed. All integers are little-endian.
//!
//! ```text
//!  0         8           16         24         32       36       40        44     46    47
//!  +---------+-----------+----------+----------+--------+--------+---------+------+-----+-----+
//!  | id      | recipient | body     | at       | header | bytes  | session | code | ver | chk |
//!  +---------+-----------+----------+----------+--------+--------+---------+------+-----+-----+
//! ```
//!
//! `recipient`, `body` and `header` are checksums, `at` is nanoseconds since the Unix epoch,
//! `chk` a fold of the other bytes. A row cut short, or of zeros, is a torn tail:
//! what is behind it was never written.
//!
//! Two verdicts of a sink use the columns in another way. `Provider` gives a number (`id`) a
//! name (in `recipient`, `body`, `header` and `bytes`) for the rows behind it. `Broken`
//! says that the sender broke a rule of its contract with a provider: `code` is the rule,
//! `header` the provider's number, `body` how many there were, `bytes` how many there may be,
//! `recipient` the checksum of the source address.

mod rule;
pub mod sort;

pub use rule::Rule;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// Bytes in a row.
pub const ROW_LEN: usize = 48;
/// Bytes of a provider's name that fit a row.
pub const NAME_LEN: usize = 24;
const MAGIC: &[u8; 8] = b"RINGLDG1";
/// Rows a writer holds back at most before it writes them by itself.
const ROWS_HELD_MAX: usize = 512;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Verdict {
    /// Generator: the relay said 250 and has taken responsibility.
    Accepted = 1,
    /// Generator: the relay said 4xx; it will be offered again.
    Postponed = 2,
    /// Generator: the relay said 5xx, or 4xx too often: not offered again.
    Refused = 3,
    /// Generator: the whole text was sent and the connection ended without an answer.
    Unanswered = 4,
    /// Sink: received in full, and answered with 250.
    Delivered = 16,
    /// Sink: answered with 4xx.
    Deferred = 17,
    /// Sink: answered with 5xx.
    Failed = 18,
    /// Sink: received in full, from the null sender: a report about the message.
    Reported = 19,
    /// Sink: received in full, but no message of ours.
    Stranger = 20,
    /// Sink: the sender broke a rule of the provider's contract.
    Broken = 21,
    /// Sink: a provider's number and name.
    Provider = 22,
    /// Either: the ledger was closed in good order.
    End = 32,
}

impl Verdict {
    const ALL: [Self; 12] = [
        Self::Accepted,
        Self::Postponed,
        Self::Refused,
        Self::Unanswered,
        Self::Delivered,
        Self::Deferred,
        Self::Failed,
        Self::Reported,
        Self::Stranger,
        Self::Broken,
        Self::Provider,
        Self::End,
    ];
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The message.
    pub id: u64,
    /// [`crate::hash::address`] of the recipient.
    pub recipient: u64,
    /// [`crate::hash::body`] of its body, where the text was seen.
    pub body: u64,
    /// When, in nanoseconds since the Unix epoch.
    pub at: u64,
    /// [`crate::hash::header`] of its header, where the text was seen.
    pub header: u32,
    /// Bytes of both.
    pub bytes: u32,
    /// Which connection, counted from 1.
    pub session: u32,
    /// The reply code.
    pub code: u16,
    /// What became of it.
    pub verdict: Verdict,
}

impl Row {
    /// The last row of a ledger closed in good order.
    #[must_use]
    pub const fn end(at: u64) -> Self {
        let verdict = Verdict::End;
        Self { id: 0, recipient: 0, body: 0, at, header: 0, bytes: 0, session: 0, code: 0, verdict }
    }

    /// Gives provider `number` a name; what is behind its first 24 bytes is cut off.
    #[must_use]
    pub fn provider(number: u32, name: &str, at: u64) -> Self {
        let mut bytes = [0; NAME_LEN];
        let kept = name.len().min(NAME_LEN);
        bytes[..kept].copy_from_slice(&name.as_bytes()[..kept]);
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        Self {
            id: u64::from(number),
            recipient: long(0),
            body: long(8),
            header: word(16),
            bytes: word(20),
            verdict: Verdict::Provider,
            ..Self::end(at)
        }
    }

    /// The number and the name a `Provider` row gives.
    #[must_use]
    pub fn provider_name(&self) -> (u32, String) {
        let Self { recipient, body, header, bytes, .. } = self;
        let bytes = [
            &recipient.to_le_bytes()[..],
            &body.to_le_bytes(),
            &header.to_le_bytes(),
            &bytes.to_le_bytes(),
        ]
        .concat();
        let name = String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned();
        (self.id as u32, name)
    }

    /// The row as bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; ROW_LEN] {
        let mut bytes = [0; ROW_LEN];
        bytes[..8].copy_from_slice(&self.id.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.recipient.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.body.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.at.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.header.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.session.to_le_bytes());
        bytes[44..46].copy_from_slice(&self.code.to_le_bytes());
        bytes[46] = self.verdict as u8;
        bytes[47] = check(&bytes);
        bytes
    }

    /// The row in `bytes`, or `None` if they are none.
    #[must_use]
    pub fn decode(bytes: &[u8; ROW_LEN]) -> Option<Self> {
        let verdict = Verdict::ALL.into_iter().find(|verdict| *verdict as u8 == bytes[46])?;
        let long = |at| bytes[at..].first_chunk().map(|chunk| u64::from_le_bytes(*chunk));
        let word = |at| bytes[at..].first_chunk().map(|chunk| u32::from_le_bytes(*chunk));
        let row = Self {
            id: long(0)?,
            recipient: long(8)?,
            body: long(16)?,
            at: long(24)?,
            header: word(32)?,
            bytes: word(36)?,
            session: word(40)?,
            code: u16::from_le_bytes([bytes[44], bytes[45]]),
            verdict,
        };
        (bytes[47] == check(bytes)).then_some(row)
    }
}

/// All bytes but the last folded into one, so that no single damaged byte goes unseen.
fn check(bytes: &[u8; ROW_LEN]) -> u8 {
    let rest = bytes[..ROW_LEN - 1].iter().zip(0_u32..);
    rest.fold(0x5a, |sum, (byte, at)| sum ^ byte.rotate_left(at % 8))
}

/// Appends rows. Several writers may append to one file: each `write` lands whole.
#[derive(Debug)]
pub struct Writer {
    file: File,
    held: Vec<u8>,
}

impl Writer {
    /// Opens the ledger at `path` for appending, and makes it if need be. A torn tail that an
    /// earlier process left is cut off first.
    ///
    /// # Errors
    /// What the file system says; `InvalidData` if the file is something else.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let writer = Self { file, held: Vec::with_capacity(ROWS_HELD_MAX * ROW_LEN) };
        let whole = Reader::new(&writer.file)?.whole_rows()?;
        if whole == 0 {
            writer.file.set_len(0)?;
            (&writer.file).write_all(&header_row())?;
        } else {
            writer.file.set_len((whole + 1) * ROW_LEN as u64)?;
        }
        Ok(writer)
    }

    /// Another writer to the same file.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn another(&self) -> io::Result<Self> {
        Ok(Self { file: self.file.try_clone()?, held: Vec::with_capacity(ROWS_HELD_MAX * ROW_LEN) })
    }

    /// Adds a row. It is safe from the death of this process once [`Self::flush`] returned.
    ///
    /// # Errors
    /// What the file system says.
    pub fn add(&mut self, row: &Row) -> io::Result<()> {
        self.held.extend_from_slice(&row.encode());
        if self.held.len() >= ROWS_HELD_MAX * ROW_LEN { self.flush() } else { Ok(()) }
    }

    /// Hands what is held back to the kernel.
    ///
    /// # Errors
    /// What the file system says.
    pub fn flush(&mut self) -> io::Result<()> {
        if !self.held.is_empty() {
            self.file.write_all(&self.held)?;
            self.held.clear();
        }
        Ok(())
    }
}

fn header_row() -> [u8; ROW_LEN] {
    let mut bytes = [0; ROW_LEN];
    bytes[..8].copy_from_slice(MAGIC);
    bytes
}

/// Reads rows until the end or the torn tail.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    buffer: Vec<u8>,
    used: usize,
}

impl Reader<File> {
    /// Opens the ledger at `path`.
    ///
    /// # Errors
    /// What the file system says; `InvalidData` if the file is something else.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }
}

impl<R: Read> Reader<R> {
    /// Reads from `source`, which must begin with a ledger's header or be empty.
    ///
    /// # Errors
    /// What the source says; `InvalidData` if it is something else.
    pub fn new(source: R) -> io::Result<Self> {
        let mut reader = Self { source, buffer: Vec::new(), used: 0 };
        match reader.chunk()? {
            Some(first) if first != header_row() => Err(io::ErrorKind::InvalidData.into()),
            _ => Ok(reader),
        }
    }

    /// Counts the rows to the end or the torn tail.
    fn whole_rows(mut self) -> io::Result<u64> {
        self.try_fold(0, |count, row| row.map(|_| count + 1))
    }

    fn chunk(&mut self) -> io::Result<Option<[u8; ROW_LEN]>> {
        const READ_LEN: usize = 4_096 * ROW_LEN;
        if self.used == self.buffer.len() {
            self.buffer.clear();
            self.used = 0;
            (&mut self.source).take(READ_LEN as u64).read_to_end(&mut self.buffer)?;
        }
        let chunk = self.buffer[self.used..].first_chunk().copied();
        self.used = (self.used + ROW_LEN).min(self.buffer.len());
        Ok(chunk)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = io::Result<Row>;
    fn next(&mut self) -> Option<Self::Item> {
        let chunk = self.chunk().transpose()?;
        chunk.map(|bytes| Row::decode(&bytes)).transpose()
    }
}

#[cfg(test)]
mod tests;
