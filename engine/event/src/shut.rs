//! Why a shard takes no mail.

use std::fmt;

/// What keeps new mail out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// The spool's filesystem has less free than is to be left.
    DiskFull,
    /// The spool cannot be written.
    DiskFailed,
    /// The spool's disk does not answer.
    DiskSlow,
    /// As many recipients wait as may.
    QueueFull,
    /// The program is stopping.
    Draining,
}

impl Shut {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::DiskFull, Self::DiskFailed, Self::DiskSlow, Self::QueueFull, Self::Draining];
}

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiskFull => "its disk is full: less is free than spool.free_bytes_min",
            Self::DiskFailed => "its disk fails: the spool cannot be written",
            Self::DiskSlow => "its disk does not answer",
            Self::QueueFull => "spool.queued_max recipients wait",
            Self::Draining => "it is stopping",
        })
    }
}
