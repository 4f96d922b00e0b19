use super::{About, Answer, Elsewhere, Inquiry, Letter, Load, Order, Question, Verb};
use crate::relay::{Plan, Relay};
use kernel::sim::World;
use policy::replies::Rules;
use policy::{Limits, Schedule};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Nobody answers what it asks DNS: all its mail waits.
fn relay(world: &World) -> Relay {
    let plan = Plan {
        domains: BTreeMap::new(),
        sources: Vec::new(),
        sites: Vec::new(),
        limits: Limits::default(),
        rates: shard::Allowed::default(),
        warmup: None,
        days: Arc::default(),
        schedule: Schedule::default(),
        replies: Arc::clone(Rules::shipped()),
        is_heeded: true,
    };
    Relay::start(world, &plan).unwrap()
}

fn drop_all(is_dry: bool) -> Order {
    Order {
        verb: Verb::Drop,
        about: About { domain: Some("a.test".into()), ..About::default() },
        by: "anna".into(),
        reason: "rehearsal".into(),
        until: None,
        elsewhere: Elsewhere::default(),
        due: None,
        is_dry,
        counted: Load::default(),
    }
}

#[test]
fn what_is_ordered_is_done_also_behind_a_count_that_panicked() {
    let world = World::new(1);
    let relay = relay(&world);
    for to in ["a@a.test", "b@a.test", "c@b.test"] {
        relay.submit("news@sender.test", to, b"Subject: a\r\n\r\nb\r\n");
    }
    world.run_for(Duration::from_secs(1));
    let queued = || relay.meters().shard(0).queued_recipients.get();
    assert_eq!(queued(), 3);
    let count = Question::Order(Arc::new(drop_all(true)));
    let tell = Box::new(|_| panic!("nobody hears it"));
    relay.post(Letter::Inquiry(Box::new(Inquiry { question: count, tell })));
    let order = Question::Order(Arc::new(drop_all(false)));
    assert!(matches!(relay.inquire(&world, order), Answer::Order(Some(_))));
    world.run_for(Duration::from_secs(1));
    assert_eq!(queued(), 1, "it was given up");
    assert!(relay.trouble(&world).is_some(), "the panic is told");
}
