//! A disk that fails: what was refused stays refused, and the log goes on elsewhere.

use super::crash::{Life, seeds, use_log};
use super::*;
use kernel::sim::{Fault, Operation, When};
use std::rc::Rc;

const EIO: i32 = 5;

#[test]
fn a_failed_write_refuses_its_batch_and_no_other() {
    let bench = Bench::new(40);
    let (journal, _) = bench.open();
    let kept = journal.next_id();
    bench.wait(accept(&journal, kept, b"kept"));
    bench.world.run_for(Duration::from_secs(1));
    bench.world.plan(bench.host, Operation::FileWrite, When::Nth(1), Fault::Error(EIO));
    let refused = journal.next_id();
    settle(&journal, kept, &[0]);
    let result = bench.wait(journal.accept(refused, Text::new(), b"refused", &draft()));
    assert_eq!(result.err(), Some(JournalError::Failed));
    let later = journal.next_id();
    bench.wait(accept(&journal, later, b"later"));
    assert_eq!(journal.state().failures, 1);
    bench.crash();
    let (_, found) = bench.open();
    let found: Vec<_> = found.into_iter().map(|found| (found.id, found.open)).collect();
    let fresh = vec![(0, 0, Wall(0)), (1, 0, Wall(0))];
    assert_eq!(found, [(kept, vec![(1, 0, Wall(0))]), (later, fresh)]);
}

#[test]
fn a_failure_of_every_operation_loses_nothing() {
    for operation in
        [Operation::FileWrite, Operation::Rename, Operation::SyncDirectory, Operation::Remove]
    {
        for nth in 1..=25 {
            let life = Life::new(nth);
            life.world.plan(life.host, operation, When::Nth(nth), Fault::Error(EIO));
            life.round();
            life.round();
        }
    }
}

#[test]
fn a_disk_that_fails_now_and_then_loses_nothing() {
    for seed in seeds(20) {
        let life = Life::new(seed);
        // While segment after segment fails, completions wait.
        life.ledger.borrow_mut().bound = Duration::from_secs(1);
        life.world.plan(life.host, Operation::FileWrite, When::Chance(30_000), Fault::Error(EIO));
        life.round();
        life.world.plan(life.host, Operation::FileRead, When::Chance(3_000), Fault::Error(EIO));
        life.round();
    }
}

#[test]
fn it_accepts_again_within_a_second() {
    for seed in seeds(10) {
        let life = Life::new(seed);
        let sim = life.world.shard(life.host);
        let open = Journal::open(sim.clone(), Path::new(LOG), 0, options());
        let (journal, backlog) = life.world.block_on(open).expect("the log opens");
        life.world.block_on(loaded(backlog)).expect("it can be read");
        sim.spawn(use_log(sim.clone(), journal.clone(), Rc::clone(&life.ledger)));
        life.world.run_for(Duration::from_millis(100));
        life.world.plan(life.host, Operation::FileWrite, When::Nth(1), Fault::Error(EIO));
        life.world.run_for(Duration::from_secs(1));
        assert_eq!(journal.state().failures, 1);
        assert!(journal.state().accepting(), "seed {seed}: {:?}", journal.state());
    }
}

#[test]
fn a_frozen_disk_closes_the_log() {
    let bench = Bench::new(41);
    let (journal, _) = bench.open();
    bench.world.run_for(Duration::from_secs(1));
    let frozen = Fault::Slow(Duration::from_secs(20));
    bench.world.plan(bench.host, Operation::FileWrite, When::Nth(1), frozen);
    let first = journal.clone();
    bench.sim.spawn(async move {
        accept(&first, first.next_id(), b"text").await;
    });
    bench.world.run_for(Duration::from_secs(10));
    assert_eq!(journal.state().closed, Some(Closed::Slow));
    let refused = bench.wait(journal.accept(journal.next_id(), Text::new(), b"no", &draft()));
    assert_eq!(refused.err(), Some(JournalError::Closed(Closed::Slow)));
    bench.world.run_for(Duration::from_secs(15));
    assert!(journal.state().accepting());
}

#[test]
fn a_message_does_not_wait_for_ever() {
    let bench = Bench::new(43);
    let (journal, _) = bench.open();
    bench.world.run_for(Duration::from_secs(1));
    let frozen = Fault::Slow(Duration::from_mins(1));
    bench.world.plan(bench.host, Operation::FileWrite, When::Nth(1), frozen);
    let (began, id) = (bench.world.now(), journal.next_id());
    let refused = bench.wait(journal.accept(id, Text::new(), b"text", &draft()));
    assert_eq!(refused.err(), Some(JournalError::Failed));
    let waited = bench.world.now().since(began);
    assert!(waited < Duration::from_secs(31), "{waited:?}");
    // It reaches the disk after all; what was said of it does, too.
    bench.world.run_for(Duration::from_mins(1));
    assert!(journal.state().accepting());
    bench.crash();
    assert!(bench.open().1.is_empty());
}

#[test]
fn a_flipped_bit_costs_what_it_hit() {
    let bench = Bench::new(42);
    let (journal, _) = bench.open();
    let ids: Vec<_> = (0..3).map(|_| journal.next_id()).collect();
    let spots: Vec<Spot> =
        ids.iter().map(|id| bench.wait(accept(&journal, *id, &[b'x'; 3_000])).spot).collect();
    let hit = spots[1].text_before().expect("the text is beside its envelope") as usize + 1_000;
    bench.world.crash(bench.host, Crash::Power);
    let path = Path::new(LOG).join(super::super::segment_name(spots[1].segment()));
    bench.world.flip(bench.host, &path, hit, 3);
    bench.world.restart(bench.host);
    let (journal, found) = bench.open();
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [ids[0], ids[2]]);
    let damage = journal.damage();
    let [damage] = &damage[..] else { panic!("one flaw, not {damage:?}") };
    assert_eq!((damage.flaw, &damage.messages[..]), (spool::Flaw::Damaged, &ids[1..2]));
}
