//! The kinds of values that only a mail server's settings have.

use super::value::Text;
use std::net::IpAddr;

/// A host name: letters, digits and hyphens between dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostName(pub(super) String);

impl Text for HostName {
    fn allowed() -> String {
        "a host name, such as \"mta1.example.com\"".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        is_host_name(text).then(|| Self(text.to_ascii_lowercase()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

/// [RFC 1123 §2.1](https://www.rfc-editor.org/rfc/rfc1123#section-2.1); an underscore is let
/// pass, because hosts with one exist.
pub(super) fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len())
            && label.bytes().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its first address.
    pub address: IpAddr,
    /// How many leading bits its addresses share.
    pub prefix: u8,
}

impl Network {
    /// A network this wide holds strangers: relaying for it makes an open relay.
    const PREFIX_MIN_V4: u8 = 8;
    const PREFIX_MIN_V6: u8 = 7;

    /// Whether `address` is one of its own. An IPv4 address seen through an IPv6 socket
    /// (`::ffff:192.0.2.1`) is that IPv4 address. Nobody's address, which stands for all whose
    /// address is not known, is in no network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, other) = (self.address, address.to_canonical());
        !other.is_unspecified()
            && own.is_ipv4() == other.is_ipv4()
            && (bits(own) ^ bits(other)) & !self.host_mask() == 0
    }

    fn is_too_wide(&self) -> bool {
        let least = if self.address.is_ipv4() { Self::PREFIX_MIN_V4 } else { Self::PREFIX_MIN_V6 };
        self.prefix < least
    }

    /// Whether nobody has an address in it.
    const fn is_nobodys(&self) -> bool {
        self.address.is_unspecified() && (self.address.is_ipv4() || self.prefix == 128)
    }

    /// Whether no bit is set behind the prefix: `10.1.2.3/8` is a slip of the pen.
    fn is_whole(&self) -> bool {
        bits(self.address) & self.host_mask() == 0
    }

    /// Ones behind the prefix.
    fn host_mask(&self) -> u128 {
        let host_bits = width(self.address) - self.prefix;
        u128::MAX.checked_shr(128 - u32::from(host_bits)).unwrap_or(0)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Text for Network {
    fn allowed() -> String {
        "an IP address or a network of at least /8 (IPv6: /7), such as \"10.0.0.0/8\" or \"::1\""
            .to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().ok()?;
        let width = width(address);
        let prefix = prefix.map_or(Ok(width), str::parse).ok().filter(|prefix| *prefix <= width)?;
        let network = Self { address, prefix };
        let sound = !network.is_too_wide() && network.is_whole() && !network.is_nobodys();
        sound.then_some(network)
    }

    fn text(&self) -> String {
        let alone = self.prefix == width(self.address);
        if alone { self.address.to_string() } else { format!("{}/{}", self.address, self.prefix) }
    }
}

/// Which recipients' domains a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) String);

impl Text for Pattern {
    fn allowed() -> String {
        "\"*\" (all others), \"example.com\", or \".example.com\" (what lies below it)".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix('.').unwrap_or(text);
        (text == "*" || is_host_name(name)).then(|| Self(text.to_ascii_lowercase()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

/// Where a route leads: a host by name or address, and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    /// A host name or an IP address, without brackets.
    pub(super) host: String,
    /// The port, if it was written.
    pub(super) port: Option<u16>,
}

impl Text for Destination {
    fn allowed() -> String {
        "a host or an IP address, with a port if it is not the route's own, such as \
         \"127.0.0.1:2526\", \"smart.example.com\" or \"[2001:db8::1]:25\""
            .to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        if text.parse::<IpAddr>().is_ok() {
            return Some(Self { host: text.to_owned(), port: None });
        }
        let (host, port) = text.rsplit_once(':').map_or((text, None), |(h, p)| (h, Some(p)));
        let port = port.map(str::parse).transpose().ok()?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let fits = match bare {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_host_name(host),
        };
        let fits = fits && port != Some(0);
        fits.then(|| Self { host: bare.unwrap_or(host).to_ascii_lowercase(), port })
    }

    fn text(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        self.port.map_or(host.clone(), |port| format!("{host}:{port}"))
    }
}

/// Writes [`Text`] for an enum whose values are words.
macro_rules! words {
    ($kind:ty { $($word:literal => $value:expr),+ $(,)? }) => {
        impl $crate::settings::value::Text for $kind {
            const CHOICES: &'static [&'static str] = &[$($word),+];
            fn allowed() -> String {
                [$(concat!("\"", $word, "\"")),+].join(", ")
            }
            fn parse(text: &str) -> Option<Self> {
                match text { $($word => Some($value),)+ _ => None }
            }
            fn text(&self) -> String {
                $(if *self == $value { return $word.to_owned(); })+
                unreachable!("every value has its word")
            }
        }
    };
}
pub(super) use words;

#[cfg(test)]
mod tests;
