use super::{Compared, compare};
use crate::ledger::Entry;
use crate::load;
use crate::look::{Found, Held};
use Number::{Bounce, Mail};
use std::collections::BTreeMap;

#[test]
fn each_broken_promise_has_a_name() {
    let accepted = Entry { accepted: Some(10), ..Entry::default() };
    let refused = Entry { refused: Some(10), ..Entry::default() };
    let taken = Entry { taken: Some(20), ..accepted };
    let failed = Entry { failed: Some(20), ..accepted };
    let cases: [Case; 10] = [
        ("kept", accepted, &[Mail(1)], 10, Ok(())),
        ("lost", accepted, &[], 10, Err("is lost")),
        ("not promised yet", accepted, &[], 9, Ok(())),
        ("there, and nobody was told", accepted, &[Mail(1)], 9, Ok(())),
        ("taken by the next host", taken, &[], 20, Ok(())),
        ("not taken yet", taken, &[], 19, Err("is lost")),
        ("bounced", failed, &[Bounce(1)], 20, Ok(())),
        ("bounced too early", failed, &[Bounce(1)], 19, Err("out of nothing")),
        ("neither it nor the bounce", failed, &[], 20, Err("is lost")),
        ("refused", refused, &[Mail(1)], 10, Err("refused")),
    ];
    for (name, entry, found, position, expected) in cases {
        let compared = compare(&held(found), &BTreeMap::from([(1, entry)]), position);
        match expected {
            Ok(()) => assert!(compared.is_ok(), "{name}: {compared:?}"),
            Err(fault) => {
                let faults = compared.err().unwrap_or_default();
                assert!(faults.iter().any(|said| said.contains(fault)), "{name}: {faults:?}");
            }
        }
    }
}

#[test]
fn strangers_changed_texts_and_damage_are_noticed() {
    let entries = BTreeMap::from([(1, Entry { accepted: Some(1), ..Entry::default() })]);
    let fine = || held(&[Mail(1)]);
    let kept = Compared { kept: 1, ..Compared::default() };
    assert_eq!(compare(&fine(), &entries, 5), Ok(kept));
    let mut changed = fine();
    changed.messages[0].text[40] ^= 1;
    let damaged = Held { damage: vec!["some".into()], ..fine() };
    for wrong in [held(&[Mail(1), Mail(2)]), held(&[Mail(1), Mail(1)]), changed, damaged] {
        assert!(compare(&wrong, &entries, 5).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_message_and_its_bounce_are_counted() {
    let entry = Entry { accepted: Some(1), failed: Some(2), ..Entry::default() };
    let compared = compare(&held(&[Mail(1), Bounce(1)]), &BTreeMap::from([(1, entry)]), 5);
    assert_eq!(compared, Ok(Compared { kept: 1, both: 1, ..Compared::default() }));
}

/// What is tried, the entry of message 1, what is found after so many operations, and the
/// fault that is to be named.
type Case = (&'static str, Entry, &'static [Number], usize, Result<(), &'static str>);

/// A message, or a bounce about one.
enum Number {
    Mail(u32),
    Bounce(u32),
}

fn held(found: &[Number]) -> Held {
    let found = found.iter().map(|number| {
        let (path, text) = match *number {
            Mail(number) => (load::recipient(number), load::text(number)),
            Bounce(number) => (load::sender(number), "sorry".into()),
        };
        Found { recipients: vec![path], text: text.into_bytes() }
    });
    Held { messages: found.collect(), ..Held::default() }
}
