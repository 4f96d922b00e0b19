//! What is looked through, and what is left.

use super::{Aside, Key, LOOKED_MAX};
use crate::domains::Domains;
use crate::egress::Exit;
use crate::message::Delivery;
use event::{MessageId, Meters, SiteMeters, Wall};
use spool::Spot;
use std::sync::Arc;

fn key(name: &str) -> Key {
    ("site".into(), name.into())
}

/// Messages that were accepted in these seconds, numbered from 0.
fn filled(lists: &[(&str, &[u64])]) -> (Aside, Arc<SiteMeters>) {
    let (mut aside, meters) = (Aside::default(), Meters::new(1).site("site"));
    let domains = Domains::default();
    for (name, accepted) in lists {
        for (count, seconds) in (0..).zip(*accepted) {
            let id = MessageId { log: 0, boot: 1, count };
            let (spot, domain) = (Spot::new(1, 0, 1, 1), domains.of(b"a.test", Exit::Any));
            let accepted = Wall(seconds * 1_000);
            aside.put(
                key(name),
                &meters,
                Delivery::new(id, spot, accepted, domain, [0][..].into()),
            );
            meters.queued.add(1);
        }
    }
    (aside, meters)
}

/// Looks at all there is, and takes out what was accepted before then; in how many turns.
fn look(aside: &mut Aside, before: u64) -> (Vec<u64>, usize) {
    aside.look_through();
    let (mut taken, mut turns) = (Vec::new(), 0);
    while let Some((key, looks)) = aside.next_unseen() {
        assert!(looks <= LOOKED_MAX);
        let is_old = |delivery: &Delivery| delivery.accepted() < Wall(before * 1_000);
        taken.extend(aside.look(&key, looks, is_old).iter().map(|old| old.id().count));
        turns += 1;
    }
    (taken, turns)
}

#[test]
fn what_is_too_old_is_found_wherever_it_lies() {
    let (mut aside, meters) =
        filled(&[("a.test", &[90, 10, 80, 20, 70]), ("b.test", &[50, 60]), ("c.test", &[5])]);
    let (mut old, _) = look(&mut aside, 30);
    old.sort_unstable();
    assert_eq!(old, [0, 1, 3]);
    assert_eq!((aside.len(), meters.queued.get(), aside.keys().len()), (5, 5, 2));
    let left = aside.take(&key("a.test"), 9);
    assert_eq!(left.iter().map(|one| one.id().count).collect::<Vec<_>>(), [0, 2, 4], "in order");
    assert_eq!(look(&mut aside, 55).0, [0]);
}

#[test]
fn a_long_list_is_looked_through_in_turns() {
    let many: Vec<u64> = (0..LOOKED_MAX as u64 + 10).map(|number| number % 100).collect();
    let (mut aside, _) = filled(&[("a.test", &many)]);
    let (old, turns) = look(&mut aside, 1);
    assert_eq!((old.len(), turns), (many.len().div_ceil(100), 2));
    assert!(look(&mut aside, 1).0.is_empty());
}
