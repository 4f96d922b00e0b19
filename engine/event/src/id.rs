//! What a message is called, from its first byte on disk to its last log line.

use std::fmt;
use std::str::FromStr;

/// The identity of a message: which log took it, in which life of that log, and
/// the how-manieth it was. There is no clock in it, so no clock step can repeat one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The spool log that holds it.
    pub log: u16,
    /// How often that log had been opened for writing: kept on disk, +1 at each start.
    pub boot: u32,
    /// Counts from 1 in each boot.
    pub count: u64,
}

impl fmt::Display for MessageId {
    /// Three hexadecimal numbers, such as `0-2-1f4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}-{:x}", self.log, self.boot, self.count)
    }
}

/// The text is not a message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl FromStr for MessageId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let mut parts = text.splitn(3, '-');
        let mut number =
            || u64::from_str_radix(parts.next().ok_or(NotAnId)?, 16).map_err(|_| NotAnId);
        Ok(Self {
            log: u16::try_from(number()?).map_err(|_| NotAnId)?,
            boot: u32::try_from(number()?).map_err(|_| NotAnId)?,
            count: number()?,
        })
    }
}

impl serde::Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
