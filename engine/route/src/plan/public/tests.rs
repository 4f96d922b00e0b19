use super::{is_public, is_somebody};
use std::net::{IpAddr, Ipv4Addr};

/// The first and the last address of every range, and their neighbours outside.
#[test]
fn ranges_end_where_the_registries_say() {
    for (inside, outside) in [
        (["0.0.0.0", "0.255.255.255"], ["", "1.0.0.0"]),
        (["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
        (["100.64.0.0", "100.127.255.255"], ["100.63.255.255", "100.128.0.0"]),
        (["127.0.0.0", "127.255.255.255"], ["126.255.255.255", "128.0.0.0"]),
        (["169.254.0.0", "169.254.255.255"], ["169.253.255.255", "169.255.0.0"]),
        (["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
        (["192.0.0.0", "192.0.0.255"], ["191.255.255.255", "192.0.1.0"]),
        (["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]),
        (["192.88.99.0", "192.88.99.255"], ["192.88.98.255", "192.88.100.0"]),
        (["192.168.0.0", "192.168.255.255"], ["192.167.255.255", "192.169.0.0"]),
        (["198.18.0.0", "198.19.255.255"], ["198.17.255.255", "198.20.0.0"]),
        (["198.51.100.0", "198.51.100.255"], ["198.51.99.255", "198.51.101.0"]),
        (["203.0.113.0", "203.0.113.255"], ["203.0.112.255", "203.0.114.0"]),
        (["224.0.0.0", "255.255.255.255"], ["223.255.255.255", ""]),
        (["::", "1fff:ffff:ffff:ffff::"], ["", "2000::"]),
        (["2001::", "2001:1ff:ffff::"], ["2000:ffff::", "2001:200::"]),
        (["2001:db8::", "2001:db8:ffff::"], ["2001:db7:ffff::", "2001:db9::"]),
        (["2002::", "2002:ff:ffff::"], ["2001:ffff::", "2002:100::"]),
        (["3fff::", "3fff:fff:ffff::"], ["3ffe:ffff::", "3fff:1000::"]),
        (["4000::", "ffff:ffff::"], ["3fff:ffff::", ""]),
        (["fc00::1", "fdff::1"], ["", ""]),
        (["fe80::1", "fec0::1"], ["", ""]),
        (["ff02::1", "ff0e::1"], ["", ""]),
    ] {
        for (addresses, public) in [(inside, false), (outside, true)] {
            for address in addresses.into_iter().filter(|address| !address.is_empty()) {
                assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
            }
        }
    }
}

/// However an IPv4 address is dressed up, it is judged as what it is.
#[test]
fn an_ipv4_address_inside_an_ipv6_one_is_judged() {
    for inner in ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "8.8.8.8", "1.0.0.0"] {
        let address: Ipv4Addr = inner.parse().unwrap();
        let [a, b, c, d] = address.octets();
        let public = is_public(IpAddr::V4(address));
        for dressed in [
            format!("::ffff:{address}"),
            format!("::{address}"),
            format!("64:ff9b::{address}"),
            format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
        ] {
            assert_eq!(is_public(dressed.parse().unwrap()), public, "{dressed}");
        }
    }
}

#[test]
fn some_addresses_are_nobody() {
    for (address, somebody) in [
        ("127.0.0.1", true),
        ("10.0.0.1", true),
        ("::1", true),
        ("fe80::1", true),
        ("0.0.0.0", false),
        ("::", false),
        ("::ffff:0.0.0.0", false),
        ("224.0.0.1", false),
        ("::ffff:224.0.0.1", false),
        ("ff02::1", false),
        ("255.255.255.255", false),
    ] {
        assert_eq!(is_somebody(address.parse().unwrap()), somebody, "{address}");
    }
}
