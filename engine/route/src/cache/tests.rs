use super::{Cache, Cached, DOMAINS_MAX, PATIENCE};
use crate::{Answer, Dane, MxHost, RouteFailure, Rules, SitePlan, Tls, plan as plan_of};
use event::Tick;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn plan(port: u16) -> Arc<SitePlan> {
    Arc::new(SitePlan::fixed(&[([127, 0, 0, 1], port).into()], Tls::default()))
}

fn known(port: u16) -> Cached {
    Cached::Known(Ok(plan(port)))
}

fn hosts(ttl: Duration) -> Answer {
    Answer::Hosts { hosts: Vec::new(), ttl, policy: None, authentic: false }
}

fn at(secs: u64) -> Tick {
    Tick(1) + SECOND * secs as u32
}

/// What DNS says when it can say nothing.
fn trouble() -> (RouteFailure, Answer) {
    (RouteFailure::Temporary("SERVFAIL".into()), Answer::Temporary("SERVFAIL".to_owned()))
}

fn fail(cache: &mut Cache, secs: u64) {
    let (failure, answer) = trouble();
    cache.learn("a", Err(failure), &answer, at(secs));
}

#[test]
fn a_domain_is_asked_about_once_at_a_time() {
    let mut cache = Cache::default();
    assert_eq!(cache.look("a", at(0)), Cached::Ask);
    assert_eq!(cache.look("a", at(0)), Cached::Asked);
    assert_eq!(cache.look("b", at(0)), Cached::Ask);
    cache.learn("a", Ok(plan(1)), &hosts(SECOND * 60), at(5));
    assert_eq!(cache.look("a", at(49)), known(1));
    assert_eq!(cache.look("a", at(65)), Cached::Ask, "its time is up");
    assert_eq!(cache.look("a", at(65)), Cached::Asked);
    assert_eq!(cache.look("b", at(119)), Cached::Asked);
    assert_eq!(cache.look("b", at(120)), Cached::Ask, "the answer got lost");
    assert_eq!(PATIENCE, SECOND * 120);
}

#[test]
fn what_is_used_is_renewed_in_time_and_serves_until_the_answer_is_there() {
    let mut cache = Cache::default();
    cache.learn("a", Ok(plan(1)), &hosts(SECOND * 60), at(0));
    assert_eq!(cache.look("a", at(44)), known(1));
    assert_eq!(cache.look("a", at(45)), Cached::Renew(plan(1)), "the last quarter of its life");
    for secs in [45, 60, 164] {
        assert_eq!(cache.look("a", at(secs)), known(1), "asked once, and used meanwhile");
    }
    cache.learn("a", Ok(plan(2)), &hosts(SECOND * 60), at(165));
    assert_eq!(cache.look("a", at(165)), known(2));
    assert_eq!(cache.look("a", at(220)), Cached::Renew(plan(2)));
    assert_eq!(cache.look("a", at(220) + PATIENCE), Cached::Ask, "no answer came");
    assert_eq!(cache.look("a", at(220) + PATIENCE), Cached::Asked, "nothing was asked in time");
}

#[test]
fn mail_goes_on_for_an_hour_while_dns_says_nothing() {
    let mut cache = Cache::default();
    cache.learn("a", Ok(plan(1)), &hosts(SECOND * 60), at(0));
    assert_eq!(cache.look("a", at(60)), Cached::Ask);
    fail(&mut cache, 80);
    assert_eq!(cache.look("a", at(80)), known(1), "whoever waited for the answer goes on");
    assert_eq!(cache.look("a", at(109)), known(1), "DNS is left alone");
    assert_eq!(cache.look("a", at(110)), Cached::Renew(plan(1)));
    assert_eq!(cache.look("a", at(130)), known(1), "nobody waits for what may never come");
    fail(&mut cache, 130);
    fail(&mut cache, 3_659);
    assert_eq!(cache.look("a", at(3_659)), known(1));
    assert_eq!(cache.look("a", at(3_660)), Cached::Ask, "that was an hour");
    fail(&mut cache, 3_661);
    assert_eq!(cache.look("a", at(3_661)), Cached::Known(Err(trouble().0)));
}

#[test]
fn what_dns_does_say_holds_at_once() {
    for (failure, answer) in [
        (RouteFailure::NoDomain, Answer::NoDomain),
        (RouteFailure::NullMx, Answer::NullMx),
        (RouteFailure::Loop, hosts(SECOND * 600)),
    ] {
        let mut cache = Cache::default();
        cache.learn("a", Ok(plan(1)), &hosts(SECOND * 600), at(0));
        cache.learn("a", Err(failure.clone()), &answer, at(1));
        assert_eq!(cache.look("a", at(1)), Cached::Known(Err(failure)));
    }
}

#[test]
fn what_was_known_of_a_host_stands_while_its_address_cannot_be_learnt() {
    let host = |name: &str, address: Option<[u8; 4]>| MxHost {
        preference: 10,
        name: name.to_owned(),
        addresses: address.into_iter().map(Into::into).collect(),
        dane: Dane::Absent,
    };
    let mut cache = Cache::default();
    let mut addresses = |hosts: Vec<MxHost>, ttl: Duration, secs| {
        let answer = Answer::Hosts { hosts, ttl, policy: None, authentic: false };
        let plan = plan_of("a", &answer, &Rules::default()).map(Arc::new);
        cache.learn("a", plan, &answer, at(secs));
        match cache.look("a", at(secs)) {
            Cached::Known(Ok(plan)) => {
                plan.places(|_| true, &mut || 0).iter().map(|place| place.address.ip()).collect()
            }
            _ => Vec::new(),
        }
    };
    let [one, two, three] = [[1, 1, 1, 1], [1, 1, 1, 2], [1, 1, 1, 3]];
    let both = vec![host("a.b", Some(one)), host("c.d", Some(two))];
    assert_eq!(addresses(both, SECOND * 60, 0).len(), 2);
    let half = || vec![host("a.b", Some(three)), host("c.d", None)];
    assert_eq!(
        addresses(half(), Duration::ZERO, 60),
        [three, two].map(Into::<std::net::IpAddr>::into)
    );
    assert_eq!(addresses(half(), SECOND * 60, 90).len(), 1, "it is known to have none");
}

/// However often it cannot be learnt: an hour after its time, it is not used any more.
#[test]
fn what_was_known_of_a_host_does_not_stand_for_ever() {
    let host = |name: &str, addresses: &[[u8; 4]]| MxHost {
        preference: 10,
        name: name.to_owned(),
        addresses: addresses.iter().copied().map(Into::into).collect(),
        dane: Dane::Absent,
    };
    let mut cache = Cache::default();
    let mut learn = |addresses: &[[u8; 4]], ttl: u32, secs| {
        let hosts = vec![host("a.b", &[[1, 1, 1, 1]]), host("c.d", addresses)];
        let answer = Answer::Hosts { hosts, ttl: SECOND * ttl, policy: None, authentic: false };
        let plan = plan_of("a", &answer, &Rules::default()).map(Arc::new);
        cache.learn("a", plan, &answer, at(secs));
        let Cached::Known(Ok(plan)) = cache.look("a", at(secs)) else { panic!("it is known") };
        plan.places(|_| true, &mut || 0).len()
    };
    assert_eq!(learn(&[[1, 1, 1, 2]], 60, 0), 2);
    for secs in (60..3_660).step_by(30) {
        assert_eq!(learn(&[], 0, secs), 2, "{secs}");
    }
    assert_eq!(learn(&[], 0, 3_660), 1, "that was an hour");
}

#[test]
fn answers_are_believed_within_bounds() {
    let failure = RouteFailure::NoDomain;
    for (learnt, ttl, believed) in [
        (Ok(plan(1)), 0, 30),
        (Ok(plan(1)), 29, 30),
        (Ok(plan(1)), 31, 31),
        (Ok(plan(1)), 3_600, 3_600),
        (Ok(plan(1)), 3_601, 3_600),
        (Ok(plan(1)), 100_000_000, 3_600),
        (Err(failure.clone()), 3_600, 60),
        (Err(failure), 0, 60),
    ] {
        let mut cache = Cache::default();
        cache.learn("a", learnt.clone(), &hosts(SECOND * ttl), at(0));
        let seen = match cache.look("a", at(believed - 1)) {
            Cached::Renew(plan) => Ok(plan),
            Cached::Known(known) => known,
            other => panic!("{other:?}"),
        };
        assert_eq!(seen, learnt, "{ttl}");
        let mut cache = Cache::default();
        cache.learn("a", learnt.clone(), &hosts(SECOND * ttl), at(0));
        assert_eq!(cache.look("a", at(believed)), Cached::Ask, "{learnt:?} {ttl}");
    }
}

#[test]
fn the_number_of_domains_is_bounded() {
    let mut cache = Cache::default();
    cache.learn("long", Ok(plan(1)), &hosts(SECOND * 3_600), at(0));
    cache.learn("short", Ok(plan(2)), &hosts(SECOND * 40), at(0));
    for domain in 2..DOMAINS_MAX {
        cache.learn(&domain.to_string(), Ok(plan(3)), &hosts(SECOND * 50), at(0));
    }
    assert_eq!(cache.len(), DOMAINS_MAX);
    assert_eq!(cache.look("short", at(1)), known(2));
    assert_eq!(cache.look("new", at(1)), Cached::Ask);
    assert_eq!(cache.len(), DOMAINS_MAX);
    assert_eq!(cache.look("long", at(1)), known(1));
    assert_eq!(cache.look("short", at(1)), Cached::Ask, "its time was up first");
    assert_eq!((cache.domains.len(), cache.ends.len()), (DOMAINS_MAX, DOMAINS_MAX));
}

/// What a plain map from domain to this would do.
#[derive(Clone, Copy, Debug, Default)]
struct Model {
    /// When it was learnt, and for how long.
    learnt: Option<(u64, u64)>,
    asked: Option<u64>,
}

impl Model {
    fn look(&mut self, now: u64) -> Cached {
        let asked = self.asked.filter(|asked| now < asked + 120);
        let fresh = self.learnt.map_or(0, |(since, life)| since + life);
        match (self.learnt, asked) {
            (Some(_), Some(asked)) if asked < fresh => known(1),
            (Some((since, life)), None) if now < fresh && 4 * (now - since) >= 3 * life => {
                self.asked = Some(now);
                Cached::Renew(plan(1))
            }
            _ if now < fresh => known(1),
            (_, Some(_)) => Cached::Asked,
            _ => {
                self.asked = Some(now);
                Cached::Ask
            }
        }
    }
}

#[test]
fn plans_are_forgotten_and_what_was_asked_is_waited_for() {
    let mut cache = Cache::default();
    for name in ["known", "renewed", "asked"] {
        assert_eq!(cache.look(name, at(0)), Cached::Ask);
    }
    for name in ["known", "renewed"] {
        cache.learn(name, Ok(plan(1)), &hosts(SECOND * 100), at(0));
    }
    assert_eq!(cache.look("renewed", at(90)), Cached::Renew(plan(1)));
    cache.forget();
    assert_eq!(cache.look("known", at(91)), Cached::Ask);
    assert_eq!(cache.look("renewed", at(91)), Cached::Asked);
    assert_eq!(cache.look("asked", at(91)), Cached::Asked);
    assert_eq!((cache.ends.len(), cache.len()), (3, 3));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_does_what_a_map_does(
        ops in prop::collection::vec((0_u8..4, any::<bool>(), 0_u64..200, 0_u64..60), 0..200)
    ) {
        let mut cache = Cache::default();
        let mut models = BTreeMap::<u8, Model>::new();
        let mut now = 0;
        for (domain, learn, ttl, wait) in ops {
            now += wait;
            let name = domain.to_string();
            let model = models.entry(domain).or_default();
            if learn {
                cache.learn(&name, Ok(plan(1)), &hosts(SECOND * ttl as u32), at(now));
                *model = Model { learnt: Some((now, ttl.max(30))), asked: None };
            } else {
                prop_assert_eq!(cache.look(&name, at(now)), model.look(now));
            }
            prop_assert_eq!(cache.ends.len(), cache.len());
        }
    }
}
