//! The PROXY header: one generator speaks as many clients.
//!
//! [The PROXY protocol, versions 1 and 2](https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt)

use crate::hash::scatter;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, and the connection is on behalf of somebody else.
const VERSION_AND_COMMAND: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

/// The text or the binary form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A line.
    V1,
    /// Binary.
    V2,
}

impl FromStr for Version {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "v1" => Ok(Self::V1),
            "v2" => Ok(Self::V2),
            _ => Err("give v1 or v2"),
        }
    }
}

/// The addresses whose first `prefix` bits are those of `net`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sources {
    net: IpAddr,
    prefix: u8,
}

impl Default for Sources {
    /// A loopback net of its own, 127.1.0.0/16: 65,536 clients.
    fn default() -> Self {
        Self { net: IpAddr::V4(Ipv4Addr::new(127, 1, 0, 0)), prefix: 16 }
    }
}

impl FromStr for Sources {
    type Err = NotSources;
    fn from_str(text: &str) -> Result<Self, NotSources> {
        let read = |text: &str| {
            let (net, prefix) = text.split_once('/')?;
            let (net, prefix): (IpAddr, u8) = (net.parse().ok()?, prefix.parse().ok()?);
            let bits = if net.is_ipv4() { 32 } else { 128 };
            (prefix <= bits).then_some(Self { net, prefix })
        };
        read(text).ok_or_else(|| NotSources(text.to_owned()))
    }
}

/// The text is no net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSources(String);

impl fmt::Display for NotSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no net: give one such as 127.1.0.0/16 or fd00::/64", self.0)
    }
}

impl std::error::Error for NotSources {}

impl Sources {
    /// The client of the `number`-th connection: one address after the other, then the first
    /// again, each time with another port.
    fn client(self, number: u64) -> SocketAddr {
        let port = 1_024 + (scatter(number) % 64_512) as u16;
        let ip = match self.net {
            IpAddr::V4(net) => {
                let hosts = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                Ipv4Addr::from_bits(net.to_bits() & !hosts | number as u32 & hosts).into()
            }
            IpAddr::V6(net) => {
                let hosts = u128::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                Ipv6Addr::from_bits(net.to_bits() & !hosts | u128::from(number) & hosts).into()
            }
        };
        SocketAddr::new(ip, port)
    }
}

/// What is written in front of every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// In which form.
    pub version: Version,
    /// Whom we claim to speak for.
    pub sources: Sources,
}

impl Proxy {
    /// Whether one header can name clients of these addresses and `target`.
    pub(super) const fn fits(&self, target: SocketAddr) -> bool {
        self.sources.net.is_ipv4() == target.is_ipv4()
    }

    /// Appends the header of the `number`-th connection.
    pub(super) fn append(&self, number: u64, target: SocketAddr, out: &mut Vec<u8>) {
        let client = self.sources.client(number);
        match self.version {
            Version::V1 => v1(client, target, out),
            Version::V2 => v2(client, target, out),
        }
    }
}

fn v1(client: SocketAddr, target: SocketAddr, out: &mut Vec<u8>) {
    let family = if target.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (client.ip(), target.ip());
    let line = format!("PROXY {family} {from} {to} {} {}\r\n", client.port(), target.port());
    out.extend_from_slice(line.as_bytes());
}

fn v2(client: SocketAddr, target: SocketAddr, out: &mut Vec<u8>) {
    out.extend_from_slice(SIGNATURE);
    out.push(VERSION_AND_COMMAND);
    let (family, address_len) =
        if target.is_ipv4() { (TCP_OVER_IPV4, 4) } else { (TCP_OVER_IPV6, 16) };
    out.push(family);
    let len: u16 = 2 * (address_len + 2);
    out.extend_from_slice(&len.to_be_bytes());
    for ip in [client.ip(), target.ip()] {
        match ip {
            IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
        }
    }
    out.extend_from_slice(&client.port().to_be_bytes());
    out.extend_from_slice(&target.port().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::{Proxy, Sources, Version};
    use std::collections::BTreeSet;

    fn header(version: Version, sources: &str, number: u64, target: &str) -> Vec<u8> {
        let proxy = Proxy { version, sources: sources.parse().unwrap() };
        let target = target.parse().unwrap();
        assert!(proxy.fits(target));
        let mut out = Vec::new();
        proxy.append(number, target, &mut out);
        out
    }

    #[test]
    fn the_line_names_client_and_target() {
        let line = header(Version::V1, "127.1.0.0/16", 258, "127.0.0.1:25");
        let line = String::from_utf8(line).unwrap();
        let port = super::SocketAddr::port(&Sources::default().client(258));
        assert_eq!(line, format!("PROXY TCP4 127.1.1.2 127.0.0.1 {port} 25\r\n"));
        let line = header(Version::V1, "fd00::/64", 3, "[::1]:25");
        assert!(String::from_utf8(line).unwrap().starts_with("PROXY TCP6 fd00::3 ::1 "));
    }

    #[test]
    fn the_binary_form_is_that_of_the_specification() {
        let bytes = header(Version::V2, "127.1.0.0/32", 9, "127.0.0.1:25");
        let (front, rest) = bytes.split_at(16);
        assert_eq!(front, b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11\x00\x0c");
        assert_eq!(rest[..8], [127, 1, 0, 0, 127, 0, 0, 1]);
        assert_eq!((rest.len(), &rest[10..]), (12, &[0, 25][..]));
        let bytes = header(Version::V2, "fd00::/64", 3, "[::1]:25");
        assert_eq!((bytes.len(), &bytes[12..16]), (52, &[0x21, 0x21, 0, 36][..]));
    }

    #[test]
    fn every_client_of_the_net_has_its_turn() {
        let sources: Sources = "127.1.2.77/28".parse().unwrap();
        let clients: BTreeSet<_> = (0..32).map(|number| sources.client(number).ip()).collect();
        assert_eq!(clients.len(), 16);
        assert_eq!(clients.first().unwrap().to_string(), "127.1.2.64");
        assert_eq!(clients.last().unwrap().to_string(), "127.1.2.79");
        for wrong in ["", "127.1.0.0", "127.1.0.0/33", "::/129", "host/8", "1.2.3.4/x"] {
            assert!(wrong.parse::<Sources>().unwrap_err().to_string().contains("127.1.0.0/16"));
        }
        let v4 = Proxy { version: Version::V1, sources };
        assert!(!v4.fits("[::1]:25".parse().unwrap()));
    }
}
