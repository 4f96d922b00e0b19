//! The command line.

use crate::door;
use crate::settings::{self, Faults, Host, Loaded};
use clap::{Parser, Subcommand};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// A relay engine for bulk mail.
#[derive(Debug, Parser)]
#[command(name = "ringpost", version, about, disable_help_subcommand = true)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Takes mail and delivers it until SIGTERM or SIGINT, then drains
    Run(From),
    /// Shows it all on this machine: providers, 100,000 messages, and the proof
    Demo(crate::demo::Options),
    /// Looks into the spool: what it holds, whether it is sound, one message, all of them
    #[command(subcommand)]
    Spool(crate::spool::Verb),
    /// Shows what waits, by site, and what keeps it
    Queue(door::Queue),
    /// Says why mail does not move: what keeps it, what was said, what comes next, what would help
    Why(door::Why),
    /// Shows the orders that hold: what is paused or goes elsewhere, and which sources are disabled
    Orders(door::Orders),
    /// Sends nothing more to a site, of a tenant or of a campaign for a while
    Pause(door::Pause),
    /// Ends a pause
    Resume(door::Resume),
    /// Tries what waits for a site now
    Flush(door::Site),
    /// Has no connection leave from a source of a pool, at all sites or at one, for a while
    DisableSource(door::Disable),
    /// Puts a source back that was disabled
    EnableSource(door::Source),
    /// Gives up what waits for a site or a domain, of a tenant or a campaign, or one message
    Drop(door::Drop),
    /// Has what waits, and what comes, go by another pool or to other hosts for a while
    Reroute(door::Reroute),
    /// Has it go its usual way again
    EndReroute(door::EndReroute),
    /// Has what waits be due at a time, and not before
    Schedule(door::Schedule),
    /// Has the engine read its settings again, and puts them in force
    Reload(door::Reload),
    /// Makes a token for whoever may ask and order at the admin door
    Token(door::Token),
    /// Says what a host means by a reply: its class, whose quota is spent, and what is asked for
    Reply(crate::reply::Question),
    /// Runs a delivery log once more, in virtual time, under other settings: what would have changed
    Replay(crate::replay::Options),
    /// Makes and checks entries for the file of those who may log in
    #[command(subcommand)]
    User(crate::user::Verb),
    /// Makes settings of those of another relay, and lists what could not come over
    #[command(subcommand)]
    Import(crate::import::Verb),
    /// Looks at settings without starting anything
    #[command(subcommand)]
    Config(Config),
}

#[derive(Debug, Subcommand)]
enum Config {
    /// Says whether the settings are right; if not, where, and what would be
    Check(From),
    /// Prints the settings in force as TOML, each with the line it came from
    Show(From),
    /// Prints the JSON schema of a settings file
    Schema,
}

/// Where the settings are.
#[derive(Debug, clap::Args)]
struct From {
    /// The settings file (TOML); without one, all defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    match Command::parse().verb {
        Verb::Run(from) => with_settings(&from, crate::run::run),
        Verb::Demo(options) => crate::demo::run(&options),
        Verb::Spool(verb) => ended(crate::spool::run(&verb, &host())),
        Verb::Queue(queue) => asked(&door::Verb::Queue(&queue)),
        Verb::Why(why) => asked(&door::Verb::Why(&why)),
        Verb::Orders(orders) => asked(&door::Verb::Orders(&orders)),
        Verb::Pause(pause) => asked(&door::Verb::Order(pause.order())),
        Verb::Resume(resume) => asked(&door::Verb::Order(resume.order())),
        Verb::Flush(site) => asked(&door::Verb::Order(site.order("/flush"))),
        Verb::DisableSource(source) => asked(&door::Verb::Order(source.order())),
        Verb::EnableSource(source) => asked(&door::Verb::Order(source.order("/enable-source"))),
        Verb::Drop(drop) => asked(&door::Verb::Order(drop.order())),
        Verb::Reroute(reroute) => asked(&door::Verb::Order(reroute.order())),
        Verb::EndReroute(end) => asked(&door::Verb::Order(end.order())),
        Verb::Schedule(schedule) => asked(&door::Verb::Order(schedule.order())),
        Verb::Reload(reload) => asked(&door::Verb::Reload(&reload)),
        Verb::Token(token) => status(token.make()),
        Verb::Reply(question) => crate::reply::run(&question),
        Verb::Replay(options) => ended(crate::replay::run(&options, &host())),
        Verb::User(verb) => crate::user::run(&verb).map_or_else(|faults| refuse(&faults), status),
        Verb::Import(verb) => crate::import::run(&verb, &host()),
        Verb::Config(Config::Check(from)) => with_settings(&from, |loaded| {
            crate::run::check(loaded)?;
            say(&format!("settings are right: {}\n", from.name()))?;
            let absent = crate::run::absent(loaded);
            let warnings = loaded.warnings.iter().chain(&absent);
            warnings.into_iter().try_for_each(|warning| say(&format!("warning: {warning}\n")))
        }),
        Verb::Config(Config::Show(from)) => {
            with_settings(&from, |loaded| say(&settings::show(&loaded.entries, &from.name())))
        }
        Verb::Config(Config::Schema) => status(say(&format!("{:#}\n", settings::schema()))),
    }
}

/// Exit status of a command that was asked for something impossible.
pub(crate) const MISUSE: u8 = 2;

fn with_settings(from: &From, work: impl FnOnce(&Loaded) -> io::Result<()>) -> ExitCode {
    match settings::load(from.config.as_deref(), &host()) {
        Ok(loaded) => status(work(&loaded)),
        Err(faults) => refuse(&faults),
    }
}

/// Asks a running engine.
fn asked(verb: &door::Verb<'_>) -> ExitCode {
    ended(door::run(verb, &host()))
}

fn ended(answered: Result<io::Result<ExitCode>, Faults>) -> ExitCode {
    match answered {
        Ok(answered) => answered.unwrap_or_else(|error| status(Err(error))),
        Err(faults) => refuse(&faults),
    }
}

fn refuse(faults: &Faults) -> ExitCode {
    complain(&faults.to_string());
    ExitCode::from(MISUSE)
}

/// What the settings' defaults are made from.
fn host() -> Host {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Host { cores, name: name.trim().to_owned() }
}

fn status(result: io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read us has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("ringpost: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output.
pub(crate) fn say(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}

/// Where nobody listens, there is nobody to tell that.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

impl From {
    fn name(&self) -> String {
        self.config
            .as_ref()
            .map_or_else(|| "defaults".to_owned(), |path| path.display().to_string())
    }
}
