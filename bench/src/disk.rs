//! What a disk was asked to do, as the kernel counts it.

use std::fs;
use std::ops::Sub;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Fields of `/sys/block/DISK/stat`, counted from 0.
/// [Block layer statistics](https://docs.kernel.org/block/stat.html)
const WRITES: usize = 4;
const FLUSHES: usize = 15;

/// Requests a disk has completed since the machine started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    pub(crate) writes: u64,
    pub(crate) flushes: u64,
}

impl Requests {
    /// Of the disk that holds `folder`; `None` if that is no single disk.
    pub(crate) fn so_far(folder: &Path) -> Option<Self> {
        let device = fs::metadata(folder).ok()?.dev();
        let stat = fs::read_to_string(whole_disk(device)?.join("stat")).ok()?;
        let fields: Vec<u64> =
            stat.split_whitespace().map_while(|field| field.parse().ok()).collect();
        Some(Self { writes: *fields.get(WRITES)?, flushes: *fields.get(FLUSHES)? })
    }
}

impl Requests {
    /// Writes that carried something, at least so many: the kernel counts a flush that stands
    /// alone as a write of nothing, too. A flush ahead of a write is counted off as well, which
    /// a journal's commits have; those show among the flushes.
    pub(crate) fn data_writes(self) -> u64 {
        self.writes.saturating_sub(self.flushes)
    }
}

impl Sub for Requests {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self { writes: self.writes - earlier.writes, flushes: self.flushes - earlier.flushes }
    }
}

/// Flushes are counted for whole disks only, not for partitions.
fn whole_disk(device: u64) -> Option<PathBuf> {
    // As glibc's `gnu_dev_major` and `gnu_dev_minor` take a device number apart.
    let major = (device >> 8) & 0xfff | (device >> 32) & 0xffff_f000;
    let minor = device & 0xff | (device >> 12) & 0xffff_ff00;
    let found = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    let partition = found.join("partition").exists();
    if partition { found.parent().map(PathBuf::from) } else { Some(found) }
}
