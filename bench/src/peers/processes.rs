//! All processes of a relay, what they have used, and their end.
//!
//! They are kept in a control group of their own, where the kernel counts the processor time
//! of every process that ever was in it, however short its life and whoever its parent. Where
//! there is no such group (no cgroup2, or not root) the tree below the relay's first process
//! is read from `/proc`, which misses what has left its parent.

use ::tests::{usage, wait};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Groups made by this process so far, for their names.
static MADE: AtomicU32 = AtomicU32::new(0);
/// The groups of relays that were not ended yet.
static LIVING: Mutex<Vec<Processes>> = Mutex::new(Vec::new());
/// A relay that uses less than this share of a core for [`QUIET`] is at rest: its own timers
/// never sleep.
const REST: f64 = 0.01;
const QUIET: Duration = Duration::from_millis(600);
/// How long its processes may take to die.
const PATIENCE: Duration = Duration::from_secs(20);

/// The processes of one relay.
#[derive(Clone, Debug)]
pub(super) struct Processes {
    root: u32,
    group: Option<PathBuf>,
}

impl Processes {
    /// All that stems from `root`, from now on.
    pub(super) fn of(root: u32) -> Self {
        let mut processes = Self { root, group: group() };
        if processes.are_grouped() {
            LIVING.lock().unwrap_or_else(PoisonError::into_inner).push(processes.clone());
        }
        processes.adopt(root);
        processes
    }

    /// Takes in `root` in the place of the one before, and all that stems from it.
    pub(super) fn adopt(&mut self, root: u32) {
        self.root = root;
        self.take_in(root);
    }

    /// Takes in `root`, its descendants, and all they will ever start.
    pub(super) fn take_in(&self, root: u32) {
        let Some(group) = &self.group else { return };
        // What is started while we look is seen the next time; what has ended moves nowhere.
        let mut moved = members(group);
        loop {
            let tree = usage::descendants(root);
            let before = moved.len();
            for id in tree {
                if !moved.contains(&id) {
                    let _ = fs::write(group.join("cgroup.procs"), id.to_string());
                    moved.push(id);
                }
            }
            if moved.len() == before {
                return;
            }
        }
    }

    /// Whether the kernel keeps the account, or `/proc` is read.
    pub(super) fn are_grouped(&self) -> bool {
        self.group.is_some()
    }

    /// Those that live.
    pub(super) fn living(&self) -> Vec<u32> {
        match &self.group {
            Some(group) => members(group),
            None => usage::descendants(self.root),
        }
    }

    /// Processor time, user and system, of all of them, those that have ended included.
    pub(super) fn cpu(&self) -> Duration {
        let counted = self.group.as_ref().and_then(|group| {
            let stat = fs::read_to_string(group.join("cpu.stat")).ok()?;
            let line = stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
            line.parse().ok().map(Duration::from_micros)
        });
        counted.unwrap_or_else(|| usage::cpu(self.root))
    }

    /// Bytes of memory of the living, shared pages counted once (PSS).
    pub(super) fn memory(&self) -> u64 {
        self.living().into_iter().map(usage::proportional).sum()
    }

    /// Waits until they have used next to nothing for a while.
    pub(super) fn wait_until_idle(&self, limit: Duration) -> io::Result<()> {
        let (mut seen, mut since) = (self.cpu(), wait::now());
        wait::until("a relay at rest", limit, || {
            let used = self.cpu().saturating_sub(seen);
            if used > QUIET.mul_f64(REST) {
                (seen, since) = (self.cpu(), wait::now());
            }
            (since.elapsed() >= QUIET).then_some(())
        })
    }

    /// Ends all of them this instant, and waits until none is left.
    pub(super) fn kill(&self) -> io::Result<()> {
        let Some(group) = &self.group else {
            let ids = self.living().into_iter().map(|id| id.to_string());
            return Command::new("kill").arg("-9").args(ids).output().map(|_| ());
        };
        fs::write(group.join("cgroup.kill"), "1")?;
        wait::until("the end of a relay", PATIENCE, || members(group).is_empty().then_some(()))
    }

    /// [`Self::kill`], and nobody will ever be of them again.
    pub(super) fn end(&self) -> io::Result<()> {
        self.finish()?;
        let mut living = LIVING.lock().unwrap_or_else(PoisonError::into_inner);
        living.retain(|other| other.group != self.group);
        Ok(())
    }

    fn finish(&self) -> io::Result<()> {
        self.kill()?;
        let Some(group) = &self.group else { return Ok(()) };
        // The last of them may still be on its way out.
        let removed = || fs::remove_dir(group).is_ok().then_some(());
        wait::until("an empty control group", PATIENCE, removed)
    }
}

/// Ends the processes of all relays, and whatever else this process has started. No relay is
/// taken in any more.
pub(super) fn end_all() -> io::Result<()> {
    let living = LIVING.lock().unwrap_or_else(PoisonError::into_inner);
    let ended: Vec<_> = living.iter().map(Processes::finish).collect();
    // Whoever takes one in now waits for ever, and this process ends.
    std::mem::forget(living);
    let is_ours = |id: &u32| *id != process::id() && lives(*id);
    let ours = || usage::descendants(process::id()).into_iter().filter(is_ours);
    wait::until("the end of all children", PATIENCE, || {
        let left: Vec<_> = ours().map(|id| id.to_string()).collect();
        if left.is_empty() {
            return Some(());
        }
        // The list may name who is gone by now, and `kill` itself.
        let _ = Command::new("kill").arg("-9").args(left).output();
        None
    })?;
    ended.into_iter().collect()
}

/// Whether a process runs: one that has ended stays in the list until its parent asks for it.
fn lives(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// A new, empty group, if this machine lets us make one.
fn group() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let group = cgroup2(&mounts)?.join(format!("ringpost-peers-{}-{number}", process::id()));
    fs::create_dir(&group).ok()?;
    Some(group)
}

/// Where the unified hierarchy is mounted.
/// [Control Group v2](https://docs.kernel.org/admin-guide/cgroup-v2.html#mounting)
fn cgroup2(mounts: &str) -> Option<&Path> {
    let mut fields = mounts.lines().map(|line| line.split(' '));
    fields.find_map(|mut fields| {
        let place = fields.nth(1)?;
        (fields.next() == Some("cgroup2")).then_some(Path::new(place))
    })
}

fn members(group: &Path) -> Vec<u32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Processes, cgroup2};
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    /// Half a second of work in each of three processes: a child that is waited for, and two
    /// whose parents are gone before them. Their father looks on. None works before a line or
    /// the end of its input has come: by then the shell is in the group.
    const LOAD: &str = "
        read go
        burn() { python3 -S -c 'import time
while time.process_time() < 0.5: pass'; }
        (burn & (burn & exit) & exit)
        (burn)
        exec sleep 600";

    #[test]
    fn the_hierarchy_is_found_among_mounts() {
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(cgroup2(mounts), Some(Path::new("/sys/fs/cgroup/unified")));
        assert_eq!(cgroup2("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n"), None);
    }

    #[test]
    fn no_work_is_missed_however_short_lived_or_orphaned() {
        if !::tests::tool::all_there(&["python3"]) {
            return;
        }
        let mut shell = Command::new("bash");
        shell.args(["-c", LOAD]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = shell.stderr(Stdio::null()).spawn().expect("bash starts");
        let processes = Processes::of(child.id());
        if !processes.are_grouped() {
            eprintln!("not run: no control group can be made here");
            child.kill().expect("it was running");
            child.wait().expect("it is ours");
            return;
        }
        drop(child.stdin.take());
        let all = Duration::from_millis(1_500)..Duration::from_millis(2_500);
        let done = || (processes.living().len() == 1 && processes.cpu() >= all.start).then_some(());
        let waited = ::tests::wait::until("all of the work", Duration::from_mins(1), done);
        let used = processes.cpu();
        let reaper = std::thread::spawn(move || child.wait());
        processes.end().expect("all of it can be ended");
        reaper.join().expect("no panic").expect("its group was ended");
        assert!(waited.is_ok() && all.contains(&used), "not a second and a half: {used:?}");
    }
}
