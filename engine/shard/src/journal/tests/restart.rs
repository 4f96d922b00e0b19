//! A start takes mail before it knows what is there, and reads footers where it can.

use super::*;

/// A log of some full segments, the first of which holds `first`, and its state.
pub(super) fn full_log(bench: &Bench) -> (Vec<MessageId>, Spot) {
    let (journal, _) = bench.open();
    let mut ids = Vec::new();
    let mut first = None;
    while journal.state().segments < 4 {
        let id = journal.next_id();
        let spot = bench.wait(accept(&journal, id, &vec![b'x'; 100_000])).spot;
        first.get_or_insert(spot);
        ids.push(id);
    }
    bench.world.run_for(Duration::from_millis(100));
    (ids, first.expect("there are some"))
}

pub(super) fn flip(bench: &Bench, segment: u64, at: usize) {
    bench.world.crash(bench.host, Crash::Power);
    let path = Path::new(LOG).join(super::super::segment_name(segment));
    bench.world.flip(bench.host, &path, at, 3);
    bench.world.restart(bench.host);
}

#[test]
fn mail_is_taken_while_the_old_is_read() {
    let bench = Bench::new(60);
    let (old, _) = full_log(&bench);
    bench.crash();
    let open = Journal::open(bench.shard(), Path::new(LOG), 0, bench.options);
    let (journal, backlog) = bench.wait(open).expect("the log opens");
    assert_eq!(journal.state().live, 0, "nothing is known yet");
    let new = journal.next_id();
    bench.wait(accept(&journal, new, b"new"));
    settle(&journal, new, &[0, 1]);
    bench.world.run_for(Duration::from_secs(1));
    let kept = journal.state().segments;
    assert!(kept >= 4, "nothing is given back before all is known");
    let found = bench.wait(loaded(backlog)).expect("it can be read");
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), old);
    for id in old {
        settle(&journal, id, &[0, 1]);
    }
    bench.wait(journal.drain());
    bench.world.run_for(Duration::from_secs(1));
    assert!(journal.state().segments < kept, "what nothing needs is given back");
}

/// That a start does not notice a bad text shows that it did not read it; who reads it does.
#[test]
fn a_start_reads_footers_and_not_the_mail_before_them() {
    let bench = Bench::new(61);
    let (old, first) = full_log(&bench);
    let text = first.text_before().expect("beside its envelope") as usize;
    flip(&bench, first.segment(), text + 5_000);
    let (journal, found) = bench.open();
    assert_eq!(found.len(), old.len());
    assert_eq!(&journal.damage()[..], []);
    let read = bench.wait(journal.0.reader.load(old[0], &first));
    assert!(matches!(read, Err(ReadError::Damaged)), "{read:?}");
}

#[test]
fn a_bad_footer_costs_a_scan_and_nothing_else() {
    let bench = Bench::new(62);
    let (old, first) = full_log(&bench);
    flip(&bench, first.segment(), SEGMENT_MIN - 4_000);
    let (journal, found) = bench.open();
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), old);
    assert_eq!(&journal.damage()[..], []);
}

/// Standings are in the footers: attempts and due times outlive the start that reads them.
#[test]
fn what_was_deferred_long_ago_stands_where_it_stood() {
    let bench = Bench::new(63);
    let (old, _) = full_log(&bench);
    bench.crash();
    let (journal, _) = bench.open();
    for (at, id) in old.iter().enumerate() {
        defer(&journal, *id, &[1], 2, Wall(at as u64));
        settle(&journal, *id, &[0]);
    }
    bench.wait(journal.drain());
    bench.crash();
    let (_, found) = bench.open();
    let standing = |at: usize| vec![(1, 2, Wall(at as u64))];
    for (at, found) in found.iter().enumerate() {
        assert_eq!((found.id, &found.open), (old[at], &standing(at)));
        assert_eq!(found.domains, ["example.org"]);
    }
    assert_eq!(found.len(), old.len());
}
