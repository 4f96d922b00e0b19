#![allow(unsafe_code, reason = "a waker that does something when it is cloned")]

use super::{Mailbox, Sender, mailbox};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread::{self, Thread};

/// Unparks a thread, and counts.
struct Sleeper(Thread, AtomicU32);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.unpark();
    }
}

fn sleeper() -> Arc<Sleeper> {
    Arc::new(Sleeper(thread::current(), AtomicU32::new(0)))
}

fn poll(letters: &mut Mailbox<u64>, sleeper: &Arc<Sleeper>) -> Poll<()> {
    let waker = Waker::from(Arc::clone(sleeper));
    pin!(letters.arrival()).poll(&mut Context::from_waker(&waker))
}

#[test]
fn a_sleeping_receiver_is_woken_once_for_many_letters() {
    let (sender, mut letters) = mailbox();
    let sleeper = sleeper();
    assert!(poll(&mut letters, &sleeper).is_pending());
    (0..100).for_each(|letter| sender.post(letter));
    assert_eq!(sleeper.1.load(Ordering::SeqCst), 1);
    assert!(poll(&mut letters, &sleeper).is_ready());
    assert!((0..100).all(|letter| letters.take() == Some(letter)));
    assert_eq!(letters.take(), None);
}

#[test]
fn a_busy_receiver_is_not_woken() {
    let (sender, mut letters) = mailbox();
    let sleeper = sleeper();
    sender.post(1);
    assert!(poll(&mut letters, &sleeper).is_ready());
    sender.post(2);
    assert_eq!(sleeper.1.load(Ordering::SeqCst), 0);
}

/// The letter comes after the first look, and before the receiver says that it sleeps: the
/// sender wakes nobody, so the receiver must look again.
#[test]
fn a_letter_between_look_and_sleep_is_seen() {
    let (sender, mut letters) = mailbox();
    let raw = RawWaker::new((&raw const sender).cast(), &POSTING);
    // SAFETY: the waker's data is a sender that outlives it, as its functions expect.
    let waker = unsafe { Waker::from_raw(raw) };
    assert!(pin!(letters.arrival()).poll(&mut Context::from_waker(&waker)).is_ready());
    assert_eq!(letters.take(), Some(1));
    drop(waker);
    drop(sender);
}

/// A waker that posts a letter when it is cloned, which is when it is registered.
static POSTING: RawWakerVTable = RawWakerVTable::new(post_and_clone, ignore, ignore, ignore);

fn post_and_clone(data: *const ()) -> RawWaker {
    // SAFETY: the data is the test's sender.
    unsafe { &*data.cast::<Sender<u64>>() }.post(1);
    RawWaker::new(data, &POSTING)
}

const fn ignore(_: *const ()) {}

/// Were a wake lost, the receiver would park for ever: no other thread unparks it.
#[test]
fn no_wake_is_lost_between_threads() {
    const SENDERS: u64 = 3;
    const LETTERS: u64 = 20_000;
    let (sender, mut letters) = mailbox();
    let posters: Vec<_> = (0..SENDERS)
        .map(|name| {
            let sender = sender.clone();
            thread::spawn(move || {
                for letter in 0..LETTERS {
                    sender.post(name * LETTERS + letter);
                    if letter % 7 == 0 {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let sleeper = sleeper();
    let mut next = [0; SENDERS as usize];
    for _ in 0..SENDERS * LETTERS {
        while poll(&mut letters, &sleeper).is_pending() {
            thread::park();
        }
        let letter = letters.take().unwrap();
        let expected = &mut next[usize::try_from(letter / LETTERS).unwrap()];
        assert_eq!(letter % LETTERS, *expected, "the letters of one sender come in its order");
        *expected += 1;
    }
    assert_eq!(letters.take(), None);
    for poster in posters {
        poster.join().unwrap();
    }
}
