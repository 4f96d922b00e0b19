//! What a process and its descendants have used, read from `/proc`.
//!
//! Processor time counts children that have ended, as soon as their parent reaped them: the
//! kernel adds theirs to the parent's `cutime`. So the sum over a tree only grows, as long
//! as no child outlives its parent.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// Fields of `/proc/PID/stat` behind the command's closing parenthesis, counted from 0.
/// [proc(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)
const PARENT: usize = 1;
const TIMES: std::ops::Range<usize> = 11..15;

/// Processor time, user and system, of `root` and everything below it, ended children included.
#[must_use]
pub fn cpu(root: u32) -> Duration {
    let ticks: u64 = tree(root).iter().map(|process| process.ticks).sum();
    let second = rustix::param::clock_ticks_per_second();
    Duration::from_nanos(ticks * (1_000_000_000 / second))
}

/// Bytes of memory of `root` and everything below it, shared pages counted once (PSS).
#[must_use]
pub fn memory(root: u32) -> u64 {
    tree(root).iter().map(|process| proportional(process.id)).sum()
}

struct Process {
    id: u32,
    parent: u32,
    /// User and system time, its own and that of its reaped children.
    ticks: u64,
}

fn tree(root: u32) -> Vec<Process> {
    let mut all: BTreeMap<u32, Process> =
        ids().filter_map(stat).map(|process| (process.id, process)).collect();
    let mut found: Vec<Process> = all.remove(&root).into_iter().collect();
    let mut next = 0;
    while next < found.len() {
        let parent = found[next].id;
        found.extend(
            all.extract_if(.., |_, process| process.parent == parent).map(|(_, child)| child),
        );
        next += 1;
    }
    found
}

/// The processes in the tree under `root`, itself first.
#[must_use]
pub fn descendants(root: u32) -> Vec<u32> {
    tree(root).iter().map(|process| process.id).collect()
}

fn ids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn stat(id: u32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(TIMES)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Process { id, parent: fields.get(PARENT)?.parse().ok()?, ticks })
}

/// Bytes of memory of the process `id`, shared pages counted once (PSS).
#[must_use]
pub fn proportional(id: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}
