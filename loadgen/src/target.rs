//! Which machines may be loaded: this one, and those the operator says are theirs.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};

/// Why a target is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The name leads nowhere; what the resolver said.
    Unknown(String),
    /// It is another machine.
    NotLoopback(SocketAddr),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(cause) => write!(f, "no such target: {cause}"),
            Self::NotLoopback(address) => write!(
                f,
                "{address} is not on this machine; a load test of somebody else's server is an \
                 attack. If it is yours, add --i-own-the-target"
            ),
        }
    }
}

impl std::error::Error for Refused {}

/// The address of `target` (`host:port`), if it is loopback or `owned`.
///
/// # Errors
/// [`Refused`] otherwise.
pub fn check(target: &str, owned: bool) -> Result<SocketAddr, Refused> {
    let unknown = |cause: String| Refused::Unknown(format!("{target}: {cause}"));
    let mut found = target.to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
    let address = found.next().ok_or_else(|| unknown("no address".to_owned()))?;
    if owned || address.ip().to_canonical().is_loopback() {
        Ok(address)
    } else {
        Err(Refused::NotLoopback(address))
    }
}

#[cfg(test)]
mod tests {
    use super::{Refused, check};

    #[test]
    fn only_loopback_or_owned_targets_pass() {
        for ours in ["127.0.0.1:25", "127.9.9.9:1", "[::1]:25", "[::ffff:127.0.0.1]:25"] {
            assert!(check(ours, false).is_ok(), "{ours}");
        }
        for theirs in ["192.0.2.1:25", "0.0.0.0:25", "[::]:25", "[2001:db8::1]:25", "10.0.0.1:25"] {
            assert!(matches!(check(theirs, false), Err(Refused::NotLoopback(_))), "{theirs}");
            assert!(check(theirs, true).is_ok(), "{theirs}");
        }
        assert!(matches!(check("no port", true), Err(Refused::Unknown(_))));
    }
}
