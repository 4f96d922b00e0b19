//! Which hosts take mail whose sender requires TLS.

use crate::{
    Answer, Dane, MxHost, Need, Pools, RouteFailure, Rules, SitePlan, StsPolicy, Table, Tls, plan,
};
use std::sync::Arc;
use std::time::Duration;

/// What DNS says of a domain with three hosts, and a policy for those below `mx.test`.
fn answer(authentic: bool, mode: Option<&str>) -> Answer {
    let host = |(preference, name): (u16, &str)| MxHost {
        preference,
        name: name.to_owned(),
        addresses: vec![[192, 88, 0, 1].into()],
        dane: Dane::Absent,
    };
    let hosts = [(10, "a.mx.test"), (20, "b.mx.test"), (30, "c.test")].map(host).to_vec();
    let policy = mode.map(|mode| {
        let text = format!("version: STSv1\nmode: {mode}\nmax_age: 86400\nmx: *.mx.test\n");
        Arc::new(StsPolicy::parse("7", text.as_bytes()).unwrap())
    });
    Answer::Hosts { hosts, ttl: Duration::from_mins(1), policy, authentic }
}

fn planned(answer: &Answer, tls: Tls) -> Arc<SitePlan> {
    let table = Arc::new(Table::default().otherwise_under(tls));
    Arc::new(plan("b.test", answer, &Rules { table, ..Rules::default() }).unwrap())
}

#[test]
fn only_hosts_that_nobody_can_have_slipped_in_take_it() {
    for (authentic, mode, tls, left) in [
        (true, None, Tls::Opportunistic, Some("a.mx.test,b.mx.test,c.test;requiretls")),
        (true, None, Tls::Required, Some("a.mx.test,b.mx.test,c.test;tls=required;requiretls")),
        (true, None, Tls::Off, Some("a.mx.test,b.mx.test,c.test;tls=off;requiretls")),
        (
            false,
            Some("enforce"),
            Tls::Opportunistic,
            Some("a.mx.test,b.mx.test;mta-sts;requiretls"),
        ),
        (false, Some("testing"), Tls::Opportunistic, Some("a.mx.test,b.mx.test,c.test;requiretls")),
        (false, Some("none"), Tls::Opportunistic, None),
        (false, None, Tls::Verified, None),
    ] {
        let plan = planned(&answer(authentic, mode), tls);
        let found = plan.needing(Need::Onward);
        let case = format!("{authentic} {mode:?} {tls:?}");
        let Ok(found) = found else {
            assert_eq!((found, left), (Err(RouteFailure::Unproven), None), "{case}");
            continue;
        };
        assert_eq!(Some(&*found.name), left, "{case}");
        assert_eq!((found.tls, found.need), (Tls::Verified, Need::Onward), "{case}");
        let hosts = if authentic { 3 } else { 2 };
        assert_eq!(found.hosts.len(), hosts, "{case}: c.test is named by nobody");
        assert!(Arc::ptr_eq(&found, &plan.needing(Need::Onward).unwrap()), "made once");
    }
}

#[test]
fn each_need_has_connections_of_its_own_in_each_pool() {
    let plan = Arc::new(SitePlan::fixed(&["192.0.2.1:25".parse().unwrap()], Tls::Opportunistic));
    let usual = plan.needing(Need::Usual).unwrap();
    assert!(Arc::ptr_eq(&usual, &plan), "most mail is as ever");
    let (sealed, onward) =
        (plan.needing(Need::Sealed).unwrap(), plan.needing(Need::Onward).unwrap());
    assert_eq!(&*sealed.pool, "192.0.2.1:25;requiretls=report");
    assert_eq!(&*onward.pool, "192.0.2.1:25;requiretls");
    let warm = onward.through(0, &Pools::new(["warm"], None));
    assert_eq!(&*warm.name, "192.0.2.1:25;requiretls;pool=warm");
    assert_eq!((warm.tls, warm.need), (Tls::Verified, Need::Onward));
}

/// Who can keep DNS from saying whether there are keys could do without them.
#[test]
fn a_host_of_which_it_is_not_known_what_it_proves_is_waited_for() {
    let mut answer = answer(false, Some("testing"));
    if let Answer::Hosts { hosts, .. } = &mut answer {
        for host in hosts.iter_mut().take(2) {
            host.dane = Dane::Unknown("SERVFAIL".into());
        }
    }
    let found = planned(&answer, Tls::Opportunistic).needing(Need::Onward);
    assert!(matches!(found, Err(RouteFailure::Temporary(_))), "{found:?}");
}
