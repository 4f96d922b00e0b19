use super::{Domains, Excess, Limits, Lint, Lints, Source, Terms};
use crate::rate::Rate;
use event::Tick;
use std::sync::Arc;

const NOW: Tick = Tick(1_000_000_000);

fn source(limits: Limits) -> Source {
    Source::new("shop", Terms { limits, ..Terms::default() })
}

fn rate(text: &str) -> Rate {
    Rate::parse(text).unwrap()
}

#[test]
fn of_whom_nothing_was_said_nothing_is_asked() {
    let source = Arc::new(Source::default());
    assert!(source.is_free());
    let seats: Vec<_> = (0..1_000).map(|_| source.enter().unwrap()).collect();
    assert_eq!(source.connections(), 1_000);
    drop(seats);
    assert_eq!(source.connections(), 0);
    assert_eq!(source.begin(b"a@b.example", Some(u64::MAX), NOW), Ok(()));
    assert_eq!(source.address(NOW), Ok(()));
    assert_eq!(source.end(u64::MAX, None, NOW), Ok(()));
    assert!(source.terms().lints.are_off() && !source.terms().injects);
}

#[test]
fn a_seat_is_free_again_when_its_connection_ends() {
    let limits = Limits { connections_max: Some(2), ..Limits::default() };
    let source = Arc::new(source(limits));
    let (first, second) = (source.enter().unwrap(), source.enter().unwrap());
    assert!(source.enter().is_none());
    assert_eq!(first.source().connections(), 2, "who was turned away is not inside");
    drop(first);
    assert!(source.enter().is_some());
    drop(second);
    assert_eq!(source.connections(), 0);
}

#[test]
fn each_limit_is_named() {
    let messages = source(Limits { messages: Some(rate("2/h")), ..Limits::default() });
    assert!(!messages.is_free());
    assert_eq!(messages.begin(b"a@b", None, NOW), Ok(()));
    assert_eq!(messages.begin(b"a@b", None, NOW), Ok(()));
    assert_eq!(messages.begin(b"a@b", None, NOW), Err(Excess::Messages));
    let recipients = source(Limits { recipients: Some(rate("1/h")), ..Limits::default() });
    assert_eq!(recipients.address(NOW), Ok(()));
    assert_eq!(recipients.address(NOW), Err(Excess::Recipients));
    let size = source(Limits { message_bytes_max: Some(1_000), ..Limits::default() });
    assert_eq!(size.begin(b"a@b", Some(1_001), NOW), Err(Excess::MessageBytes));
    assert_eq!(size.begin(b"a@b", Some(1_000), NOW), Ok(()));
    assert_eq!(size.end(1_000, None, NOW), Ok(()));
    assert_eq!(size.end(1_001, Some(1), NOW), Err(Excess::MessageBytes));
}

/// What a message turns out to be is counted on top of what it said it would be.
#[test]
fn octets_are_counted_once() {
    let source = source(Limits { bytes: Some(rate("1000/h")), ..Limits::default() });
    assert_eq!(source.begin(b"", Some(600), NOW), Ok(()));
    assert_eq!(source.end(600, Some(600), NOW), Ok(()));
    assert_eq!(source.begin(b"", Some(300), NOW), Ok(()));
    assert_eq!(source.end(399, Some(300), NOW), Ok(()));
    assert_eq!(source.begin(b"", None, NOW), Ok(()), "one octet is left");
    assert_eq!(source.end(1, None, NOW), Ok(()));
    assert_eq!(source.begin(b"", None, NOW), Err(Excess::Bytes));
}

#[test]
fn a_message_refused_for_its_octets_is_not_one_of_the_messages() {
    let limits =
        Limits { messages: Some(rate("1/h")), bytes: Some(rate("10/h")), ..Limits::default() };
    let source = source(limits);
    assert_eq!(source.end(10, None, NOW), Ok(()));
    assert_eq!(source.begin(b"", None, NOW), Err(Excess::Bytes));
    let later = Tick(NOW.0 + 3_600_000_000_000);
    assert_eq!(source.begin(b"", None, later), Ok(()));
}

#[test]
fn senders_keep_to_their_domains() {
    let domains = ["Shop.example", ".brand.example"].map(str::to_owned);
    let domains = Domains::new(domains);
    for (sender, allowed) in [
        ("ann@shop.example", true),
        ("ann@SHOP.EXAMPLE", true),
        ("\"a@shop.example\"@other.example", false),
        ("ann@a.shop.example", false),
        ("ann@myshop.example", false),
        ("ann@a.Brand.example", true),
        ("ann@a.b.brand.example", true),
        ("ann@brand.example", false),
        ("ann@.brand.example", false),
        ("ann@xbrand.example", false),
        ("ann@", false),
        ("ann", false),
        ("", true),
    ] {
        assert_eq!(domains.allow(sender.as_bytes()), allowed, "{sender}");
    }
    assert!(Domains::default().allow(b"ann@anywhere.example"));
    assert!(Domains::new(["*".to_owned()]).allow(b"ann@anywhere.example"));
}

#[test]
fn lints_are_off_only_if_all_are() {
    assert!(Lints::default().are_off());
    assert!(!Lints { date: Lint::Warn, ..Lints::default() }.are_off());
    assert!(!Lints::all(Lint::Reject).are_off());
}

#[test]
fn what_comes_and_what_is_refused_is_counted() {
    for (at, excess) in Excess::ALL.into_iter().enumerate() {
        assert_eq!(excess as usize, at, "{excess:?} stands elsewhere in the list");
    }
    let limits = Limits {
        connections_max: Some(1),
        messages: Some(rate("1/h")),
        recipients: Some(rate("1/h")),
        bytes: Some(rate("10/h")),
        message_bytes_max: Some(100),
    };
    let sender_domains = Domains::new(["b".to_owned()]);
    let terms = Terms { sender_domains, limits, ..Terms::default() };
    let source = Arc::new(Source::new("shop", terms));
    let seat = source.enter();
    assert!(seat.is_some() && source.enter().is_none());
    for (sender, declared) in [("a@c", None), ("a@b", Some(101)), ("a@b", None), ("a@b", None)] {
        let _ = source.begin(sender.as_bytes(), declared, NOW);
    }
    let _ = (source.address(NOW), source.address(NOW), source.end(101, None, NOW));
    let _ = source.begin(b"a@b", None, NOW);
    source.refuse(Excess::Header);
    source.count(3, 7_000);
    let read = source.read();
    let totals = (read.connections, read.connections_total);
    assert_eq!((totals, read.messages, read.recipients, read.bytes), ((1, 1), 1, 3, 7_000));
    for (excess, count) in read.excesses {
        let twice = excess == Excess::MessageBytes;
        assert_eq!(count, if twice { 2 } else { 1 }, "{}", excess.name());
    }
    drop(seat);
    assert_eq!(source.read().connections, 0);
}

#[test]
fn a_user_keeps_to_the_terms_of_where_it_is_too() {
    let word = |word: &str| Some(word.into());
    let user = Terms {
        tenant: word("acme"),
        lints: Lints { from: Lint::Fix, ..Lints::default() },
        ..Terms::default()
    };
    let place = Terms {
        tenant: word("shop"),
        pool: word("warm"),
        lints: Lints { from: Lint::Reject, date: Lint::Warn, ..Lints::default() },
        injects: true,
        ..Terms::default()
    };
    let both = user.beside(&place);
    assert_eq!(both, Terms { tenant: word("acme"), ..place });
}
