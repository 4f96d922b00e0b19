//! The header of a message, as the one pass over it sees it.

use mail::header::{Injected, Look, read, scan};

/// Any bytes as a text.
///
/// # Panics
/// If what is asked for changes what is found, a value was taken that may not be kept, or what is
/// left once the injection fields are gone still has some, or has not the same body.
pub fn header(input: &[u8]) {
    let all = read(input, Look { injection: true, rules: true });
    assert_eq!(all.facts, scan(input), "one pass finds what the other does");
    let Injected { pool, job, envid, tenant, campaign, .. } = all.injected;
    for value in [pool, job, envid, tenant, campaign].into_iter().flatten() {
        assert!((1..=Injected::VALUE_MAX).contains(&value.len()));
        assert!(!value.iter().any(u8::is_ascii_control), "no control character (T7)");
    }
    let mut text = input.to_vec();
    let begin = all.cuts.take_out(&mut text);
    let left = &text[begin..];
    let body = &input[all.facts.len..];
    assert!(left.ends_with(body), "the body stays as it was");
    let again = read(left, Look { injection: true, rules: false });
    assert!(again.cuts.are_none() && again.injected == Injected::default(), "all of them are gone");
    assert_eq!(again.facts.received, all.facts.received, "and nothing else is");
}
