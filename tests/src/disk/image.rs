//! What a disk holds. A copy costs next to nothing: blocks are shared until one is written.

use std::io;
use std::sync::Arc;

/// Bytes that are shared, or copied, at one time.
const BLOCK: usize = 4_096;

/// What a disk holds, of a whole number of blocks.
#[derive(Clone)]
pub struct Image(Vec<Arc<[u8; BLOCK]>>);

impl Image {
    /// A disk that holds `bytes`, cut to whole blocks.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let zeros = Arc::new([0; BLOCK]);
        let (blocks, _) = bytes.as_chunks::<BLOCK>();
        let shared = |block: &[u8; BLOCK]| {
            if *block == *zeros { Arc::clone(&zeros) } else { Arc::new(*block) }
        };
        Self(blocks.iter().map(shared).collect())
    }

    /// Bytes on it.
    #[must_use]
    pub fn len(&self) -> u64 {
        (self.0.len() * BLOCK) as u64
    }

    /// Whether it has no blocks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What lies at `offset`; fewer bytes than `len` at the end.
    #[must_use]
    pub fn read(&self, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        let (mut at, mut within) = split(offset);
        while let Some(block) = self.0.get(at)
            && bytes.len() < len
        {
            let end = BLOCK.min(within + len - bytes.len());
            bytes.extend_from_slice(&block[within..end]);
            (at, within) = (at + 1, 0);
        }
        bytes
    }

    /// Puts `bytes` at `offset`.
    ///
    /// # Errors
    /// If they lie behind the end, in part or as a whole; nothing is written then.
    pub fn write(&mut self, offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        if offset + bytes.len() as u64 > self.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let (mut at, mut within) = split(offset);
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(BLOCK - within));
            Arc::make_mut(&mut self.0[at])[within..within + now.len()].copy_from_slice(now);
            (at, within, bytes) = (at + 1, 0, rest);
        }
        Ok(())
    }
}

fn split(offset: u64) -> (usize, usize) {
    let offset = offset as usize;
    (offset / BLOCK, offset % BLOCK)
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Image};

    #[test]
    fn what_is_written_is_read_and_a_copy_keeps_its_own() {
        let mut image = Image::new(&vec![0; 4 * BLOCK]);
        let before = image.clone();
        let bytes: Vec<u8> = (0..2 * BLOCK + 77).map(|at| (at % 251) as u8).collect();
        image.write(1_000, &bytes).expect("within the disk");
        assert_eq!(image.read(1_000, bytes.len()), bytes);
        assert!(image.read(0, 1_000).iter().all(|byte| *byte == 0));
        assert!(before.read(0, 4 * BLOCK).iter().all(|byte| *byte == 0));
    }

    #[test]
    fn nothing_lies_behind_the_end() {
        let mut image = Image::new(&[1; 2 * BLOCK]);
        assert!(image.write(BLOCK as u64, &[2; BLOCK + 1]).is_err());
        assert_eq!(image.read(BLOCK as u64, 2 * BLOCK), [1; BLOCK]);
    }
}
