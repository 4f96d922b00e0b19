use super::{Allowance, Callers, Entry, Full};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const ALLOWANCE: Allowance =
    Allowance { address_max: 2, network_max: 3, prefix_v4: 24, prefix_v6: 64 };

fn callers(allowance: Allowance) -> Arc<Callers> {
    Arc::new(Callers::new(allowance))
}

fn enter(callers: &Arc<Callers>, address: &str) -> Result<Entry, Full> {
    callers.enter(address.parse().unwrap())
}

#[test]
fn an_address_and_its_network_have_limits_of_their_own() {
    for [first, second, third, outside] in [
        ["192.0.2.1", "192.0.2.2", "192.0.2.255", "192.0.3.1"],
        ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:0", "2001:db8:0:1::1"],
    ] {
        let callers = callers(ALLOWANCE);
        let inside = [enter(&callers, first), enter(&callers, first), enter(&callers, second)];
        assert!(inside.iter().all(Result::is_ok));
        assert_eq!(enter(&callers, first).err(), Some(Full::Address));
        assert_eq!(enter(&callers, third).err(), Some(Full::Network));
        assert!(enter(&callers, outside).is_ok());
        drop(inside);
        assert_eq!(callers.places_known(), 0, "nobody is remembered who has gone");
        assert!(enter(&callers, third).is_ok());
    }
}

#[test]
fn an_address_seen_through_an_ipv6_socket_is_the_same() {
    let callers = callers(Allowance { address_max: 1, ..ALLOWANCE });
    let inside = enter(&callers, "::ffff:192.0.2.1");
    assert!(inside.is_ok() && enter(&callers, "192.0.2.1").is_err());
    assert!(enter(&callers, "c000:201::").is_ok(), "the same bits, another family");
}

#[test]
fn a_network_may_be_the_whole_world_or_one_address() {
    let world = callers(Allowance { prefix_v4: 0, network_max: 2, ..ALLOWANCE });
    let inside = [enter(&world, "192.0.2.1"), enter(&world, "198.51.100.1")];
    assert!(inside.iter().all(Result::is_ok) && enter(&world, "203.0.113.1").is_err());
    let lone = callers(Allowance { prefix_v4: 32, network_max: 9, ..ALLOWANCE });
    let _inside = [enter(&lone, "192.0.2.1"), enter(&lone, "192.0.2.1")];
    assert!(enter(&lone, "192.0.2.1").is_err() && enter(&lone, "192.0.2.2").is_ok());
}

#[test]
fn all_shards_together_keep_the_limit() {
    let callers = callers(Allowance { address_max: 1_000, network_max: 1_000, ..ALLOWANCE });
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let shard = || (0..400).filter_map(|_| callers.enter(address).ok()).collect::<Vec<_>>();
    let inside = std::thread::scope(|scope| {
        let shards: Vec<_> = (0..4).map(|_| scope.spawn(shard)).collect();
        shards.into_iter().flat_map(|shard| shard.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(inside.len(), 1_000);
    drop(inside);
    assert_eq!(callers.places_known(), 0);
}
