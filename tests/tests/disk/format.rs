//! Disks with an empty filesystem on them.

use std::fs::{self, File};
use std::io;
use std::process::Command;
use tests::disk::Image;
use tests::scratch::Scratch;
use tests::tool;

/// A filesystem that mail is kept on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Filesystem {
    Ext4,
    Xfs,
}

impl Filesystem {
    /// A disk with this filesystem, as its makers make it.
    pub(crate) fn image(self) -> io::Result<Image> {
        let scratch = Scratch::new("mkfs")?;
        let file = scratch.path().join("disk");
        File::create(&file)?.set_len(self.bytes())?;
        let (program, options): (_, &[&str]) = match self {
            // Nothing is left to be done in the background, where it would fill the journal.
            Self::Ext4 => {
                ("mkfs.ext4", &["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"])
            }
            Self::Xfs => ("mkfs.xfs", &["-q", "-K"]),
        };
        let program = tool::find(program).ok_or_else(|| io::Error::other(program))?;
        let output = Command::new(program).args(options).arg(&file).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success().then_some(()).ok_or_else(|| io::Error::other(said))?;
        Ok(Image::new(&fs::read(&file)?))
    }

    /// How long a disk for it is: xfs is not made any smaller.
    const fn bytes(self) -> u64 {
        match self {
            Self::Ext4 => 96 << 20,
            Self::Xfs => 300 << 20,
        }
    }

    /// How it is mounted. Copies of one xfs are mounted side by side here.
    pub(crate) const fn options(self) -> &'static str {
        match self {
            Self::Ext4 => "rw",
            Self::Xfs => "rw,nouuid",
        }
    }

    /// The program that makes it.
    const fn program(self) -> &'static str {
        match self {
            Self::Ext4 => "mkfs.ext4",
            Self::Xfs => "mkfs.xfs",
        }
    }

    /// Whether a test can run on it here; says so if not.
    pub(crate) fn can_be_used(self) -> bool {
        let root = rustix::process::geteuid().is_root();
        assert!(root || std::env::var_os("CI").is_none(), "CI must run as root: it mounts disks");
        if !root {
            eprintln!("not run: only root may mount a disk");
        }
        root && tool::all_there(&["mount", self.program()])
    }
}
