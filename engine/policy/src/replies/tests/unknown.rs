//! What no rule knows is counted, and the table stays small.

use super::said;
use crate::replies::{SAYING_BYTES_MAX, UNKNOWN_MAX, Unknown};

#[test]
fn one_saying_is_one_whatever_its_numbers() {
    let mut unknown = Unknown::default();
    for reply in [
        "450 4.9.9 Odd 17 from 192.0.2.1 to <a@example.com> id 1MNcgj-1ue23t3pyV-00S2YR",
        "450 4.9.9 Odd 4 from 198.51.100.7 to <b@example.org> id 2MNcgj-9ue23t3pyV-11S2YR",
    ] {
        unknown.note("-", &said(reply));
    }
    unknown.note("google", &said("450 4.9.9 Odd (OFR_999)"));
    unknown.note("google", &said("550 Odd (OFR_998)"));
    unknown.note("google", &said("550 Odd (OFR_997)"));
    assert_eq!(
        unknown.rows(),
        [
            ("- 450 4.9.9 Odd # from # to @ id #", 2),
            ("google 550 Odd (OFR_#)", 2),
            ("google 450 4.9.9 Odd (OFR_#)", 1),
        ]
    );
}

/// A host that never says the same twice moves nothing that is said often.
#[test]
fn what_is_frequent_stays() {
    let word = |number: usize| {
        let digits = number.to_string();
        digits.bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>()
    };
    let mut unknown = Unknown::default();
    let mut said_often = 0;
    for number in 0..20 * UNKNOWN_MAX {
        unknown.note("-", &said(&format!("550 {}", word(number))));
        if number % 10 == 0 {
            unknown.note("-", &said("550 Often."));
            said_often += 1;
        }
    }
    let rows = unknown.rows();
    assert_eq!(rows.len(), UNKNOWN_MAX);
    assert_eq!(rows[0].0, "- 550 Often.");
    assert!(rows[0].1 >= said_often, "{} for {said_often}", rows[0].1);
}

#[test]
fn a_saying_is_not_long() {
    let mut unknown = Unknown::default();
    unknown.note("-", &said(&format!("550 {}", "é".repeat(500))));
    assert!(unknown.rows()[0].0.len() <= SAYING_BYTES_MAX);
}
