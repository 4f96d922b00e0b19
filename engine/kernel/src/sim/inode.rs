//! One file: what programs see, and what the platter holds.
//!
//! Both are kept at the granularity of a 512-byte sector, which a disk writes whole or not
//! at all. `live` is the page cache, `durable` what a power loss leaves for certain; a
//! sector in `dirty` may have reached the disk or not.

use super::bytes::{Bytes, SECTOR_LEN, Sectors, pages, sectors};
use super::dice::Dice;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// A write beyond this is a bug of the caller: the world keeps its files in memory.
const FILE_LEN_MAX: u64 = 1 << 30;

/// A file that several names and handles may stand for.
pub(super) type Shared = Rc<RefCell<Inode>>;

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    live: Bytes,
    durable: Bytes,
    /// By page.
    dirty: BTreeMap<usize, Sectors>,
}

/// Which unsynced things survive.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mercy {
    None,
    All,
    Some,
}

impl Mercy {
    pub(super) const fn draw(dice: &mut Dice) -> Self {
        match dice.below(4) {
            0 => Self::None,
            1 => Self::All,
            _ => Self::Some,
        }
    }

    pub(super) const fn spares(self, dice: &mut Dice) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some => dice.below(2) == 0,
        }
    }

    /// Which of these sectors survive.
    const fn spared(self, of: Sectors, dice: &mut Dice) -> Sectors {
        match self {
            Self::None => 0,
            Self::All => of,
            Self::Some => of & dice.roll() as Sectors,
        }
    }
}

impl Inode {
    pub(super) const fn live(&self) -> &Bytes {
        &self.live
    }

    pub(super) const fn durable(&self) -> &Bytes {
        &self.durable
    }

    /// What programs see changes; what is durable does not.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        assert!(offset + bytes.len() as u64 <= FILE_LEN_MAX, "a simulated file stays small");
        let start = offset as usize;
        let changed = start.min(self.live.len())..start + bytes.len();
        self.live.write(start, bytes);
        for (page, within) in pages(&changed) {
            *self.dirty.entry(page).or_default() |= sectors(&within);
        }
    }

    /// Some sectors of `bytes` are written and the others not, as a fault leaves them.
    pub(super) fn write_torn(&mut self, offset: u64, bytes: &[u8], dice: &mut Dice) {
        let mercy = Mercy::draw(dice);
        let mut from = 0;
        while from < bytes.len() {
            let len = (SECTOR_LEN - (offset as usize + from) % SECTOR_LEN).min(bytes.len() - from);
            if mercy.spares(dice) {
                self.write(offset + from as u64, &bytes[from..from + len]);
            }
            from += len;
        }
    }

    /// Makes the bytes of `range` durable, as `O_DSYNC` does.
    pub(super) fn harden(&mut self, range: &Range<usize>) {
        for (page, within) in pages(range) {
            let Some(dirty) = self.dirty.remove(&page) else { continue };
            let hardened = dirty & sectors(&within);
            self.durable.take(&self.live, page, hardened);
            if dirty != hardened {
                self.dirty.insert(page, dirty & !hardened);
            }
        }
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self) {
        for (page, dirty) in std::mem::take(&mut self.dirty) {
            self.durable.take(&self.live, page, dirty);
        }
        self.durable.grow(self.live.len());
    }

    /// A sync that failed: some of it is durable, all of it is taken to be clean, so the next
    /// sync succeeds without having written the rest. Linux does this.
    pub(super) fn sync_failed(&mut self, dice: &mut Dice) {
        let mercy = Mercy::draw(dice);
        for (page, dirty) in std::mem::take(&mut self.dirty) {
            self.durable.take(&self.live, page, mercy.spared(dirty, dice));
        }
    }

    /// Power loss: a random part of what was not synced is kept, and the rest is gone. The
    /// length may be that of the live file though the bytes are not there.
    pub(super) fn lose_power(&mut self, dice: &mut Dice) {
        self.sync_failed(dice);
        if self.durable.len() < self.live.len() && dice.below(4) == 0 {
            self.durable.grow(self.live.len());
        }
        self.live.clone_from(&self.durable);
    }

    /// A copy that never was anywhere but on the disk.
    pub(super) fn durable_copy(&self) -> Self {
        Self { live: self.durable.clone(), durable: self.durable.clone(), dirty: BTreeMap::new() }
    }

    /// Turns one bit over, in the cache and on the disk.
    pub(super) fn flip(&mut self, offset: usize, bit: u8) {
        self.live.flip(offset, bit);
        self.durable.flip(offset, bit);
    }
}
