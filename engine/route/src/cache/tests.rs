use super::{Cache, Cached, DOMAINS_MAX, PATIENCE};
use crate::{Answer, RouteFailure, SitePlan};
use event::Tick;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn plan(port: u16) -> Arc<SitePlan> {
    Arc::new(SitePlan::fixed(&[([127, 0, 0, 1], port).into()]))
}

fn hosts(ttl: Duration) -> Answer {
    Answer::Hosts { hosts: Vec::new(), ttl }
}

fn at(secs: u64) -> Tick {
    Tick(1) + SECOND * secs as u32
}

#[test]
fn a_domain_is_asked_about_once_at_a_time() {
    let mut cache = Cache::default();
    assert_eq!(cache.look("a", at(0)), Cached::Ask);
    assert_eq!(cache.look("a", at(0)), Cached::Asked);
    assert_eq!(cache.look("b", at(0)), Cached::Ask);
    cache.learn("a", Ok(plan(1)), &hosts(SECOND * 60), at(5));
    assert_eq!(cache.look("a", at(64)), Cached::Known(Ok(plan(1))));
    assert_eq!(cache.look("a", at(65)), Cached::Ask, "its time is up");
    assert_eq!(cache.look("a", at(65)), Cached::Asked);
    assert_eq!(cache.look("b", at(119)), Cached::Asked);
    assert_eq!(cache.look("b", at(120)), Cached::Ask, "the answer got lost");
    assert_eq!(PATIENCE, SECOND * 120);
}

#[test]
fn answers_are_believed_within_bounds() {
    let failure = RouteFailure::NoDomain;
    for (known, ttl, believed) in [
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
        cache.learn("a", known.clone(), &hosts(SECOND * ttl), at(0));
        assert_eq!(
            cache.look("a", at(believed - 1)),
            Cached::Known(known.clone()),
            "{known:?} {ttl}"
        );
        assert_eq!(cache.look("a", at(believed)), Cached::Ask, "{known:?} {ttl}");
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
    assert_eq!(cache.look("short", at(1)), Cached::Known(Ok(plan(2))));
    assert_eq!(cache.look("new", at(1)), Cached::Ask);
    assert_eq!(cache.len(), DOMAINS_MAX);
    assert_eq!(cache.look("long", at(1)), Cached::Known(Ok(plan(1))));
    assert_eq!(cache.look("short", at(1)), Cached::Ask, "its time was up first");
    assert_eq!((cache.domains.len(), cache.ends.len()), (DOMAINS_MAX, DOMAINS_MAX));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    /// Beside a plain map from domain to (end, what is known).
    #[test]
    fn it_does_what_a_map_does(
        ops in prop::collection::vec((0_u8..4, any::<bool>(), 0_u64..200, 0_u64..60), 0..200)
    ) {
        let mut cache = Cache::default();
        let mut model = BTreeMap::new();
        let mut now = 0;
        for (domain, learn, ttl, wait) in ops {
            now += wait;
            let name = domain.to_string();
            if learn {
                cache.learn(&name, Ok(plan(1)), &hosts(SECOND * ttl as u32), at(now));
                model.insert(domain, (now + ttl.max(30), true));
                continue;
            }
            let wanted = match model.get(&domain) {
                Some((end, true)) if now < *end => Cached::Known(Ok(plan(1))),
                Some((end, false)) if now < *end => Cached::Asked,
                _ => {
                    model.insert(domain, (now + 120, false));
                    Cached::Ask
                }
            };
            prop_assert_eq!(cache.look(&name, at(now)), wanted);
            prop_assert_eq!(cache.ends.len(), cache.len());
        }
    }
}
