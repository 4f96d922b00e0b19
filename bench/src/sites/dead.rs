//! `sites dead`: others' mail beside a site that is silent, refuses, or answers late.
//!
//! Mail comes at a steady rate for some sites that take everything, and, apart, for one more. In turn
//! that one is well; takes connections and never greets; refuses them; and says each reply 10 s
//! late. Only the time from the engine's 250 to the site's is compared, and only that of the others.

use super::world::{World, mail, sent};
use crate::report::{Goal, Report, Table};
use loadgen::send;
use loadgen::sink::{self, Provider};
use loadgen::verify;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use tests::port;
use tests::scratch::Scratch;

/// How much mail, for how long.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Sites that are well.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    sites: u16,
    /// Messages a second for them together.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rate: u64,
    /// Messages a second for the one beside them.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    beside: u64,
    /// Seconds of a round: more than the engine has memory for what waits for the one.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

const SHARDS: usize = 2;
/// How much longer others' mail may take.
const LATENCY: f64 = 1.1;
/// By how much each reply of a late one is late.
const LATE_MS: u64 = 10_000;
const DOMAIN: &str = "beside.test";

/// What is the matter with the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    Silent,
    Refuses,
    Late,
}

impl Trouble {
    const ALL: [Self; 4] = [Self::None, Self::Silent, Self::Refuses, Self::Late];

    const fn name(self) -> &'static str {
        match self {
            Self::None => "all are well",
            Self::Silent => "one is silent",
            Self::Refuses => "one refuses",
            Self::Late => "one is 10 s late",
        }
    }
}

pub(super) fn measure(options: &Options, rounds: u32) -> io::Result<Report> {
    let name = format!("{} a second for {} sites", options.rate, options.sites);
    let mut table = Table::new(name, &["p99 ms", "p50 ms", "p99.9 ms", "max ms"]);
    for _ in 0..rounds {
        for trouble in Trouble::ALL {
            table.add(trouble.name(), &round(options, trouble)?);
        }
    }
    let mut report = Report::default();
    for trouble in &Trouble::ALL[1..] {
        let ratios = table.ratios("p99 ms", trouble.name(), Trouble::None.name());
        let name = format!("p99 of the others where {}", trouble.name());
        report.figure(&name, ratios, Goal::AtMost(LATENCY));
    }
    report.tables.push(table);
    Ok(report)
}

fn round(options: &Options, trouble: Trouble) -> io::Result<[f64; 4]> {
    let scratch = Scratch::new("sites-dead")?;
    let (offered, taken) = (scratch.path().join("sent"), scratch.path().join("received"));
    let world = World::start(options.sites, Some(taken.clone()))?;
    let one = One::start(trouble)?;
    let route = format!("[[route]]\ndomain = \"{DOMAIN}\"\nto = [\"{}\"]\n", one.address()?);
    let engine = world.engine(SHARDS, scratch.path(), &route)?;
    let messages = options.rate * options.seconds;
    let others = send::Options {
        arrivals: poisson(options.rate)?,
        ledger: Some(offered.clone()),
        ..world.mail(&engine, messages)?
    };
    let beside = send::Options {
        arrivals: poisson(options.beside)?,
        messages: options.beside * options.seconds,
        domains: DOMAIN.parse().map_err(io::Error::other)?,
        ..mail(&engine)
    };
    thread::scope(|scope| {
        let beside = scope.spawn(|| sent(beside));
        sent(others)?;
        beside.join().map_err(|_| io::Error::other("the generator panicked"))?
    })?;
    world.wait_for(messages)?;
    world.sink.stop();
    world.sink.join()?;
    let ledgers = verify::Options {
        sent: vec![offered],
        received: vec![taken],
        scratch: scratch.path().into(),
        ..verify::Options::default()
    };
    let proof = verify::verify(&ledgers).map_err(io::Error::other)?;
    if !proof.holds {
        return Err(io::Error::other(format!("{proof}")));
    }
    let transit = proof.transit;
    let all = [transit.p99_micros, transit.p50_micros, transit.p999_micros, transit.max_micros];
    Ok(all.map(|micros| micros as f64 / 1e3))
}

fn poisson(rate: u64) -> io::Result<loadgen::arrivals::Arrivals> {
    format!("poisson:{rate}/s").parse().map_err(io::Error::other)
}

/// The one beside the others, until it is dropped.
enum One {
    Sink(sink::Sink),
    /// Never asked for the connections that wait there.
    Silent(TcpListener),
    Nobody(SocketAddr),
}

impl One {
    fn start(trouble: Trouble) -> io::Result<Self> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let delay_ms = match trouble {
            Trouble::Silent => return TcpListener::bind(listen).map(Self::Silent),
            Trouble::Refuses => return port::free().map(Self::Nobody),
            Trouble::None => 0,
            Trouble::Late => LATE_MS,
        };
        let providers = vec![Provider { listen: vec![listen], delay_ms, ..Provider::default() }];
        let options = sink::Options { providers, seed: 0, ledger: None, threads: 1 };
        sink::start(options).map(Self::Sink)
    }

    fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Sink(sink) => Ok(sink.providers()[0].addresses[0]),
            Self::Silent(listener) => listener.local_addr(),
            Self::Nobody(address) => Ok(*address),
        }
    }
}
