//! Which addresses mail found by DNS may go to.
//!
//! Whoever writes an MX record must not be able to aim us at what only we can reach (T17).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to the public network: neither ourselves, nor a private or
/// local network, nor one set aside for documentation, tests or groups.
///
/// After the special-purpose registries of
/// [RFC 6890](https://www.rfc-editor.org/rfc/rfc6890). An IPv6 address that stands for an
/// IPv4 one is judged by that.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match inner_v4(address) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(address),
        },
    }
}

/// Whether an address can be one host's at all.
pub(super) fn is_somebody(address: IpAddr) -> bool {
    let address = match address {
        IpAddr::V6(address) => inner_v4(address).map_or(IpAddr::V6(address), IpAddr::V4),
        address @ IpAddr::V4(_) => address,
    };
    !address.is_unspecified() && !address.is_multicast() && address != Ipv4Addr::BROADCAST
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    match a {
        // This network, private, loopback, multicast and what lies beyond it.
        0 | 10 | 127 | 224.. => false,
        // Shared by a provider's customers.
        100 => !(64..128).contains(&b),
        // Link-local.
        169 => b != 254,
        172 => !(16..32).contains(&b),
        // Protocol assignments, documentation, the old 6to4 relays, private.
        192 => !matches!((b, c), (0, 0 | 2) | (88, 99) | (168, _)),
        // Benchmarks and documentation.
        198 => !matches!((b, c), (18 | 19, _) | (51, 100)),
        203 => (b, c) != (0, 113),
        _ => true,
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    match (a, b) {
        // Protocol assignments (Teredo, benchmarks) and documentation.
        (0x2001, 0..0x200 | 0xdb8) | (0x3fff, 0..0x1000) => false,
        // Of all else, only 2000::/3 is given to anybody.
        _ => (0x2000..0x4000).contains(&a),
    }
}

/// The IPv4 address an IPv6 address stands for: mapped, compatible, NAT64 or 6to4.
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(v4(high, low))
        }
        // ::1 and :: are themselves.
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) > (0, 1) => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
