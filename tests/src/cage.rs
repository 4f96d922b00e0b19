//! A bound on the memory of a process, kept by the kernel: a control group of our own, where the
//! host lets us have one.

use crate::program;
use crate::ringpost::Outfit;
use crate::wait;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process;
use std::time::Duration;

/// How long the kernel may take to let go of a process that has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// A control group with a limit, gone when dropped: end what runs in it first.
#[derive(Debug)]
pub struct Cage {
    group: PathBuf,
    files: &'static Files,
}

/// What one version of control groups calls things.
#[derive(Debug)]
struct Files {
    /// As `/proc/mounts` has it: the kind of its filesystem, and an option, if it needs one.
    mount: (&'static str, Option<&'static str>),
    /// Hands the controller on to groups below.
    hand_on: Option<&'static str>,
    limit: &'static str,
    peak: &'static str,
    events: &'static str,
}

/// [Version 2](https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files), and
/// [version 1](https://docs.kernel.org/admin-guide/cgroup-v1/memory.html) where that still has the
/// controller.
const VERSIONS: [Files; 2] = [
    Files {
        mount: ("cgroup2", None),
        hand_on: Some("cgroup.subtree_control"),
        limit: "memory.max",
        peak: "memory.peak",
        events: "memory.events",
    },
    Files {
        mount: ("cgroup", Some("memory")),
        hand_on: None,
        limit: "memory.limit_in_bytes",
        peak: "memory.max_usage_in_bytes",
        events: "memory.oom_control",
    },
];

impl Cage {
    /// One with room for so many bytes.
    ///
    /// # Errors
    /// If this host lets us have none; with the reason of each version.
    pub fn new(name: &str, bytes: u64) -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/mounts")?;
        let mut causes = Vec::new();
        for files in &VERSIONS {
            match Self::below(&mounts, files, name, bytes) {
                Ok(cage) => return Ok(cage),
                Err(cause) => causes.push(format!("{}: {cause}", files.limit)),
            }
        }
        Err(io::Error::other(causes.join("; ")))
    }

    fn below(mounts: &str, files: &'static Files, name: &str, bytes: u64) -> io::Result<Self> {
        let root = files.place(mounts).ok_or(io::ErrorKind::NotFound)?;
        if let Some(file) = files.hand_on {
            fs::write(root.join(file), "+memory")?;
        }
        let group = root.join(format!("ringpost-{name}-{}", process::id()));
        fs::create_dir(&group)?;
        let cage = Self { group, files };
        fs::write(cage.group.join(files.limit), bytes.to_string())?;
        Ok(cage)
    }

    /// `outfit` for a Ringpost that runs in it from its first instruction on.
    ///
    /// # Errors
    /// If there is no program to run.
    pub fn around(&self, outfit: Outfit) -> io::Result<Outfit> {
        const ENTER: &str = "echo $$ >\"$0\" && exec \"$@\"";
        let program = outfit.program.map_or_else(|| program::built("ringpost"), Ok)?;
        let (door, program) = (self.group.join("cgroup.procs"), program.display().to_string());
        let arguments = ["-c".into(), ENTER.into(), door.display().to_string(), program];
        let arguments = arguments.into_iter().chain(outfit.arguments).collect();
        Ok(Outfit { program: Some("/bin/sh".into()), arguments, ..outfit })
    }

    /// The most bytes that were in use at once, what the kernel keeps of files included.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn peak(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.group.join(self.files.peak))?;
        text.trim().parse().map_err(io::Error::other)
    }

    /// How many processes the kernel has ended for want of room.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn kills(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.group.join(self.files.events))?;
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok());
        count.ok_or_else(|| io::Error::other(text))
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // One that stays is empty, and in nobody's way.
        let _ = wait::until("an empty group", PATIENCE, || fs::remove_dir(&self.group).ok());
    }
}

impl Files {
    /// Where these groups are, by what is mounted.
    fn place(&self, mounts: &str) -> Option<PathBuf> {
        let (kind, option) = self.mount;
        mounts.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let [_, place, found, options, ..] = fields[..] else { return None };
            let fits = option.is_none_or(|option| options.split(',').any(|one| one == option));
            (found == kind && fits).then(|| place.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::VERSIONS;

    #[test]
    fn each_version_is_where_it_is_mounted() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
            cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0\n\
            cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n\
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";
        let places = VERSIONS.map(|files| files.place(mounts));
        let places = places.map(|place| place.map(|place| place.display().to_string()));
        let found = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/memory"];
        assert_eq!(places, found.map(|place| Some(place.to_owned())));
        assert!(VERSIONS.iter().all(|files| files.place("proc /proc proc rw 0 0\n").is_none()));
    }
}
