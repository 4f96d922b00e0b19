//! A filesystem of a test's own, in a file, whose power can be cut and which can freeze.
//!
//! Each mount has a loop device of its own: one that was used before a power cut may hold
//! in memory what the disk never got. Whatever was mounted, attached or frozen is undone
//! when it is dropped, in a panic as well.

use crate::{tool, wait};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use std::{env, process};

/// The programs it takes.
const PROGRAMS: [&str; 7] =
    ["mkfs.ext4", "mkfs.xfs", "mount", "umount", "losetup", "fsfreeze", "xfs_io"];
/// A killed process may hold its files for a while: a ring is taken apart behind its end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a disk that is only tried.
const TRIAL_BYTES: u64 = 16 * 1_024 * 1_024;

/// Whether disks can be had here: we are root, and the host gives us loop devices. Says so
/// if not.
///
/// # Panics
/// In CI, where they must be had.
#[must_use]
pub fn can_run() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let refused = if !rustix::process::geteuid().is_root() {
            Some("only root may mount".to_owned())
        } else if !tool::all_there(&PROGRAMS) {
            Some("programs are missing".to_owned())
        } else {
            try_one().err().map(|error| error.to_string())
        };
        let Some(refused) = refused else { return true };
        assert!(env::var_os("CI").is_none(), "CI must have loop devices: {refused}");
        eprintln!("not run, for want of a disk of our own: {refused}");
        false
    })
}

fn try_one() -> io::Result<()> {
    let folder = env::temp_dir().join(format!("ringpost-disk-{}", process::id()));
    let made = LoopDisk::make(&folder, "trial", Filesystem::Ext4, TRIAL_BYTES, &[]).map(drop);
    fs::remove_dir_all(&folder)?;
    made
}

/// What a disk is formatted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filesystem {
    /// ext4
    Ext4,
    /// xfs; it wants 300 MB and more.
    Xfs,
}

impl Filesystem {
    /// Its name, as `mount` knows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    /// The option that makes mkfs ask no questions.
    const fn force(self) -> &'static str {
        match self {
            Self::Ext4 => "-F",
            Self::Xfs => "-f",
        }
    }
}

/// A mounted filesystem in a file.
#[derive(Debug)]
pub struct LoopDisk {
    image: PathBuf,
    place: PathBuf,
    kind: Filesystem,
    /// The device, while one is attached.
    device: Option<String>,
}

impl LoopDisk {
    /// Makes a disk of `bytes` in `folder` and mounts it there. `options` are for mkfs.
    ///
    /// # Errors
    /// What mkfs, losetup or mount say.
    pub fn make(
        folder: &Path,
        name: &str,
        kind: Filesystem,
        bytes: u64,
        options: &[&str],
    ) -> io::Result<Self> {
        let (image, place) = (folder.join(format!("{name}.image")), folder.join(name));
        fs::create_dir_all(&place)?;
        fs::File::create(&image)?.set_len(bytes)?;
        let format = format!("mkfs.{}", kind.name());
        succeed(program(&format).args(["-q", kind.force()]).args(options).arg(&image))?;
        let mut disk = Self { image, place, kind, device: None };
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Mounts it, on a fresh loop device. The filesystem recovers as after a power cut, if
    /// there was one.
    ///
    /// # Errors
    /// What losetup and mount say.
    pub fn mount(&mut self) -> io::Result<()> {
        let device = succeed(program("losetup").args(["--find", "--show"]).arg(&self.image))?;
        let device = self.device.insert(device.trim().to_owned());
        let mut mount = program("mount");
        succeed(mount.args(["-t", self.kind.name(), device]).arg(&self.place)).map(drop)
    }

    /// Unmounts it, once nobody holds a file of it any more, and lets go of its device.
    ///
    /// # Errors
    /// If somebody does not let go of it.
    pub fn unmount(&mut self) -> io::Result<()> {
        let Some(device) = self.device.clone() else { return Ok(()) };
        let mut refused = String::new();
        let unmounted = wait::until("an unmounted disk", PATIENCE, || {
            let unmounted = succeed(program("umount").arg(&self.place));
            unmounted.map_err(|error| refused = error.to_string()).ok()
        });
        unmounted.map_err(|late| io::Error::other(format!("{late}: {refused}")))?;
        succeed(program("losetup").args(["--detach", &device]))?;
        self.device = None;
        // The device may go a moment later; a mount of the same file must not find it.
        wait::until("a free loop device", PATIENCE, || {
            let left = succeed(program("losetup").arg("--associated").arg(&self.image));
            left.is_ok_and(|left| left.is_empty()).then_some(())
        })
    }

    /// A hand at the switch.
    ///
    /// # Errors
    /// If the program that turns it does not start.
    pub fn power_switch(&self) -> io::Result<PowerSwitch> {
        let mut hand = program("xfs_io");
        hand.arg("-x").arg(&self.place).stdin(Stdio::piped()).stdout(Stdio::null());
        let hand = hand.spawn()?;
        Ok(PowerSwitch { hand, place: self.place.clone() })
    }

    /// Freezes it: whoever writes, waits, and cannot be killed, until what is returned is
    /// dropped.
    ///
    /// # Errors
    /// What fsfreeze says.
    pub fn freeze(&self) -> io::Result<Frozen> {
        succeed(program("fsfreeze").arg("--freeze").arg(&self.place))?;
        Ok(Frozen { place: self.place.clone() })
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        if let Err(error) = self.unmount() {
            eprintln!("{}: {error}", self.place.display());
            // At least it goes when its last user does, and with it the device.
            let _ = succeed(program("umount").arg("--lazy").arg(&self.place));
            let device = self.device.as_deref().unwrap_or_default();
            let _ = succeed(program("losetup").args(["--detach", device]));
        }
    }
}

/// Ready to cut the power of a disk, so that it happens at once when it is asked for.
#[derive(Debug)]
pub struct PowerSwitch {
    hand: Child,
    place: PathBuf,
}

impl PowerSwitch {
    /// Cuts the power: nothing that is not on the disk will get there
    /// (`FS_IOC_SHUTDOWN` without a flush of the filesystem's own log).
    ///
    /// # Errors
    /// If it still has power.
    pub fn off(mut self) -> io::Result<()> {
        let orders = self.hand.stdin.take();
        orders.map_or(Ok(()), |mut orders| orders.write_all(b"shutdown\nquit\n"))?;
        self.hand.wait()?;
        match fs::write(self.place.join("has-power"), []) {
            Err(_) => Ok(()),
            Ok(()) => Err(io::Error::other("the disk still has power")),
        }
    }
}

impl Drop for PowerSwitch {
    fn drop(&mut self) {
        // It ended in `off`, unless a test failed before.
        let _ = self.hand.kill();
        let _ = self.hand.wait();
    }
}

/// A frozen disk; it thaws when this is dropped.
#[derive(Debug)]
pub struct Frozen {
    place: PathBuf,
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if let Err(error) = succeed(program("fsfreeze").arg("--unfreeze").arg(&self.place)) {
            eprintln!("{} stays frozen: {error}", self.place.display());
        }
    }
}

fn program(name: &str) -> Command {
    Command::new(tool::find(name).unwrap_or_else(|| name.into()))
}

/// Runs `command` to its end and returns what it said.
fn succeed(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("{command:?}: {}: {said}{complaints}", output.status)))
}
