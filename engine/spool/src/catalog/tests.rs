use super::*;
use crate::Standing;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;

#[test]
fn a_message_counts_in_the_oldest_segment_it_lies_in() {
    let mut catalog = Catalog::new(3, 1);
    catalog.begin(3);
    catalog.insert(id(1), spot(3), 1, Open::All(1));
    assert!(!catalog.head_is_free());
    catalog.moved(id(1), spot(3), 3);
    assert!(catalog.head_is_free());
    assert_eq!((catalog.release_head(), catalog.release_head()), (1, 2));
    assert!(!catalog.head_is_free());
    assert!(catalog.settle(id(1), std::iter::once(0)));
    assert!(catalog.head_is_free());
}

#[test]
fn completions_commute() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let mut catalog = Catalog::new(3, 1);
        catalog.insert(id(1), spot(1), 1, Open::All(2));
        for step in order {
            match step {
                0 => catalog.defer(id(1), 0..2, 1, Wall(10)),
                1 => catalog.defer(id(1), 0..2, 2, Wall(5)),
                _ => _ = catalog.settle(id(1), std::iter::once(1)),
            }
        }
        let standing = Standing { recipient: 0, attempt: 2, due: Wall(5) };
        let open: Vec<_> = catalog.get(id(1)).unwrap().open.iter().collect();
        assert_eq!(open, [standing], "{order:?}");
    }
}

#[test]
fn pins_keep_the_head() {
    let mut catalog = Catalog::new(3, 1);
    catalog.begin(2);
    catalog.pin(id(1), 1);
    catalog.pin(id(1), 1);
    catalog.pin(id(2), 2);
    catalog.unpin(id(1));
    assert!(catalog.head_is_pinned() && !catalog.head_is_free());
    catalog.unpin_all(id(1));
    assert!(catalog.head_is_free() && catalog.is_pinned(id(2)));
}

#[test]
fn a_live_message_costs_less_than_80_bytes() {
    let entry = size_of::<Option<Entry>>();
    // The index is at worst just past doubling: 16 places of 9 bytes for 7 entries.
    assert!(entry + 9 * 16 / 7 <= 80, "{entry} bytes an entry");
}

#[derive(Clone, Debug)]
enum Act {
    Insert(u64, u16),
    Settle(u64, u16),
    Defer(u64, u16, u16),
    Move(u64),
    Abort(u64),
    Begin,
    Release,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..40_u64, 1..4_u16).prop_map(|(id, recipients)| Act::Insert(id, recipients)),
        4 => (0..40_u64, 0..4_u16).prop_map(|(id, recipient)| Act::Settle(id, recipient)),
        1 => (0..40_u64, 0..4_u16, 0..5_u16).prop_map(|(id, one, attempt)| Act::Defer(id, one, attempt)),
        1 => (0..40_u64).prop_map(Act::Move),
        1 => (0..40_u64).prop_map(Act::Abort),
        1 => Just(Act::Begin),
        2 => Just(Act::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    /// The catalog and a map of plain values agree, whatever happens.
    #[test]
    fn the_catalog_is_a_map(acts in prop::collection::vec(act(), 1..300)) {
        let mut catalog = Catalog::new(3, 1);
        let mut model: BTreeMap<MessageId, (u64, BTreeMap<u16, u16>)> = BTreeMap::new();
        let (mut head, mut current) = (1, 1);
        catalog.begin(1);
        for act in acts {
            match act {
                Act::Insert(n, recipients) => {
                    catalog.insert(id(n), spot(current), current, Open::All(recipients));
                    let fresh = (current, (0..recipients).map(|one| (one, 0)).collect());
                    model.entry(id(n)).or_insert(fresh).0 = current;
                }
                Act::Settle(n, recipient) => {
                    let through = catalog.settle(id(n), std::iter::once(recipient));
                    let left = model.get_mut(&id(n)).map(|entry| { entry.1.remove(&recipient); entry.1.len() });
                    prop_assert_eq!(through, left == Some(0));
                    if through { model.remove(&id(n)); }
                }
                Act::Defer(n, recipient, attempt) => {
                    catalog.defer(id(n), std::iter::once(recipient), attempt, Wall(0));
                    let known = model.get_mut(&id(n)).and_then(|entry| entry.1.get_mut(&recipient));
                    if let Some(known) = known { *known = attempt.max(*known); }
                }
                Act::Move(n) => {
                    catalog.moved(id(n), spot(current), current);
                    if let Some(entry) = model.get_mut(&id(n)) { entry.0 = current; }
                }
                Act::Abort(n) => { catalog.abort(id(n)); model.remove(&id(n)); }
                Act::Begin => { current += 1; catalog.begin(current); }
                Act::Release => {
                    let free = model.values().all(|(home, _)| *home != head);
                    prop_assert_eq!(catalog.head_is_free(), free);
                    if free && head < current { prop_assert_eq!(catalog.release_head(), head); head += 1; }
                }
            }
            let listed: BTreeMap<_, _> = catalog.iter().map(|live| {
                let open = live.open.iter().map(|open| (open.recipient, open.attempt)).collect();
                (live.id, (live.spot.segment(), open))
            }).collect();
            prop_assert_eq!(&listed, &model);
            prop_assert_eq!(catalog.len(), model.len());
            prop_assert_eq!(catalog.live_bytes(), 7 * model.len() as u64);
        }
    }
}

fn id(count: u64) -> MessageId {
    MessageId { log: 3, boot: 1, count }
}

fn spot(segment: u64) -> Spot {
    Spot::new(segment, 0, 3, 4)
}
