//! `sites tenants`: a tenant's mail beside another's that has very much queued for the same site.
//!
//! The site says each reply so much later, as one far away does, and takes less than there is. One
//! tenant has its mail queued before the other begins, which sends at a steady rate that is far
//! less than half of what the site takes. Only its messages count, from the engine's 250 to the site's; in every other
//! round there is nobody beside it.

use super::world::{PATIENCE, mail, sent};
use crate::report::{Goal, Report, Table};
use loadgen::send;
use loadgen::sink::{self, Provider};
use serde_json::Value;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::{port, wait};

/// How much mail.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Deliveries queued of the one.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    queued: u64,
    /// Messages of the other, a second.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    rate: u64,
    /// Seconds of a round.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Milliseconds by which each reply of the site is late.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    delay: u64,
}

const SHARDS: usize = 2;
/// How much longer the mail of the one may take.
const LATENCY: f64 = 1.1;
/// Recipients of the other's messages, each a delivery.
const RECIPIENTS: u16 = 100;
const DOMAIN: &str = "shared.test";

const ALONE: &str = "alone";
const BESIDE: &str = "beside the other";

pub(super) fn measure(options: &Options, rounds: u32) -> io::Result<Report> {
    let name = format!("{} a second beside {} queued", options.rate, options.queued);
    let mut table = Table::new(name, &["p99 ms", "p50 ms", "max ms", "queued p99 ms", "left"]);
    for _ in 0..rounds {
        table.add(ALONE, &round(options, 0)?);
        table.add(BESIDE, &round(options, options.queued)?);
    }
    let mut report = Report::default();
    let ratios = table.ratios("p99 ms", BESIDE, ALONE);
    report.figure("p99 beside a tenant with so much", ratios, Goal::AtMost(LATENCY));
    report.tables.push(table);
    Ok(report)
}

fn round(options: &Options, queued: u64) -> io::Result<[f64; 5]> {
    let scratch = Scratch::new("sites-tenants")?;
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let providers = vec![Provider { listen, delay_ms: options.delay, ..Provider::default() }];
    let site = sink::start(sink::Options { providers, seed: 0, ledger: None, threads: 1 })?;
    let (to, own) = (site.providers()[0].addresses[0], port::free()?);
    let settings = format!(
        "[[listener]]\naddress = \"{own}\"\n[[source]]\nname = \"quiet\"\nlistener = [\"{own}\"]\n\
         tenant = \"quiet\"\n[[source]]\nname = \"noisy\"\ntenant = \"noisy\"\n\
         [[route]]\ndomain = \"{DOMAIN}\"\nto = [\"{to}\"]\n\
         [delivery]\nrecipients_per_message = 1\nconnections_per_site = 20\n"
    );
    let spool_settings = "queued_max = 100_000_000\n".to_owned();
    let outfit = Outfit { shards: Some(SHARDS), spool_settings, ..Outfit::default() };
    let engine = Ringpost::start_as(outfit, scratch.path(), &settings)?;
    let domains = || DOMAIN.parse().map_err(io::Error::other);
    if queued > 0 {
        let messages = queued.div_ceil(RECIPIENTS.into());
        sent(send::Options {
            messages,
            recipients: RECIPIENTS,
            domains: domains()?,
            ..mail(&engine)
        })?;
    }
    let messages = options.rate * options.seconds;
    let arrivals = format!("poisson:{}/s", options.rate).parse().map_err(io::Error::other)?;
    sent(send::Options { target: own, messages, arrivals, domains: domains()?, ..mail(&engine) })?;
    let all = || Some(times(&engine)).filter(|times| times.len() as u64 >= messages);
    let (mut whole, mut before): (Vec<f64>, Vec<f64>) =
        wait::until("mail", PATIENCE, all)?.into_iter().unzip();
    whole.sort_by(f64::total_cmp);
    before.sort_by(f64::total_cmp);
    let at = |times: &[f64], percent: usize| times[(times.len() - 1) * percent / 100];
    let [p99, p50, max] = [99, 50, 100].map(|percent| at(&whole, percent));
    Ok([p99, p50, max, at(&before, 99), engine.queued()? as f64])
}

/// The milliseconds until each of the tenant's messages was answered, and of those in the queue.
fn times(engine: &Ringpost) -> Vec<(f64, f64)> {
    let log = engine.log();
    let own = log.lines().filter(|line| line.contains("\"tenant\":\"quiet\""));
    let lines = own.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let attempts = lines.filter(|line| line["event"] == "attempt");
    let times = attempts.filter_map(|line| {
        let [queued, started, answered] =
            ["queued", "started", "answered"].map(|stage| line[stage].as_f64());
        Some((answered?, started? - queued?))
    });
    times.collect()
}
