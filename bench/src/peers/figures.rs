//! What one round came to.

use std::fmt;

/// The figures of one round of one relay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Messages acknowledged per second, from the first offered.
    pub accepted_per_second: f64,
    /// Messages at the sink per second, from the first offered.
    pub delivered_per_second: f64,
    /// Processor seconds of all the relay's processes, per 1000 messages.
    pub cpu_seconds_per_1000: f64,
    /// The largest sum of its processes' memory seen (PSS).
    pub peak_memory_mib: f64,
    /// Write requests the disk completed, per message; of the whole machine.
    pub disk_writes_per_message: Option<f64>,
    /// Flush requests the disk completed, per message; of the whole machine.
    pub disk_flushes_per_message: Option<f64>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} accepted/s, {:.0} delivered/s, {:.3} CPU s/1000, {:.0} MiB",
            self.accepted_per_second,
            self.delivered_per_second,
            self.cpu_seconds_per_1000,
            self.peak_memory_mib
        )
    }
}

/// One column of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Messages acknowledged per second.
    Accepted,
    /// Messages delivered per second.
    Delivered,
    /// Processor seconds per 1000 messages.
    Cpu,
    /// Peak memory in MiB.
    Memory,
    /// Disk writes per message.
    Writes,
    /// Disk flushes per message.
    Flushes,
}

impl Quantity {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 6] =
        [Self::Accepted, Self::Delivered, Self::Cpu, Self::Memory, Self::Writes, Self::Flushes];

    /// Its heading.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted/s",
            Self::Delivered => "delivered/s",
            Self::Cpu => "CPU s per 1000",
            Self::Memory => "peak memory MiB",
            Self::Writes => "disk writes a message",
            Self::Flushes => "disk flushes a message",
        }
    }

    /// Its value in `figures`, if it could be measured.
    #[must_use]
    pub const fn of(self, figures: &Figures) -> Option<f64> {
        match self {
            Self::Accepted => Some(figures.accepted_per_second),
            Self::Delivered => Some(figures.delivered_per_second),
            Self::Cpu => Some(figures.cpu_seconds_per_1000),
            Self::Memory => Some(figures.peak_memory_mib),
            Self::Writes => figures.disk_writes_per_message,
            Self::Flushes => figures.disk_flushes_per_message,
        }
    }
}
