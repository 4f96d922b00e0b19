//! Sites on this machine: very many, one beside others that fail, and one too large for a shard.
//!
//! | `sites` | measures |
//! |---|---|
//! | `many` | as much mail for 2,000 sites as for one |
//! | `dead` | others' mail beside a site that is silent, refuses, or answers late, and without |
//! | `spread` | one site, served by one shard and by two |
//! | `tenants` | a tenant's mail beside another's that has a million queued, and without |
//! | `polite` | five providers with limits, by Ringpost and by Postfix |
//!
//! The sites are `ringload`'s, each with an address of its own, and the engine finds them by DNS. It is
//! a process of its own, of which processor time is read; generator and sink are threads of this
//! one. What is compared takes turns, each figure is a median of the rounds, a goal is shown beside
//! the figure that should reach it, and all speaks to loopback only.

#![allow(clippy::cast_precision_loss, reason = "a figure means three digits")]

mod dead;
mod many;
mod polite;
mod quota;
mod spread;
mod tenants;
mod world;

use crate::report::{self, Report};
use clap::{Parser, Subcommand};
use std::io;
use std::process::ExitCode;

/// Many sites, sites that fail, and one for all shards.
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
    /// As much mail for many sites as for one.
    Many(many::Options),
    /// Others' mail beside a site that is silent, refuses, or answers late, and without.
    Dead(dead::Options),
    /// One site, served by one shard and by two.
    Spread(spread::Options),
    /// A tenant's mail beside another's that has very much queued, and without.
    Tenants(tenants::Options),
    /// Providers with limits, by Ringpost and by Postfix.
    Polite(polite::Options),
}

/// Measures, and shows what was measured.
#[must_use]
pub fn main() -> ExitCode {
    let options = Options::parse();
    let json = options.json;
    report::show("sites", measure(options), json)
}

fn measure(options: Options) -> io::Result<Report> {
    let Options { what, rounds, .. } = options;
    match what {
        What::Many(options) => many::measure(&options, rounds),
        What::Dead(options) => dead::measure(&options, rounds),
        What::Spread(options) => spread::measure(&options, rounds),
        What::Tenants(options) => tenants::measure(&options, rounds),
        What::Polite(options) => polite::measure(&options, rounds),
    }
}

#[cfg(test)]
mod tests;
