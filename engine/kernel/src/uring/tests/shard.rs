//! Time, randomness, tasks and their panics.

use super::{BOTH, config, on_both, pair, pause, read_all, run_on};
use crate::uring::{RingConfig, run};
use crate::{Kernel, Signal};
use event::Tick;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[test]
fn sleepers_wake_in_order_and_never_early() {
    on_both(|kernel| async move {
        let (began, woken) = (kernel.now(), Rc::new(RefCell::new(Vec::new())));
        for millis in [30, 5, 0, 12] {
            let (timer, woken) = (kernel.clone(), Rc::clone(&woken));
            kernel.spawn(async move {
                let due = began + Duration::from_millis(millis) + Duration::from_micros(300);
                timer.sleep_until(due).await;
                assert!(timer.now() >= due);
                woken.borrow_mut().push(millis);
            });
        }
        pause(&kernel, 60).await;
        assert_eq!(*woken.borrow(), [0, 5, 12, 30]);
        assert_eq!(kernel.panics(), 0);
    });
}

#[test]
fn a_sleep_into_the_past_ends_and_one_for_ever_may_be_dropped() {
    on_both(|kernel| async move {
        kernel.sleep_until(Tick::ZERO).await;
        kernel.sleep_until(kernel.now()).await;
        for far in [Tick::NEVER, Tick(u64::MAX - 1)] {
            let sleep = monoio::time::timeout(Duration::from_millis(5), kernel.sleep_until(far));
            assert!(sleep.await.is_err());
        }
    });
}

#[test]
fn the_clocks_are_the_systems() {
    on_both(|kernel| async move {
        #[expect(clippy::disallowed_methods, reason = "the kernel's clock is held against it")]
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        assert!(kernel.wall().0.abs_diff(system.as_millis() as u64) < 1_000);
        let (tick, wall) = (kernel.now(), kernel.wall());
        pause(&kernel, 20).await;
        let (ticks, walls) = (kernel.now().since(tick), kernel.wall().since(wall));
        assert!(ticks >= Duration::from_millis(20) && ticks.abs_diff(walls).as_millis() < 1_000);
    });
}

#[test]
fn random_numbers_repeat_neither_in_a_shard_nor_between_two() {
    let draw = || {
        let report = run_on(config(BOTH[0]), async |kernel| {
            (0..1_000).map(|_| kernel.random()).collect::<Vec<_>>()
        });
        report.output
    };
    let (one, two) = (draw(), draw());
    let all: BTreeSet<u64> = one.iter().chain(&two).copied().collect();
    assert_eq!(all.len(), 2_000);
    let ones: u32 = all.iter().map(|number| number.count_ones()).sum();
    assert!((63_000..65_000).contains(&ones), "{ones} of 128,000 bits are set");
}

static SHOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The connection that the task held is closed at once, others go on, and it is counted.
#[test]
fn a_panic_ends_its_task_alone() {
    for driver in BOTH {
        SHOWN.lock().unwrap().clear();
        let panicked = |message: &str| SHOWN.lock().unwrap().push(message.to_owned());
        let report = run_on(RingConfig { panicked, ..config(driver) }, async |kernel| {
            let (ours, theirs) = pair(&kernel).await;
            kernel.spawn(async move {
                let _held = theirs;
                std::panic::panic_any(format!("{} on purpose", "formatted"));
            });
            assert!(read_all(&ours).await.is_empty());
            kernel.spawn(async { std::panic::panic_any("plain on purpose") });
            kernel.spawn(async { std::panic::panic_any(7) });
            pause(&kernel, 5).await;
            assert_eq!(kernel.panics(), 3);
        });
        assert_eq!(report.panics, 3);
        let shown = SHOWN.lock().unwrap();
        let expected = ["formatted on purpose", "plain on purpose", "a panic without a message"];
        assert_eq!(*shown, expected);
    }
}

/// Panics when it is polled, and again when it is dropped.
struct Bomb;

impl Future for Bomb {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        std::panic::panic_any("polled")
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::panic_any("dropped")
    }
}

#[test]
fn a_panic_while_the_panicked_task_is_dropped_is_caught_too() {
    on_both(|kernel| async move {
        kernel.spawn(Bomb);
        pause(&kernel, 5).await;
        assert_eq!(kernel.panics(), 2);
    });
}

#[test]
fn tasks_wake_each_other_at_a_bell() {
    on_both(|kernel| async move {
        let (bell, heard) = (Signal::default(), Rc::new(Cell::new(0)));
        for _ in 0..1_000 {
            let (bell, heard) = (bell.clone(), Rc::clone(&heard));
            kernel.spawn(async move {
                bell.after(0).await;
                heard.set(heard.get() + 1);
            });
        }
        pause(&kernel, 1).await;
        assert_eq!(heard.get(), 0);
        bell.ring();
        pause(&kernel, 1).await;
        assert_eq!(heard.get(), 1_000);
    });
}

#[test]
fn a_shard_stays_on_its_processor() {
    for driver in BOTH {
        let pinned = std::thread::spawn(move || {
            let report = run(RingConfig { cpu: Some(1), ..config(driver) }, async |_| {
                let set = rustix::thread::sched_getaffinity(None).unwrap();
                (set.count(), set.is_set(1))
            });
            report.unwrap()
        });
        let report = pinned.join().unwrap();
        assert_eq!((report.output, report.cpu), ((1, true), Some(1)));
    }
}

#[test]
fn a_processor_that_is_not_there_is_not_reported() {
    for cpu in [1_000, 1 << 40] {
        let report = run(RingConfig { cpu: Some(cpu), ..config(BOTH[0]) }, async |_| ());
        assert_eq!(report.unwrap().cpu, None);
    }
}
