//! Who takes part: providers of several natures, those who are written to, and the relay
//! between.

use crate::chance::Chance;
use crate::injector::Addressees;
use crate::ledger::Book;
use crate::provider::{Provider, Temper};
use crate::relay;
use crate::scenario::Scenario;
use kernel::Kernel as _;
use kernel::sim::{Crash, Host, Sim, World};
use loadgen::ledger::Rule;
use loadgen::sink::provider::{Close, Fault, FaultKind, Provider as Profile, Tls};
use loadgen::sink::rate::{Rate, Span};
use loadgen::sink::{Site, profiles};
use policy::Limits;
use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const DOMAINS: [&str; 5] = ["one.test", "two.test", "plain.test", "mx.test", "senders.test"];

/// How the relay limits what it sends.
pub(crate) fn limits(sim: &Sim) -> Limits {
    Limits {
        connections_max: sim.pick(&[1, 2, 10]),
        connections_per_source_max: u16::MAX,
        messages_per_connection_max: sim.pick(&[1, 3, 100]),
        in_flight_max: sim.pick(&[1, 2, 8, 64]),
        in_flight_first: sim.pick(&[1, 64]),
        recipients_per_message_max: sim.pick(&[1, 2, 100]),
        idle: Duration::from_secs(5),
        connection_age_max: sim.pick(&[Duration::from_secs(1), Duration::from_mins(5)]),
    }
}

pub(crate) fn providers(
    world: &Rc<World>,
    relay: Host,
    sim: &Sim,
    book: &Book,
    scenario: &Scenario,
    limits: &Limits,
) -> Vec<Rc<Provider>> {
    let provider = |(number, domain): (u8, &'static str)| {
        // A bounce must get through in its time, or nobody hears what it tells.
        let temper = match scenario.temper {
            Temper::Silent if domain == "senders.test" => Temper::Rough,
            temper => temper,
        };
        let provider = Rc::new(Provider {
            sim: sim.clone(),
            world: Rc::downgrade(world),
            relay,
            book: Rc::clone(book),
            domain,
            address: SocketAddr::from(([10, 1, 0, number], 25)),
            ehlo: domain != "plain.test" || !sim.one_in(3),
            site: Arc::new(Site::new(profile(sim, domain, scenario.faults, limits), sim.roll())),
            temper: Cell::new(temper),
            faulty: Cell::new(true),
            peers: RefCell::default(),
        });
        provider.open();
        provider
    };
    (1..).zip(DOMAINS).map(provider).collect()
}

/// What a provider is like. The rules that `limits` keep are its contract. Of rates, back-offs
/// and quotas the relay knows nothing yet, so these are no part of it.
fn profile(sim: &Sim, domain: &str, faults: bool, limits: &Limits) -> Profile {
    let is_shipped = !["plain.test", "senders.test"].contains(&domain) && sim.one_in(2);
    let mut profile = if is_shipped { shipped(sim) } else { homely(sim, domain, limits) };
    profile.delay_ms = sim.pick(&[0, 0, 20, 400]);
    let contract = Rule::ALL.into_iter().filter(|rule| match rule {
        Rule::Connections => profile.connections_per_source >= limits.connections_max.into(),
        Rule::Messages => profile.messages_per_connection >= limits.messages_per_connection_max,
        Rule::Recipients => profile.recipients_per_message >= limits.recipients_per_message_max,
        Rule::Domains => profile.one_domain_per_message,
        _ => false,
    });
    profile.contract = contract.collect();
    // A bounce must get through in its time.
    profile.fault = (faults && domain != "senders.test").then(|| fault(sim));
    profile
}

/// What goes wrong with a provider's connections: of some, or of all, and early or late.
fn fault(sim: &Sim) -> Fault {
    let kinds = [FaultKind::Reset, FaultKind::Tarpit, FaultKind::Endless, FaultKind::HalfOpen];
    let behind = sim.pick(&[1, 60, 300, 5_000]);
    Fault {
        kind: sim.pick(&kinds),
        share: sim.pick(&[0.1, 0.3, 1.0]),
        at_byte: sim.within(0..behind),
        pause: Span(sim.millis(20..2_000)),
    }
}

/// A provider that ships with `ringload`, scaled to these worlds: there are dozens of messages,
/// and they live a minute.
fn shipped(sim: &Sim) -> Profile {
    let (name, text) = sim.pick(profiles::SHIPPED);
    let mut profile = Profile::read_profile(name, text).expect("what ships is sound");
    profile.tls = Tls::Off;
    profile.connections_per_source = profile.connections_per_source.div_ceil(3);
    profile.messages_per_connection = profile.messages_per_connection.div_ceil(10);
    profile.backoff = Span(profile.backoff.0 / 600);
    if let Some(quota) = &mut profile.quota {
        quota.mail_from = Some(Rate { count: 1, span: Span::secs(1) });
        quota.recovery = Span::secs(1);
    }
    profile
}

/// One that asks for no more than the relay is set to keep, and often closes without a word.
fn homely(sim: &Sim, domain: &str, limits: &Limits) -> Profile {
    let (messages_per_connection, close) = if sim.one_in(4) {
        (sim.within(1..4) as u32, Close::Silently)
    } else {
        (limits.messages_per_connection_max, Close::Say421)
    };
    Profile {
        hostname: "provider.test".to_owned(),
        messages_per_connection,
        close,
        connections_per_source: limits.connections_max.into(),
        recipients_per_message: limits.recipients_per_message_max,
        one_domain_per_message: true,
        pipelining: domain != "plain.test",
        chunking: !sim.one_in(3),
        eight_bit: domain != "plain.test",
        binary: domain != "plain.test" && sim.one_in(2),
        ..Profile::default()
    }
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
    limits: Limits,
    logs: usize,
    seed: u64,
) -> relay::Plan {
    let nobody = SocketAddr::from(([10, 1, 0, 99], 25));
    let (by_mx, by_route): (Vec<_>, Vec<_>) =
        providers.iter().partition(|provider| provider.domain == "mx.test");
    let mut routes: Vec<_> =
        by_route.iter().map(|provider| (provider.domain, vec![provider.address])).collect();
    routes.push(("dead.test", vec![nobody]));
    let mx = by_mx.first().expect("one is by MX").address.ip();
    let hosts = match seed % 3 {
        0 => vec![(10, nobody.ip()), (20, mx)],
        1 => vec![(10, nobody.ip()), (10, mx)],
        _ => vec![(10, dark(world)), (10, mx)],
    };
    relay::Plan {
        host,
        address: SocketAddr::new(world.address(host), 2525),
        routes,
        mx: vec![("mx.test", hosts)],
        limits,
        spread_backlog: [1, 1, 3, usize::MAX][(seed / 3 % 4) as usize],
        held_bytes_max: sim.pick(&[0, 2_000, 1 << 20]),
        queued_max: 10_000,
        schedules: relay::schedule().into(),
        heeds: false,
        sources: Vec::new(),
        callers: Vec::new(),
        logs,
        proxied: false,
    }
}

/// The address of a host that answers nothing, for it has lost its power.
fn dark(world: &World) -> IpAddr {
    let address = SocketAddr::from(([10, 1, 0, 98], 25));
    let host = world.host();
    let listener = world.shard(host).listen(address).expect("addresses are used once");
    world.crash(host, Crash::Power);
    drop(listener);
    address.ip()
}
