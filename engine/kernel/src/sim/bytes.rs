//! The bytes of a file, in pages that copies share. Pages of zeros take no memory, so a log
//! of zeroed segments costs what was written into it.

use crate::Buffer;
use std::ops::Range;
use std::rc::Rc;

/// Bytes a disk writes whole or not at all.
pub(super) const SECTOR_LEN: usize = 512;
/// Bytes of a page.
pub(super) const PAGE_LEN: usize = 4_096;
const ZEROS: [u8; PAGE_LEN] = [0; PAGE_LEN];

/// Which sectors of a page: bit 0 is the first.
pub(super) type Sectors = u8;

const _: () = assert!(PAGE_LEN / SECTOR_LEN == Sectors::BITS as usize, "a bit for each sector");

#[derive(Clone, Debug, Default)]
pub(super) struct Bytes {
    pages: Vec<Option<Rc<[u8; PAGE_LEN]>>>,
    len: usize,
}

impl Bytes {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Makes it at least `len` long, with zeros.
    pub(super) fn grow(&mut self, len: usize) {
        self.len = self.len.max(len);
        self.pages.resize(self.len.div_ceil(PAGE_LEN), None);
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        self.grow(at + bytes.len());
        let mut rest = bytes;
        for (page, within) in pages(&(at..at + bytes.len())) {
            let (now, later) = rest.split_at(within.len());
            let is_zero = now.len() == PAGE_LEN && now == ZEROS;
            if is_zero {
                self.pages[page] = None;
            } else {
                self.page(page)[within].copy_from_slice(now);
            }
            rest = later;
        }
    }

    /// Puts the bytes of `range` behind what is in `buffer`.
    pub(super) fn read(&self, range: &Range<usize>, buffer: &mut Buffer) {
        for (page, within) in pages(range) {
            buffer.extend(&self.pages[page].as_deref().unwrap_or(&ZEROS)[within]);
        }
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut all = self.front();
        all.resize(self.len, 0);
        all
    }

    /// Everything but the zeros that no page holds at the end.
    pub(super) fn front(&self) -> Vec<u8> {
        let pages = self.pages.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let mut front = Vec::with_capacity(pages * PAGE_LEN);
        for page in &self.pages[..pages] {
            front.extend_from_slice(page.as_deref().unwrap_or(&ZEROS));
        }
        front.truncate(self.len);
        front
    }

    /// Takes some sectors of a page of `from` over, and the length they need.
    pub(super) fn take(&mut self, from: &Self, page: usize, sectors: Sectors) {
        let Some(last) = (0..Sectors::BITS as usize).rev().find(|bit| sectors >> bit & 1 == 1)
        else {
            return;
        };
        self.grow((page * PAGE_LEN + (last + 1) * SECTOR_LEN).min(from.len));
        let source = &from.pages[page];
        if sectors == Sectors::MAX {
            self.pages[page].clone_from(source);
            return;
        }
        let source = source.clone();
        let target = self.page(page);
        for bit in (0..Sectors::BITS as usize).filter(|bit| sectors >> bit & 1 == 1) {
            let within = bit * SECTOR_LEN..(bit + 1) * SECTOR_LEN;
            target[within.clone()].copy_from_slice(&source.as_deref().unwrap_or(&ZEROS)[within]);
        }
    }

    /// Turns one bit over.
    pub(super) fn flip(&mut self, at: usize, bit: u8) {
        if at < self.len {
            self.page(at / PAGE_LEN)[at % PAGE_LEN] ^= 1 << (bit % 8);
        }
    }

    fn page(&mut self, number: usize) -> &mut [u8; PAGE_LEN] {
        Rc::make_mut(self.pages[number].get_or_insert_with(|| Rc::new(ZEROS)))
    }
}

/// The pages that `range` touches, and which bytes of each.
pub(super) fn pages(range: &Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let range = range.clone();
    (range.start / PAGE_LEN..range.end.div_ceil(PAGE_LEN)).filter_map(move |page| {
        let first = page * PAGE_LEN;
        let within = range.start.max(first) - first..range.end.min(first + PAGE_LEN) - first;
        (!within.is_empty()).then_some((page, within))
    })
}

/// The sectors that bytes `within` a page touch.
pub(super) fn sectors(within: &Range<usize>) -> Sectors {
    (within.start / SECTOR_LEN..within.end.div_ceil(SECTOR_LEN))
        .fold(0, |all, sector| all | 1 << sector)
}
