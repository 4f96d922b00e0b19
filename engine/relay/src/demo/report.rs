//! What is said at the end: how fast, at what cost, and the proof.

use super::Results;
use super::providers::Cast;
use super::screen::{bold, dim, grouped, verdict};
use loadgen::latency::{Summary, brief};
use loadgen::verify::Proof;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Prints the report.
pub(super) fn show(results: &Results, proof: &Proof, cast: &Cast) {
    println!();
    rates(results);
    providers(cast);
    cost(results);
    println!();
    account(proof);
}

fn line(label: &str, text: &str) {
    println!("  {label:<26}{text}");
}

fn rates(results: &Results) {
    let sent = &results.sent;
    println!("  {}", bold("Throughput and latency"));
    let (count, mebibytes) = (grouped(sent.messages), sent.bytes >> 20);
    let took = Duration::from_secs_f64(sent.seconds);
    let rate = rate(sent.messages, took);
    line("accepted", &format!("{count} messages, {mebibytes} MiB, in {rate}"));
    let delivered = results.figures.delivered;
    let (count, rate) = (grouped(delivered), self::rate(delivered, results.delivered_in));
    line("delivered", &format!("{count} recipients, retries included, in {rate}"));
    line("final dot to 250", &percentiles(&sent.final_dot));
    line("whole transaction", &percentiles(&sent.transaction));
    println!();
}

/// The time, and so many a second.
fn rate(count: u64, took: Duration) -> String {
    let each_second = u128::from(count) * 1_000 / took.as_millis().max(1);
    let each_second = grouped(u64::try_from(each_second).unwrap_or(u64::MAX));
    format!("{:.1} s: {each_second}/s", took.as_secs_f64())
}

fn percentiles(summary: &Summary) -> String {
    let Summary { p50_micros, p90_micros, p99_micros, max_micros, .. } = *summary;
    let [p50, p90, p99, max] = [p50_micros, p90_micros, p99_micros, max_micros].map(brief);
    format!("p50 {p50}   p90 {p90}   p99 {p99}   max {max}")
}

fn providers(cast: &Cast) {
    println!("  {}", bold("Providers, as they counted"));
    for (role, provider) in cast.providers() {
        let counters = &provider.counters;
        let taken = grouped(counters.delivered.load(Relaxed));
        let connections = grouped(counters.connections.load(Relaxed));
        let deferred = match counters.deferred.load(Relaxed) {
            0 => String::new(),
            count => format!(", {} deferrals", grouped(count)),
        };
        let text = format!("{taken:>7} taken on {connections} connections{deferred}");
        line(role.domain, &text);
    }
    println!();
}

#[expect(clippy::cast_precision_loss, reason = "only shown")]
fn cost(results: &Results) {
    let messages = results.sent.messages.max(1);
    let cpu = results.cost.cpu;
    println!("  {}", bold("The engine's own cost"));
    let each = brief(u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX) / messages);
    line(
        "CPU",
        &format!(
            "{each} a message, received, stored and delivered ({:.1} s in all)",
            cpu.as_secs_f64()
        ),
    );
    line("peak memory", &format!("{} MiB", results.cost.peak_bytes >> 20));
    let commits = results.figures.commits;
    let syncs = commits as f64 / messages as f64;
    line("syncs", &format!("{} group commits, {syncs:.2} a message", grouped(commits)));
    let others = results.sent.cpu_seconds * 1e6 / messages as f64;
    println!(
        "  {}",
        dim(&format!("the generator beside it took {others:.0} us a message of its own"))
    );
}

/// The join of the ledgers of both sides.
fn account(proof: &Proof) {
    println!("  {}", bold("The account: generator's ledger against providers' ledger"));
    println!("{}", proof.account());
    println!();
    if proof.holds {
        let text = "Every accepted message was delivered exactly once, every byte unchanged.";
        println!("  {}", verdict(text, true));
    } else {
        println!("  {}", verdict("The proof fails: see above.", false));
    }
}
