//! Segments are used again, and the few messages that keep one are carried forward.

use super::*;

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
    let moved = bench.wait(elsewhere.read(&accepted.text[0]));
    assert!(matches!(moved, Err(ReadError::Moved)), "{moved:?}");
    let place = journal.place_of(old).expect("it is live");
    assert_eq!(&bench.wait(elsewhere.read(&place[0])).expect("it is there")[..], b"patience\r\n");
    bench.crash();
    let (journal, found) = bench.open();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id, &found[0].open[..]), (old, &[(1, 2, Wall(5_000))][..]));
    assert_eq!(found[0].envelope, accepted.envelope);
    assert_eq!(bench.wait(text_of(&journal, &found[0].text)), b"patience\r\n");
}

#[test]
fn a_reader_that_kept_the_file_open_is_not_fooled() {
    let bench = Bench::new(22);
    let (journal, _) = bench.open();
    let id = journal.next_id();
    let accepted = bench.wait(accept(&journal, id, b"soon gone"));
    let elsewhere = Reader::new(bench.sim.clone(), Path::new(LOG));
    assert_eq!(&bench.wait(elsewhere.read(&accepted.text[0])).expect("there")[..], b"soon gone");
    settle(&journal, id, &[0, 1]);
    churn(&bench, &journal, 400);
    let read = bench.wait(elsewhere.read(&accepted.text[0]));
    assert!(matches!(read, Err(ReadError::Moved)), "{read:?}");
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
    let accepted = bench.wait(async {
        journal.accept(id, parts, b"second half", &draft()).await.expect("durable")
    });
    assert_eq!(bench.wait(text_of(&journal, &accepted.text)), b"first half second half");
    churn(&bench, &journal, 400);
    let text = journal.place_of(id).expect("live");
    assert_eq!(bench.wait(text_of(&journal, &text)), b"first half second half");
}

/// Writes and settles `count` large messages.
fn churn(bench: &Bench, journal: &Journal<Sim>, count: usize) {
    bench.wait(async {
        for _ in 0..count {
            let id = journal.next_id();
            accept(journal, id, &vec![b'x'; 200_000]).await;
            settle(journal, id, &[0, 1]);
        }
        journal.drain().await;
    });
    bench.world.run_for(Duration::from_secs(1));
}
