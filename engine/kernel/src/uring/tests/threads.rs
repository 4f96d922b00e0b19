//! Letters between shards, and from plain threads.

use super::{BOTH, config, pause, run_on};
use crate::uring::DriverChoice;
use crate::{Kernel, Mailbox, Sender, mailbox};
use event::Tick;
use std::thread;
use std::time::Duration;

/// A wake that gets lost leaves the shard asleep: the test then hangs, and says so.
#[test]
fn a_plain_thread_wakes_a_sleeping_shard() {
    for driver in BOTH {
        let (sender, letters) = mailbox();
        let poster = thread::spawn(move || {
            for letter in 0..200_u64 {
                thread::sleep(Duration::from_micros(letter % 5 * 300));
                sender.post(letter);
            }
        });
        let received = run_on(config(driver), |_| receive(letters, 200)).output;
        assert!(received.into_iter().eq(0..200));
        poster.join().unwrap();
    }
}

async fn receive(mut letters: Mailbox<u64>, count: usize) -> Vec<u64> {
    let mut received = Vec::new();
    while received.len() < count {
        letters.arrival().await;
        received.extend(std::iter::from_fn(|| letters.take()));
    }
    received
}

/// Two shards hand one letter to and fro: each sleeps until the other wakes it.
#[test]
fn shards_wake_each_other() {
    for (one, other) in [(0, 0), (0, 1), (1, 1)].map(|(one, other)| (BOTH[one], BOTH[other])) {
        let (to_one, at_one) = mailbox();
        let (to_other, at_other) = mailbox();
        let echo = thread::spawn(move || bounce(other, at_other, &to_one));
        to_other.post(0);
        bounce(one, at_one, &to_other);
        echo.join().unwrap();
    }
}

const BOUNCES: u64 = 1_000;

fn bounce(driver: DriverChoice, mut letters: Mailbox<u64>, to: &Sender<u64>) {
    run_on(config(driver), async |_| {
        loop {
            letters.arrival().await;
            let letter = letters.take().unwrap();
            to.post(letter + 1);
            if letter + 1 >= BOUNCES {
                return;
            }
        }
    });
}

/// The flood comes faster than it is taken, while the shard's own timers go on.
#[test]
fn a_flood_of_letters_is_taken_whole() {
    const LETTERS: usize = 100_000;
    for driver in BOTH {
        let (sender, letters) = mailbox();
        let posters: Vec<_> = (0..2)
            .map(|_| {
                let sender = sender.clone();
                thread::spawn(move || {
                    (0..LETTERS as u64 / 2).for_each(|letter| sender.post(letter));
                })
            })
            .collect();
        let received = run_on(config(driver), |_| receive(letters, LETTERS)).output;
        assert_eq!(received.iter().sum::<u64>(), 2 * (0..LETTERS as u64 / 2).sum::<u64>());
        for poster in posters {
            poster.join().unwrap();
        }
    }
}

#[test]
fn letters_to_a_shard_that_ended_harm_nobody() {
    for driver in BOTH {
        let (sender, mut letters) = mailbox();
        run_on(config(driver), async |kernel| {
            kernel.spawn(async move {
                loop {
                    letters.arrival().await;
                    let _: Option<u64> = letters.take();
                }
            });
            pause(&kernel, 5).await;
        });
        (0..10).for_each(|letter| sender.post(letter));
        run_on(config(driver), async |kernel| {
            sender.post(kernel.now().since(Tick::ZERO).as_secs());
        });
    }
}
