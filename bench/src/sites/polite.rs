//! `sites polite`: five providers with limits, and how each relay gets on with them.
//!
//! Google, Yahoo, Microsoft, Orange and one that nobody knows, by `ringload`'s profiles, each reply a
//! round trip late. Mail comes at a steady rate, for each provider a little less than it takes of a
//! sender that keeps to its limits with one message a connection on its way. In turn: Ringpost with what
//! it ships with, Postfix with what it ships with, and Postfix as its documentation advises.

mod postfix;

use crate::report::{Goal, Report, Table};
use loadgen::send;
use loadgen::sink::dns::{self, Dns};
use loadgen::sink::{self, Simulated, profiles};
use loadgen::size::Mix;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::{port, wait};

/// How long.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Seconds of a round.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Milliseconds by which each reply is late.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=1_000))]
    delay: u64,
}

/// A provider, and what comes for it.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Its profile.
    profile: &'static str,
    /// The one of its domains that mail is for.
    domain: &'static str,
    /// Messages a second. At 50 ms a reply, a connection on which one message at a time is on its way
    /// carries ten.
    rate: u32,
    /// Connections that it takes, and messages on each: what its senders know, or find out.
    connections: u32,
    messages: u32,
}

const fn part(profile: &'static str, domain: &'static str, rate: u32, limits: (u32, u32)) -> Part {
    Part { profile, domain, rate, connections: limits.0, messages: limits.1 }
}

const PARTS: [Part; 5] = [
    part("gmail", "gmail.com", 40, (5, 50)),
    part("yahoo", "yahoo.com", 30, (5, 20)),
    part("microsoft", "outlook.com", 40, (5, 50)),
    part("orange", "orange.fr", 15, (2, 100)),
    part("other", "other.example", 60, (10, 100)),
];

/// What takes the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contestant {
    Ringpost,
    Postfix,
    PostfixAdvised,
}

impl Contestant {
    const ALL: [Self; 3] = [Self::Ringpost, Self::Postfix, Self::PostfixAdvised];

    const fn name(self) -> &'static str {
        match self {
            Self::Ringpost => "Ringpost",
            Self::Postfix => "Postfix, its defaults",
            Self::PostfixAdvised => "Postfix, as advised",
        }
    }
}

/// What is put off, and connections and commands that are answered with 421, in hundredths of all answers.
const DEFERRED_MAX: f64 = 2.0;
/// What came in time, in hundredths of what was offered.
const IN_TIME_MIN: f64 = 90.0;
/// What came within this after the last message was offered came in time.
const GRACE: Duration = Duration::from_secs(2);

const COLUMNS: [&str; 5] = ["in time %", "deferred %", "turned away", "broken", "connections"];

pub(super) fn measure(options: &Options, rounds: u32) -> io::Result<Report> {
    let name = format!("{} s, replies {} ms late", options.seconds, options.delay);
    let mut table = Table::new(name, &COLUMNS);
    for _ in 0..rounds {
        for contestant in Contestant::ALL {
            if contestant != Contestant::Ringpost && !postfix::is_there() {
                continue;
            }
            for (part, numbers) in PARTS.iter().zip(round(options, contestant)?) {
                table.add(&row(contestant, part), &numbers);
            }
        }
    }
    let mut report = Report::default();
    for part in &PARTS {
        let of = |column| table.rounds(&row(Contestant::Ringpost, part), column).to_vec();
        let named = |what: &str| format!("Ringpost at {}: {what}", part.profile);
        report.figure(&named("broken limits"), of("broken"), Goal::AtMost(0.0));
        report.figure(&named("deferred %"), of("deferred %"), Goal::AtMost(DEFERRED_MAX));
        report.figure(&named("in time %"), of("in time %"), Goal::AtLeast(IN_TIME_MIN));
    }
    report.tables.push(table);
    Ok(report)
}

fn row(contestant: Contestant, part: &Part) -> String {
    format!("{}: {}", contestant.name(), part.profile)
}

fn round(options: &Options, contestant: Contestant) -> io::Result<Vec<[f64; COLUMNS.len()]>> {
    let scratch = Scratch::new("sites-polite")?;
    let world = World::start(options)?;
    match contestant {
        Contestant::Ringpost => {
            let relay = world.ringpost(scratch.path())?;
            world.figures(options, relay.smtp())
        }
        Contestant::Postfix => {
            let relay = postfix::start(scratch.path(), &world.sink, false)?;
            world.figures(options, relay.address())
        }
        Contestant::PostfixAdvised => {
            let relay = postfix::start(scratch.path(), &world.sink, true)?;
            world.figures(options, relay.address())
        }
    }
}

/// The providers, and their names.
struct World {
    sink: sink::Sink,
    port: u16,
    dns: Dns,
}

impl World {
    fn start(options: &Options) -> io::Result<Self> {
        let port = port::free()?.port();
        let read = |part: &Part| {
            let provider = profiles::read(part.profile).map_err(io::Error::other)?;
            Ok(sink::Provider { delay_ms: options.delay, ..provider })
        };
        let mut providers = PARTS.iter().map(read).collect::<io::Result<Vec<_>>>()?;
        profiles::place(&mut providers, port).map_err(io::Error::other)?;
        let sink = sink::start(sink::Options { providers, seed: 0, ledger: None, threads: 1 })?;
        let zone = dns::Zone::new(sink.providers()).map_err(io::Error::other)?;
        let dns = dns::serve(([127, 0, 0, 1], 0).into(), zone)?;
        Ok(Self { sink, port, dns })
    }

    /// With what it ships with, but for where names and hosts are.
    fn ringpost(&self, folder: &Path) -> io::Result<Ringpost> {
        let settings = format!(
            "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
             [[route]]\ndomain = \"*\"\nport = {}\n[delivery]\nheed_replies = true\n",
            self.dns.address, self.port
        );
        Ringpost::start_as(Outfit::default(), folder, &settings)
    }

    /// Offers the mail, and says for each provider what became of it.
    fn figures(
        &self,
        options: &Options,
        relay: SocketAddr,
    ) -> io::Result<Vec<[f64; COLUMNS.len()]>> {
        let rate: u32 = PARTS.iter().map(|part| part.rate).sum();
        let messages = u64::from(rate) * options.seconds;
        let domains: Vec<_> =
            PARTS.iter().map(|part| format!("{}={}", part.domain, part.rate)).collect();
        let mail = send::Options {
            messages,
            arrivals: format!("constant:{rate}/s").parse().map_err(io::Error::other)?,
            domains: domains.join(",").parse().map_err(io::Error::other)?,
            sizes: Mix::exactly(2_048),
            ..send::Options::new(relay)
        };
        super::world::sent(mail)?;
        // Who has taken all of it needs no grace.
        let _ = wait::until("all", GRACE, || (self.sink.messages() >= messages).then_some(()));
        let offered = |part: &Part| messages as f64 * f64::from(part.rate) / f64::from(rate);
        let providers = self.sink.providers().iter().zip(&PARTS);
        Ok(providers.map(|(provider, part)| numbers(provider, offered(part))).collect())
    }
}

fn numbers(provider: &Simulated, offered: f64) -> [f64; COLUMNS.len()] {
    let count = |counter: &AtomicU64| counter.load(Relaxed) as f64;
    let counters = &provider.counters;
    let (taken, turned_away) = (count(&counters.delivered), count(&counters.turned_away));
    let deferred = count(&counters.deferred) + turned_away;
    [
        100.0 * taken / offered,
        100.0 * deferred / (taken + deferred).max(1.0),
        turned_away,
        count(&counters.broken),
        count(&counters.connections),
    ]
}
