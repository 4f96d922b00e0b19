use super::Signal;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Counter(AtomicU32);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll(wait: Pin<&mut impl Future<Output = ()>>, counter: &Arc<Counter>) -> Poll<()> {
    let waker = Waker::from(Arc::clone(counter));
    wait.poll(&mut Context::from_waker(&waker))
}

fn woken(counter: &Arc<Counter>) -> u32 {
    counter.0.load(Ordering::Relaxed)
}

#[test]
fn a_ring_wakes_all_who_wait_once() {
    let (bell, one, two) = (Signal::default(), Arc::default(), Arc::default());
    let (mut first, mut second) = (pin!(bell.after(0)), pin!(bell.after(0)));
    assert!(poll(first.as_mut(), &one).is_pending());
    assert!(poll(second.as_mut(), &two).is_pending());
    bell.ring();
    bell.ring();
    assert_eq!((woken(&one), woken(&two)), (1, 1));
    assert!(poll(first.as_mut(), &one).is_ready());
    assert!(poll(second.as_mut(), &two).is_ready());
}

#[test]
fn a_ring_between_look_and_wait_is_not_missed() {
    let (bell, counter) = (Signal::default(), Arc::default());
    let seen = bell.rings();
    bell.ring();
    assert!(poll(pin!(bell.after(seen)), &counter).is_ready());
    assert!(poll(pin!(bell.after(bell.rings())), &counter).is_pending());
}

#[test]
fn a_wait_for_a_later_ring_sleeps_on() {
    let (bell, counter) = (Signal::default(), Arc::default());
    let mut wait = pin!(bell.after(1));
    assert!(poll(wait.as_mut(), &counter).is_pending());
    bell.ring();
    assert_eq!(woken(&counter), 1);
    assert!(poll(wait.as_mut(), &counter).is_pending());
    bell.ring();
    assert_eq!(woken(&counter), 2);
    assert!(poll(wait.as_mut(), &counter).is_ready());
}

#[test]
fn waits_that_are_polled_again_or_dropped_leave_nothing() {
    let (bell, counter) = (Signal::default(), Arc::default());
    let mut kept = pin!(bell.after(0));
    for _ in 0..1_000 {
        assert!(poll(kept.as_mut(), &counter).is_pending());
        assert!(poll(pin!(bell.after(0)), &counter).is_pending());
    }
    assert_eq!(bell.0.borrow().waiting.len(), 1);
    bell.ring();
    assert_eq!(woken(&counter), 1);
}

#[test]
fn a_wait_dropped_after_its_ring_takes_nobody_elses_place() {
    let (bell, counter) = (Signal::default(), Arc::default());
    let mut old = Box::pin(bell.after(0));
    assert!(poll(old.as_mut(), &counter).is_pending());
    bell.ring();
    let mut new = pin!(bell.after(1));
    assert!(poll(new.as_mut(), &counter).is_pending());
    drop(old);
    bell.ring();
    assert_eq!(woken(&counter), 2);
    assert!(poll(new.as_mut(), &counter).is_ready());
}

#[test]
fn a_clone_is_the_same_bell() {
    let bell = Signal::default();
    assert!(bell.is(&bell.clone()));
    assert!(!bell.is(&Signal::default()));
}
