use super::{CHUNK_LEN, Cursor, List, Step, Store};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::VecDeque;

/// A list in the store, and what it should be.
struct Pair {
    list: List,
    model: VecDeque<u32>,
    cursor: Cursor,
}

fn contents(store: &mut Store<u32>, list: List) -> Vec<u32> {
    let (mut walk, mut cursor) = (list, Cursor::START);
    let mut seen = Vec::new();
    while let Step::Left = store.step(&mut walk, &mut cursor, |delivery, _| {
        seen.push(*delivery);
        false
    }) {}
    seen
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    /// Two lists share a store, and neither notices.
    #[test]
    fn lists_are_lists(
        ops in prop::collection::vec((0_usize..2, 0_u8..6, any::<u32>()), 0..300)
    ) {
        let mut store = Store::new();
        let pair = || Pair { list: List::EMPTY, model: VecDeque::new(), cursor: Cursor::START };
        let mut pairs = [pair(), pair()];
        for (which, op, value) in ops {
            let pair = &mut pairs[which];
            match op {
                0 | 1 => {
                    let entry = store.keep(value, value);
                    prop_assert_eq!(store.due(&entry), value);
                    store.push_back(&mut pair.list, entry);
                    pair.model.push_back(value);
                }
                2 => {
                    let entry = store.keep(value, 0);
                    store.push_front(&mut pair.list, entry);
                    pair.model.push_front(value);
                }
                3 | 4 => {
                    let entry = store.pop(&mut pair.list);
                    let reset = entry.as_ref().is_some_and(|entry| entry.is_at(pair.cursor));
                    if reset {
                        pair.cursor = Cursor::START;
                    }
                    let taken = entry.and_then(|entry| store.take(entry));
                    prop_assert_eq!(taken, pair.model.pop_front());
                }
                _ => drain(&mut store, pair, value % 3),
            }
            prop_assert_eq!(store.len(), pairs[0].model.len() + pairs[1].model.len());
            for pair in &pairs {
                prop_assert_eq!(contents(&mut store, pair.list), Vec::from(pair.model.clone()));
                prop_assert_eq!(pair.list.is_empty(), pair.model.is_empty());
            }
        }
    }
}

/// Walks from wherever the last walk stopped to the end and takes every third kind.
fn drain(store: &mut Store<u32>, pair: &mut Pair, kind: u32) {
    let passes = |delivery: &u32, _: u32| delivery % 3 == kind;
    for end in 0..2 {
        loop {
            match store.step(&mut pair.list, &mut pair.cursor, passes) {
                Step::Taken(entry) => drop(store.take(entry)),
                Step::Left => (),
                Step::End => break,
            }
        }
        // The first walk may have begun in the middle; the second sees everything.
        if end == 1 {
            pair.model.retain(|delivery| delivery % 3 != kind);
        }
    }
}

#[test]
fn memory_is_used_again_and_given_back() {
    let mut store = Store::new();
    let mut list = List::EMPTY;
    let chunk = CHUNK_LEN as usize;
    for round in 0..3 {
        for value in 0..2 * chunk {
            let entry = store.keep(value, 0);
            store.push_back(&mut list, entry);
        }
        assert_eq!((store.chunks.len(), store.spent.len()), (2, 0), "round {round}");
        for _ in 0..chunk {
            let entry = store.pop(&mut list).unwrap();
            store.take(entry);
        }
        for value in 0..chunk {
            let entry = store.keep(value, 0);
            store.push_back(&mut list, entry);
        }
        assert_eq!(store.chunks.len(), 2, "freed entries come first");
        while let Some(entry) = store.pop(&mut list) {
            store.take(entry);
        }
        assert_eq!((store.len(), store.chunks.len(), store.spent.len()), (0, 0, 2));
    }
    store.tidy();
    store.tidy();
    assert_eq!(store.spent.len(), 1, "one stays for the next delivery");
}
