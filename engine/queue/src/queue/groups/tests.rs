//! Sites that share a limit.

use crate::{IDLE_SITES_MAX, Queue, READY_PER_LANE};
use event::Tick;
use policy::Limits;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::iter::from_fn;

/// So many ready that a site wants all the connections it may have.
const MANY: u32 = 99;

fn limits(connections_max: u16) -> Limits {
    Limits { connections_max, ..Limits::default() }
}

fn dial_all(queue: &mut Queue<u32>, names: &[&str]) -> String {
    let dialled: Vec<_> = from_fn(|| queue.dial(Tick::ZERO)).collect();
    let name = |site| names.iter().find(|name| **name == queue.view(site).name).copied();
    dialled.iter().filter_map(|site| name(*site)).collect()
}

#[test]
fn they_have_their_connections_together_and_wait_in_turn() {
    let mut queue = Queue::new(Tick::ZERO);
    let names = ["a", "b", "c", "x"];
    let [a, b, c] = ["a", "b", "c"].map(|name| queue.site_of("g", name, &limits(2)));
    let x = queue.site("x", &limits(2));
    for delivery in 0..MANY {
        for site in [a, b, c, x] {
            queue.ready(site, delivery);
        }
    }
    assert_eq!(dial_all(&mut queue, &names), "abxx", "c waits, and others do not wait with it");
    assert!(!queue.yields(a), "it has work of its own");
    let works = |queue: &mut Queue<u32>, site| {
        queue.answered(site);
        queue.connected(site);
        while queue.take(site).is_some() {}
    };
    works(&mut queue, a);
    assert!(queue.yields(a), "c waits");
    queue.closed(a);
    assert_eq!(dial_all(&mut queue, &names), "c");
    queue.answered(b);
    queue.dial_failed(b, Tick::ZERO, 0);
    assert_eq!(dial_all(&mut queue, &names), "c", "a place given back by a failed dial is one");
}

#[test]
fn who_waits_in_vain_does_not_hold_up_the_next() {
    let mut queue = Queue::new(Tick::ZERO);
    let [a, b, c] = ["a", "b", "c"].map(|name| queue.site_of("g", name, &limits(1)));
    for site in [a, b, c] {
        queue.ready(site, 1);
    }
    assert_eq!(dial_all(&mut queue, &["a", "b", "c"]), "a");
    queue.take(b);
    queue.answered(a);
    queue.dial_failed(a, Tick::ZERO, 0);
    assert_eq!(dial_all(&mut queue, &["a", "b", "c"]), "c");
}

#[test]
fn a_limit_of_its_own_ends_what_is_too_much_and_outlives_the_sites() {
    let mut queue = Queue::new(Tick::ZERO);
    let a = queue.site_of("g", "a", &limits(3));
    (0..MANY).for_each(|delivery| queue.ready(a, delivery));
    for _ in 0..3 {
        assert_eq!(queue.dial(Tick::ZERO), Some(a));
        queue.answered(a);
        queue.connected(a);
    }
    queue.limit("g", Some(1));
    let told: Vec<_> = (0..4).map(|_| queue.must_leave(a)).collect();
    assert_eq!(told, [true, true, false, false], "one may stay");
    queue.closed(a);
    assert_eq!((queue.lanes("g"), queue.dial(Tick::ZERO), queue.must_leave(a)), (2, None, false));
    queue.closed(a);
    queue.limit("g", Some(2));
    assert_eq!(queue.dial(Tick::ZERO), Some(a), "who waits may ask again");
    assert_eq!((queue.dial(Tick::ZERO), queue.lanes("g")), (None, 2));
    queue.limit("g", None);
    queue.answered(a);
    queue.connected(a);
    assert_eq!(queue.dial(Tick::ZERO), Some(a));

    let mut queue = Queue::<u32>::new(Tick::ZERO);
    queue.limit("g", Some(0));
    queue.site_of("g", "a", &limits(3));
    for site in 0..=IDLE_SITES_MAX {
        queue.site(&site.to_string(), &limits(1));
    }
    let a = queue.site_of("g", "a", &limits(3));
    (0..MANY).for_each(|delivery| queue.ready(a, delivery));
    assert_eq!(queue.dial(Tick::ZERO), None, "the limit is there though the site was forgotten");
}

#[test]
fn a_site_rests_for_a_dial_that_failed_elsewhere() {
    let mut queue = Queue::new(Tick::ZERO);
    let a = queue.site("a", &limits(3));
    (0..MANY).for_each(|delivery| queue.ready(a, delivery));
    queue.rest(a, Tick::ZERO, 0);
    let resume = queue.resume_at().expect("it rests");
    assert_eq!((queue.dial(Tick::ZERO), queue.dial(resume)), (None, Some(a)));
    queue.answered(a);
    queue.rest(a, resume, 0);
    assert_eq!((queue.view(a).failures, queue.dial(resume)), (2, None));
    queue.well(a);
    assert_eq!(
        (queue.view(a).failures, queue.dial(resume)),
        (0, Some(a)),
        "it was reached elsewhere"
    );
}

#[test]
fn who_receives_has_a_say_and_the_smaller_limit_holds() {
    let mut queue = Queue::new(Tick::ZERO);
    let site = queue.site_of("g", "a", &limits(4));
    (0..MANY).for_each(|delivery| queue.ready(site, delivery));
    queue.cap("g", Some(0));
    assert_eq!(dial_all(&mut queue, &["a"]), "", "nothing, and it waits without being asked");
    queue.cap("g", Some(2));
    queue.limit("g", Some(1));
    assert_eq!(dial_all(&mut queue, &["a"]), "a");
    queue.limit("g", None);
    assert_eq!(dial_all(&mut queue, &["a"]), "a");
    for _ in 0..2 {
        queue.answered(site);
        queue.connected(site);
    }
    assert!(!queue.must_leave(site));
    queue.cap("g", Some(0));
    assert!(queue.must_leave(site) && queue.must_leave(site) && !queue.must_leave(site));
    queue.closed(site);
    queue.closed(site);
    queue.cap("g", None);
    assert_eq!(dial_all(&mut queue, &["a"]), "aa");
}

#[test]
fn connections_that_are_too_many_by_new_limits_leave() {
    let mut queue = Queue::new(Tick::ZERO);
    let site = queue.site_of("g", "a", &limits(3));
    (0..MANY).for_each(|delivery| queue.ready(site, delivery));
    for _ in 0..3 {
        assert_eq!(queue.dial(Tick::ZERO), Some(site));
        queue.answered(site);
        queue.connected(site);
    }
    assert!(!queue.must_leave(site));
    queue.site_of("g", "a", &limits(1));
    let told: Vec<_> = (0..4).map(|_| queue.must_leave(site)).collect();
    assert_eq!(told, [true, true, false, false]);
    queue.closed(site);
    queue.closed(site);
    assert_eq!(dial_all(&mut queue, &["a"]), "");
    queue.site_of("g", "a", &limits(2));
    assert_eq!(dial_all(&mut queue, &["a"]), "a");
}

#[test]
fn groups_are_forgotten_with_their_sites() {
    let mut queue = Queue::<u32>::new(Tick::ZERO);
    for site in 0..3 * IDLE_SITES_MAX {
        queue.site_of(&format!("g{}", site / 2), &site.to_string(), &limits(1));
    }
    let (named, made) = queue.sites.groups();
    assert_eq!(named, IDLE_SITES_MAX / 2);
    assert!(made <= named + 1, "{made} were made for {named}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    /// Whatever happens, the limit is kept, and no place is left empty that somebody wants.
    #[test]
    fn no_place_is_lost(ops in prop::collection::vec((0_u8..5, 0_usize..4), 0..300)) {
        let mut queue = Queue::new(Tick::ZERO);
        let sites = ["a", "b", "c", "d"].map(|name| queue.site_of("g", name, &limits(3)));
        let mut now = Tick::ZERO;
        for (op, site) in ops {
            let site = sites[site];
            let view = queue.view(site);
            let (open, opening) = (view.open, view.opening);
            match op {
                0 => (0..READY_PER_LANE).for_each(|_| queue.ready(site, 1)),
                1 => drop(queue.take(site)),
                2 if opening > 0 => {
                    queue.answered(site);
                    queue.connected(site);
                }
                3 if opening > 0 => {
                    queue.answered(site);
                    queue.dial_failed(site, now, 0);
                    now = now + std::time::Duration::from_mins(6);
                }
                4 if open > 0 => queue.closed(site),
                _ => (),
            }
            while queue.dial(now).is_some() {}
            let lanes: u16 = sites.iter().map(|site| {
                let view = queue.view(*site);
                view.open + view.opening
            }).sum();
            prop_assert!(lanes <= 3);
            let wants = sites.iter().any(|site| {
                let view = queue.view(*site);
                let mine = view.open + view.opening;
                view.ready > usize::from(mine) * READY_PER_LANE && mine < 3 && view.opening < 2 && view.failures == 0
            });
            prop_assert!(lanes == 3 || !wants, "{lanes} of 3");
        }
    }
}
