//! What is kept, and what makes room for it.

use super::{HOSTS_MAX, Hosts};
use event::Tick;
use std::net::{Ipv4Addr, SocketAddr};

fn host(number: usize) -> SocketAddr {
    let number = u32::try_from(number).expect("few hosts");
    SocketAddr::from((Ipv4Addr::from(0x0a00_0000 + number), 25))
}

fn count(hosts: &mut Hosts<u32>, number: usize, now: u64) -> u32 {
    hosts.change(host(number), Tick(now), |failures| {
        *failures += 1;
        *failures
    })
}

#[test]
fn a_host_is_remembered_until_there_is_nothing_to_remember() {
    let mut hosts = Hosts::default();
    assert_eq!(hosts.find(host(1)), None);
    assert_eq!([count(&mut hosts, 1, 1), count(&mut hosts, 1, 2)], [1, 2]);
    assert_eq!((hosts.find(host(1)), hosts.find(host(2))), (Some(&2), None));
    hosts.change(host(1), Tick(3), |failures| *failures = 0);
    assert_eq!((hosts.find(host(1)), hosts.is_empty()), (None, true));
}

#[test]
fn looking_at_a_host_that_did_nothing_keeps_nothing() {
    let mut hosts = Hosts::<u32>::default();
    hosts.change(host(1), Tick(1), |_| ());
    assert!(hosts.is_empty() && hosts.ages.is_empty());
}

#[test]
fn the_host_that_was_changed_longest_ago_makes_room() {
    let mut hosts = Hosts::default();
    for number in 0..HOSTS_MAX {
        count(&mut hosts, number, number as u64);
    }
    count(&mut hosts, 0, HOSTS_MAX as u64);
    count(&mut hosts, HOSTS_MAX, HOSTS_MAX as u64 + 1);
    assert_eq!((hosts.len(), hosts.ages.len()), (HOSTS_MAX, HOSTS_MAX));
    assert_eq!((hosts.find(host(0)), hosts.find(host(1))), (Some(&2), None));
    assert_eq!(hosts.find(host(HOSTS_MAX)), Some(&1));
}

#[test]
fn a_host_may_be_known_by_who_met_it_there() {
    let mut hosts = Hosts::<u32, (SocketAddr, u8)>::default();
    hosts.change((host(1), 1), Tick(1), |failures| *failures += 1);
    assert_eq!((hosts.find((host(1), 1)), hosts.find((host(1), 2))), (Some(&1), None));
}
