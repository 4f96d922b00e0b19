//! A disk as it would be found, had the power failed.

use super::image::Image;
use super::platter::Operation;
use std::io;

/// The unit a disk writes as a whole.
const SECTOR: usize = 512;
/// Operations between two images that are kept.
const STRIDE: usize = 500;

/// What became of the writes behind the last flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// All of them are there.
    All,
    /// None of them is.
    None,
    /// Each is there or is not.
    Half,
    /// Each of their sectors is there or is not.
    Sectors,
}

impl Tear {
    /// Every way there is.
    pub const ALL: [Self; 4] = [Self::All, Self::None, Self::Half, Self::Sectors];
}

/// All that was done to a disk, from its first image on.
pub struct History {
    operations: Vec<Operation>,
    /// The disk with all done that comes before a multiple of [`STRIDE`].
    images: Vec<Image>,
}

impl History {
    /// What was done to a disk that held `image`.
    ///
    /// # Errors
    /// If something was written behind its end.
    pub fn new(mut image: Image, operations: Vec<Operation>) -> io::Result<Self> {
        let mut images = Vec::new();
        for (at, operation) in operations.iter().enumerate() {
            if at.is_multiple_of(STRIDE) {
                images.push(image.clone());
            }
            apply(&mut image, operation)?;
        }
        images.push(image);
        Ok(Self { operations, images })
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The disk after the first `prefix` operations, those behind their last flush torn. `coin`
    /// decides.
    ///
    /// # Errors
    /// None: all was written once before.
    pub fn cut(
        &self,
        prefix: usize,
        tear: Tear,
        mut coin: impl FnMut() -> bool,
    ) -> io::Result<Image> {
        let done = &self.operations[..prefix];
        let flush = done.iter().rposition(|operation| matches!(operation, Operation::Flush));
        let durable = flush.map_or(0, |flush| flush + 1);
        let nearest = durable / STRIDE;
        let mut image = self.images[nearest].clone();
        for operation in &done[nearest * STRIDE..durable] {
            apply(&mut image, operation)?;
        }
        for operation in &done[durable..] {
            let (Operation::Write(offset, bytes) | Operation::Lost(offset, bytes)) = operation
            else {
                continue;
            };
            let piece = if tear == Tear::Sectors { SECTOR } else { bytes.len().max(1) };
            for (at, piece) in (0_u64..).step_by(piece).zip(bytes.chunks(piece)) {
                let there = match tear {
                    Tear::All => true,
                    Tear::None => false,
                    Tear::Half | Tear::Sectors => coin(),
                };
                if there {
                    image.write(offset + at, piece)?;
                }
            }
        }
        Ok(image)
    }
}

fn apply(image: &mut Image, operation: &Operation) -> io::Result<()> {
    match operation {
        Operation::Write(offset, bytes) | Operation::Lost(offset, bytes) => {
            image.write(*offset, bytes)
        }
        Operation::Flush | Operation::Failed(..) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{History, Tear};
    use crate::disk::{Image, Operation};

    #[test]
    fn only_what_was_flushed_is_sure() {
        let write = |at: u64, byte| Operation::Write(at * 4_096, [byte; 4_096].into());
        let mut operations: Vec<_> = (0..1_200).map(|at| write(at % 8, at as u8)).collect();
        operations.push(Operation::Flush);
        operations.extend([write(0, 0xAA), write(1, 0xBB)]);
        let history =
            History::new(Image::new(&vec![0; 8 * 4_096]), operations).expect("within the disk");
        let cut = |prefix, tear, coin: bool| {
            let image = history.cut(prefix, tear, || coin).expect("within the disk");
            (image.read(0, 1)[0], image.read(4_096, 1)[0], image.read(2 * 4_096, 1)[0])
        };
        let flushed = (1_192_u32 as u8, 1_193_u32 as u8, 1_194_u32 as u8);
        assert_eq!(cut(1_203, Tear::None, true), flushed);
        assert_eq!(cut(1_203, Tear::Half, false), flushed);
        assert_eq!(cut(1_203, Tear::All, false), (0xAA, 0xBB, flushed.2));
        assert_eq!(cut(1_202, Tear::All, false), (0xAA, flushed.1, flushed.2));
        assert_eq!(cut(1_200, Tear::None, true), (0, 0, 0), "the flush has not come");
    }

    #[test]
    fn a_write_is_torn_between_sectors() {
        let operations = vec![Operation::Write(0, [7; 4_096].into())];
        let history = History::new(Image::new(&[0; 4_096]), operations).expect("within the disk");
        let mut coins = (0..).map(|at| at % 3 == 0);
        let image = history.cut(1, Tear::Sectors, || coins.next() == Some(true));
        let bytes = image.expect("within the disk").read(0, 4_096);
        let sectors: Vec<u8> = bytes.chunks(512).map(|sector| sector[0]).collect();
        assert_eq!(sectors, [7, 0, 0, 7, 0, 0, 7, 0]);
    }
}
