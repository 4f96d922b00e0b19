use super::{Balance, ShardMeters};
use crate::{Accepted, Attempt, Stages};
use crate::{Event, MessageId, Outcome, Response, Tick};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[test]
fn rows_have_names_and_help() {
    let rows = ShardMeters::default().rows();
    let names: BTreeSet<_> = rows.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), rows.len(), "each name once");
    for row in rows {
        assert!(row.help.ends_with('.') && row.help.starts_with(char::is_uppercase), "{row:?}");
    }
}

#[test]
fn a_balance_misses_whatever_is_missing() {
    let sound = Balance {
        accepted: 9,
        recovered: 6,
        delivered: 1,
        failed: 2,
        expired: 3,
        dropped: 4,
        queued: 5,
    };
    assert!(sound.holds() && sound.plus(sound).holds() && Balance::default().holds());
    for unsound in [
        Balance { accepted: 8, ..sound },
        Balance { recovered: 7, ..sound },
        Balance { delivered: 0, ..sound },
        Balance { failed: 3, ..sound },
        Balance { expired: 2, ..sound },
        Balance { dropped: 5, ..sound },
        Balance { queued: 4, ..sound },
    ] {
        assert!(!unsound.holds(), "{unsound:?}");
    }
}

/// Readers on another thread see whole events, however they interleave.
#[test]
fn the_balance_holds_at_every_moment() {
    let meters = Arc::new(ShardMeters::default());
    let ended = Arc::new(AtomicBool::new(false));
    let shard = thread::spawn({
        let (meters, ended) = (Arc::clone(&meters), Arc::clone(&ended));
        move || {
            live(&meters);
            ended.store(true, Ordering::Release);
        }
    });
    let mut looked = 0;
    while !ended.load(Ordering::Acquire) {
        let balance = meters.balance();
        assert!(balance.holds(), "{balance:?}");
        looked += 1;
    }
    shard.join().unwrap();
    assert!(looked > 100, "looked only {looked} times");
    assert_eq!(meters.balance().queued, 0);
}

/// A million recipients, accepted in fives and settled in all ways.
fn live(meters: &ShardMeters) {
    let response = Response::new(250, None, "");
    let id = MessageId { log: 0, boot: 1, count: 1 };
    let labels = crate::Labels::default();
    let accepted = Accepted { id, sender: "", recipients: 5, bytes: 1, entrance: None, labels };
    for _ in 0..200_000 {
        Event::Accepted(accepted).count(meters);
        for outcome in Outcome::ALL.into_iter().chain([Outcome::Delivered]) {
            let attempt = Attempt {
                id,
                sender: "",
                recipient: "",
                site: "",
                peer: None,
                passage: None,
                sts: None,
                outcome,
                response: &response,
                class: None,
                attempt: 1,
                bytes: 1,
                next: None,
                duplicate_possible: false,
                stages: Stages::default(),
                labels,
            };
            Event::Attempt(attempt).count(meters);
        }
    }
}

#[test]
fn shards_do_not_share_cache_lines() {
    assert!(align_of::<ShardMeters>() >= 128);
}

#[test]
fn a_heartbeat_is_kept() {
    let meters = ShardMeters::default();
    meters.beat(Tick(7));
    assert_eq!(meters.heartbeat(), Tick(7));
}
