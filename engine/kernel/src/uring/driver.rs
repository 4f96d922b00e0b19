//! Which driver the host allows, and which ring flags.

use io_uring_06::{Builder, IoUring, Probe, opcode};
use rustix::io::Errno;
use std::fmt;
use std::io;

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverChoice {
    /// The ring where the host allows it, else epoll.
    #[default]
    Auto,
    /// The ring, or an error.
    Uring,
    /// Epoll.
    Epoll,
}

/// What a shard runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// `io_uring`.
    Uring,
    /// Epoll for sockets, blocking calls for files.
    Epoll,
}

/// What was won, and why not more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverReport {
    /// What a shard runs on.
    pub driver: Driver,
    /// Ring flags this host accepts, by their names in the kernel; none on epoll.
    pub flags: Vec<&'static str>,
    /// Why it is epoll.
    pub cause: Option<Cause>,
}

/// Why a shard runs on epoll. Its text says how to allow the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The settings ask for it.
    Asked,
    /// The sysctl `kernel.io_uring_disabled` has this value.
    Sysctl(u8),
    /// A system call filter refuses it, as containers' default profiles do.
    Seccomp,
    /// The kernel was built without it, or a filter says so.
    Absent,
    /// It lacks an operation we need: the kernel is older than 5.11.
    Lacks(&'static str),
    /// Something else.
    Other(String),
}

/// A ring flag, and how it is set on a ring of so many entries.
struct Flag(&'static str, fn(&mut Builder, u32) -> &mut Builder);

/// Flags in the order we would miss them, the one that newer kernels alone know last.
/// `DEFER_TASKRUN` is left out: monoio stalls with it.
const FLAGS: [Flag; 4] = [
    Flag("CQSIZE", |ring, entries| ring.setup_cqsize(entries * 4)),
    Flag("SUBMIT_ALL", |ring, _| ring.setup_submit_all()),
    Flag("COOP_TASKRUN", |ring, _| ring.setup_coop_taskrun()),
    Flag("SINGLE_ISSUER", |ring, _| ring.setup_single_issuer()),
];

/// Operations monoio gives the ring for us.
const OPERATIONS: [(&str, u8); 13] = [
    ("ASYNC_CANCEL", opcode::AsyncCancel::CODE),
    ("CLOSE", opcode::Close::CODE),
    ("FSYNC", opcode::Fsync::CODE),
    ("OPENAT", opcode::OpenAt::CODE),
    ("POLL_ADD", opcode::PollAdd::CODE),
    ("READ", opcode::Read::CODE),
    ("RECV", opcode::Recv::CODE),
    ("RENAMEAT", opcode::RenameAt::CODE),
    ("SEND", opcode::Send::CODE),
    ("TIMEOUT", opcode::Timeout::CODE),
    ("UNLINKAT", opcode::UnlinkAt::CODE),
    ("WRITE", opcode::Write::CODE),
    ("WRITEV", opcode::Writev::CODE),
];

/// What this thread would get, without starting anything.
#[must_use]
pub fn probe() -> DriverReport {
    match win() {
        Ok(flags) => DriverReport { driver: Driver::Uring, flags, cause: None },
        Err(cause) => epoll(cause),
    }
}

pub(super) fn choose(choice: DriverChoice) -> io::Result<DriverReport> {
    match (choice, probe()) {
        (DriverChoice::Epoll, _) => Ok(epoll(Cause::Asked)),
        (DriverChoice::Uring, DriverReport { cause: Some(cause), .. }) => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, cause.to_string()))
        }
        (_, report) => Ok(report),
    }
}

const fn epoll(cause: Cause) -> DriverReport {
    DriverReport { driver: Driver::Epoll, flags: Vec::new(), cause: Some(cause) }
}

/// A builder of rings with the named flags.
pub(super) fn builder(names: &[&str], entries: u32) -> Builder {
    let mut builder = IoUring::builder();
    for Flag(_, set) in FLAGS.iter().filter(|Flag(name, _)| names.contains(name)) {
        set(&mut builder, entries);
    }
    builder
}

/// The flags a ring may have here, tried one by one on a ring of its own.
fn win() -> Result<Vec<&'static str>, Cause> {
    const ENTRIES: u32 = 8;
    let ring = builder(&[], ENTRIES).build(ENTRIES).map_err(|error| cause_of(&error))?;
    supports_all(&ring)?;
    let mut won = Vec::new();
    for Flag(name, _) in &FLAGS {
        won.push(*name);
        if builder(&won, ENTRIES).build(ENTRIES).is_err() {
            won.pop();
        }
    }
    Ok(won)
}

fn supports_all(ring: &IoUring) -> Result<(), Cause> {
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).map_err(|error| cause_of(&error))?;
    match OPERATIONS.iter().find(|(_, code)| !probe.is_supported(*code)) {
        Some((name, _)) => Err(Cause::Lacks(name)),
        None => Ok(()),
    }
}

fn cause_of(error: &io::Error) -> Cause {
    let sysctl = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    let status = std::fs::read_to_string("/proc/thread-self/status");
    explain(error, &sysctl.unwrap_or_default(), &status.unwrap_or_default())
}

/// EPERM has two fathers: the sysctl, and a filter. Both can be read.
pub(super) fn explain(error: &io::Error, sysctl: &str, status: &str) -> Cause {
    let disabled = sysctl.trim().parse().unwrap_or(0);
    let filtered = status
        .lines()
        .any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() != "0"));
    match Errno::from_io_error(error) {
        Some(Errno::PERM) if disabled > 0 => Cause::Sysctl(disabled),
        Some(Errno::PERM | Errno::ACCESS | Errno::NOSYS) if filtered => Cause::Seccomp,
        Some(Errno::NOSYS) => Cause::Absent,
        _ => Cause::Other(error.to_string()),
    }
}

impl fmt::Display for DriverReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            None => write!(f, "io_uring ({})", self.flags.join(", ")),
            Some(cause) => write!(f, "epoll: {cause}"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("the settings ask for it"),
            Self::Sysctl(value) => write!(
                f,
                "io_uring is forbidden by the sysctl kernel.io_uring_disabled = {value}; \
                 allow it with `sysctl kernel.io_uring_disabled=0` (or 1 and our group in \
                 kernel.io_uring_group)"
            ),
            Self::Seccomp => f.write_str(
                "io_uring is forbidden by a seccomp filter, as in the default profile of Docker \
                 and containerd; allow io_uring_setup, io_uring_enter and io_uring_register in a \
                 profile of your own (docker run --security-opt seccomp=FILE; in systemd, \
                 SystemCallFilter=)",
            ),
            Self::Absent => f.write_str("this kernel was built without io_uring"),
            Self::Lacks(operation) => {
                write!(f, "this kernel's io_uring lacks {operation}; Linux 5.19 or newer has all")
            }
            Self::Other(error) => write!(f, "io_uring cannot be set up: {error}"),
        }
    }
}
