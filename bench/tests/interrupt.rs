//! Who ends `peers` ends the relays it has started.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::Command;
use std::time::Duration;
use tests::process::Process;
use tests::scratch::Scratch;
use tests::{usage, wait};

const PATIENCE: Duration = Duration::from_mins(1);
/// What a shell says of a process that SIGTERM has ended.
const ENDED_BY_TERM: i32 = 128 + 15;
/// Programs of which at least one runs in the middle of a round: Postfix's queue manager, or ours.
const RELAYS: [&str; 2] = ["qmgr", "ringpost"];

#[test]
fn no_relay_outlives_the_comparison() -> io::Result<()> {
    let scratch = Scratch::new("interrupt")?;
    let folder = scratch.path().join("rounds");
    fs::create_dir(&folder)?;
    let mut peers = Command::new(env!("CARGO_BIN_EXE_peers"));
    peers.args(["postfix", "--scenario", "relay-4k", "--messages", "1000000"]);
    peers.env("RINGPOST_SCRATCH", &folder);
    let mut peers = Process::start(&mut peers, &scratch.path().join("output"))?;
    let mut started = BTreeSet::new();
    wait::until("a relay", PATIENCE, || {
        started = usage::descendants(peers.id()).into_iter().collect();
        started.iter().any(|id| RELAYS.contains(&name(*id).as_str())).then_some(())
    })
    .map_err(|late| io::Error::other(format!("{late}\n{}", peers.said())))?;
    started.remove(&peers.id());
    peers.terminate()?;
    let status = peers.wait(PATIENCE)?;
    assert_eq!(status.code(), Some(ENDED_BY_TERM), "{}", peers.said());
    wait::until("the end of all relays", PATIENCE, || {
        started.iter().all(|id| name(*id).is_empty()).then_some(())
    })?;
    Ok(())
}

/// What the process runs; empty if it has ended.
fn name(id: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let ended = status.lines().any(|line| line.starts_with("State:\tZ"));
    let name = status.lines().find_map(|line| line.strip_prefix("Name:\t"));
    name.filter(|_| !ended).unwrap_or_default().to_owned()
}
