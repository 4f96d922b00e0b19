use crate::{
    Answer, Dane, HostPort, MxHost, NamedSites, Question, RouteFailure, RouteSetting, Rules,
    SitePlan, SiteSetting, Table, Tls, plan,
};
use event::{Tlsa, TlsaSet};
use std::sync::Arc;
use std::time::Duration;

/// What is proven of the certificates of `host`, by a record of this usage.
fn proven(host: &str, usage: u8) -> Dane {
    Dane::Known(Arc::new(TlsaSet::new(host, Tlsa::read(usage, 1, 1, &[7; 32]))))
}

fn unknown() -> Dane {
    Dane::Unknown("TLSA of c.d: SERVFAIL".into())
}

/// Two hosts, the first the better, of which this is proven.
fn answer(first: Dane, second: Dane) -> Answer {
    let host = |preference, name: &str, last, dane| MxHost {
        preference,
        name: name.to_owned(),
        addresses: vec![[1, 1, 1, last].into()],
        dane,
    };
    let hosts = vec![host(1, "a.b", 1, first), host(2, "c.d", 2, second)];
    Answer::Hosts { hosts, ttl: Duration::ZERO, policy: None, authentic: false }
}

fn rules(tls: Tls) -> Rules {
    let named = ["a.b", "c.d"].map(|name| HostPort::new(name, 25).unwrap());
    let route = |pattern: &str, to: &[HostPort], port| RouteSetting {
        pattern: pattern.to_owned(),
        to: to.to_vec(),
        port,
        tls,
    };
    let table = [route("named.example", &named, 25), route("port.example", &[], 26)];
    let table = Table::new(table).unwrap().otherwise_under(tls);
    Rules { table: Arc::new(table), ..Rules::default() }
}

fn planned(domain: &str, answer: &Answer, tls: Tls) -> SitePlan {
    plan(domain, answer, &rules(tls)).unwrap()
}

/// What is proven of its hosts, and for which names, is part of what a site is called (T19).
#[test]
fn sites_are_called_by_what_is_proven_of_their_hosts() {
    use Tls::{Off, Opportunistic, Required};
    let absent = || Dane::Absent;
    for (domain, first, second, tls, name, pool) in [
        ("x.y", absent(), absent(), Opportunistic, "", ""),
        ("x.y", absent(), proven("c.d", 3), Opportunistic, ";dane", ";dane=c.d"),
        ("x.y", proven("a.b", 3), proven("c.d", 3), Opportunistic, ";dane", ";dane=a.b,c.d"),
        // A certificate that somebody vouches for may be for the domain.
        ("x.y", absent(), proven("c.d", 2), Opportunistic, ";dane", ";dane=c.d/x.y"),
        ("c.d", absent(), proven("c.d", 2), Opportunistic, ";dane", ";dane=c.d"),
        ("named.example", absent(), proven("c.d", 2), Opportunistic, ";dane", ";dane=c.d"),
        ("x.y", absent(), unknown(), Opportunistic, ";dane", ";dane=c.d"),
        ("x.y", absent(), proven("c.d", 3), Required, ";tls=required;dane", "*"),
        ("x.y", absent(), proven("c.d", 3), Off, ";tls=off", "*"),
    ] {
        let plan = planned(domain, &answer(first, second), tls);
        let pool = if pool == "*" { plan.pool.to_string() } else { format!("a.b>c.d{pool}") };
        let name = format!("a.b,c.d{name}");
        assert_eq!((&*plan.name, &*plan.pool), (name.as_str(), pool.as_str()), "{domain}");
        assert_eq!(plan.hosts[1].dane == Dane::Absent, !pool.contains(";dane"));
    }
}

#[test]
fn a_site_of_the_settings_keeps_its_name_and_its_connections_apart() {
    let (name, hosts) = ("provider".to_owned(), vec![".b".to_owned()]);
    let site = SiteSetting { name, place: 0, hosts, least: None };
    let rules = Rules { sites: NamedSites::new([site]).unwrap(), ..rules(Tls::Opportunistic) };
    let plan = plan("x.y", &answer(proven("a.b", 3), Dane::Absent), &rules).unwrap();
    assert_eq!((&*plan.name, &*plan.pool), ("provider", "provider: a.b>c.d;dane=a.b"));
}

/// RFC 7672 section 2.1.2: nobody is dialled of whom it is not known what TLS he needs; others are.
#[test]
fn a_host_of_which_it_is_not_known_what_is_proven_gets_no_mail() {
    for domain in ["x.y", "named.example"] {
        let plan = planned(domain, &answer(Dane::Absent, unknown()), Tls::Opportunistic);
        assert_eq!(plan.places(|_| true, &mut || 0).len(), 1);
        let failure = crate::plan(domain, &answer(unknown(), unknown()), &rules(Tls::Required));
        assert_eq!(failure, Err(RouteFailure::Temporary("TLSA of c.d: SERVFAIL".into())));
    }
}

/// What was known of a host's addresses comes with what was proven of it then. But it is not used
/// where it is known that there may be more to know now.
#[test]
fn what_was_known_before_completes_what_is_known_now() {
    let wanted = Tls::Opportunistic;
    let old = planned("x.y", &answer(Dane::Absent, proven("c.d", 3)), wanted);
    let mut partial = answer(Dane::Absent, Dane::Absent);
    if let Answer::Hosts { hosts, .. } = &mut partial {
        hosts[1].addresses.clear();
    }
    let new = planned("x.y", &partial, wanted);
    assert_eq!(&*new.pool, "a.b>c.d");
    assert_eq!(new.completed_by(&old), Some(old.clone()));
    let new = planned("x.y", &answer(Dane::Absent, unknown()), wanted);
    for old in [old, planned("x.y", &answer(Dane::Absent, Dane::Absent), wanted)] {
        assert_eq!(new.completed_by(&old), None);
    }
}

/// The port is that of the route, and where there is to be no TLS nobody asks what TLS there is.
#[test]
fn what_is_proven_is_asked_for_where_it_may_count() {
    for tls in [Tls::Opportunistic, Tls::Required, Tls::Verified, Tls::Off] {
        let table = rules(tls).table;
        let proven = |port| (tls != Tls::Off).then_some(port);
        assert_eq!(table.question("x.y"), Question::Mail(proven(25)));
        assert_eq!(table.question("port.example"), Question::Mail(proven(26)));
        let hosts = vec![("a.b", proven(25)), ("c.d", proven(25))];
        assert_eq!(table.question("named.example"), Question::Hosts(hosts));
    }
}
