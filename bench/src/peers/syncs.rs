//! How often a relay asks for its writes to be made durable.
//!
//! A short run of its own, since tracing slows what it traces. Postfix calls `fsync`, which
//! strace counts. Ringpost writes through the ring, where no tracer sees it, so its own
//! count of commits is read.

use super::load::{Load, Sink};
use super::relay::{Relay, Running};

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::process::Process;
use tests::scratch::Scratch;
use tests::{tool, usage, wait};

/// Messages in that run.
const MESSAGES: u64 = 1_000;
/// How long it may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// What Ringpost calls its commits.
const COMMITS: &str = "ringpost_commits_total";

/// Syncs per message, or `None` where they cannot be counted.
pub(super) fn count(relay: Relay, load: Load) -> io::Result<Option<f64>> {
    let scratch = Scratch::new("peers-syncs")?;
    let sink = Sink::start(load.generator, scratch.path())?;
    let running = relay.start(&scratch.path().join("relay"), sink.address())?;
    let send = || -> io::Result<()> {
        load.of(MESSAGES).send(running.address())?;
        sink.wait_for(MESSAGES).map(|_| ())
    };
    let syncs = match &running {
        Running::Ringpost(ringpost) => {
            send()?;
            Some(ringpost.metric(COMMITS)?)
        }
        Running::Postfix(_) => traced(running.root()?, scratch.path(), send)?,
    };
    Ok(syncs.map(|syncs| syncs / MESSAGES as f64))
}

/// Calls of `fsync` and its kin below `root` while `run` runs, if strace is there.
fn traced(
    root: u32,
    folder: &Path,
    run: impl FnOnce() -> io::Result<()>,
) -> io::Result<Option<f64>> {
    let Some(strace) = tool::find("strace") else {
        run()?;
        return Ok(None);
    };
    let output = folder.join("syncs");
    let mut command = Command::new(strace);
    command.args(["-f", "-q", "-e", "trace=fsync,fdatasync", "-o"]).arg(&output);
    for id in usage::descendants(root) {
        command.args(["-p", &id.to_string()]);
    }
    let mut strace = Process::start(&mut command, &folder.join("strace.log"))?;
    wait::until("strace", PATIENCE, || is_traced(root).then_some(()))?;
    run()?;
    strace.terminate()?;
    strace.wait(PATIENCE)?;
    let calls = fs::read_to_string(&output)?;
    Ok(Some(calls.lines().filter(|line| line.contains("sync(")).count() as f64))
}

fn is_traced(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|by| by.trim() != "0"))
}
