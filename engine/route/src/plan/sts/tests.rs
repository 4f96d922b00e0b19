use crate::{
    Answer, Dane, MxHost, RouteFailure, RouteSetting, Rules, SitePlan, StsPolicy, Table, Tls, plan,
};
use event::{Tlsa, TlsaSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// What is demanded, what the settings want, and the plan: its TLS and its name, and which of its
/// hosts the policy names; or why there is none.
const PLANS: [(&str, Tls, &str); 17] = [
    // Nothing is demanded.
    ("", Tls::Opportunistic, "Opportunistic a.mx.test,b.mx.test,c.test"),
    ("none", Tls::Opportunistic, "Opportunistic a.mx.test,b.mx.test,c.test"),
    ("none *.mx.test", Tls::Verified, "Verified a.mx.test,b.mx.test,c.test;tls=verified"),
    // It would be.
    ("testing *.mx.test", Tls::Off, "Off a.mx.test,b.mx.test,c.test;tls=off"),
    ("testing *.mx.test", Tls::Opportunistic, "Opportunistic a.mx.test,b.mx.test,c.test -c.test"),
    (
        "testing x.test",
        Tls::Opportunistic,
        "Opportunistic a.mx.test,b.mx.test,c.test -a.mx.test -b.mx.test -c.test",
    ),
    (
        "testing *.mx.test",
        Tls::Required,
        "Required a.mx.test,b.mx.test,c.test;tls=required -c.test",
    ),
    (
        "testing *.mx.test",
        Tls::Verified,
        "Verified a.mx.test,b.mx.test,c.test;tls=verified -c.test",
    ),
    // It is, whatever less the settings want.
    ("enforce *.mx.test", Tls::Opportunistic, "Verified a.mx.test,b.mx.test;mta-sts -c.test"),
    ("enforce *.mx.test", Tls::Required, "Verified a.mx.test,b.mx.test;mta-sts -c.test"),
    ("enforce *.mx.test", Tls::Verified, "Verified a.mx.test,b.mx.test;mta-sts -c.test"),
    ("enforce c.test", Tls::Opportunistic, "Verified c.test;mta-sts -a.mx.test -b.mx.test"),
    ("enforce c.test *.mx.test", Tls::Opportunistic, "Verified a.mx.test,b.mx.test,c.test;mta-sts"),
    // They want none at all.
    ("enforce x.test", Tls::Off, "Off a.mx.test,b.mx.test,c.test;tls=off"),
    // There is nobody left.
    (
        "enforce x.test",
        Tls::Verified,
        "the MTA-STS policy of d.test (enforce, id 7) names x.test, and none of the MX hosts: a.mx.test, b.mx.test, c.test",
    ),
    (
        "enforce x.test *.test *.c.test",
        Tls::Opportunistic,
        "Verified c.test;mta-sts -a.mx.test -b.mx.test",
    ),
    (
        "enforce a.x b.x c.x d.x e.x f.x",
        Tls::Opportunistic,
        "the MTA-STS policy of d.test (enforce, id 7) names a.x, b.x, c.x, d.x and 2 more, and none of the MX hosts: a.mx.test, b.mx.test, c.test",
    ),
];

/// A policy by its mode and the hosts it names.
fn policy(words: &str) -> Option<Arc<StsPolicy>> {
    let (mode, hosts) = words.split_once(' ').unwrap_or((words, ""));
    if mode.is_empty() {
        return None;
    }
    let mut text = format!("version: STSv1\nmode: {mode}\nmax_age: 86400\n");
    for host in hosts.split_terminator(' ') {
        writeln!(text, "mx: {host}").unwrap();
    }
    Some(Arc::new(StsPolicy::parse("7", text.as_bytes()).unwrap()))
}

fn answer(policy: Option<Arc<StsPolicy>>) -> Answer {
    let hosts = [(10, "A.mx.test."), (20, "b.mx.test"), (30, "c.test")];
    let host = |(preference, name): (u16, &str)| MxHost {
        preference,
        name: name.to_owned(),
        addresses: vec![[192, 88, 0, 1].into()],
        dane: Dane::Absent,
    };
    let hosts = hosts.map(host).to_vec();
    Answer::Hosts { hosts, ttl: Duration::from_mins(1), policy, authentic: false }
}

fn rules(tls: Tls, own: &str) -> Rules {
    let table = Arc::new(Table::default().otherwise_under(tls));
    Rules { own_names: vec![own.to_owned()], table, ..Rules::default() }
}

fn show(plan: Result<SitePlan, RouteFailure>) -> String {
    match plan {
        Err(failure) => {
            assert!(!failure.is_permanent(), "it may be mended");
            assert_eq!(failure.response().code, 451);
            failure.response().text.to_string()
        }
        Ok(plan) => {
            let mut shown = format!("{:?} {}", plan.tls, plan.name);
            let unnamed = |host: &&str| plan.sts.as_ref().is_some_and(|sts| !sts.names(host));
            for host in ["a.mx.test", "b.mx.test", "c.test"].iter().filter(|host| unnamed(host)) {
                write!(shown, " -{host}").unwrap();
            }
            shown
        }
    }
}

#[test]
fn a_policy_is_obeyed_where_it_is_enforced() {
    for (words, tls, expected) in PLANS {
        let shown = show(plan("d.test", &answer(policy(words)), &rules(tls, "relay.test")));
        assert_eq!(shown, expected, "{words} {tls:?}");
    }
}

/// Otherwise a policy that does not name us would make us send to those that are no better.
#[test]
fn what_is_no_better_than_we_is_left_out_first() {
    let plan =
        plan("d.test", &answer(policy("enforce c.test")), &rules(Tls::default(), "b.mx.test"));
    assert!(matches!(plan, Err(RouteFailure::Policy(_))), "{plan:?}");
}

/// A certificate that DNS proves says more than a policy does; that there has to be one says less.
#[test]
fn a_host_that_dns_proves_need_not_be_named() {
    for (record, hosts) in [(Tlsa::read(3, 1, 1, &[7; 32]), 2), (None, 1)] {
        let mut answer = answer(policy("enforce a.mx.test"));
        if let Answer::Hosts { hosts, .. } = &mut answer {
            hosts[1].dane = Dane::Known(Arc::new(TlsaSet::new("b.mx.test", record)));
        }
        let plan = plan("d.test", &answer, &rules(Tls::default(), "relay.test")).unwrap();
        assert_eq!((plan.tls, plan.hosts.len()), (Tls::Verified, hosts));
    }
}

/// Only what MX records name is the policy's to judge.
#[test]
fn hosts_of_a_route_are_the_operators() {
    let to = vec!["c.test".parse().unwrap()];
    let setting = RouteSetting { pattern: "*".to_owned(), to, port: 25, tls: Tls::default() };
    let table = Arc::new(Table::new([setting]).unwrap());
    let rules = Rules { table, private_allowed: true, ..Rules::default() };
    let plan = plan("d.test", &answer(policy("enforce x.test")), &rules).unwrap();
    assert_eq!((plan.tls, &*plan.name, plan.sts), (Tls::Opportunistic, "c.test", None));
}
