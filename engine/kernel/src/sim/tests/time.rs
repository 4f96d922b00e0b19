//! Tasks, timers and clocks.

use super::{panic_of, poll_once};
use crate::sim::{Physics, World};
use crate::{Kernel, Signal, mailbox};
use event::Tick;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn sleepers_wake_in_order_and_hours_pass_at_once() {
    let world = World::new(1);
    let sim = world.shard(world.host());
    let woken = Rc::new(RefCell::new(Vec::new()));
    for hours in [3, 1, 2] {
        let (kernel, woken) = (sim.clone(), Rc::clone(&woken));
        sim.spawn(async move {
            kernel.sleep_until(kernel.now() + HOUR * hours).await;
            woken.borrow_mut().push(hours);
        });
    }
    assert!(!world.run_until_idle(HOUR), "two are still asleep");
    assert!(world.run_until_idle(HOUR * 9));
    assert_eq!(*woken.borrow(), [1, 2, 3]);
}

#[test]
fn a_dropped_sleeper_leaves_nothing_behind() {
    let world = World::new(1);
    let sim = world.shard(world.host());
    world.block_on(poll_once(sim.sleep_until(sim.now() + HOUR)));
    assert!(world.run_until_idle(Duration::ZERO));
}

#[test]
fn run_for_moves_the_clock_even_if_nothing_happens() {
    let world = World::new(1);
    let before = world.now();
    world.run_for(HOUR);
    assert_eq!(world.now(), before + HOUR);
}

#[test]
fn the_wall_steps_and_the_monotonic_clock_does_not() {
    let world = World::new(1);
    let host = world.host();
    let sim = world.shard(host);
    let (now, wall) = (sim.now(), sim.wall());
    world.step_wall(host, -3_600_000);
    assert_eq!((sim.now(), sim.wall().0), (now, wall.0 - 3_600_000));
    world.run_for(Duration::from_millis(5));
    assert_eq!(sim.wall().0, wall.0 - 3_600_000 + 5);
}

#[test]
fn a_letter_wakes_a_shard_from_another_and_from_another_thread() {
    let world = World::new(1);
    let (sender, mut letters) = mailbox::<u32>();
    let sim = world.shard(world.host());
    let got = Rc::new(RefCell::new(Vec::new()));
    let gets = Rc::clone(&got);
    sim.spawn(async move {
        loop {
            letters.arrival().await;
            while let Some(letter) = letters.take() {
                gets.borrow_mut().push(letter);
            }
        }
    });
    assert!(world.run_until_idle(HOUR));
    let other = world.shard(world.host());
    let posts = sender.clone();
    other.spawn(async move { posts.post(1) });
    assert!(world.run_until_idle(HOUR));
    std::thread::spawn(move || sender.post(2)).join().unwrap();
    assert!(world.run_until_idle(HOUR));
    assert_eq!(*got.borrow(), [1, 2]);
}

#[test]
fn a_panic_is_counted_and_the_other_tasks_go_on() {
    let world = World::new(1);
    let host = world.host();
    let (sim, other) = (world.shard(host), world.shard(host));
    let bell = Signal::default();
    let rings = bell.clone();
    sim.spawn(async { panic!("as planned") });
    sim.spawn(async move { rings.ring() });
    world.block_on(bell.after(0));
    assert!(world.run_until_idle(HOUR));
    assert_eq!((sim.panics(), other.panics(), world.panics(host)), (1, 0, 1));
}

#[test]
fn a_world_that_waits_for_ever_says_so_and_names_its_seed() {
    let said = panic_of(|| World::new(77).block_on(std::future::pending()));
    assert!(said.contains("seed 77") && said.contains("for ever"), "{said}");
}

#[test]
fn a_task_that_spins_is_found_out() {
    let world = World::new(78);
    let sim = world.shard(world.host());
    sim.spawn(std::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    }));
    let said = panic_of(|| world.run_for(HOUR));
    assert!(said.contains("seed 78") && said.contains("spins"), "{said}");
}

#[test]
fn an_endless_world_is_stopped() {
    let world = World::with(79, Physics { steps_max: 1_000, ..Physics::default() });
    let sim = world.shard(world.host());
    let kernel = sim.clone();
    sim.spawn(async move {
        loop {
            kernel.sleep_until(kernel.now() + Duration::from_millis(1)).await;
        }
    });
    let said = panic_of(|| world.run_for(HOUR));
    assert!(said.contains("seed 79") && said.contains("stuck"), "{said}");
}

/// The order in which ten tasks that are ready at once run.
fn order(seed: u64, shuffle: bool) -> Vec<u32> {
    let world = World::with(seed, Physics { shuffle, ..Physics::default() });
    let sim = world.shard(world.host());
    let order = Rc::new(RefCell::new(Vec::new()));
    for task in 0..10 {
        let order = Rc::clone(&order);
        sim.spawn(async move { order.borrow_mut().push(task) });
    }
    world.run_for(HOUR);
    order.take()
}

#[test]
fn ready_tasks_run_in_an_order_that_the_seed_decides() {
    assert_eq!(order(1, false), (0..10).collect::<Vec<_>>());
    assert_eq!(order(1, true), order(1, true));
    assert_ne!(order(1, true), order(2, true));
}

#[test]
fn never_does_not_come() {
    let world = World::new(1);
    let sim = world.shard(world.host());
    let kernel = sim.clone();
    sim.spawn(async move {
        kernel.sleep_until(Tick::NEVER).await;
        panic!("never came");
    });
    assert!(world.run_until_idle(HOUR));
    assert_eq!(sim.panics(), 0);
}
