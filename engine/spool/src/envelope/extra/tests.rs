use super::{EXTRA_MAX, Extra, Fields, LABEL_MAX, Label, Notify, ORIGINAL_MAX, Request, Return};
use crate::desk::draft;
use crate::{Draft, Envelope};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;

fn envelope(extra: &[u8]) -> Option<Envelope> {
    let draft = Draft { extra, ..draft() };
    let mut bytes = vec![0xEE; draft.envelope_len().expect("within the limits")];
    draft.encode(&mut bytes);
    Envelope::decode(&bytes)
}

#[test]
fn a_label_is_set_once_changed_and_cleared() {
    let mut extra = Extra::default();
    assert!(extra.set(Label::Tenant, b"shop") && extra.set(Label::Job, b"j1"));
    assert!(extra.set_return(Return::Full) && extra.set_return(Return::Headers));
    assert!(extra.set(Label::Tenant, b"other") && extra.set(Label::Job, b""));
    let envelope = envelope(extra.bytes()).expect("whole");
    assert_eq!(envelope.label(Label::Tenant), Some(&b"other"[..]));
    assert_eq!(envelope.label(Label::Job), None);
    assert_eq!(envelope.returned(), Some(Return::Headers));
    assert!(envelope.recipients().eq([&b"b@example.net"[..], b"c@example.org"]));
}

#[test]
fn a_label_too_long_changes_nothing() {
    let mut extra = Extra::default();
    assert!(extra.set(Label::Pool, &[b'x'; LABEL_MAX]));
    let before = extra.clone();
    assert!(!extra.set(Label::Pool, &[b'y'; LABEL_MAX + 1]));
    assert_eq!(extra, before);
}

#[test]
fn fields_end_where_they_are_full() {
    let request = Request { notify: None, original: &[b'x'; ORIGINAL_MAX] };
    let mut extra = Extra::default();
    let count = (0..u16::MAX).take_while(|recipient| extra.request(*recipient, &request)).count();
    assert_eq!(count, EXTRA_MAX / (ORIGINAL_MAX + 8));
    assert!(!extra.has_room_for(ORIGINAL_MAX) && extra.bytes().len() <= EXTRA_MAX);
    assert!(!Extra::default().request(0, &Request { original: &[0; ORIGINAL_MAX + 1], ..request }));
}

#[test]
fn what_a_later_version_knows_is_stepped_over() {
    let mut extra = Extra::default();
    assert!(extra.set(Label::User, b"ann"));
    let later = [&[200, 0, 3, 0][..], b"new", extra.bytes(), &[255, 7, 0, 0]].concat();
    let envelope = envelope(&later).expect("whole");
    assert_eq!(envelope.label(Label::User), Some(&b"ann"[..]));
    assert_eq!(envelope.extra(), later, "it is kept");
    assert_eq!(Fields::checked(&later[..later.len() - 1]).map(Iterator::count), None, "cut");
}

/// No field at all, as in all envelopes written before there were any.
#[test]
fn an_envelope_without_fields_has_none() {
    let envelope = envelope(b"").expect("whole");
    assert!(Label::ALL.iter().all(|label| envelope.label(*label).is_none()));
    assert_eq!((envelope.returned(), envelope.extra()), (None, &b""[..]));
    assert_eq!(envelope.requests().about(1), Request::default());
}

fn notify() -> impl Strategy<Value = Option<Notify>> {
    let bits = (any::<bool>(), any::<bool>(), any::<bool>());
    let notify = bits.prop_map(|(success, failure, delay)| Notify { success, failure, delay });
    prop::option::of(notify)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    /// Whatever was set last, and whoever is asked about in whatever order.
    #[test]
    fn what_is_put_in_comes_out(
        labels in prop::collection::vec((0..6_usize, prop::collection::vec(any::<u8>(), 0..40)), 0..12),
        requests in prop::collection::btree_map(0..40_u16, (notify(), prop::collection::vec(any::<u8>(), 0..30)), 0..20),
        asked in prop::collection::vec(0..41_u16, 0..60),
    ) {
        let mut extra = Extra::default();
        let mut known = BTreeMap::new();
        for (at, (recipient, (notify, original))) in requests.iter().enumerate() {
            if let Some((label, value)) = labels.get(at) {
                prop_assert!(extra.set(Label::ALL[*label], value));
                known.insert(*label, value.clone());
            }
            let request = Request { notify: *notify, original };
            prop_assert!(extra.request(*recipient, &request));
        }
        for (label, value) in labels.iter().skip(requests.len()) {
            prop_assert!(extra.set(Label::ALL[*label], value));
            known.insert(*label, value.clone());
        }
        let envelope = envelope(extra.bytes()).expect("whole");
        for (at, label) in Label::ALL.into_iter().enumerate() {
            let value = known.get(&at).filter(|value| !value.is_empty());
            prop_assert_eq!(envelope.label(label), value.map(Vec::as_slice));
        }
        let mut answers = envelope.requests();
        for recipient in asked {
            let (notify, original) = requests.get(&recipient).cloned().unwrap_or_default();
            prop_assert_eq!(answers.about(recipient), Request { notify, original: &original });
        }
    }

    /// Bytes from anywhere are fields or they are not; nothing else happens.
    #[test]
    fn any_bytes_are_fields_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(envelope) = envelope(&bytes) {
            prop_assert_eq!(envelope.extra(), &bytes);
            let _ = (envelope.label(Label::Envid), envelope.returned());
            let mut requests = envelope.requests();
            let _ = [9, 3, 65_535, 0].map(|recipient| requests.about(recipient));
        } else {
            prop_assert_ne!(Fields::of(&bytes).map(|(_, value)| 4 + value.len()).sum::<usize>(), bytes.len());
        }
    }
}
