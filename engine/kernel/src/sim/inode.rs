//! One file: what programs see, and what the platter holds.
//!
//! Both are kept at the granularity of a 512-byte sector, which a disk writes whole or not
//! at all. `live` is the page cache, `durable` what a power loss leaves for certain; a
//! sector in `dirty` may have reached the disk or not.

use super::dice::Dice;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

/// Bytes a disk writes whole or not at all.
pub(super) const SECTOR_LEN: usize = 512;
/// A write beyond this is a bug of the caller: the world keeps its files in memory.
const FILE_LEN_MAX: u64 = 1 << 30;

/// A file that several names and handles may stand for.
pub(super) type Shared = Rc<RefCell<Inode>>;

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
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
}

impl Inode {
    pub(super) fn live(&self) -> &[u8] {
        &self.live
    }

    pub(super) fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// What programs see changes; what is durable does not.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        assert!(offset + bytes.len() as u64 <= FILE_LEN_MAX, "a simulated file stays small");
        let start = offset as usize;
        let end = start + bytes.len();
        let changed = start.min(self.live.len())..end;
        if self.live.len() < end {
            self.live.resize(end, 0);
        }
        self.live[start..end].copy_from_slice(bytes);
        self.dirty.extend(sectors(&changed));
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
        for sector in sectors(range) {
            if self.dirty.remove(&sector) {
                self.harden_sector(sector);
            }
        }
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self) {
        for sector in std::mem::take(&mut self.dirty) {
            self.harden_sector(sector);
        }
        self.durable.resize(self.live.len(), 0);
    }

    /// A sync that failed: some of it is durable, all of it is taken to be clean, so the next
    /// sync succeeds without having written the rest. Linux does this.
    pub(super) fn sync_failed(&mut self, dice: &mut Dice) {
        let mercy = Mercy::draw(dice);
        for sector in std::mem::take(&mut self.dirty) {
            if mercy.spares(dice) {
                self.harden_sector(sector);
            }
        }
    }

    /// Power loss: a random part of what was not synced is kept, and the rest is gone. The
    /// length may be that of the live file though the bytes are not there.
    pub(super) fn lose_power(&mut self, dice: &mut Dice) {
        self.sync_failed(dice);
        if self.durable.len() < self.live.len() && dice.below(4) == 0 {
            self.durable.resize(self.live.len(), 0);
        }
        self.live.clone_from(&self.durable);
    }

    /// A copy that never was anywhere but on the disk.
    pub(super) fn durable_copy(&self) -> Self {
        Self { live: self.durable.clone(), durable: self.durable.clone(), dirty: BTreeSet::new() }
    }

    /// Turns one bit over, in the cache and on the disk.
    pub(super) fn flip(&mut self, offset: usize, bit: u8) {
        for bytes in [&mut self.live, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    fn harden_sector(&mut self, sector: usize) {
        let start = sector * SECTOR_LEN;
        let end = (start + SECTOR_LEN).min(self.live.len());
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[start..end].copy_from_slice(&self.live[start..end]);
    }
}

fn sectors(range: &Range<usize>) -> Range<usize> {
    range.start / SECTOR_LEN..range.end.div_ceil(SECTOR_LEN)
}
