//! The header of a message, as the one pass over it sees it.

use mail::header::{Form, Header, Injected, Look, read, scan};

const ALL: Look = Look { injection: true, rules: true };

/// Any bytes as a text, however it came.
///
/// # Panics
/// If what is asked for changes what is found, a value was taken that may not be kept, what is
/// left once the injection fields are gone still has some, or has not the same body, or a dot
/// hides from us what its reader gets.
pub fn header(input: &[u8]) {
    let raw = judged(input, Form::Raw);
    let stuffed = judged(input, Form::Stuffed);
    let plain = without_dots(input);
    let meant = read(&plain, Form::Raw, ALL);
    let (facts, len) = (stuffed.facts, without_dots(&input[..stuffed.facts.len]).len());
    assert_eq!(mail::header::Facts { len, ..facts }, meant.facts, "no dot hides a field");
    assert_eq!(stuffed.faults, meant.faults, "nor a rule that is broken");
    assert_eq!(stuffed.injected, meant.injected, "nor what is for us");
    assert!(plain.len() < input.len() || raw == stuffed, "without dots both are one");
}

/// As it lies there, by what is true of any text.
fn judged(input: &[u8], form: Form) -> Header<'_> {
    let all = read(input, form, ALL);
    assert_eq!(all.facts, scan(input, form), "one pass finds what the other does");
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
    let again = read(left, form, Look { injection: true, rules: false });
    assert!(again.cuts.are_none() && again.injected == Injected::default(), "all of them are gone");
    assert_eq!(again.facts.received, all.facts.received, "and nothing else is");
    all
}

/// What a text that came by DATA says to its reader.
fn without_dots(wire: &[u8]) -> Vec<u8> {
    let lines = wire.split_inclusive(|byte| *byte == b'\n');
    lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect()
}
