use super::{SourceRule, Sources};
use crate::setup::Networks;
use policy::source::{Limits, Source, Terms};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A rule called `name`, for anybody.
fn rule(name: &str) -> SourceRule {
    let source = Arc::new(Source::new(name, Terms::default()));
    SourceRule { from: None, listeners: None, users: None, source }
}

fn networks(addresses: &'static [&str]) -> Networks {
    let inside = |peer: IpAddr| addresses.iter().any(|own| own.parse() == Ok(peer));
    Networks(Arc::new(inside))
}

#[test]
fn the_first_that_fits_is_meant() {
    let submission: SocketAddr = "192.0.2.25:587".parse().unwrap();
    let users = || Some(vec!["ann".to_owned(), "ben".to_owned()]);
    let sources = Sources::new(vec![
        SourceRule { users: users(), from: Some(networks(&["192.0.2.1"])), ..rule("ann at home") },
        SourceRule { users: users(), ..rule("ann") },
        SourceRule { listeners: Some(vec![submission]), ..rule("submission") },
        SourceRule { from: Some(networks(&["192.0.2.1", "2001:db8::1"])), ..rule("shop") },
    ]);
    for (peer, gate, user, name) in [
        ("192.0.2.1", "192.0.2.25:25", None, "shop"),
        ("2001:db8::1", "192.0.2.25:25", None, "shop"),
        ("192.0.2.2", "192.0.2.25:25", None, ""),
        ("192.0.2.1", "192.0.2.25:587", None, "submission"),
        ("192.0.2.2", "192.0.2.25:587", Some("carl"), "submission"),
        ("192.0.2.2", "192.0.2.25:587", Some("ben"), "ann"),
        ("192.0.2.1", "192.0.2.25:25", Some("ann"), "ann at home"),
        ("192.0.2.1", "192.0.2.25:25", Some("Ann"), "shop"),
    ] {
        let source = sources.of(peer.parse().unwrap(), gate.parse().unwrap(), user);
        assert_eq!(source.name(), name, "{peer} {gate} {user:?}");
    }
    let elsewhere = "192.0.2.25:25".parse().unwrap();
    let first_fitting =
        |gate| sources.first_fitting("192.0.2.2".parse().unwrap(), gate, Some("carl"));
    assert!(first_fitting(submission).is_some(), "who logs in is still where it is");
    assert!(first_fitting(elsewhere).is_none(), "no rule is for it");
    let nobody = Sources::default();
    assert_eq!(nobody.of("192.0.2.1".parse().unwrap(), submission, None).name(), "");
}

#[test]
fn a_source_goes_on_counting_under_new_terms() {
    let limited = |most| {
        let limits = Limits { connections_max: Some(most), ..Limits::default() };
        let source = Source::new("shop", Terms { limits, ..Terms::default() });
        SourceRule { source: Arc::new(source), ..rule("shop") }
    };
    let old = Sources::new(vec![limited(2)]);
    let [first, second] = [0, 1].map(|_| old.named()[0].enter().unwrap());
    let new = old.renewed(vec![rule("other"), limited(1)]);
    let [other, shop] = &new.named()[..] else { panic!("{new:?}") };
    assert_eq!((other.connections(), shop.connections()), (0, 2));
    // Who is there stays, under the new terms.
    let first = first.under(shop).unwrap();
    assert_eq!((first.source().terms().limits.connections_max, shop.connections()), (Some(1), 2));
    let second = second.under(other).unwrap_err();
    assert!(shop.enter().is_none());
    drop((first, second));
    assert_eq!((shop.connections(), old.named()[0].connections()), (0, 0));
    assert!(shop.enter().is_some());
}
