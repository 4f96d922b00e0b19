use super::{Destination, HostName, Network, Pattern, Text};

fn show<T: Text>(written: &str) -> Option<String> {
    T::parse(written).map(|value| value.text())
}

#[test]
fn networks_are_whole_and_not_the_world() {
    for (written, meant) in [
        ("10.0.0.0/8", Some("10.0.0.0/8")),
        ("192.0.2.7", Some("192.0.2.7")),
        ("192.0.2.7/32", Some("192.0.2.7")),
        ("::1", Some("::1")),
        ("2001:db8::/32", Some("2001:db8::/32")),
        ("fc00::/7", Some("fc00::/7")),
        ("10.1.0.0/8", None),
        ("0.0.0.0/0", None),
        ("0.0.0.0/8", None),
        ("0.0.0.0", None),
        ("::", None),
        ("128.0.0.0/1", None),
        ("::/0", None),
        ("10.0.0.0/33", None),
        ("10.0.0/8", None),
        ("10.0.0.0/-1", None),
        ("localhost", None),
    ] {
        assert_eq!(show::<Network>(written).as_deref(), meant, "{written}");
    }
}

#[test]
fn a_network_holds_its_own_addresses_only() {
    for (network, address, inside) in [
        ("10.0.0.0/8", "10.255.255.255", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ("10.0.0.0/8", "::a00:1", false),
        ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.6", false),
        ("::1", "::1", true),
        ("::/64", "::1", true),
        ("::/64", "::", false),
        ("::/64", "0.0.0.0", false),
        ("::1", "::2", false),
        ("2001:db8::/33", "2001:db8:7fff::", true),
        ("2001:db8::/33", "2001:db8:8000::", false),
    ] {
        let network = Network::parse(network).unwrap();
        assert_eq!(network.contains(address.parse().unwrap()), inside, "{network:?} {address}");
    }
}

#[test]
fn names_patterns_and_destinations() {
    assert_eq!(show::<HostName>("MTA1.Example.com").as_deref(), Some("mta1.example.com"));
    for wrong in ["", ".", "a..b", "-a.b", "a b", "a.b.", "ä.example", &"a".repeat(64)] {
        assert_eq!(show::<HostName>(wrong), None, "{wrong}");
    }
    for (written, meant) in [
        ("*", Some("*")),
        (".Example.com", Some(".example.com")),
        ("*.example.com", None),
        (".", None),
    ] {
        assert_eq!(show::<Pattern>(written).as_deref(), meant, "{written}");
    }
    for (written, meant) in [
        ("127.0.0.1:2526", Some("127.0.0.1:2526")),
        ("127.0.0.1", Some("127.0.0.1")),
        ("Smart.example:25", Some("smart.example:25")),
        ("2001:db8::1", Some("[2001:db8::1]")),
        ("[2001:db8::1]:25", Some("[2001:db8::1]:25")),
        ("[smart]:25", None),
        ("host:0", None),
        ("host:65536", None),
        ("host:smtp", None),
        (":25", None),
    ] {
        assert_eq!(show::<Destination>(written).as_deref(), meant, "{written}");
    }
}
