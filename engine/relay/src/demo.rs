//! `ringpost demo`: the engine, providers to deliver to, mail to deliver, and the proof.
//!
//! ```text
//!   generator (this process) --SMTP--> engine (a process of its own) --SMTP--> providers (this process)
//!        ledger: what was accepted                                  ledger: what was delivered
//!                              \______________ joined at the end _____________/
//! ```
//!
//! Everything is on the loopback interface and in one temporary directory, and gone at the
//! end, however it comes.

mod engine;
mod place;
mod providers;
mod report;
mod scrape;
mod screen;

use engine::{Cost, Engine};
use loadgen::clock;
use loadgen::send::{self, Report, Sending};
use loadgen::size::Mix;
use loadgen::verify::{self, Proof};
use place::Place;
use providers::Cast;
use scrape::Figures;
use screen::{Screen, Standing};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::fmt;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// How often we look.
const TICK: Duration = Duration::from_millis(200);
/// After this long without any change the demo gives up.
const STILL_MAX: Duration = Duration::from_mins(1);
const SESSIONS: usize = 32;

/// What to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub struct Options {
    /// How many messages
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub messages: u64,
    /// Keep the temporary directory: settings, spool, logs and ledgers
    #[arg(long)]
    pub keep: bool,
}

/// Why there is nothing to prove.
#[derive(Debug)]
enum Ended {
    /// Ctrl-C, or the like.
    Interrupted,
    /// The engine did what it should not; the end of what it said.
    Engine(String),
    /// Nothing moved any more; where things stood.
    Stuck(String),
    /// The machine's fault.
    Io(io::Error),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("stopped; everything is cleaned up"),
            Self::Engine(said) => write!(f, "the engine ended: {said}"),
            Self::Stuck(standing) => write!(f, "nothing moved for a minute: {standing}"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// Runs the demo. Success means that the proof holds.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    match show(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Ended::Interrupted) => {
            eprintln!("\n  {}", Ended::Interrupted);
            ExitCode::from(130)
        }
        Err(ended) => {
            eprintln!("\n  demo: {ended}");
            ExitCode::FAILURE
        }
    }
}

/// All that came of it.
struct Results {
    sent: Report,
    cost: Cost,
    figures: Figures,
    /// From the first connection to the last delivery.
    delivered_in: Duration,
}

/// Says whether the proof holds.
fn show(options: &Options) -> Result<bool, Ended> {
    let interrupted = watch_signals()?;
    let place = Place::make(options.keep)?;
    let cast = Cast::start(&place)?;
    let ports = engine::free_ports()?;
    let settings = place.write_settings(&cast, ports)?;
    screen::introduce(options.messages, &place, &settings);
    let mut engine = Engine::start(&place, ports)?;
    let results = engine.wait_until_ready(&interrupted).and_then(|()| {
        screen::started(&engine, &place);
        watch(options, &place, &cast, &engine, &interrupted)
    });
    let stopped = engine.stop();
    let results = match (results, stopped) {
        // How it ended says more than that it did not answer.
        (Ok(_) | Err(Ended::Engine(_)), Err(ended)) => Err(ended),
        (results, _) => results,
    };
    let results = results.map_err(|ended| place.explain(ended))?;
    let proof = prove(&place)?;
    report::show(&results, &proof, &cast);
    place.farewell();
    Ok(proof.holds && results.sent.unsent == 0)
}

fn prove(place: &Place) -> io::Result<Proof> {
    let options = verify::Options {
        sent: vec![place.sent()],
        received: vec![place.received()],
        scratch: place.path().to_owned(),
        ..verify::Options::default()
    };
    verify::verify(&options).map_err(|unreadable| io::Error::other(unreadable.to_string()))
}

fn watch_signals() -> io::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    Ok(interrupted)
}

/// Sends, and waits until the engine has nothing left.
fn watch(
    options: &Options,
    place: &Place,
    cast: &Cast,
    engine: &Engine,
    interrupted: &AtomicBool,
) -> Result<Results, Ended> {
    let mail = send::Options {
        messages: options.messages,
        sessions: SESSIONS,
        sizes: Mix::named("mixed").unwrap_or_else(|| Mix::exactly(4_096)),
        domains: providers::domains(),
        ledger: Some(place.sent()),
        run: 1,
        ..send::Options::new(engine.smtp())
    };
    let mut screen = Screen::new(options.messages, &mail.recipients_by_domain());
    let before = engine.cost();
    let sending = send::start(mail)?;
    let settled = follow(&sending, cast, engine, &mut screen, interrupted);
    match settled {
        Err(Ended::Interrupted) => screen.clear(),
        _ => screen.finish(),
    }
    let (delivered_in, figures) = settled?;
    let used = engine.cost().since(before);
    Ok(Results { sent: sending.join()?, cost: used, figures, delivered_in })
}

/// Looks on until everything accepted is settled. Returns how long that took, and the engine's
/// last figures.
fn follow(
    sending: &Sending,
    cast: &Cast,
    engine: &Engine,
    screen: &mut Screen,
    interrupted: &AtomicBool,
) -> Result<(Duration, Figures), Ended> {
    let began = clock::now();
    let mut still = Duration::ZERO;
    let mut last = Standing::default();
    loop {
        thread::sleep(TICK);
        let waited = Duration::from_nanos(clock::now().saturating_sub(began));
        if interrupted.load(Relaxed) {
            return Err(Ended::Interrupted);
        }
        let figures = engine.figures()?;
        let standing = Standing::of(sending, cast, &figures);
        screen.show(&standing, waited);
        if sending.has_ended() && figures.queued == 0 && figures.settled() >= standing.accepted {
            return Ok((waited, figures));
        }
        still = if standing == last { still + TICK } else { Duration::ZERO };
        if still > STILL_MAX {
            return Err(Ended::Stuck(standing.to_string()));
        }
        last = standing;
    }
}

#[cfg(test)]
mod tests;
