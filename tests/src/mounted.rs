//! Filesystems mounted for a test, and gone again on every path.

use crate::wait;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

/// How long a filesystem may be busy after whoever used it has ended: the ring of a process
/// is taken apart behind its end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A filesystem in a file, mounted by way of a loop device of its own. Both are gone when
/// this is dropped.
#[derive(Debug)]
pub struct Mounted {
    file: PathBuf,
    folder: PathBuf,
    there: bool,
}

impl Mounted {
    /// Mounts the filesystem in `file` in `folder`, which is made if it is not there. The
    /// system takes the loop device away with the mount.
    ///
    /// # Errors
    /// If it cannot be mounted, with what mount(8) said.
    pub fn new(file: &Path, folder: &Path, options: &str) -> io::Result<Self> {
        sweep();
        fs::create_dir_all(folder)?;
        let mut command = Command::new("mount");
        command.arg("-o").arg(format!("loop,{options}")).args([file, folder]);
        let output = command.output()?;
        if output.status.success() {
            return Ok(Self { file: file.into(), folder: folder.into(), there: true });
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Unmounts it, once nobody uses it, and waits until the loop device has let go of the
    /// file. A device stays while anybody has it open, if only to look what it is; a mount of
    /// the same file would find it, and in it what the file held before.
    ///
    /// # Errors
    /// If somebody still uses either, after a while.
    pub fn unmount(mut self) -> io::Result<()> {
        let gone = || unmount(&self.folder, UnmountFlags::empty()).ok();
        wait::until("a filesystem nobody uses", PATIENCE, gone)?;
        self.there = false;
        wait::until("a file in no loop device", PATIENCE, || {
            (!is_in_loop(&self.file)).then_some(())
        })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.there {
            detach(&self.folder);
        }
    }
}

/// Whether a loop device stands for `file`.
fn is_in_loop(file: &Path) -> bool {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let mut files = devices
        .filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok());
    files.any(|name| Path::new(name.trim_end()) == file)
}

/// Takes a mount out of the tree; it ends when its last user does.
pub fn detach(folder: &Path) {
    // Best effort: this runs on the way out, and also when it has gone before.
    let _ = unmount(folder, UnmountFlags::DETACH);
}

/// Detaches what a test that was killed has left behind: mounts in a [`Scratch`] of a process
/// that is no more. Done once a process.
///
/// [`Scratch`]: crate::scratch::Scratch
pub fn sweep() {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(|| {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let folders = mounts.lines().filter_map(|line| line.split(' ').nth(1));
        // The last mounted goes first: it may lie in another.
        folders.rev().filter(|folder| is_left_behind(folder)).map(Path::new).for_each(detach);
    });
}

/// Whether a scratch folder in this path names a process that is no more.
fn is_left_behind(folder: &str) -> bool {
    let scratch = folder.split('/').find_map(|name| name.strip_prefix("ringpost-"));
    // Behind a name, which may have hyphens: the process, and a number.
    let process = scratch.and_then(|rest| rest.rsplit('-').nth(1)?.parse::<u32>().ok());
    process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists())
}

/// Where the system lets go of a filesystem served by a process that no longer answers.
#[derive(Debug)]
pub struct FuseConnection {
    abort: PathBuf,
    /// A mount of ours that shows the connections, where the system has none.
    shown: Option<PathBuf>,
}

/// Where the connections are, if they are mounted.
const CONNECTIONS: &str = "/sys/fs/fuse/connections";

impl FuseConnection {
    /// That of the filesystem mounted in `folder`. `aside` is a folder to be made, in case the
    /// system does not show connections.
    ///
    /// # Errors
    /// If they cannot be seen.
    pub fn of(folder: &Path, aside: &Path) -> io::Result<Self> {
        let number = rustix::fs::minor(fs::metadata(folder)?.dev()).to_string();
        let abort = |connections: &Path| connections.join(&number).join("abort");
        let usual = abort(Path::new(CONNECTIONS));
        if usual.exists() {
            return Ok(Self { abort: usual, shown: None });
        }
        fs::create_dir_all(aside)?;
        mount("none", aside, "fusectl", MountFlags::empty(), None)?;
        Ok(Self { abort: abort(aside), shown: Some(aside.into()) })
    }

    /// Ends the connection: all that waits for it fails.
    pub fn abort(&self) {
        // It may have ended before.
        let _ = fs::write(&self.abort, "1");
    }
}

impl Drop for FuseConnection {
    fn drop(&mut self) {
        if let Some(shown) = &self.shown {
            detach(shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_left_behind;
    use std::process;

    #[test]
    fn only_mounts_of_processes_that_are_no_more_are_left_behind() {
        let living = format!("/var/tmp/ringpost-disk-{}-3/spool", process::id());
        assert!(!is_left_behind(&living));
        assert!(!is_left_behind("/var/spool/ringpost"));
        assert!(!is_left_behind("/var/spool/ringpost-queue"));
        // No process has so high a number: the limit of Linux is 2^22.
        assert!(is_left_behind("/var/tmp/ringpost-a-b-4999999-0/device"));
    }
}
