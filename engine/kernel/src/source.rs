//! An address to send from that this machine does not have.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;

/// A connection was to leave from an address that is not on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchSource(pub IpAddr);

impl NoSuchSource {
    /// Whether it is why something failed.
    #[must_use]
    pub fn is_in(error: &io::Error) -> bool {
        let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
        cause.is_some()
    }
}

impl fmt::Display for NoSuchSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the source address {} is not on this host", self.0)
    }
}

impl Error for NoSuchSource {}

impl From<NoSuchSource> for io::Error {
    fn from(absent: NoSuchSource) -> Self {
        Self::new(io::ErrorKind::AddrNotAvailable, absent)
    }
}
