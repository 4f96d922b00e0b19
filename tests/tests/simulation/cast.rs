//! Who takes part: providers of several natures, those who are written to, and the relay
//! between.

use crate::chance::Chance;
use crate::injector::Addressees;
use crate::ledger::Book;
use crate::provider::{Nature, Provider, Temper};
use crate::relay;
use kernel::sim::{Host, Sim, World};
use policy::Limits;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const DOMAINS: [&str; 5] = ["one.test", "two.test", "plain.test", "mx.test", "senders.test"];

pub(crate) fn providers(sim: &Sim, book: &Book, temper: Temper) -> Vec<Rc<Provider>> {
    let nature = |(number, domain): (u64, &'static str)| Nature {
        domain,
        address: SocketAddr::from(([10, 1, 0, number as u8], 25)),
        ehlo: domain != "plain.test" || !sim.one_in(3),
        pipelining: domain != "plain.test",
        eight_bit: domain != "plain.test",
        messages_max: if sim.one_in(4) { sim.within(1..4) } else { u64::MAX },
        slowness_millis: sim.pick(&[0, 0, 20, 400]),
    };
    let provider = |(number, domain)| {
        let nature = nature((number, domain));
        // A bounce must get through in its time, or nobody hears what it tells.
        let temper = match temper {
            Temper::Silent if domain == "senders.test" => Temper::Rough,
            temper => temper,
        };
        let provider = Rc::new(Provider {
            sim: sim.clone(),
            book: Rc::clone(book),
            nature,
            temper: Cell::new(temper),
        });
        provider.open();
        provider
    };
    (1..).zip(DOMAINS).map(provider).collect()
}

pub(crate) fn addressees(dead: bool) -> Addressees {
    let mut domains = vec!["one.test", "one.test", "two.test", "plain.test", "mx.test"];
    domains.extend(["nowhere.test", "null.test"]);
    if dead {
        domains.push("dead.test");
    }
    Addressees {
        domains,
        hopeless: vec!["nowhere.test", "null.test", "dead.test"],
        seven_bit: vec!["plain.test"],
    }
}

pub(crate) fn plan(
    world: &World,
    host: Host,
    sim: &Sim,
    providers: &[Rc<Provider>],
    logs: usize,
) -> relay::Plan {
    let nobody = SocketAddr::from(([10, 1, 0, 99], 25));
    let natures = providers.iter().map(|provider| provider.nature);
    let mut routes: Vec<_> = natures
        .filter(|nature| nature.domain != "mx.test")
        .map(|nature| (nature.domain, vec![nature.address]))
        .collect();
    routes.push(("dead.test", vec![nobody]));
    let mx = providers
        .iter()
        .find(|provider| provider.nature.domain == "mx.test")
        .expect("one is by MX");
    let limits = Limits {
        connections_max: sim.pick(&[1, 2, 10]),
        messages_per_connection_max: sim.pick(&[1, 3, 100]),
        recipients_per_message_max: sim.pick(&[1, 2, 100]),
        idle: Duration::from_secs(5),
    };
    relay::Plan {
        host,
        address: SocketAddr::new(world.address(host), 2525),
        routes,
        mx: vec![("mx.test", vec![nobody.ip(), mx.nature.address.ip()])],
        limits,
        held_bytes_max: sim.pick(&[0, 2_000, 1 << 20]),
        logs,
    }
}
