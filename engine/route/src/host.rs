//! A host with its port, as settings name it.

use crate::in_our_spelling;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Where mail hosts listen. The port never comes from DNS (T17).
pub const SMTP_PORT: u16 = 25;

/// A host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// By its address.
    Ip(IpAddr),
    /// By its name, in the spelling of [`in_our_spelling`].
    Name(Box<str>),
}

/// A host and its port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
}

/// The text names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAHost;

impl HostPort {
    /// The host of this name or address, at this port.
    ///
    /// # Errors
    /// If `host` is neither an address nor a domain name.
    pub fn new(host: &str, port: u16) -> Result<Self, NotAHost> {
        let host = match host.parse::<IpAddr>() {
            Ok(address) => Host::Ip(address),
            Err(_) => Host::Name(in_our_spelling(host).ok_or(NotAHost)?.into()),
        };
        Ok(Self { host, port })
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self { host: Host::Ip(address.ip()), port: address.port() }
    }
}

impl FromStr for HostPort {
    type Err = NotAHost;

    /// Reads `host`, `host:port`, `[::1]:port` and `::1`; without a port it is [`SMTP_PORT`].
    fn from_str(text: &str) -> Result<Self, NotAHost> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse::<Ipv6Addr>() {
            return Ok(Self { host: Host::Ip(address.into()), port: SMTP_PORT });
        }
        match text.rsplit_once(':') {
            Some((host, port)) => Self::new(host, port.parse().map_err(|_| NotAHost)?),
            None => Self::new(text, SMTP_PORT),
        }
    }
}

impl fmt::Display for HostPort {
    /// As [`FromStr`] reads it; a name at [`SMTP_PORT`] without the port, as MX records have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(address) => SocketAddr::new(*address, self.port).fmt(f),
            Host::Name(name) if self.port == SMTP_PORT => f.write_str(name),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests;
