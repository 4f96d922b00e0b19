//! A share of a processor for a thread, by a control group of its own.
//!
//! With the first version of control groups, where a group may hold single threads.
//! [CFS bandwidth control](https://docs.kernel.org/scheduler/sched-bwc.html)

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process;

/// How often a thread gets its share anew, in microseconds.
const PERIOD: u32 = 10_000;

/// The group. Removed when dropped, which must be when its thread has ended.
pub(super) struct Quota(PathBuf);

impl Quota {
    /// Gives this thread so many hundredths of a processor.
    pub(super) fn of(thread: u32, percent: u32) -> io::Result<Self> {
        let group = format!("/sys/fs/cgroup/cpu/ringpost-sites-{}-{thread}", process::id());
        let group = Self(group.into());
        let set = || {
            fs::create_dir(&group.0)?;
            fs::write(group.0.join("cpu.cfs_period_us"), PERIOD.to_string())?;
            fs::write(group.0.join("cpu.cfs_quota_us"), (PERIOD * percent / 100).to_string())?;
            fs::write(group.0.join("tasks"), thread.to_string())
        };
        set().map_err(|error| {
            let what = "a control group with a share of a processor (root, cgroup v1)";
            io::Error::new(error.kind(), format!("{what}: {error}"))
        })?;
        Ok(group)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // If it stays, it is empty and named after us.
        let _ = fs::remove_dir(&self.0);
    }
}
