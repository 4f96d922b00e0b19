//! The listener on this machine: what connections cost that say nothing, say it slowly, or say it under TLS.
//!
//! | `listener` | measures |
//! |---|---|
//! | `held` | memory of connections that say nothing, as more and more of them come: plain, and under TLS |
//! | `slow` | a load beside slow writers, and without |
//! | `tls` | our side of handshakes, and of the bytes behind them |
//!
//! The engine is a process of its own, of which memory and processor time are read. What is
//! compared takes turns, each figure is a median of the rounds, a goal is shown beside the figure that
//! should reach it, and all speaks to loopback only.

#![allow(clippy::cast_precision_loss, reason = "a figure means three digits")]

mod held;
mod slow;
mod tls;

use crate::report::{self, Report};
use clap::{Parser, Subcommand};
use std::io;
use std::process::ExitCode;

/// What those cost who connect to us.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    what: What,
    /// Rounds of everything; medians are shown.
    #[arg(long, global = true, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Memory of connections that say nothing, as more and more of them come.
    Held(held::Options),
    /// A load beside slow writers, and without.
    Slow(slow::Options),
    /// Our side of handshakes, and of the bytes behind them.
    Tls(tls::Options),
}

/// Measures, and shows what was measured.
#[must_use]
pub fn main() -> ExitCode {
    let options = Options::parse();
    let json = options.json;
    report::show("listener", measure(options), json)
}

fn measure(options: Options) -> io::Result<Report> {
    let Options { what, rounds, .. } = options;
    match what {
        What::Held(options) => held::measure(&options, rounds),
        What::Slow(options) => slow::measure(&options, rounds),
        What::Tls(options) => tls::measure(&options, rounds).map_err(io::Error::other),
    }
}

#[cfg(test)]
mod tests;
