//! What one round came to.

use std::fmt;

/// Something that is measured. A scenario measures some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Messages acknowledged per second, from the first offered.
    Accepted,
    /// Messages at the sink per second, from the first offered.
    Delivered,
    /// Messages at the sink per second, from the moment the next hop answers again.
    Drained,
    /// Processor milliseconds of all the relay's processes, per message.
    Cpu,
    /// The largest sum of its processes' memory seen (PSS), in MiB.
    Memory,
    /// Calls that make writes durable, per message, under load.
    Syncs,
    /// Such calls before the 250, of a message that comes alone.
    SyncsBefore,
    /// Such calls after the 250, of a message that comes alone.
    SyncsAfter,
    /// Write requests the disk completed, per message; of the whole machine.
    Writes,
    /// Flush requests the disk completed, per message; of the whole machine.
    Flushes,
    /// Idle connections that were greeted and kept.
    Connections,
    /// Memory that each of them takes, in KiB.
    PerConnection,
    /// Seconds from the start of a process with a queue to its greeting.
    Greets,
    /// Seconds from that start to the first message at the sink.
    Delivers,
    /// Seconds from that start to the last message of the queue at the sink.
    Empties,
}

/// Which way of two figures is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The higher.
    Higher,
    /// The lower.
    Lower,
    /// Neither: it says what is done, not how well.
    Neither,
}

impl Quantity {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 15] = [
        Self::Accepted,
        Self::Delivered,
        Self::Drained,
        Self::Cpu,
        Self::Memory,
        Self::Syncs,
        Self::SyncsBefore,
        Self::SyncsAfter,
        Self::Writes,
        Self::Flushes,
        Self::Connections,
        Self::PerConnection,
        Self::Greets,
        Self::Delivers,
        Self::Empties,
    ];

    /// Its heading.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted/s",
            Self::Delivered => "delivered/s",
            Self::Drained => "drained/s",
            Self::Cpu => "CPU ms a message",
            Self::Memory => "peak memory MiB",
            Self::Syncs => "syncs a message",
            Self::SyncsBefore => "syncs before 250",
            Self::SyncsAfter => "syncs after 250",
            Self::Writes => "disk writes a message",
            Self::Flushes => "disk flushes a message",
            Self::Connections => "connections held",
            Self::PerConnection => "KiB a connection",
            Self::Greets => "accepts after s",
            Self::Delivers => "delivers after s",
            Self::Empties => "queue empty after s",
        }
    }

    /// Which way it is better.
    #[must_use]
    pub const fn better(self) -> Better {
        match self {
            Self::Accepted | Self::Delivered | Self::Drained => Better::Higher,
            Self::Cpu
            | Self::Memory
            | Self::PerConnection
            | Self::Greets
            | Self::Delivers
            | Self::Empties => Better::Lower,
            Self::Syncs
            | Self::SyncsBefore
            | Self::SyncsAfter
            | Self::Writes
            | Self::Flushes
            | Self::Connections => Better::Neither,
        }
    }
}

/// The figures of one round of one relay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(Vec<(Quantity, f64)>);

impl Figures {
    /// With `quantity` measured, too.
    #[must_use]
    pub fn with(mut self, quantity: Quantity, value: f64) -> Self {
        self.0.push((quantity, value));
        self
    }

    /// With `quantity`, if it could be measured.
    #[must_use]
    pub fn with_some(self, quantity: Quantity, value: Option<f64>) -> Self {
        match value {
            Some(value) => self.with(quantity, value),
            None => self,
        }
    }

    /// The value of `quantity`, if it was measured.
    #[must_use]
    pub fn of(&self, quantity: Quantity) -> Option<f64> {
        self.0.iter().find(|(measured, _)| *measured == quantity).map(|(_, value)| *value)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (quantity, value)) in self.0.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(f, "{comma}{} {}", crate::spread::digits(*value), quantity.name())?;
        }
        Ok(())
    }
}
