//! From settings to shards, each on its thread.

use super::guard::{self, networks};
use super::tls::Keyring;
use super::{Happened, TRANSACTIONS_MAX, host};
use crate::settings::{self, Driver, Durability, Front, Listener, Login, Proxy, Settings};
use crate::spool::SpoolLock;
use arc_swap::ArcSwap;
use event::Meters;
use kernel::uring::{self, DriverChoice, DriverReport, RingConfig};
use kernel::{Mailbox, Sender, mailbox};
use policy::tenant::Weights;
use policy::tls_report::Ledger;
use shard::journal::{self, Options};
use shard::{Access, Begin, Crowd, Gate, Letter, Live, Security, Setup, Sources, Topics};
use smtp::proxy::Versions;
use smtp::server;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender as Post;
use std::thread;

/// The way to each shard, and what each will read.
pub(super) fn mailboxes(settings: &Settings) -> (Vec<Sender<Letter>>, Vec<Mailbox<Letter>>) {
    (0..settings.shards).map(|_| mailbox()).unzip()
}

/// Starts all shards; each tells `post` when it listens and when it has ended.
pub(super) fn start(
    settings: &Settings,
    gates: &[Gate],
    lock: &SpoolLock,
    meters: &Arc<Meters>,
    live: &Live,
    (access, ledger): (Option<&Arc<dyn Access>>, Option<&Arc<Ledger>>),
    (senders, mailboxes, post): (&[Sender<Letter>], Vec<Mailbox<Letter>>, &Post<Happened>),
) -> io::Result<()> {
    let logs = lock.logs(settings.shards)?;
    let processors = host::processors(settings.shards);
    let crowd = Crowd::new(settings.shards);
    for (index, (mailbox, (logs, cpu))) in
        mailboxes.into_iter().zip(logs.into_iter().zip(processors)).enumerate()
    {
        let share = Share { index, logs, mailbox };
        let setup = setup(settings, share, gates, &crowd, senders, live, meters);
        let setup = Setup { access: access.cloned(), tls_ledger: ledger.cloned(), ..setup };
        let ring = RingConfig { cpu, driver: driver(settings), ..RingConfig::default() };
        let post = post.clone();
        let name = format!("shard-{index}");
        thread::Builder::new().name(name).spawn(move || serve(ring, setup, &post))?;
    }
    Ok(())
}

/// A shard's thread.
fn serve(ring: RingConfig, setup: Setup, post: &Post<Happened>) {
    let index = setup.index;
    let opened = post.clone();
    let life = || {
        uring::run(ring, |kernel| {
            shard::run(kernel, setup, move |addresses| {
                // Nobody listens any more once the program ends.
                let _ = opened.send(Happened::Listening(addresses.to_vec()));
            })
        })
    };
    let result = match catch_unwind(AssertUnwindSafe(life)) {
        Ok(Ok(report)) => report.output.map_err(|failure| failure.to_string()),
        Ok(Err(error)) => Err(format!("shard {index} cannot run: {error}")),
        Err(_) => Err(format!("shard {index} ended in a panic")),
    };
    let _ = post.send(Happened::Ended(result));
}

/// What one shard has and no other.
struct Share {
    index: usize,
    logs: Vec<u16>,
    mailbox: Mailbox<Letter>,
}

fn setup(
    settings: &Settings,
    Share { index, logs, mailbox }: Share,
    gates: &[Gate],
    crowd: &Arc<Crowd>,
    senders: &[Sender<Letter>],
    live: &Live,
    meters: &Arc<Meters>,
) -> Setup {
    let share = |whole: u64| whole.div_ceil(settings.shards as u64);
    Setup {
        index,
        gates: gates.to_vec(),
        hostname: settings.hostname.as_str().into(),
        spool: shard::Spool {
            directory: settings.spool.path.clone(),
            logs,
            options: options(settings),
        },
        held_bytes_max: share(settings.spool.memory_bytes),
        intake_bytes_max: share(settings.spool.intake_bytes),
        queued_max: share(settings.spool.queued_max),
        weights: Arc::new(weights(settings)),
        live: live.clone(),
        delivery_log: Some(settings.log.delivery.clone()),
        topics: Topics { accepted: settings.log.accepted, refused: settings.log.refused },
        meters: Arc::clone(meters),
        crowd: Arc::clone(crowd),
        mailbox,
        shards: senders.to_vec(),
        access: None,
        tls_ledger: None,
        drain_patience: TRANSACTIONS_MAX.saturating_sub(settings.drain.delay),
    }
}

fn weights(settings: &Settings) -> Weights {
    Weights::new(settings.tenants.iter().map(|tenant| (tenant.name.as_str().into(), tenant.weight)))
}

/// The doors, the same for every shard, with the sockets that are held for them.
pub(super) fn gates(
    settings: &Settings,
    sockets: Vec<Option<Arc<OwnedFd>>>,
    keyring: &Keyring,
    sources: &Arc<ArcSwap<Sources>>,
) -> Vec<Gate> {
    let listeners = settings.listeners.iter().enumerate();
    let gate = |((index, listener), guard)| Gate {
        guard,
        ..gate(settings, listener, keyring.security(index))
    };
    let gates = listeners.zip(guard::guards(settings, sources)).map(gate);
    gates.zip(sockets).map(|(gate, socket)| Gate { socket, ..gate }).collect()
}

fn proxy(front: &Front) -> Option<shard::Proxy> {
    let versions = match front.proxy {
        Proxy::Off => return None,
        Proxy::V1 => Versions::V1,
        Proxy::V2 => Versions::V2,
        Proxy::Any => Versions::Any,
    };
    Some(shard::Proxy { versions, from: networks(&front.proxy_from), tls: front.proxy_tls })
}

fn gate(settings: &Settings, listener: &Listener, security: Option<Security>) -> Gate {
    let config = server::Config {
        starttls: security.as_ref().is_some_and(|tls| tls.begin == Begin::WhenAsked),
        tls_required: listener.tls.security == settings::Security::Required,
        ..server_config(settings, listener)
    };
    let trusted = &listener.auth_plaintext_from;
    let in_clear = (!trusted.is_empty()).then(|| {
        let config = server::Config { auth: server::Auth::Always, ..config.clone() };
        (networks(trusted), Arc::new(config))
    });
    Gate {
        address: listener.address,
        socket: None,
        proxy: proxy(&listener.front),
        xclient_from: networks(&listener.front.xclient_from),
        relay_from: networks(&listener.relay_from),
        server: Arc::new(config),
        in_clear,
        connections_max: listener.connections_max,
        inside: Arc::default(),
        idle: listener.idle,
        guard: Arc::default(),
        security,
    }
}

fn server_config(settings: &Settings, listener: &Listener) -> server::Config {
    server::Config {
        message_bytes_max: listener.message_bytes_max,
        line_bytes_max: listener.line_bytes_max,
        recipients_max: listener.recipients_max,
        transactions_max: listener.defence.transactions_max,
        errors_max: listener.defence.errors_max,
        recipients_refused_max: listener.defence.recipients_refused_max,
        auth: match listener.auth {
            Login::Off => server::Auth::Never,
            Login::Optional | Login::Required => server::Auth::UnderTls,
        },
        auth_required: listener.auth == Login::Required,
        ..server::Config::new(&settings.hostname)
    }
}

fn options(settings: &Settings) -> Options {
    Options {
        durability: match settings.spool.durability {
            Durability::Sync => journal::Durability::Sync,
            Durability::PageCache => journal::Durability::PageCache,
            Durability::Memory => journal::Durability::Memory,
        },
        segment_bytes: settings.spool.segment_bytes,
        free_bytes_min: settings.spool.free_bytes_min,
        scrub_bytes_per_second: settings.spool.scrub_bytes_per_second,
        ..Options::default()
    }
}

const fn driver(settings: &Settings) -> DriverChoice {
    match settings.kernel.driver {
        Driver::Auto => DriverChoice::Auto,
        Driver::Uring => DriverChoice::Uring,
        Driver::Epoll => DriverChoice::Epoll,
    }
}

/// What shards will run on, with the ring's flags.
pub(super) fn driver_name(settings: &Settings, report: &DriverReport) -> String {
    match (settings.kernel.driver, report.driver) {
        (Driver::Epoll, _) | (_, uring::Driver::Epoll) => "epoll".to_owned(),
        (_, uring::Driver::Uring) => format!("io_uring ({})", report.flags.join(" ")),
    }
}

/// Why it is epoll although nobody asked for that.
pub(super) fn driver_warning(settings: &Settings, report: &DriverReport) -> Option<String> {
    let cause = report.cause.as_ref().filter(|_| settings.kernel.driver == Driver::Auto)?;
    Some(format!("running on epoll, which costs more processor time: {cause}"))
}
