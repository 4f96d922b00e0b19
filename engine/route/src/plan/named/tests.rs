use super::{NamedSites, SiteSetting};
use crate::{Answer, Dane, LeastTls, MxHost, RouteSetting, Rules, SitePlan, Table, Tls, plan};
use std::sync::Arc;
use std::time::Duration;

fn site(name: &str, place: usize, hosts: &[&str]) -> SiteSetting {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    SiteSetting { name: name.to_owned(), place, hosts, least: None }
}

fn rules() -> Rules {
    let sites = [
        site("google", 4, &[".google.com", ".GoogleMail.com."]),
        site("one", 0, &["mx1.example.com", "mx2.example.com"]),
        site("example", 2, &[".example.com"]),
    ];
    Rules { sites: NamedSites::new(sites).unwrap(), ..Rules::default() }
}

/// The plan for a domain with these hosts by preference.
fn found(hosts: &[(u16, &str)]) -> SitePlan {
    found_by(hosts, &rules())
}

fn found_by(hosts: &[(u16, &str)], rules: &Rules) -> SitePlan {
    let host = |(preference, name): &(u16, &str)| MxHost {
        preference: *preference,
        name: (*name).to_owned(),
        addresses: vec![[1, 1, 1, 1].into()],
        dane: Dane::Absent,
    };
    let hosts = hosts.iter().map(host).collect();
    let answer =
        Answer::Hosts { hosts, ttl: Duration::from_mins(1), policy: None, authentic: false };
    plan("a.test", &answer, rules).unwrap()
}

#[test]
fn the_first_that_has_all_of_the_best_hosts_is_meant() {
    let cases: [(&[(u16, &str)], &str); 9] = [
        (&[(1, "aspmx.l.google.com"), (5, "alt1.aspmx.l.google.com")], "google"),
        (&[(1, "A.Google.com"), (1, "b.googlemail.com")], "google"),
        (&[(1, "google.com")], "google.com"),
        (&[(1, "notgoogle.com")], "notgoogle.com"),
        (&[(1, "mx1.example.com"), (1, "mx2.example.com")], "one"),
        (&[(1, "mx1.example.com"), (1, "mx3.example.com")], "example"),
        (&[(1, "a.google.com"), (9, "backup.test")], "google"),
        (&[(1, "filter.test"), (9, "a.google.com")], "a.google.com,filter.test"),
        (&[(1, "a.google.com"), (1, "b.test")], "a.google.com,b.test"),
    ];
    for (hosts, name) in cases {
        assert_eq!(&*found(hosts).name, name, "{hosts:?}");
    }
}

/// A host takes mail for the domains that name it, and for no other of its provider.
#[test]
fn connections_are_not_shared_between_domains_with_other_hosts() {
    let [one, other] = ["a.mail.example.com", "b.mail.example.com"].map(|host| found(&[(1, host)]));
    assert_eq!((&*one.name, one.named), ("example", Some(2)));
    assert_eq!((&one.name, one.named), (&other.name, other.named));
    assert_ne!(one.pool, other.pool);
    assert_eq!(one.pool, found(&[(7, "a.mail.example.com")]).pool);
    let plain = found(&[(1, "a.test")]);
    assert_eq!((&plain.name, plain.named), (&plain.pool, None));
}

#[test]
fn the_stronger_of_what_a_site_and_a_route_ask_for_wins() {
    const ALL: [Tls; 4] = [Tls::Off, Tls::Opportunistic, Tls::Required, Tls::Verified];
    let least = |tls, beats_off| Some(LeastTls { tls, by: "new.toml:7".into(), beats_off });
    for (wanted, tls) in ALL.iter().flat_map(|wanted| ALL.map(|least| (*wanted, least))) {
        let route = RouteSetting { pattern: "*".to_owned(), to: Vec::new(), port: 25, tls: wanted };
        let table = Arc::new(Table::new([route]).unwrap());
        for beats_off in [true, false] {
            let site =
                SiteSetting { least: least(tls, beats_off), ..site("a", 2, &[".example.com"]) };
            let sites = NamedSites::new([site]).unwrap();
            let rules = Rules { sites, table: Arc::clone(&table), ..Rules::default() };
            let is = |host| found_by(&[(1, host)], &rules);
            let (of_it, other) = (is("mx.example.com"), is("mx.else.test"));
            let is_heard = beats_off || wanted != Tls::Off;
            let most = if is_heard { wanted.max(tls) } else { wanted };
            assert_eq!((of_it.tls, other.tls), (most, wanted), "{wanted:?}, at least {tls:?}");
            assert_eq!(of_it.asked_by.is_some(), most > wanted, "{wanted:?}, at least {tls:?}");
            assert_eq!((&*of_it.name, other.asked_by), ("a", None));
        }
    }
}

#[test]
fn what_is_no_host_is_no_pattern() {
    for pattern in ["", ".", "*", "a..b", "[::1]", "1.2.3.4"] {
        assert!(NamedSites::new([site("a", 0, &[pattern])]).is_err(), "{pattern}");
    }
}
