//! Whom a dial tries, and in which order.

use super::{Choice, Chosen};
use crate::outbound::Refusals;
use crate::outbound::health::Outlook;
use event::Tick;
use policy::hosts::{Health, HostMemory, Hosts};
use route::{Place, TRIED_MAX};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

const NOW: Tick = Tick(1_000_000_000_000);

fn address(host: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host as u8], 25))
}

/// Hosts 0, 1, 2 ... of these preferences.
fn choice(preferences: &[u16]) -> Choice {
    let place = |(host, &preference)| Place { preference, address: address(host) };
    Choice::among(preferences.iter().enumerate().map(place).collect())
}

/// Ours.
const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));

#[derive(Default)]
struct World {
    hosts: Hosts<HostMemory>,
    refusals: Refusals,
    from: Option<IpAddr>,
}

impl World {
    fn note(&mut self, host: usize, at: Tick, change: impl FnOnce(&mut Health)) {
        self.hosts.change(address(host), at, |memory| change(&mut memory.health));
    }

    fn turn_away(&mut self, host: usize, at: Tick) {
        self.refusals.change((address(host), FROM), at, |health| health.failed(at, u64::MAX));
    }

    fn outlook(&self) -> Outlook<'_> {
        Outlook { hosts: &self.hosts, refusals: &self.refusals, from: self.from }
    }

    fn fail(&mut self, host: usize, at: Tick) {
        self.note(host, at, |health| health.failed(at, u64::MAX));
    }

    /// The order in which all of `choice` are tried.
    fn order(&self, mut choice: Choice) -> Vec<usize> {
        let next = || choice.next(&self.outlook(), NOW);
        let number = |chosen: Chosen| match chosen.address {
            SocketAddr::V4(address) => address.ip().octets()[3].into(),
            SocketAddr::V6(_) => unreachable!("all hosts here are IPv4"),
        };
        std::iter::from_fn(next).map(number).collect()
    }
}

fn before(secs: u64) -> Tick {
    NOW - Duration::from_secs(secs)
}

#[test]
fn the_best_are_tried_first_and_those_at_rest_only_without_a_second() {
    let mut world = World::default();
    assert_eq!(world.order(choice(&[1, 1, 2])), [0, 1, 2]);
    world.fail(0, before(1));
    assert_eq!(world.order(choice(&[1, 1, 2])), [1, 2], "two are enough");
    assert_eq!(world.order(choice(&[1, 2])), [1, 0], "the worse one first");
    world.fail(2, before(3));
    assert_eq!(world.order(choice(&[1, 1, 2])), [1, 2], "where the rest ends first");
    world.fail(1, before(2));
    assert_eq!(world.order(choice(&[1, 1, 2])), [2, 1], "all rest");
    assert_eq!(world.order(choice(&[1])), [0], "it is all there is");
}

#[test]
fn a_rest_that_is_over_is_tried_by_one_dial() {
    let mut world = World::default();
    world.fail(0, before(6));
    assert_eq!(world.order(choice(&[1, 2, 3])), [0, 1, 2]);
    world.note(0, NOW, |health| health.dialled(NOW));
    assert_eq!(world.order(choice(&[1, 2, 3])), [1, 2]);
}

#[test]
fn who_keeps_a_dial_waiting_is_behind_its_equals_and_then_behind_all() {
    let mut world = World::default();
    world.note(0, before(9), |health| health.dialled(before(9)));
    assert_eq!(world.order(choice(&[1, 1, 2])), [1, 0, 2]);
    assert_eq!(world.order(choice(&[1, 2])), [0, 1]);
    world.note(1, before(10), |health| health.dialled(before(10)));
    assert_eq!(world.order(choice(&[1, 1, 2])), [0, 2], "ten seconds are too long");
}

#[test]
fn a_host_that_turns_one_of_our_addresses_away_rests_for_that_one_only() {
    let mut world = World::default();
    world.turn_away(0, before(1));
    assert_eq!(world.order(choice(&[1, 1, 2])), [0, 1, 2], "others do not know of it");
    world.from = Some(FROM);
    assert_eq!(world.order(choice(&[1, 1, 2])), [1, 2]);
    world.turn_away(1, before(2));
    assert_eq!(world.order(choice(&[1, 1])), [1, 0], "where the rest ends first");
    world.fail(2, before(1));
    assert_eq!(world.order(choice(&[1, 2, 2])), [1, 0], "what is known to all counts, too");
    world.from = Some(Ipv4Addr::LOCALHOST.into());
    assert_eq!(world.order(choice(&[1, 1, 2])), [0, 1]);
}

#[test]
fn one_dial_tries_a_bounded_number() {
    let world = World::default();
    assert_eq!(world.order(choice(&[1; 40])), (0..TRIED_MAX).collect::<Vec<_>>());
}

#[test]
fn the_last_one_is_known_to_be_the_last() {
    let mut world = World::default();
    let deputies = |preferences: &[u16]| {
        let mut choice = choice(preferences);
        let next = || choice.next(&world.outlook(), NOW);
        std::iter::from_fn(next).map(|chosen| chosen.has_deputy).collect::<Vec<_>>()
    };
    assert_eq!(deputies(&[1, 1, 2]), [true, true, false]);
    assert_eq!(deputies(&[1]), [false]);
    world.fail(2, before(1));
    let mut choice = choice(&[1, 1, 2]);
    let all: Vec<_> = std::iter::from_fn(|| choice.next(&world.outlook(), NOW)).collect();
    assert_eq!(all.iter().map(|chosen| chosen.has_deputy).collect::<Vec<_>>(), [true, false]);
}
