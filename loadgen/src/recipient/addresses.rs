//! A file of recipient addresses, one a line: any number of them, within bounded memory.
//!
//! One pass at the start checks every line and keeps the place of each block of lines; later a
//! block is read again when an address of it is wanted. Messages go through the file in order,
//! so that is one small read for many messages.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Addresses of a block.
const BLOCK: u64 = 256;
/// The longest address.
///
/// [RFC 5321 §4.5.3.1.3](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.3): a path of
/// 256 bytes, brackets included.
pub const ADDRESS_MAX: usize = 254;

/// Why a file cannot be the list of recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAddresses(String);

impl fmt::Display for NotAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; give a file of addresses, one a line", self.0)
    }
}

impl std::error::Error for NotAddresses {}

/// The addresses of a file, in order and, when they are through, from the first again.
#[derive(Debug)]
pub struct Addresses {
    path: PathBuf,
    file: File,
    count: u64,
    /// Where each block starts, and the end of the last: 8 bytes for 256 addresses.
    blocks: Vec<u64>,
    /// The block read last.
    last: Mutex<Block>,
    /// What made a block unreadable after the first pass.
    broken: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Block {
    /// Its number, if it was read in full.
    number: Option<u64>,
    text: Vec<u8>,
    /// Where its addresses are.
    addresses: Vec<Range<usize>>,
}

impl Addresses {
    /// Opens and checks `path`. Empty lines are passed over.
    ///
    /// # Errors
    /// It cannot be read, a line is no address, or there is none.
    pub fn open(path: &Path) -> Result<Self, NotAddresses> {
        let refused =
            |cause: &dyn fmt::Display| NotAddresses(format!("{}: {cause}", path.display()));
        let file = File::open(path).map_err(|error| refused(&error))?;
        let mut lines = BufReader::new(&file);
        let (mut at, mut count, mut blocks, mut line) = (0, 0_u64, Vec::new(), Vec::new());
        for number in 1_u64.. {
            line.clear();
            // One byte more than an address and its end can take: a longer line is none.
            let mut limited = io::Read::take(&mut lines, ADDRESS_MAX as u64 + 3);
            let read = limited.read_until(b'\n', &mut line).map_err(|error| refused(&error))?;
            if read == 0 {
                break;
            }
            let address = line.trim_ascii();
            if !address.is_empty() {
                if !is_address(address) {
                    return Err(refused(&format!("line {number} is no address")));
                }
                if count.is_multiple_of(BLOCK) {
                    blocks.push(at);
                }
                count += 1;
            }
            at += read as u64;
        }
        if count == 0 {
            return Err(refused(&"no address in it"));
        }
        blocks.push(at);
        let path = path.to_owned();
        Ok(Self { path, file, count, blocks, last: Mutex::default(), broken: Mutex::default() })
    }

    /// Appends address `number` of the endless list; if the file has changed under us, one that
    /// leads nowhere.
    pub(crate) fn append(&self, number: u64, out: &mut Vec<u8>) {
        let number = number % self.count;
        let block = number / BLOCK;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.number != Some(block)
            && let Err(error) = self.read(block, &mut last)
        {
            self.breaks(&error.to_string());
        }
        let Block { text, addresses, .. } = &*last;
        if let Some(address) = addresses.get((number % BLOCK) as usize) {
            return out.extend_from_slice(&text[address.clone()]);
        }
        self.breaks("changed while it was used");
        out.extend_from_slice(b"nobody@changed.invalid");
    }

    fn read(&self, number: u64, block: &mut Block) -> io::Result<()> {
        *block = Block { text: std::mem::take(&mut block.text), ..Block::default() };
        let (start, end) = (self.blocks[number as usize], self.blocks[number as usize + 1]);
        block.text.resize((end - start) as usize, 0);
        self.file.read_exact_at(&mut block.text, start)?;
        block.number = Some(number);
        let mut start = 0;
        for line in block.text.split_inclusive(|byte| *byte == b'\n') {
            let address = line.trim_ascii();
            if is_address(address) {
                let at = start + (line.len() - line.trim_ascii_start().len());
                block.addresses.push(at..at + address.len());
            }
            start += line.len();
        }
        Ok(())
    }

    fn breaks(&self, cause: &str) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.get_or_insert_with(|| format!("{}: {cause}", self.path.display()));
    }

    /// What made an address unreadable.
    pub(crate) fn broken(&self) -> Option<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Something we can put between angle brackets: a local part, `@`, a domain, in ASCII.
fn is_address(text: &[u8]) -> bool {
    let at = memchr::memrchr(b'@', text);
    let inside = at.is_some_and(|at| at > 0 && at + 1 < text.len());
    let sayable = |byte: &u8| byte.is_ascii_graphic() && !b"<>".contains(byte);
    inside && text.len() <= ADDRESS_MAX && text.iter().all(sayable)
}

#[cfg(test)]
mod tests {
    use super::Addresses;
    use std::fmt::Write as _;
    use std::path::PathBuf;

    fn file(name: &str, text: &[u8]) -> PathBuf {
        let name = format!("ringload-addresses-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn address(of: &Addresses, number: u64) -> String {
        let mut out = Vec::new();
        of.append(number, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_address_comes_in_order_and_then_again() {
        let text = (0..1_000).fold(String::new(), |mut text, number| {
            let end = ["\n", "\r\n", "\n\n"][number % 3];
            write!(text, "user{number}@d{}.example{end}", number % 7).unwrap();
            text
        });
        let path = file("order", text.trim_end().as_bytes());
        let addresses = Addresses::open(&path).unwrap();
        for number in (0..2_500).chain([999, 0, 1_000_000_000_999]) {
            let wanted = format!("user{}@d{}.example", number % 1_000, number % 1_000 % 7);
            assert_eq!(address(&addresses, number), wanted);
        }
        assert_eq!((addresses.blocks.len(), addresses.broken()), (5, None));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_no_address_is_named_by_its_line() {
        let long = [b"a@".as_slice(), &[b'x'; 253]].concat();
        for (text, cause) in [
            (&b""[..], "no address in it"),
            (b"\n\n", "no address in it"),
            (b"a@b\nnobody\n", "line 2 is no address"),
            (b"a@b\n\n<a@b>\n", "line 3 is no address"),
            (b"@b", "line 1 is no address"),
            (b"a@", "line 1 is no address"),
            (b"a b@c", "line 1 is no address"),
            (b"\xe9@b", "line 1 is no address"),
            (&long, "line 1 is no address"),
        ] {
            let path = file("bad", text);
            let refused = Addresses::open(&path).unwrap_err().to_string();
            assert!(refused.contains(cause), "{refused}");
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_file_that_is_cut_under_us_is_told_and_sends_to_nobody_else() {
        let path = file("cut", b"ann@a.example\nbob@b.example\n");
        let addresses = Addresses::open(&path).unwrap();
        std::fs::write(&path, b"ann").unwrap();
        assert_eq!(address(&addresses, 0), "nobody@changed.invalid");
        assert!(addresses.broken().unwrap().contains("cut"));
        std::fs::remove_file(path).unwrap();
    }
}
