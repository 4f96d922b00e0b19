//! `ringpost replay`: a delivery log once more, under other settings.
//!
//! The engine itself runs in virtual time ([`rehearsal`]), twice: by the settings in force and by the new
//! ones. Mail comes when it came, and is for whom it was for. Its hosts say what the log knows of them
//! ([`provider`]). What the log itself says stands beside both, so that it is seen how far the first of
//! them is from what happened, and so how much the second is to be believed.

mod bucket;
mod line;
mod log;
mod names;
mod places;
mod provider;
mod report;
mod run;
mod tally;
mod visit;

use crate::command::say;
use crate::run::politeness;
use crate::settings::{self, Faults, Host, Loaded};
use log::Log;
use places::Places;
use report::Report;
use run::Stage;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

/// What is run, and by what.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A replay estimates, it does not prove. What it knows of hosts ends where the log does:

- Single recipients hear again what they heard, one try after the other, whenever those come.
- A provider that refused mail under load is taken to have a bucket: it takes so many messages, and so
  many more in a time, as explain what it took and refused. It may take more; that it does is not in the log.
- One that turned connections away while it took mail on others is taken to bear no more connections
  than were busy at one time in the log.
- What it said to everybody for other reasons holds from then until it was seen to take mail, less a
  minute. Trying sooner shows as more refusals and never as a gain, for nobody knows when it would have
  taken mail again. How it would have taken to being asked more often is not known either.
- Hosts that never said no, in the log, never do: that they bear more than they had is an assumption.
- Words that no rule knows are read by their codes.

Not in the log, and left out: TLS and what is demanded of it, DNS, routes, proxies, the time that a
connection takes to open, how many messages a host takes on one. Each recipient is a message of its own.
Tenants, campaigns and pools that mail named are not: all of it is bulk, and leaves by the usual pool.
Sizes are those of the log if either file has a byte_rate. What was put off before the log begins counts
as come with its first line. One shard runs, whatever `shards` says.

Both runs go on until all mail is settled, at most for a day behind the end of the log. A million
recipients take minutes of two cores. The two runs take half a gigabyte of memory whatever the log is,
nearly all of it their spools; each recipient of the log takes 20 to 56 bytes besides, and what waits at
one time as much as in the engine.")]
pub(crate) struct Options {
    /// The delivery log
    log: PathBuf,
    /// The new settings: a settings file, of which limits, rates, retries, pools and rules of replies count
    #[arg(long, value_name = "FILE")]
    profiles: PathBuf,
    /// The settings in force when the log was written; without it, all defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Every site, also where nothing would have changed
    #[arg(long)]
    all: bool,
    /// All of it as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs it and says what is different.
pub(crate) fn run(options: &Options, host: &Host) -> Result<io::Result<ExitCode>, Faults> {
    let old = settings::load(options.config.as_deref(), host)?;
    let new = settings::load(Some(&options.profiles), host)?;
    Ok(compare(options, &old, &new))
}

fn compare(options: &Options, old: &Loaded, new: &Loaded) -> io::Result<ExitCode> {
    let rules = (politeness(old)?.rules, politeness(new)?.rules);
    let name = options.log.display().to_string();
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
    let source = BufReader::with_capacity(1 << 20, File::open(&options.log).map_err(named)?);
    let mut log = Log::read(&name, source, &rules.0)?;
    let providers = provider::learn(&mut log);
    let log = Arc::new(log);
    let places = Arc::new(Places::of(&log));
    let has_sizes = has_byte_rate(old) || has_byte_rate(new);
    let stage = Stage { log, providers, places, has_sizes };
    // A core each: they have nothing in common but what they read.
    let (before, after) = thread::scope(|scope| {
        let first = scope.spawn(|| run::run(&stage, old));
        let after = run::run(&stage, new);
        (first.join(), after)
    });
    let before = before.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let report = Report::of(&name, &stage, (before, after?), (&rules.0, &rules.1));
    if options.json {
        say(&format!("{}\n", serde_json::to_string(&report)?))?;
    } else {
        say(&report.text(options.all))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn has_byte_rate(loaded: &Loaded) -> bool {
    let settings = &loaded.settings;
    let sites = settings.sites.iter().map(|site| &site.limits);
    let mut all = sites.chain([&settings.delivery]);
    all.any(|limits| limits.rates.bytes.is_some())
}

#[cfg(test)]
mod tests;
