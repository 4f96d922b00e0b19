//! Start, run, stop.
//!
//! One thread a shard, one for control, one for signals; this one waits. What happens to
//! them comes to it as [`Happened`], in one channel.
//!
//! ```text
//!  settings -> spool locked -> control -> shards -> listening
//!     ^ a fault here ends it with status 1         |
//!                                           SIGTERM, SIGINT, or a shard's end
//!                                                  v
//!                             draining: 421, transactions end, all synced -> status 0
//!                                                  | a second signal, or 30 seconds
//!                                                  v
//!                                               status 1
//! ```

mod access;
mod bounces;
mod egress;
mod gates;
mod guard;
mod host;
mod keepers;
mod live;
mod notify;
mod pauses;
mod policies;
mod politeness;
mod reload;
mod reports;
mod shards;
mod sockets;
mod survey;
mod tls;
mod warmup;

pub(crate) use egress::absent;
pub(crate) use live::{Asker, live_asking};
pub(crate) use politeness::politeness;
pub(crate) use tls::check;

use crate::settings::{DELAY_MAX, Durability, Loaded, Settings, load_tokens};
use crate::spool::SpoolLock;
use arc_swap::ArcSwap;
use event::Meters;
use keepers::Keepers;
use kernel::Sender;
use kernel::uring::DriverReport;
use reload::{Desk, Wish};
use shard::Letter;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender as Post, channel};
use std::thread;
use std::time::Duration;

/// How long a drain may take in all.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How long transactions in flight get of it; the rest is for the last syncs.
const TRANSACTIONS_MAX: Duration = Duration::from_secs(25);
/// How often the control thread is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const _: () = assert!(TRANSACTIONS_MAX.as_secs() < DRAIN_MAX.as_secs(), "the last syncs get time");
const _: () = assert!(
    DELAY_MAX.as_secs() + 10 <= TRANSACTIONS_MAX.as_secs(),
    "transactions get time, however long mail is still taken"
);

/// What this thread waits for.
enum Happened {
    /// Somebody wants us to stop.
    Signal,
    /// Somebody wants the settings read again.
    Reload(Wish),
    /// A shard has opened its doors.
    Listening(Vec<SocketAddr>),
    /// A shard has ended; with the cause, if it was not asked to.
    Ended(Result<(), String>),
}

/// Everything that runs.
struct Relay {
    control: control::Control,
    meters: Arc<Meters>,
    shards: Vec<Sender<Letter>>,
    /// Shards that have not ended.
    running: usize,
    happened: Receiver<Happened>,
    /// How long mail is still taken when we are told to stop.
    delay: Duration,
    keepers: Keepers,
    desk: Desk,
    _lock: SpoolLock,
}

/// Runs the relay until it is told to stop.
///
/// # Errors
/// What kept it from starting, or ended it before its time.
pub fn run(loaded: &Loaded) -> io::Result<()> {
    run_and_tell(loaded, || ())
}

/// [`run`]; calls `listening` once all doors are open.
fn run_and_tell(loaded: &Loaded, listening: impl FnOnce()) -> io::Result<()> {
    trace();
    loaded.warnings.iter().for_each(warn);
    absent(loaded).iter().for_each(warn);
    let mut relay = start(loaded)?;
    let open = relay.listen();
    // Whoever never knew that we are here need not be told that we go.
    let known = matches!(open, Ok(true));
    let outcome = open.and_then(|open| {
        if !open {
            return Ok(());
        }
        notify::notify(notify::READY);
        listening();
        relay.wait()
    });
    let drained = relay.drain(known);
    relay.control.stop();
    relay.keepers.write();
    outcome.and(drained)
}

fn start(loaded: &Loaded) -> io::Result<Relay> {
    let settings = &loaded.settings;
    let (post, happened) = channel();
    watch_signals(post.clone())?;
    let driver = kernel::uring::probe();
    introduce(settings, &driver);
    host::raise_descriptor_limit(settings).iter().for_each(warn);
    let sockets = sockets::open(&settings.listeners)?;
    let lock = SpoolLock::take(&settings.spool.path)?;
    make_log_directory(settings)?;
    let keyring = tls::Keyring::open(loaded)?;
    let connector = tls::connector(loaded)?;
    let policies = policies::policies(loaded)?;
    policies::warning(policies.as_ref()).iter().for_each(warn);
    let (politeness, keepers) = Keepers::open(politeness(loaded)?, settings);
    let reports = reports::reports(loaded)?;
    let ledger = reports.as_ref().map(|reports| Arc::clone(&reports.ledger));
    let sources = guard::sources(settings);
    let named = Arc::new(ArcSwap::from_pointee(sources.load().named()));
    let gates = shards::gates(settings, sockets, &keyring, &sources);
    let meters = Meters::new(settings.shards);
    let (verifier, reading) = access::open(settings)?.unzip();
    let tokens = settings.admin.tokens.as_deref().map(load_tokens).transpose();
    let (senders, mailboxes) = shards::mailboxes(settings);
    let posts = Arc::new(survey::Posts::new(&senders, loaded, post.clone()));
    let mut control = control::start(control::Setup {
        admin: settings.admin.address,
        tokens: tokens.map_err(io::Error::other)?.unwrap_or_default(),
        shards: Some(Arc::clone(&posts) as _),
        agent: settings.agent.address,
        dns: policies::servers(settings),
        policies,
        reports,
        logins: verifier.as_ref().map(control::auth::Verifier::counts),
        meters: Arc::clone(&meters),
        sources: Arc::clone(&named),
        unknown: Arc::clone(&politeness.unknown),
        facts: facts(settings, &driver),
        chores: reading.into_iter().chain([keyring.chore()]).chain(keepers.chores()).collect(),
    })?;
    control.warnings().iter().for_each(warn);
    let access = verifier.map(access::doorkeeper);
    let resolver = control.resolver();
    let live = live::live(loaded, (&resolver, &connector, &meters), politeness, None)?;
    posts.note(loaded, &live);
    shards::start(
        settings,
        &gates,
        &lock,
        &meters,
        &live,
        (access.as_ref(), ledger.as_ref()),
        (&senders, mailboxes, &post),
    )?;
    control.report_by(reports::post(&settings.tls_report, &settings.hostname, senders.clone()));
    let (running, delay, counts) = (senders.len(), settings.drain.delay, Arc::clone(&meters));
    let (loaded, shards) = (loaded.clone(), senders.clone());
    let desk = Desk { loaded, live, resolver, counts, sources, named, posts, shards };
    let shards = senders;
    Ok(Relay { control, meters, running, shards, happened, delay, keepers, desk, _lock: lock })
}

impl Relay {
    /// Waits until every shard's doors are open; false if we are told to stop before.
    fn listen(&mut self) -> io::Result<bool> {
        let mut opening = self.shards.len();
        while opening > 0 {
            match self.happened.recv().map_err(io::Error::other)? {
                Happened::Listening(addresses) => {
                    opening -= 1;
                    if opening == 0 {
                        self.announce(&addresses);
                    }
                }
                Happened::Signal => return Ok(false),
                Happened::Reload(wish) => self.desk.fulfil(wish),
                Happened::Ended(result) => return Err(self.untimely(result)),
            }
        }
        Ok(true)
    }

    fn announce(&self, addresses: &[SocketAddr]) {
        let found: u64 =
            self.meters.shards().iter().map(|shard| shard.recovered_recipients.get()).sum();
        if found > 0 {
            say(format!("found {found} recipients still to be served"));
        }
        for address in addresses {
            say(format!("listening on {address} for SMTP"));
        }
        say(format!("http://{}/ shows metrics and health", self.control.address()));
    }

    /// Waits until it is time to stop.
    fn wait(&mut self) -> io::Result<()> {
        loop {
            match self.happened.recv_timeout(LOOK_EVERY) {
                Ok(Happened::Signal) => return Ok(()),
                Ok(Happened::Reload(wish)) => {
                    notify::notify(&notify::reloading());
                    self.desk.fulfil(wish);
                    notify::notify(notify::READY);
                }
                Ok(Happened::Ended(result)) => return Err(self.untimely(result)),
                Ok(Happened::Listening(_)) => (),
                Err(RecvTimeoutError::Timeout) if self.control.is_alive() => (),
                Err(_) => return Err(io::Error::other("the control thread has ended")),
            }
        }
    }

    fn untimely(&mut self, result: Result<(), String>) -> io::Error {
        self.running -= 1;
        io::Error::other(result.err().unwrap_or_else(|| "a shard has ended by itself".to_owned()))
    }

    /// Lets what is in flight finish, and waits for the last sync.
    fn drain(&mut self, known: bool) -> io::Result<()> {
        self.control.drain();
        notify::notify(notify::STOPPING);
        let lingered = if known { self.linger() } else { Ok(()) };
        say("draining: no new mail, transactions in flight finish".to_owned());
        // Whatever has happened meanwhile, what the others hold in memory is to be written.
        self.shards.iter().for_each(|shard| shard.post(Letter::Drain));
        let drained = self.wait_for_shards();
        lingered.and(drained)
    }

    /// Waits until every shard has drained.
    fn wait_for_shards(&mut self) -> io::Result<()> {
        let looks = DRAIN_MAX.saturating_sub(self.delay).as_millis() / LOOK_EVERY.as_millis();
        let mut left = looks;
        let mut drained = Ok(());
        while self.running > 0 {
            match self.happened.recv_timeout(LOOK_EVERY) {
                Ok(Happened::Ended(result)) => {
                    self.running -= 1;
                    drained = drained.and(result.map_err(io::Error::other));
                }
                Ok(Happened::Signal) => {
                    return Err(io::Error::other("told twice: stopped at once"));
                }
                // We stop: nothing is put in force any more.
                Ok(Happened::Listening(_) | Happened::Reload(_)) => (),
                Err(_) if left == 0 => {
                    return Err(io::Error::other("the drain took too long: stopped at once"));
                }
                Err(_) => left -= 1,
            }
        }
        drained?;
        say("drained: everything accepted is on disk or delivered".to_owned());
        Ok(())
    }

    /// Goes on taking mail until balancers have had time to see that we stop.
    fn linger(&mut self) -> io::Result<()> {
        if self.delay.is_zero() {
            return Ok(());
        }
        say(format!("stopping in {:?}: balancers are told to go elsewhere", self.delay));
        let until = kernel::uring::wall() + self.delay;
        loop {
            match self.happened.recv_timeout(until.since(kernel::uring::wall())) {
                Ok(Happened::Signal) => {
                    return Err(io::Error::other("told twice: stopped at once"));
                }
                Ok(Happened::Ended(result)) => return Err(self.untimely(result)),
                Ok(Happened::Listening(_) | Happened::Reload(_)) => (),
                Err(_) => return Ok(()),
            }
        }
    }
}

/// SIGTERM and SIGINT become [`Happened::Signal`], SIGHUP [`Happened::Reload`].
fn watch_signals(post: Post<Happened>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let watch = move || {
        for signal in signals.forever() {
            let happened = match signal {
                SIGHUP => Happened::Reload(Wish {
                    by: "SIGHUP".into(),
                    is_dry: false,
                    tell: Box::new(drop),
                }),
                _ => Happened::Signal,
            };
            if post.send(happened).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(watch).map(drop)
}

fn make_log_directory(settings: &Settings) -> io::Result<()> {
    let Some(directory) = settings.log.delivery.parent() else { return Ok(()) };
    std::fs::create_dir_all(directory).map_err(|error| {
        let wrong = format!("the directory {} cannot be made: {error}", directory.display());
        io::Error::new(error.kind(), wrong)
    })
}

/// What we are, and what we run on.
fn introduce(settings: &Settings, driver: &DriverReport) {
    let shards = match settings.shards {
        1 => "1 shard".to_owned(),
        count => format!("{count} shards"),
    };
    let version = env!("CARGO_PKG_VERSION");
    say(format!(
        "ringpost {version} as {}, {shards} on {}",
        settings.hostname,
        shards::driver_name(settings, driver)
    ));
    shards::driver_warning(settings, driver).iter().for_each(warn);
    let promise = durability_name(settings.spool.durability);
    say(format!("spool {} ({promise})", settings.spool.path.display()));
}

fn facts(settings: &Settings, driver: &DriverReport) -> Vec<(&'static str, String)> {
    vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("hostname", settings.hostname.clone()),
        ("durability", durability_name(settings.spool.durability).to_owned()),
        ("driver", shards::driver_name(settings, driver)),
    ]
}

const fn durability_name(durability: Durability) -> &'static str {
    match durability {
        Durability::Sync => "sync",
        Durability::PageCache => "page-cache",
        Durability::Memory => "memory",
    }
}

/// The control plane's own troubles go to standard error.
fn trace() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time();
    // A second run in one process, as tests do, has it already.
    let _ = subscriber.try_init();
}

/// Mail goes on if nobody reads what we say.
fn say(line: String) {
    let _ = io::stdout().lock().write_all((line + "\n").as_bytes());
}

fn warn(warning: impl Display) {
    let _ = io::stderr().lock().write_all(format!("warning: {warning}\n").as_bytes());
}

#[cfg(test)]
mod tests;
