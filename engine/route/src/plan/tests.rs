use super::{PlanHost, RouteSetting, Rules, SitePlan, Table, plan};
use crate::{ADDRESSES_MAX, Answer, Dane, HOSTS_MAX, MxHost, RouteFailure, Tls};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

fn host(preference: u16, name: &str, addresses: &[&str]) -> MxHost {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    MxHost { preference, name: name.to_owned(), addresses, dane: Dane::Absent }
}

fn hosts(hosts: &[MxHost]) -> Answer {
    Answer::Hosts { hosts: hosts.to_vec(), ttl: MINUTE, policy: None, authentic: false }
}

/// We are mx.us, and listen on 5.5.5.5:25 and everywhere at 2525.
fn rules() -> Rules {
    Rules {
        own_names: vec!["mx.us".to_owned()],
        own_addresses: vec!["5.5.5.5:25".parse().unwrap(), "0.0.0.0:2525".parse().unwrap()],
        private_allowed: false,
        ..Rules::default()
    }
}

/// A plan on one line: its name, then its addresses by preference.
fn show(plan: Result<SitePlan, RouteFailure>) -> String {
    let plan = match plan {
        Ok(plan) => plan,
        Err(failure) => return format!("{failure:?}"),
    };
    let mut text = format!("{}:", plan.name);
    for PlanHost { preference, addresses, .. } in &plan.hosts {
        write!(text, " {preference}{addresses:?}").unwrap();
    }
    text
}

#[test]
fn answers_become_plans() {
    let a = &["1.1.1.1"] as &[&str];
    for (case, answer, wanted) in [
        ("null MX", Answer::NullMx, "NullMx"),
        ("no domain", Answer::NoDomain, "NoDomain"),
        ("no address", Answer::NoAddress, "NoAddress"),
        ("SERVFAIL", Answer::Temporary("x".to_owned()), "Temporary(\"x\")"),
        ("one", hosts(&[host(10, "A.b", a)]), "a.b: 10[1.1.1.1:25]"),
        ("dot at the end", hosts(&[host(10, "a.b.", a)]), "a.b: 10[1.1.1.1:25]"),
        ("only a dot", hosts(&[host(0, ".", &[])]), "NullMx"),
        ("no hosts", hosts(&[]), "NullMx"),
        (
            "by preference, named in order",
            hosts(&[host(20, "a.b", a), host(10, "c.d", &["1.1.1.2", "2606:4700::1"])]),
            "a.b,c.d: 10[1.1.1.2:25, [2606:4700::1]:25] 20[1.1.1.1:25]",
        ),
        ("twice", hosts(&[host(20, "A.b", a), host(10, "a.b.", a)]), "a.b: 10[1.1.1.1:25]"),
        (
            "one without address keeps the name",
            hosts(&[host(10, "c.d", &[]), host(20, "a.b", a)]),
            "a.b,c.d: 10[] 20[1.1.1.1:25]",
        ),
        ("none with address", hosts(&[host(10, "c.d", &[])]), "NoAddress"),
        ("loopback", hosts(&[host(10, "c.d", &["127.0.0.1", "::1"])]), "Prohibited"),
        (
            "private, but not all",
            hosts(&[host(10, "c.d", &["10.0.0.1", "1.1.1.1", "::ffff:192.168.0.1"])]),
            "c.d: 10[1.1.1.1:25]",
        ),
        ("ours by name", hosts(&[host(10, "MX.us", a)]), "Loop"),
        ("ours by address", hosts(&[host(10, "c.d", &["5.5.5.5"])]), "Loop"),
        ("ours by mapped address", hosts(&[host(10, "c.d", &["::ffff:5.5.5.5"])]), "Loop"),
        (
            "worse than ours, and as good",
            hosts(&[
                host(30, "e.f", a),
                host(20, "mx.us", a),
                host(20, "c.d", a),
                host(10, "a.b", a),
            ]),
            "a.b: 10[1.1.1.1:25]",
        ),
        ("ours is best", hosts(&[host(10, "mx.us", a), host(20, "a.b", a)]), "Loop"),
        (
            "better than ours has no address",
            hosts(&[host(9, "a.b", &[]), host(10, "mx.us", a)]),
            "NoAddress",
        ),
    ] {
        assert_eq!(show(plan("example.com", &answer, &rules())), wanted, "{case}");
    }
}

#[test]
fn what_could_not_be_learnt_is_no_reason_to_give_up() {
    for addresses in [&[] as &[&str], &["127.0.0.1"]] {
        let hosts = vec![host(10, "a.b", addresses)];
        let answer = Answer::Hosts { hosts, ttl: Duration::ZERO, policy: None, authentic: false };
        let failure = plan("example.com", &answer, &rules()).unwrap_err();
        assert!(!failure.is_permanent(), "{failure:?}");
    }
}

#[test]
fn private_networks_are_reached_where_the_operator_says_so() {
    let rules = Rules { private_allowed: true, ..rules() };
    let answer =
        hosts(&[host(10, "a.b", &["127.0.0.1", "10.0.0.1", "0.0.0.0", "224.0.0.1", "::"])]);
    assert_eq!(show(plan("example.com", &answer, &rules)), "a.b: 10[127.0.0.1:25, 10.0.0.1:25]");
}

/// A port is part of who we are: another program at another port of this host is no loop.
#[test]
fn mail_for_our_own_port_would_come_back() {
    let by_mx =
        |port| RouteSetting { pattern: "*".to_owned(), to: Vec::new(), port, tls: Tls::default() };
    for (address, port, ours) in [
        ("127.0.0.1", 2_525, true),
        ("::1", 2_525, true),
        ("127.0.0.1", 2_526, false),
        ("10.0.0.1", 2_525, false),
        ("5.5.5.5", 25, true),
        ("5.5.5.5", 2_525, false),
    ] {
        let table = Arc::new(Table::new([by_mx(port)]).unwrap());
        let rules = Rules { private_allowed: true, table, ..rules() };
        let answer = hosts(&[host(10, "a.b", &[address])]);
        let plan = plan("example.com", &answer, &rules);
        assert_eq!(plan.err(), ours.then_some(RouteFailure::Loop), "{address} {port}");
    }
}

#[test]
fn a_resolver_bomb_is_cut() {
    let address = |low: usize| IpAddr::from([1, 1, 1, low as u8]);
    let bomb: Vec<_> = (0..100_u16)
        .map(|low| MxHost {
            preference: 100 - low,
            name: format!("h{low:02}.example"),
            addresses: (0..100).map(address).collect(),
            dane: Dane::Absent,
        })
        .collect();
    let plan = plan("example.com", &hosts(&bomb), &rules()).unwrap();
    assert_eq!(plan.hosts.len(), HOSTS_MAX);
    assert_eq!(&*plan.hosts[0].name, "h99.example", "the best are kept");
    assert!(plan.hosts.iter().all(|host| host.addresses.len() == ADDRESSES_MAX));
    assert_eq!(plan.places(|_| true, &mut || 0).len(), HOSTS_MAX * ADDRESSES_MAX);
}

#[test]
fn routes_say_which_port_and_which_names() {
    let setting = |pattern: &str, to: &[&str], port| RouteSetting {
        pattern: pattern.to_owned(),
        to: to.iter().map(|host| host.parse().unwrap()).collect(),
        port,
        tls: Tls::default(),
    };
    let table = Table::new([
        setting("mx.example", &[], 2_525),
        setting("named.example", &["one.host:587", "127.0.0.1:9", "two.host"], 25),
        setting("fixed.example", &["127.0.0.1:8", "127.0.0.1:7"], 25),
    ]);
    let rules = Rules { table: Arc::new(table.unwrap()), ..rules() };
    let show = |domain: &str, answer: &Answer| show(plan(domain, answer, &rules));
    let mx = hosts(&[host(10, "a.b", &["1.1.1.1"])]);
    assert_eq!(show("mx.example", &mx), "a.b:2525: 10[1.1.1.1:2525]");
    assert_eq!(show("other.example", &mx), "a.b: 10[1.1.1.1:25]");
    assert_eq!(
        show("fixed.example", &mx),
        "127.0.0.1:7,127.0.0.1:8: 0[127.0.0.1:8] 1[127.0.0.1:7]"
    );

    let one = Answer::join([hosts(&[host(0, "One.host.", &["10.0.0.1"])]), Answer::NoDomain]);
    let named = "127.0.0.1:9,one.host:587,two.host: ";
    assert_eq!(show("named.example", &one), format!("{named}0[10.0.0.1:587] 1[127.0.0.1:9] 2[]"));
    let none = Answer::Temporary("x".to_owned());
    assert_eq!(show("named.example", &none), format!("{named}0[] 1[127.0.0.1:9] 2[]"));
}

#[test]
fn a_route_to_hosts_that_do_not_exist_waits_for_the_operator() {
    let to = vec!["no.host".parse().unwrap()];
    let table =
        Table::new([RouteSetting { pattern: "*".to_owned(), to, port: 25, tls: Tls::default() }])
            .unwrap();
    let rules = Rules { table: Arc::new(table), ..rules() };
    for answer in [Answer::NoDomain, Answer::NoAddress, Answer::NullMx] {
        assert!(!plan("example.com", &answer, &rules).unwrap_err().is_permanent());
    }
}

#[test]
fn joined_answers_are_in_the_order_of_the_route() {
    let one = |name| hosts(&[host(7, name, &["1.1.1.1"])]);
    let order = |answer| match answer {
        Answer::Hosts { hosts, ttl, .. } => {
            let hosts = hosts.iter().map(|host| format!("{}{}", host.preference, host.name));
            format!("{} {}", hosts.collect::<Vec<_>>().join(" "), ttl.as_secs())
        }
        other => format!("{other:?}"),
    };
    let temporary = || Answer::Temporary("x".to_owned());
    assert_eq!(order(Answer::join([one("b"), one("a")])), "0b 1a 60");
    assert_eq!(order(Answer::join([Answer::NoDomain, one("a")])), "1a 60");
    assert_eq!(order(Answer::join([temporary(), one("a")])), "1a 0");
    assert_eq!(order(Answer::join([temporary(), Answer::NoDomain])), "Temporary(\"x\")");
    assert_eq!(order(Answer::join([Answer::NoDomain, Answer::NoAddress])), "NoAddress");
    assert_eq!(order(Answer::join([])), "NoAddress");
}

/// The same hosts are one site, whatever their order, preferences, case and today's addresses.
#[test]
fn a_site_is_its_set_of_hosts() {
    let site = |answer: &[MxHost]| plan("x.example", &hosts(answer), &rules()).unwrap().name;
    let first = site(&[host(1, "a.b", &["1.1.1.1"]), host(2, "c.d", &["1.1.1.2"])]);
    assert_eq!(first, site(&[host(9, "C.D.", &["1.1.1.9"]), host(9, "a.b", &[])]));
    assert_ne!(first, site(&[host(1, "a.b", &["1.1.1.1"])]));
}

/// But who has them in another order is sent to by other connections: one that leads to the worse
/// host would be used for those who prefer it.
#[test]
fn connections_are_for_domains_with_the_same_order() {
    let pool = |one: u16, other: u16| {
        let answer = [host(one, "a.b", &["1.1.1.1"]), host(other, "c.d", &["1.1.1.2"])];
        plan("x.example", &hosts(&answer), &rules()).unwrap().pool
    };
    assert_eq!(
        [&*pool(1, 2), &*pool(10, 20), &*pool(2, 1), &*pool(5, 5)],
        ["a.b>c.d", "a.b>c.d", "c.d>a.b", "a.b,c.d"]
    );
}

/// Every order of three hosts with preferences 1, 1 and 2, from every pair of lots.
#[test]
fn equals_take_turns_and_the_better_come_first() {
    let answer = [
        host(1, "a.b", &["1.1.1.1", "1.1.1.2"]),
        host(2, "e.f", &["3.3.3.3"]),
        host(1, "c.d", &["2.2.2.2"]),
    ];
    let plan = plan("x.example", &hosts(&answer), &rules()).unwrap();
    let mut orders = BTreeSet::new();
    for lots in 0..27_u64 {
        let mut drawn = 0;
        let places = plan.places(|_| true, &mut || {
            drawn += 1;
            lots / 3_u64.pow(drawn - 1) % 3
        });
        let order: Vec<_> = places.iter().map(|place| place.address.to_string()).collect();
        orders.insert(order.join(" "));
    }
    let (a, c, e) = ("1.1.1.1:25 1.1.1.2:25", "2.2.2.2:25", "3.3.3.3:25");
    assert_eq!(
        orders.into_iter().collect::<Vec<_>>(),
        [format!("{a} {c} {e}"), format!("{c} {a} {e}")]
    );
}

#[test]
fn a_source_without_ipv6_is_sent_to_ipv4_only() {
    let answer = [host(1, "a.b", &["2606:4700::1", "1.1.1.1"]), host(2, "c.d", &["2606:4700::2"])];
    let plan = plan("x.example", &hosts(&answer), &rules()).unwrap();
    let places = plan.places(|address| address.is_ipv4(), &mut || 0);
    assert_eq!(places.iter().map(|place| place.preference).collect::<Vec<_>>(), [1]);
}

/// T19: what TLS mail goes under belongs to its domain, and so domains with the same hosts share a
/// site only if they share that.
#[test]
fn domains_with_other_tls_are_other_sites() {
    let setting = |pattern: &str, to: &[&str], tls| RouteSetting {
        pattern: pattern.to_owned(),
        to: to.iter().map(|host| host.parse().unwrap()).collect(),
        port: 25,
        tls,
    };
    let table = Table::new([
        setting("off.example", &[], Tls::Off),
        setting("may.example", &[], Tls::Opportunistic),
        setting("must.example", &[], Tls::Required),
        setting("named.example", &["a.b"], Tls::Verified),
        setting("fixed.example", &["10.0.0.1"], Tls::Required),
    ]);
    let table = table.unwrap().otherwise_under(Tls::Verified);
    let rules = Rules { table: Arc::new(table), ..rules() };
    let answer = hosts(&[host(10, "a.b", &["1.1.1.1"])]);
    for (domain, tls, name) in [
        ("off.example", Tls::Off, "a.b;tls=off"),
        ("may.example", Tls::Opportunistic, "a.b"),
        ("must.example", Tls::Required, "a.b;tls=required"),
        ("named.example", Tls::Verified, "a.b;tls=verified"),
        ("fixed.example", Tls::Required, "10.0.0.1:25;tls=required"),
        ("other.example", Tls::Verified, "a.b;tls=verified"),
    ] {
        let plan = plan(domain, &answer, &rules).unwrap();
        assert_eq!((plan.tls, &*plan.name), (tls, name), "{domain}");
    }
}

#[test]
fn a_host_is_called_by_its_name_alone() {
    let answer = hosts(&[host(20, "a.b", &["1.1.1.1"]), host(10, "c.d", &["1.1.1.2", "1.1.1.3"])]);
    let at_port =
        RouteSetting { pattern: "*".to_owned(), to: Vec::new(), port: 2_525, tls: Tls::default() };
    for (table, port) in [(Table::default(), 25), (Table::new([at_port]).unwrap(), 2_525)] {
        let rules = Rules { table: Arc::new(table), ..rules() };
        let plan = plan("x.example", &answer, &rules).unwrap();
        let at = |ip: &str| plan.host_at((ip.parse::<IpAddr>().unwrap(), port).into());
        let host = |ip: &str| at(ip).map(PlanHost::bare_name);
        assert_eq!([host("1.1.1.1"), host("1.1.1.3")], [Some("a.b"), Some("c.d")]);
        assert_eq!(host("1.1.1.4"), None);
    }
}
