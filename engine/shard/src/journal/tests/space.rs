//! Segments are used again, and the few messages that keep one are carried forward.

use super::*;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

#[test]
fn segments_that_nothing_needs_are_used_again() {
    let bench = Bench::new(20);
    let (journal, _) = bench.open();
    bench.wait(async {
        for _ in 0..200 {
            let id = journal.next_id();
            accept(&journal, id, &vec![b'x'; 200_000]).await;
            settle(&journal, id, &[0, 1]);
        }
        journal.drain().await;
    });
    bench.world.run_for(Duration::from_secs(1));
    let state = journal.state();
    assert_eq!((state.live, state.copies), (0, 0));
    assert!(state.segments <= 2, "{state:?}");
    let files = bench.wait(bench.sim.list(Path::new(LOG))).expect("a directory");
    assert!(files.len() <= 3, "{files:?}");
    assert!(bench.wait(bench.sim.list(&Path::new(LOG).join("pool"))).expect("a pool").len() <= 4);
}

#[test]
fn one_old_message_does_not_hold_the_disk() {
    let bench = Bench::new(21);
    let (journal, _) = bench.open();
    let old = journal.next_id();
    let accepted = bench.wait(accept(&journal, old, b"patience\r\n"));
    settle(&journal, old, &[0]);
    defer(&journal, old, &[1], 2, Wall(5_000));
    churn(&bench, &journal, 400);
    let state = journal.state();
    assert!(state.copies >= 1, "{state:?}");
    assert!(state.segments <= 6, "{state:?}");
    let elsewhere = Reader::new(bench.sim.clone(), Path::new(LOG));
    let moved = bench.wait(elsewhere.load(old, &accepted.spot));
    assert!(matches!(moved, Err(ReadError::Moved)), "{moved:?}");
    let spot = journal.spot_of(old).expect("it is live");
    let read = bench.wait(elsewhere.load(old, &spot)).expect("it is there");
    assert_eq!(&read.text.expect("beside its envelope")[..], b"patience\r\n");
    assert_eq!(read.envelope, accepted.envelope);
    bench.crash();
    let (journal, found) = bench.open();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id, &found[0].open[..]), (old, &[(1, 2, Wall(5_000))][..]));
    assert_eq!(bench.wait(text_of(&journal, old)), b"patience\r\n");
}

#[test]
fn a_log_is_little_larger_than_what_lives_in_it() {
    let bench = Bench::new(25);
    let (journal, _) = bench.open();
    for _ in 0..100 {
        bench.wait(accept(&journal, journal.next_id(), LARGE));
        churn(&bench, &journal, 9);
    }
    assert_eq!(journal.state().live, 100);
    assert_little_larger(&journal);
}

#[test]
fn what_a_log_takes_up_grows_by_what_is_written() {
    let bench = Bench::new(28);
    let (journal, _) = bench.open();
    let taken_up = || journal.state().debt_bytes + journal.state().live_bytes;
    let mut before = taken_up();
    for _ in 0..100 {
        let mut accepted = pin!(accept(&journal, journal.next_id(), LARGE));
        // Staged, and nothing of it written: it may be the first of its segment.
        bench.wait(poll_fn(|context| Poll::Ready(accepted.as_mut().poll(context).is_ready())));
        let staged = taken_up();
        bench.wait(accepted);
        let most = before + 2 * spool::BLOCK_MAX as u64;
        assert!(staged.max(taken_up()) <= most, "{before}: {staged}, {}", taken_up());
        before = taken_up();
    }
}

#[test]
fn what_dies_while_no_mail_comes_in_makes_room() {
    let bench = Bench::new(26);
    let (journal, _) = bench.open();
    let ids: Vec<_> = (0..200).map(|_| journal.next_id()).collect();
    for id in &ids {
        bench.wait(accept(&journal, *id, LARGE));
    }
    let mortal = ids.iter().enumerate().filter(|(at, _)| at % 20 > 0);
    mortal.for_each(|(_, id)| settle(&journal, *id, &[0, 1]));
    bench.wait(journal.drain());
    bench.world.run_for(Duration::from_secs(1));
    assert_eq!(journal.state().live, 10);
    assert_little_larger(&journal);
}

#[test]
fn what_all_lives_is_not_copied_for_ever() {
    let bench = Bench::new(27);
    let (journal, _) = bench.open();
    bench.wait(async {
        // One to a block each: sixteen times the space that they need.
        for _ in 0..4_000 {
            accept(&journal, journal.next_id(), b"short").await;
        }
        for _ in 0..60 {
            accept(&journal, journal.next_id(), LARGE).await;
        }
    });
    bench.world.run_for(Duration::from_secs(10));
    let state = journal.state();
    assert!(state.copies > 0, "{state:?}");
    bench.world.run_for(Duration::from_secs(10));
    assert_eq!(journal.state(), state);
    assert_eq!(state.live, 4_060);
}

#[test]
fn a_reader_that_kept_the_file_open_is_not_fooled() {
    let bench = Bench::new(22);
    let (journal, _) = bench.open();
    let elsewhere = Reader::new(bench.sim.clone(), Path::new(LOG));
    let mut gone = Vec::new();
    for _ in 0..4 {
        let id = journal.next_id();
        let accepted = bench.wait(accept(&journal, id, b"soon gone"));
        let before = bench.wait(elsewhere.load(id, &accepted.spot)).expect("there");
        assert_eq!(&before.text.expect("beside its envelope")[..], b"soon gone");
        settle(&journal, id, &[0, 1]);
        gone.push((id, accepted.spot));
        churn(&bench, &journal, 30);
    }
    churn(&bench, &journal, 400);
    let reads = gone.iter().map(|(id, spot)| bench.wait(elsewhere.load(*id, spot)));
    let moved = reads.filter(|read| match read {
        Err(ReadError::Moved) => true,
        // A file not used again yet still holds it.
        Ok(read) => {
            assert_eq!(&read.text.as_ref().expect("beside its envelope")[..], b"soon gone");
            false
        }
        Err(error) => panic!("{error}"),
    });
    assert!(moved.count() > 1, "files were used again");
}

#[test]
fn a_full_disk_closes_the_log_until_there_is_space() {
    let bench = Bench::new(23);
    let (journal, _) = bench.open();
    bench.world.run_for(Duration::from_secs(1));
    bench.world.resize_disk(bench.host, 6 * SEGMENT_MIN as u64);
    let mut accepted = Vec::new();
    let refused = bench.wait(async {
        loop {
            let id = journal.next_id();
            match journal.accept(id, Text::new(), &vec![b'x'; 200_000], &draft()).await {
                Ok(_) => accepted.push(id),
                Err(error) => return error,
            }
        }
    });
    assert_eq!(refused, JournalError::Closed(Closed::Full));
    assert_eq!(journal.state().closed, Some(Closed::Full));
    assert_eq!(journal.state().failures, 0, "it closed before a write failed");
    for id in &accepted {
        settle(&journal, *id, &[0, 1]);
    }
    bench.wait(journal.drain());
    bench.world.run_for(Duration::from_secs(3));
    assert_eq!(journal.state().closed, None, "{:?}", journal.state());
    bench.wait(accept(&journal, journal.next_id(), b"again"));
    assert_eq!(journal.state().live, 1);
}

#[test]
fn parts_of_a_message_to_come_keep_their_segment() {
    let bench = Bench::new(24);
    let (journal, _) = bench.open();
    let id = journal.next_id();
    let part = bench.wait(async { journal.part(id, b"first half ").await.expect("room") });
    churn(&bench, &journal, 100);
    let parts = Text::from_elem(part, 1);
    bench.wait(async {
        journal.accept(id, parts, b"second half", &draft()).await.expect("durable");
    });
    assert_eq!(bench.wait(text_of(&journal, id)), b"first half second half");
    churn(&bench, &journal, 400);
    assert_eq!(bench.wait(text_of(&journal, id)), b"first half second half");
}

/// A text that counts.
const LARGE: &[u8] = &[b'x'; 200_000];

/// For a log of large messages alone: five quarters of what lives, in segments of the
/// smallest size, whose ends count, and two more.
fn assert_little_larger(journal: &Journal<Sim>) {
    let state = journal.state();
    let due = (state.live * LARGE.len() / 4 * 5).div_ceil(SEGMENT_MIN - (3 << 19)) + 2;
    assert!(state.segments <= due, "{due}: {state:?}");
}

/// Writes and settles `count` large messages.
fn churn(bench: &Bench, journal: &Journal<Sim>, count: usize) {
    bench.wait(async {
        for _ in 0..count {
            let id = journal.next_id();
            accept(journal, id, LARGE).await;
            settle(journal, id, &[0, 1]);
        }
        journal.drain().await;
    });
    bench.world.run_for(Duration::from_secs(1));
}
