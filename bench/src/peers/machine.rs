//! Where and when something was measured.

use ::tests::scratch::Scratch;
use serde::Serialize;
use std::fs;
use std::process::Command;
use std::thread;

/// A machine, and the moment it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The day and hour, UTC.
    pub date: String,
    /// The commit that was checked out, and whether the tree differed from it.
    pub commit: String,
    /// The processor's own name.
    pub processor: String,
    /// Cores that may be used.
    pub cores: usize,
    /// Memory in GiB.
    pub memory_gib: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The file system below spools and queues, and its options.
    pub filesystem: String,
    /// The load averages of 1, 5 and 15 minutes, before anything was measured.
    pub load: String,
}

impl Machine {
    /// This one, now. What cannot be found out is empty.
    #[must_use]
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let scratch = Scratch::new("peers-machine").ok();
        let place = scratch.as_ref().map_or_else(String::new, |s| s.path().display().to_string());
        let commit = said("git", &["rev-parse", "--short=12", "HEAD"]);
        let dirty = !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
        let load: Vec<String> =
            read("/proc/loadavg").split(' ').take(3).map(str::to_owned).collect();
        Self {
            date: said("date", &["-u", "+%Y-%m-%d %H:%M"]),
            commit: if dirty { format!("{commit}, changed") } else { commit },
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
            cores: thread::available_parallelism().map_or(0, Into::into),
            memory_gib: field(&read("/proc/meminfo"), "MemTotal").map_or(0, |text| gib(&text)),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            filesystem: said("findmnt", &["-no", "FSTYPE,OPTIONS", "--target", &place]),
            load: load.join(" "),
        }
    }
}

/// What a program says on its standard output, in one line; nothing if it fails.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The value of `name` in lines of `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// Whole GiB of a text such as `24576000 kB`, to the nearest.
fn gib(text: &str) -> u64 {
    let kib: u64 = text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    (kib + (1 << 19)) >> 20
}

#[cfg(test)]
mod tests {
    use super::{field, gib};

    #[test]
    fn fields_of_proc_are_read() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC: 7\nmodel name\t: other\n";
        assert_eq!(field(text, "model name"), Some("AMD EPYC: 7".to_owned()));
        assert_eq!(field(text, "cores"), None);
        assert_eq!(gib("24576000 kB"), 23);
        assert_eq!(gib("nonsense"), 0);
    }
}
