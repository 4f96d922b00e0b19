//! How often a relay asks for its writes to be made durable.
//!
//! Where nothing else is measured, since tracing slows what it traces. strace counts the
//! calls of all processes of a relay. Ringpost writes through the ring, where no tracer sees
//! it, so its own count of commits is read.

use super::load::{Behaviour, Load, Sink};
use super::relay::{Relay, Running};
use super::scenario::started;
use ::tests::process::Process;
use ::tests::scratch::Scratch;
use ::tests::{tool, wait};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Messages in that run.
const MESSAGES: u64 = 60;
/// How long it may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// What Ringpost calls its commits.
const COMMITS: &str = "ringpost_commits_total";
/// How old its metrics may be: a shard tells of itself once a second.
const COUNT_AGE_MAX: Duration = Duration::from_millis(1_050);
/// What is traced: calls that sync, and calls that may open a file every write to which does.
const TRACED: &str = "trace=fsync,fdatasync,sync_file_range,syncfs,sync,msync,open,openat,pwritev2";

/// Syncs per message under `load`, or `None` where they cannot be counted.
pub(super) fn count(
    relay: Relay,
    load: Load,
    behaviour: Behaviour,
    retry: Duration,
) -> io::Result<Option<f64>> {
    let scratch = Scratch::new("peers-syncs")?;
    let sink = Sink::start(load, behaviour, scratch.path())?;
    let mut running = started(relay, load, &sink, scratch.path(), retry)?;
    let Some(mut counter) = Counter::start(&running, scratch.path())? else { return Ok(None) };
    let messages = MESSAGES * relay.share();
    load.of(messages).send(running.address())?;
    running.wait_for(&sink, messages)?;
    running.processes().wait_until_idle(PATIENCE)?;
    Ok(Some(counter.so_far(&running)? / messages as f64))
}

/// Counts the syncs of a relay from now on.
pub(super) enum Counter {
    /// By strace, which writes a line for each call.
    Traced(Process, PathBuf),
    /// By Ringpost itself.
    Counted,
}

impl Counter {
    /// `None` if strace is not installed.
    pub(super) fn start(running: &Running, folder: &Path) -> io::Result<Option<Self>> {
        if running.ringpost().is_some() {
            return Ok(Some(Self::Counted));
        }
        let Some(strace) = tool::find("strace") else { return Ok(None) };
        let output = folder.join("syncs");
        let mut command = Command::new(strace);
        command.args(["-f", "-q", "-y", "-e", TRACED, "-e", "signal=none", "-o"]).arg(&output);
        let traced = running.processes().living();
        for id in &traced {
            command.args(["-p", &id.to_string()]);
        }
        let strace = Process::start(&mut command, &folder.join("strace.log"))?;
        let all = || traced.iter().all(|id| is_traced(*id)).then_some(());
        wait::until("strace", PATIENCE, all)?;
        Ok(Some(Self::Traced(strace, output)))
    }

    /// Syncs since the start; of Ringpost since its own start.
    pub(super) fn so_far(&mut self, running: &Running) -> io::Result<f64> {
        match self {
            Self::Traced(_, output) => Ok(syncs(&fs::read_to_string(output)?) as f64),
            Self::Counted => {
                thread::sleep(COUNT_AGE_MAX);
                let ringpost = running.ringpost().ok_or(io::ErrorKind::NotFound)?;
                ringpost.metric(COMMITS)
            }
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Self::Traced(strace, _) = self {
            // Asked, it lets go of what it traces.
            let _ = strace.terminate();
            let _ = strace.wait(PATIENCE);
        }
    }
}

/// Calls in a trace that make writes durable: those that say so, writes with `RWF_SYNC` or
/// `RWF_DSYNC`, and files opened so that every write is synced, each as one.
fn syncs(trace: &str) -> usize {
    // A call that another process interrupts has a second line, `<... fsync resumed>`.
    let calls = trace.lines().filter_map(|line| line.split_once(' ')).map(|(_, call)| call.trim());
    let synced = |call: &&str| {
        let Some((name, arguments)) = call.split_once('(') else { return false };
        match name {
            "open" | "openat" => arguments.contains("O_SYNC") || arguments.contains("O_DSYNC"),
            "pwritev2" => arguments.contains("SYNC"),
            "msync" => arguments.contains("MS_SYNC"),
            "fsync" | "fdatasync" | "sync_file_range" | "syncfs" | "sync" => true,
            _ => false,
        }
    };
    calls.filter(synced).count()
}

fn is_traced(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status"));
    // One that has ended needs no tracer.
    status.map_or(true, |status| {
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
        tracer.is_some_and(|by| by.trim() != "0")
    })
}

#[cfg(test)]
mod tests {
    use super::syncs;

    #[test]
    fn each_call_is_counted_once() {
        let trace = "\
101   fsync(13</var/spool/x>)           = 0
102   fdatasync(4</a> <unfinished ...>
101   openat(AT_FDCWD</>, \"/etc/hosts\", O_RDONLY|O_CLOEXEC) = 3</etc/hosts>
102   <... fdatasync resumed>)          = 0
103   openat(AT_FDCWD</>, \"q\", O_WRONLY|O_CREAT|O_DSYNC, 0600) = 5</q>
103   pwritev2(5</q>, [{iov_base=\"x\", iov_len=1}], 1, 0, RWF_DSYNC) = 1
103   pwritev2(5</q>, [{iov_base=\"x\", iov_len=1}], 1, 0, 0) = 1
103   sync_file_range(5</q>, 0, 0, SYNC_FILE_RANGE_WRITE) = 0
101   +++ exited with 0 +++
";
        assert_eq!(syncs(trace), 5);
    }
}
