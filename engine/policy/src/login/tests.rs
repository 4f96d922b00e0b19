use super::{ADDRESSES_MAX, FORGOTTEN_AFTER, Penalties, WAIT_MAX};
use event::Tick;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const NOW: Tick = Tick::ZERO;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seconds(penalties: &Penalties, text: &str, now: Tick) -> u64 {
    penalties.wait(address(text), now).as_secs()
}

#[test]
fn each_failure_doubles_the_wait_to_a_limit() {
    let mut penalties = Penalties::default();
    let mut waits = Vec::new();
    for _ in 0..7 {
        waits.push(seconds(&penalties, "192.0.2.1", NOW));
        penalties.fail(address("192.0.2.1"), NOW);
    }
    assert_eq!(waits, [0, 1, 2, 4, 8, 16, 16]);
    assert_eq!(seconds(&penalties, "192.0.2.2", NOW), 0, "another address is another's");
    for _ in 0..100 {
        penalties.fail(address("192.0.2.1"), NOW);
    }
    assert_eq!(penalties.wait(address("192.0.2.1"), NOW), WAIT_MAX);
}

/// Behind a balancer that does not say whom it speaks for, all have this one.
#[test]
fn nobodys_address_always_waits_and_never_longer() {
    let mut penalties = Penalties::default();
    for _ in 0..7 {
        for nobody in ["0.0.0.0", "::"] {
            assert_eq!(seconds(&penalties, nobody, NOW), 1);
            penalties.fail(address(nobody), NOW);
        }
    }
}

#[test]
fn failures_are_forgotten_by_time_alone() {
    let mut penalties = Penalties::default();
    penalties.fail(address("192.0.2.1"), NOW);
    let later = NOW + FORGOTTEN_AFTER;
    assert_eq!(seconds(&penalties, "192.0.2.1", NOW + Duration::from_secs(1)), 1);
    assert_eq!(seconds(&penalties, "192.0.2.1", later), 0);
    penalties.fail(address("192.0.2.1"), later);
    assert_eq!(seconds(&penalties, "192.0.2.1", later), 1, "it starts again");
}

#[test]
fn an_address_is_what_a_customer_has() {
    let mut penalties = Penalties::default();
    penalties.fail(address("2001:db8:0:1::1"), NOW);
    penalties.fail(address("::ffff:192.0.2.1"), NOW);
    assert_eq!(seconds(&penalties, "2001:db8:0:1:ffff::2", NOW), 1);
    assert_eq!(seconds(&penalties, "2001:db8:0:2::1", NOW), 0);
    assert_eq!(seconds(&penalties, "192.0.2.1", NOW), 1);
}

#[test]
fn the_table_is_bounded_and_forgets_the_oldest() {
    let mut penalties = Penalties::default();
    let nth = |number: u32| IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 + number));
    for number in 0..=ADDRESSES_MAX as u32 {
        penalties.fail(nth(number), NOW + Duration::from_millis(number.into()));
    }
    assert_eq!(penalties.0.len(), ADDRESSES_MAX);
    assert_eq!(penalties.wait(nth(0), NOW), Duration::ZERO);
    assert_eq!(penalties.wait(nth(1), NOW).as_secs(), 1);
}
