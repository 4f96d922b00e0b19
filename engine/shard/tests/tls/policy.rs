//! Mail for domains with an MTA-STS policy.

use crate::bounds::pause;
use crate::host::{Host, Manner, NAME};
use crate::outward::give;
use crate::relay::Relay;
use kernel::sim::World;
use route::{Answer, Dane, MxHost, StsPolicy};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What DNS says of a domain with one host, called as [`NAME`], and a policy that names `named`.
pub(crate) fn answer(host: IpAddr, named: Option<&str>) -> Answer {
    let host =
        MxHost { preference: 0, name: NAME.to_owned(), addresses: vec![host], dane: Dane::Absent };
    let policy = named.map(|named| {
        let text = format!("version: STSv1\nmode: enforce\nmx: {named}\nmax_age: 86400\n");
        Arc::new(StsPolicy::parse("1", text.as_bytes()).unwrap())
    });
    Answer::Hosts { hosts: vec![host], ttl: Duration::from_hours(1), policy, authentic: false }
}

/// T19: each manner of host, and whether mail goes there under an enforced policy.
#[test]
fn an_enforced_policy_lets_no_mail_go_but_to_who_proves_it() {
    for (manner, named, sealed) in [
        (Manner::Sound, NAME, vec![true]),
        (Manner::Sound, "other.test", vec![]),
        (Manner::Stripped, NAME, vec![]),
        (Manner::Goes, NAME, vec![]),
    ] {
        let world = World::new(1);
        let host = Host::start(&world, manner);
        let answer = answer(host.address.ip(), Some(named));
        let relay = Relay::by_mx(&world, host.address.port(), answer, &host.root);
        world.block_on(async {
            give(&world, &relay, &["b.test"], "x\r\n").await;
            pause(&world, Duration::from_secs(25)).await;
        });
        assert_eq!(host.sealed(), sealed, "{manner:?} {named}");
    }
}

/// What waits goes by what is known now, not by what was when it came.
#[test]
fn a_policy_counts_for_mail_that_waits() {
    for named in [None, Some("other.test"), Some(NAME)] {
        let world = World::new(1);
        let host = Host::start(&world, Manner::Sound);
        let nobody = world.address(world.host());
        let relay = Relay::by_mx(&world, host.address.port(), answer(nobody, None), &host.root);
        let deferred = || relay.meters.shard(0).deferred.get();
        let tried = world.block_on(async {
            give(&world, &relay, &["b.test"; 6], "x\r\n").await;
            pause(&world, Duration::from_secs(2)).await;
            let tried = deferred();
            relay.learn("b.test", answer(host.address.ip(), named));
            pause(&world, Duration::from_secs(2)).await;
            tried
        });
        assert!((1..6).contains(&tried), "the others wait");
        let sent = if named == Some(NAME) { 6 - tried } else { 0 };
        assert_eq!(host.sealed(), vec![true; sent as usize], "{named:?}");
        match named {
            None => assert!(deferred() < 6, "they still wait"),
            Some(NAME) => assert_eq!(deferred(), tried, "nothing else was tried"),
            Some(_) => assert_eq!(deferred(), 6, "all of them were told why"),
        }
    }
}
