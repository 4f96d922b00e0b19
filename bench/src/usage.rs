//! What a process or a thread has used.
#![allow(unsafe_code, reason = "the C library's structures are filled by it")]

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

/// Used by all threads of this process so far, the ring's own workers among them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) time: Duration,
    pub(crate) switches: u64,
}

impl Usage {
    pub(crate) fn now() -> io::Result<Self> {
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the structure is plain numbers, zeroed here and filled by the call.
        let usage = unsafe {
            if libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            usage.assume_init()
        };
        let switches = (usage.ru_nvcsw + usage.ru_nivcsw).unsigned_abs();
        Ok(Self { time: clock(libc::CLOCK_PROCESS_CPUTIME_ID), switches })
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            time: self.time.saturating_sub(earlier.time),
            switches: self.switches - earlier.switches,
        }
    }
}

/// Time on a clock of the system: `CLOCK_MONOTONIC`, or the processor time of a process or a thread.
pub(crate) fn clock(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the structure, and these clocks exist on every Linux.
    let _ = unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Keeps this thread on one processor. Where that is refused it roams.
pub(crate) fn pin(cpu: usize) {
    // SAFETY: a set is plain bits, and the call only reads it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// Ends this process when its parent ends, and in any case after a minute and a half.
pub(crate) fn end_with_parent() {
    const ROUND_SECS_MAX: libc::c_uint = 90;
    // SAFETY: neither call touches memory of ours; the signals end the process.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::alarm(ROUND_SECS_MAX);
    }
}

/// As many open files as the host allows, for us and for the engine we start.
pub(crate) fn allow_many_files() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}
