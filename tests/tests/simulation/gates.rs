//! A relay that does what providers ask: Yahoo's two hours, Google's ladder for one sender's domain,
//! and one connection too many at Orange and Microsoft. Only the key that is named slows, each comes
//! back in the time that is published, and each step is told once.

mod host;
mod log;

use crate::relay::{Plan, Relay, growing};
use host::Host;
use kernel::Kernel;
use kernel::sim::World;
use loadgen::sink::provider::Provider;
use log::{Log, Step};
use policy::{Limits, Schedule};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// As providers have them, but smaller, and with the quotas that this is about.
const PROVIDERS: &str = r#"
[[provider]]
extends = "yahoo"
message_rate = "20/h"
tls = "off"
delay_ms = 20

[[provider]]
extends = "gmail"
quota = { mail_from = "10/5s", recovery = "10m" }
replies.quota = "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your SPF domain [{domain}]. - gsmtp"
contract = ["messages", "domains", "quota"]
tls = "off"
delay_ms = 20

[[provider]]
extends = "orange"
contract = ["messages", "recipients"]
tls = "off"
delay_ms = 1000

[[provider]]
extends = "microsoft"
connections_per_source = 3
tls = "off"
delay_ms = 1000

[[provider]]
extends = "other"
recipients_per_message = 7
delay_ms = 20
"#;

/// Their domains, in the same order; each host is `mx0.` before it.
const DOMAINS: [&str; 5] = [
    "am0.yahoodns.net",
    "mail.google.com",
    "orange.fr",
    "x.olc.protection.outlook.com",
    "else.test",
];

/// Who sends, to which of these, and how many.
const MAIL: [(&str, usize, usize); 7] = [
    ("a.test", 0, 30),
    ("a.test", 1, 20),
    ("b.test", 1, 8),
    ("a.test", 2, 40),
    ("a.test", 3, 40),
    ("a.test", 4, 30),
    (MANY, 4, 6),
];

/// Whose messages have many recipients each.
const MANY: &str = "many.test";
const RECIPIENTS: usize = 40;

/// The same where mail leaves from two addresses: the second when a host would be tried again that did
/// not answer one of them.
const LATER: [(&str, usize, usize); 2] = [("a.test", 0, 28), ("b.test", 0, 8)];

/// When all must be over.
const LIMIT: Duration = Duration::from_mins(130);

/// What one of these worlds is like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// With one shard.
    Alone,
    /// With two, which share a site's connections.
    Spread,
    /// Mail may leave from two addresses.
    Sources,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Alone, Self::Spread, Self::Sources];
}

/// Runs that world.
pub(crate) fn run(kind: Kind) -> Result<(), String> {
    match kind {
        Kind::Alone => {
            play(1, usize::MAX, &[], (&MAIL, Duration::ZERO)).and_then(|log| check(&log))
        }
        Kind::Spread => play(2, 1, &[], (&MAIL, Duration::ZERO)).and_then(|log| check(&log)),
        Kind::Sources => {
            let mail = (&LATER[..], Duration::from_mins(30));
            let log = play(1, usize::MAX, &[("10.0.9.1", 9), ("10.0.9.2", 1)], mail)?;
            one_source(&log)
        }
    }
}

/// So many shards, which help with so much; our addresses, by weight; and the mail, so far apart.
fn play(
    shards: usize,
    spread_backlog: usize,
    sources: &[(&str, u16)],
    (mail, between): (&[(&'static str, usize, usize)], Duration),
) -> Result<Log, String> {
    let world = World::new(7);
    let (host, outside) = (world.host(), world.host());
    let sim = world.shard(outside);
    let providers = Provider::read_file("gates.toml", PROVIDERS).expect("they are sound");
    let hosts = DOMAINS.iter().zip(providers).enumerate().map(|(number, (domain, provider))| {
        let address = SocketAddr::from(([10, 1, 0, number as u8 + 1], 25));
        (*domain, Host::open(&sim, address, provider))
    });
    let hosts: Vec<_> = hosts.collect();
    let mx = hosts.iter().map(|(domain, host)| (*domain, vec![(10, host.address.ip())]));
    let waits = growing(Duration::from_mins(5), Duration::from_hours(4));
    let schedule = Schedule { waits, ..Schedule::default() };
    let plan = Plan {
        host,
        address: SocketAddr::new(world.address(host), 2525),
        routes: Vec::new(),
        mx: mx.collect(),
        limits: Limits { connections_max: 5, ..Limits::default() },
        spread_backlog,
        held_bytes_max: 1 << 20,
        queued_max: 10_000,
        schedules: schedule.into(),
        heeds: true,
        sources: sources
            .iter()
            .map(|(text, weight)| (text.parse().expect("an address"), *weight))
            .collect(),
        callers: Vec::new(),
        logs: shards.max(3),
        proxied: false,
    };
    let relay = Relay::start(&world, &plan, shards);
    world.run_until(Duration::from_mins(1), |_| relay.is_ready());
    let left = Rc::new(Cell::new(mail.len()));
    for (turn, &(sender, to, count)) in mail.iter().enumerate() {
        let (own, left, relay) = (sim.clone(), Rc::clone(&left), plan.address);
        let begins = sim.now() + between * turn as u32;
        sim.spawn(async move {
            own.sleep_until(begins).await;
            let mail = (count, recipients(sender));
            host::send(&own, relay, sender, DOMAINS[to], mail).await.expect("it takes all");
            left.set(left.get() - 1);
        });
    }
    let is_over = |_: &World| left.get() == 0 && relay.meters.balance().queued == 0;
    world.run_until(LIMIT, is_over);
    // The last lines of the log are still to be written.
    world.run_for(Duration::from_secs(1));
    if std::env::args().any(|argument| argument == "--tell") {
        log::tell(&world, host);
    }
    let broken: Vec<_> = hosts.iter().flat_map(|(_, host)| host.broken.take()).collect();
    let panics = world.panics(host);
    match (broken.as_slice(), panics) {
        ([], 0) => Ok(Log::read(&world, host)),
        (_, 0) => Err(format!("rules were broken: {broken:?}")),
        _ => Err(format!("{panics} tasks of the relay panicked")),
    }
}

/// Yahoo has had enough of one of our addresses: it is left out, and the other takes its mail.
fn one_source(log: &Log) -> Result<(), String> {
    let steps = log.steps(DOMAINS[0]);
    told(&steps, &["source-address 10.0.9.1 shut 0 yahoo-two-hours"])?;
    for (sender, to, count) in LATER {
        let taken = log.taken(sender, DOMAINS[to]).len();
        if taken != count {
            return Err(format!("{taken} of {count} from {sender} were taken"));
        }
    }
    let last = log.tries(DOMAINS[0]).last().map(|one| one.at).unwrap_or_default();
    if last > steps[0].at + Duration::from_mins(31) {
        return Err(format!("it took until {last:?}"));
    }
    let from = steps[0].at + Duration::from_secs(15);
    let tries = log.tries(DOMAINS[0]);
    match tries.iter().find(|one| one.at > from && one.source == "10.0.9.1") {
        None => Ok(()),
        Some(one) => Err(format!("{one:?} left from the address that is left out")),
    }
}

fn check(log: &Log) -> Result<(), String> {
    for (sender, to, count) in MAIL {
        let (taken, count) = (log.taken(sender, DOMAINS[to]).len(), count * recipients(sender));
        if taken != count {
            return Err(format!("{taken} of {count} from {sender} were taken by {}", DOMAINS[to]));
        }
    }
    fewer_recipients(log)?;
    two_hours(log)?;
    one_domain(log)?;
    crowd(log, DOMAINS[2], "orange-connections")?;
    crowd(log, DOMAINS[3], "microsoft-connections")?;
    let others = log.steps(DOMAINS[4]);
    if others.is_empty() { Ok(()) } else { Err(format!("nobody asked for {others:?}")) }
}

/// How many recipients each message of a domain has.
fn recipients(sender: &str) -> usize {
    if sender == MANY { RECIPIENTS } else { 1 }
}

/// A host that takes few recipients at a time gets the others at once, and none is put off.
fn fewer_recipients(log: &Log) -> Result<(), String> {
    let tries = log.tries(DOMAINS[4]);
    let of_many: Vec<_> = tries.iter().filter(|one| one.sender.ends_with(MANY)).collect();
    let all = MAIL.iter().filter(|mail| mail.0 == MANY).map(|mail| mail.2 * RECIPIENTS);
    let span = of_many.last().zip(of_many.first()).map(|(last, first)| last.at.since(first.at));
    if of_many.len() == all.sum::<usize>() && span < Some(Duration::from_mins(1)) {
        return Ok(());
    }
    Err(format!("{} tries in {span:?} with fewer recipients", of_many.len()))
}

/// Yahoo: all mail waits for two hours, and then goes.
fn two_hours(log: &Log) -> Result<(), String> {
    let steps = log.steps(DOMAINS[0]);
    let expected = ["site - shut 0 yahoo-two-hours", "site - opened - yahoo-two-hours"];
    told(&steps, &expected)?;
    waits(&steps, Duration::from_hours(2))?;
    silent(&steps, &log.tries(DOMAINS[0]), "")
}

/// Google: the mail of one domain waits for ten minutes, and begins with one; others' goes on.
fn one_domain(log: &Log) -> Result<(), String> {
    let steps = log.steps(DOMAINS[1]);
    let expected = [
        "mail-from-domain a.test shut 0 google-rate-spf",
        "mail-from-domain a.test widened 1 google-rate-spf",
    ];
    told(&steps[..2.min(steps.len())], &expected)?;
    waits(&steps, Duration::from_mins(10))?;
    silent(&steps, &log.tries(DOMAINS[1]), "a.test")?;
    let last = log.taken("b.test", DOMAINS[1]).pop().unwrap_or_default();
    if last > steps[0].at + Duration::from_mins(1) {
        return Err("the mail of another domain was held up".into());
    }
    Ok(())
}

/// One connection too many: none for ten minutes, then one and more, but no more than went well.
fn crowd(log: &Log, domain: &str, rule: &str) -> Result<(), String> {
    let steps = log.steps(domain);
    // Two were answered when the third was turned away.
    let widened = (1..=2).map(|connections| format!("site - widened {connections} {rule}"));
    let expected: Vec<_> =
        std::iter::once(format!("site - shut 0 {rule}")).chain(widened).collect();
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    told(&steps, &expected)?;
    waits(&steps, Duration::from_mins(10))?;
    silent(&steps, &log.tries(domain), "")
}

/// These steps and no others were told, each once.
fn told(steps: &[Step], expected: &[&str]) -> Result<(), String> {
    let found: Vec<_> = steps.iter().map(|step| step.told.as_str()).collect();
    if found == expected { Ok(()) } else { Err(format!("told: {found:#?}")) }
}

/// The second step comes so long after the first.
fn waits(steps: &[Step], pause: Duration) -> Result<(), String> {
    let [first, second, ..] = steps else { return Err("there is no way back".into()) };
    let found = second.at.since(first.at);
    let is_right = found >= pause && found <= pause + Duration::from_secs(1);
    if is_right { Ok(()) } else { Err(format!("{} after {found:?}", second.told)) }
}

/// Nothing of this sender's domain is tried between the first step and the second, but what was on its
/// way.
fn silent(steps: &[Step], tries: &[log::Try], sender: &str) -> Result<(), String> {
    const ON_ITS_WAY: Duration = Duration::from_secs(15);
    let (from, to) = (steps[0].at + ON_ITS_WAY, steps[1].at);
    let is_early = |one: &&log::Try| from < one.at && one.at < to && one.sender.ends_with(sender);
    match tries.iter().find(is_early) {
        None => Ok(()),
        Some(early) => Err(format!(
            "{} was tried at {:?} in spite of {}",
            early.sender, early.at, steps[0].told
        )),
    }
}
