//! Look-ups against a real DNS server on a loopback port, with a zone full of traps.

mod server;
mod sts;
mod tls_report;
mod web;

use super::{Resolver, Servers, Trust, contained, desk};
use route::{ADDRESSES_MAX, Answer, Dane, HOSTS_MAX};
use server::{Zone, serve};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::oneshot;

const ZONE: &str = include_str!("tests/zone.txt");

/// Each line: who is asked about, and what we make of it.
const ANSWERS: &str = include_str!("tests/answers.txt");

fn servers(addresses: Vec<SocketAddr>) -> Servers {
    let [try_patience, patience] = [150, 1_500].map(Duration::from_millis);
    Servers { addresses, trust: Trust::Host, try_patience, patience }
}

/// A resolver that asks a server with `zone`.
async fn resolver(zone: &str) -> (Resolver, server::Asked) {
    let (address, asked) = serve(Zone::parse(zone)).await;
    let (resolver, desk) = desk(&servers(vec![address]));
    tokio::spawn(desk.run());
    (resolver, asked)
}

async fn ask(resolver: &Resolver, domain: &str) -> Answer {
    let (tell, told) = oneshot::channel();
    resolver.ask(domain.to_owned(), Some(25), |answer| tell.send(answer).unwrap());
    told.await.unwrap()
}

/// `10 a.example 192.0.2.1 192.0.2.2, 20 b.example` and so on.
fn show(answer: &Answer) -> String {
    let Answer::Hosts { hosts, .. } = answer else { return format!("{answer:?}") };
    let mut shown = Vec::new();
    for host in hosts {
        let mut one = format!("{} {}", host.preference, host.name);
        for address in &host.addresses {
            write!(one, " {address}").unwrap();
        }
        one += &show_dane(&host.dane);
        shown.push(one);
    }
    shown.join(", ")
}

/// What is proven, in brackets: ` (base: 3 records)`.
fn show_dane(dane: &Dane) -> String {
    match dane {
        Dane::Absent => String::new(),
        Dane::Unknown(cause) => format!(" ({cause})"),
        Dane::Known(set) => format!(" ({}: {} records)", set.base(), set.records().len()),
    }
}

#[tokio::test]
async fn answers_are_as_written() {
    let (resolver, _) = resolver(ZONE).await;
    for line in ANSWERS.lines() {
        let (domain, expected) = line.split_once(" -> ").unwrap();
        let answer = show(&ask(&resolver, domain).await);
        assert_eq!(answer, expected, "{domain}");
    }
}

#[tokio::test]
async fn hosts_of_a_route_are_looked_up_without_mx() {
    let (resolver, asked) = resolver(ZONE).await;
    let (tell, told) = oneshot::channel();
    let hosts = ["b.hosts.example", "gone.example", "a.hosts.example"];
    let hosts = hosts.map(|host| (host.to_owned(), Some(25)));
    resolver.ask_hosts(hosts.to_vec(), |answer| tell.send(answer).unwrap());
    let expected = "0 b.hosts.example 192.0.2.2 192.0.2.3, 2 a.hosts.example 2001:db8::1 192.0.2.1";
    assert_eq!(show(&told.await.unwrap()), expected);
    assert_eq!(asked.times("a.hosts.example. MX"), 0);
}

#[tokio::test]
async fn what_a_hostile_zone_holds_is_cut_off() {
    let mut zone = String::new();
    for host in 0..60 {
        let name = format!("a-host-with-a-long-name-{host:02}.bomb.example");
        writeln!(zone, "bomb.example MX {} {name}", host / 7).unwrap();
        for address in 0..20 {
            writeln!(zone, "{name} A 192.0.2.{address}").unwrap();
        }
    }
    let (resolver, asked) = resolver(&zone).await;
    let Answer::Hosts { hosts, .. } = ask(&resolver, "bomb.example").await else {
        panic!("the hosts are there");
    };
    assert_eq!(hosts.len(), HOSTS_MAX);
    assert!(hosts.iter().all(|host| host.addresses.len() == ADDRESSES_MAX));
    assert!(hosts.is_sorted_by_key(|host| host.preference));
    assert_eq!(
        asked.in_all(),
        2 + 2 * HOSTS_MAX,
        "the MX by UDP, cut off, and by TCP; then A and AAAA"
    );
}

#[tokio::test]
async fn chains_of_aliases_end() {
    let mut zone = String::from("link-30.example MX 10 a.hosts.example\n");
    for link in 0..30 {
        writeln!(zone, "link-{link}.example CNAME link-{}.example", link + 1).unwrap();
    }
    let (resolver, asked) = resolver(&zone).await;
    let answer = ask(&resolver, "link-0.example").await;
    assert!(matches!(answer, Answer::Temporary(_)), "{answer:?}");
    assert!(asked.in_all() < 20, "{} questions", asked.in_all());
}

#[tokio::test]
async fn equal_questions_in_flight_are_asked_once() {
    let (address, asked) = serve(Zone::parse(ZONE)).await;
    let (resolver, desk) = desk(&servers(vec![address]));
    let counts = desk.counts();
    tokio::spawn(desk.run());
    let answers: Vec<_> = (0..50)
        .map(|_| {
            let (tell, told) = oneshot::channel();
            let tell = |answer| tell.send(answer).unwrap();
            resolver.ask("plain.example".to_owned(), Some(25), tell);
            told
        })
        .collect();
    for answer in answers {
        assert!(matches!(answer.await.unwrap(), Answer::Hosts { .. }));
    }
    assert_eq!(asked.times("plain.example. MX"), 1);
    assert_eq!(counts.rows().map(|(_, count)| count).sum::<u64>(), 1, "one look-up for all");
}

#[tokio::test]
async fn an_answer_lives_as_long_as_its_shortest_record() {
    let zone = "a.example MX 10 m.example ttl=600\nm.example A 192.0.2.1 ttl=90\n\
                long.example MX 10 m2.example ttl=999999\nm2.example A 192.0.2.1 ttl=999999";
    let (resolver, _) = resolver(zone).await;
    for (domain, least, most) in [("a.example", 88, 90), ("long.example", 3_598, 3_600)] {
        let Answer::Hosts { ttl, .. } = ask(&resolver, domain).await else { panic!("{domain}") };
        assert!((least..=most).contains(&ttl.as_secs()), "{domain} {ttl:?}");
    }
}

/// Also when the broken one answers first, which one that refuses does.
#[tokio::test]
async fn one_server_that_cannot_say_is_not_the_last_word() {
    for fault in ["SERVFAIL", "REFUSED", "NOTIMP", "LAME", "SILENCE"] {
        let (good, _) = serve(Zone::parse(ZONE)).await;
        let (broken, asked) = serve(Zone::broken(fault)).await;
        for order in [[good, broken], [broken, good]] {
            let (resolver, desk) = desk(&servers(order.to_vec()));
            tokio::spawn(desk.run());
            let answer = show(&ask(&resolver, "upper.example").await);
            assert_eq!(answer, "10 a.hosts.example 2001:db8::1 192.0.2.1", "{fault}");
            assert_eq!(ask(&resolver, "gone.example").await, Answer::NoDomain, "{fault}");
        }
        assert!(asked.in_all() > 0, "{fault}: it was asked too");
    }
}

#[tokio::test]
async fn what_no_server_can_say_is_no_verdict() {
    for fault in ["SERVFAIL", "REFUSED", "NOTIMP", "LAME", "SILENCE"] {
        let addresses = [serve(Zone::broken(fault)).await.0, serve(Zone::broken(fault)).await.0];
        for count in [1, 2] {
            let (resolver, desk) = desk(&servers(addresses[..count].to_vec()));
            tokio::spawn(desk.run());
            let answer = ask(&resolver, "plain.example").await;
            assert!(matches!(answer, Answer::Temporary(_)), "{fault}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_renewed_is_asked_again_and_its_hosts_are_not() {
    let (resolver, asked) = resolver(ZONE).await;
    for _ in 0..2 {
        ask(&resolver, "upper.example").await;
    }
    let times = || ["upper.example. MX", "a.hosts.example. A"].map(|name| asked.times(name));
    assert_eq!(times(), [1, 1]);
    let (tell, told) = oneshot::channel();
    let tell = |answer| tell.send(answer).unwrap();
    resolver.renew("upper.example".to_owned(), Some(25), tell);
    assert!(matches!(told.await.unwrap(), Answer::Hosts { .. }));
    assert_eq!(times(), [2, 1]);
}

/// RFC 7672 section 2.2.3: nobody asks for records that nobody could trust; nor whoever has to do
/// with none.
#[tokio::test]
async fn what_is_proven_is_asked_for_only_where_it_may_count() {
    for (trust, domain, port, times) in [
        (Trust::Host, "known.proven.example", Some(25), 1),
        (Trust::Everybody, "known.proven.example", Some(25), 1),
        (Trust::Nobody, "known.proven.example", Some(25), 0),
        (Trust::Host, "known.proven.example", None, 0),
        (Trust::Host, "forged-mx.example", Some(25), 0),
        (Trust::Host, "to-elsewhere.proven.example", Some(25), 0),
    ] {
        let (address, asked) = serve(Zone::parse(ZONE)).await;
        let (resolver, desk) = desk(&Servers { trust, ..servers(vec![address]) });
        tokio::spawn(desk.run());
        let (tell, told) = oneshot::channel();
        resolver.ask(domain.to_owned(), port, |answer| tell.send(answer).unwrap());
        let Answer::Hosts { hosts, .. } = told.await.unwrap() else { panic!("{domain}") };
        assert_eq!(matches!(hosts[0].dane, Dane::Known(_)), times == 1, "{trust:?} {domain}");
        let in_all = asked.of_kind("TLSA");
        assert_eq!(in_all, times, "{trust:?} {domain} {port:?}");
    }
}

/// The port is part of the question, and of what is remembered.
#[tokio::test]
async fn what_is_proven_is_proven_of_a_port() {
    let (resolver, _) = resolver(ZONE).await;
    for (port, proven) in [(25, true), (26, false), (25, true)] {
        let (tell, told) = oneshot::channel();
        let hosts = vec![("mx.proven.example".to_owned(), Some(port))];
        resolver.ask_hosts(hosts, |answer| tell.send(answer).unwrap());
        let Answer::Hosts { hosts, .. } = told.await.unwrap() else { panic!("it is there") };
        assert_eq!(hosts[0].dane != Dane::Absent, proven, "{port}");
    }
}

#[tokio::test]
async fn what_could_not_be_proven_is_asked_again_soon() {
    let (resolver, _) = resolver(ZONE).await;
    for (domain, least, most) in [
        ("known.proven.example", 88, 90),
        ("one-bogus.proven.example", 0, 0),
        ("implicit-bogus.proven.example", 0, 0),
    ] {
        let Answer::Hosts { ttl, .. } = ask(&resolver, domain).await else { panic!("{domain}") };
        assert!((least..=most).contains(&ttl.as_secs()), "{domain} {ttl:?}");
    }
}

#[tokio::test]
async fn a_silent_server_is_asked_again() {
    let (resolver, asked) = resolver("silent.example MX SILENCE").await;
    let answer = ask(&resolver, "silent.example").await;
    assert_eq!(answer, Answer::Temporary("DNS gave no answer".to_owned()));
    assert!(asked.in_all() > 1, "it was tried again");
}

/// In virtual time.
#[tokio::test(start_paused = true)]
async fn a_look_up_that_hangs_or_panics_is_still_answered() {
    let hangs = std::future::pending::<Answer>();
    let Answer::Temporary(cause) = contained(hangs, Duration::from_secs(20)).await else {
        panic!("nobody answered");
    };
    assert_eq!(cause, "DNS gave no answer within 20 s");
    let panics = async { panic!("as a parser might") };
    let answer = contained(panics, Duration::from_secs(20)).await;
    assert_eq!(answer, Answer::Temporary("the look-up broke off".to_owned()));
}

#[tokio::test]
async fn whoever_asks_a_closed_desk_is_told_so() {
    let (resolver, desk) = desk(&servers(Vec::new()));
    drop(desk);
    assert!(matches!(ask(&resolver, "plain.example").await, Answer::Temporary(_)));
}

#[tokio::test]
async fn look_ups_are_counted_by_their_answers() {
    let (address, _) = serve(Zone::parse(ZONE)).await;
    let (resolver, desk) = desk(&servers(vec![address]));
    let counts = desk.counts();
    tokio::spawn(desk.run());
    for domain in ["plain.example", "gone.example", "null.example", "gone.example"] {
        ask(&resolver, domain).await;
    }
    let rows: Vec<_> = counts.rows().filter(|(_, count)| *count > 0).collect();
    assert_eq!(rows, [("hosts", 1), ("null_mx", 1), ("no_domain", 2)]);
}

#[tokio::test]
async fn look_ups_of_tlsa_records_are_counted_by_what_they_proved() {
    let (address, _) = serve(Zone::parse(ZONE)).await;
    let (resolver, desk) = desk(&servers(vec![address]));
    let counts = desk.counts();
    tokio::spawn(desk.run());
    for (domain, ends) in [
        ("known.proven.example", "found"),
        ("none.proven.example", "none"),
        ("led-out.proven.example", "insecure"),
        ("implicit-bogus.proven.example", "bogus"),
        ("mute.proven.example", "failed"),
    ] {
        let before: Vec<_> = counts.tlsa().rows().collect();
        ask(&resolver, domain).await;
        let after = before.iter().map(|(end, count)| (*end, count + u64::from(*end == ends)));
        assert_eq!(counts.tlsa().rows().collect::<Vec<_>>(), after.collect::<Vec<_>>(), "{domain}");
    }
    // Nobody asks for those of hosts whose addresses are not proven.
    ask(&resolver, "plain.example").await;
    assert_eq!(counts.tlsa().rows().map(|(_, count)| count).collect::<Vec<_>>(), [1; 5]);
}
