//! One core: inbound sessions, the spool's writer, delivery lanes.
//!
//! [`run`] is a shard's whole life on a [`Kernel`]. It reads its logs, opens its doors, and
//! then turns one loop over letters from other shards and a coarse clock, while sessions,
//! lanes and journals run as tasks beside it. A drain ends it.
//!
//! | file | what it does |
//! |---|---|
//! | `inbound/` | connections come in, messages are received |
//! | `guard.rs`, `sources.rs`, `callers.rs` | what is borne from peers, and whose they are |
//! | `journal/` | messages and what became of them, on disk |
//! | `access.rs` | logins are asked about, and the verdicts come back |
//! | `intake.rs` | a message becomes ours, and is cut into deliveries |
//! | `flows.rs`, `domains.rs` | whose mail a delivery is, and where it is for, each kept once |
//! | `routing.rs`, `sites.rs` | a delivery finds its site and the site's home |
//! | `egress.rs` | the pools of our addresses that mail leaves by |
//! | `reload.rs` | new settings while it runs |
//! | `spread.rs` | a site that is too much for its home is carried by others too |
//! | `survey.rs` | what operators are told, and what they order |
//! | `outbound/` | a lane carries deliveries and brings back verdicts |
//! | `secured.rs`, `watch.rs` | what is below a connection; its deadline |
//! | `submission.rs` | reports of TLS that the program sends |
//! | `settle.rs`, `bounce.rs` | verdicts are recorded; senders hear bad news |
//! | `delivery_log.rs` | events as JSON lines |
//! | `damage.rs` | damage in the logs is told |
//! | `ages.rs` | how old the oldest open recipient is |
//! | `crowd.rs` | which shard serves the next connection |
//! | `clock.rs`, `drain.rs` | what is due; the end |

mod access;
mod ages;
mod bounce;
mod callers;
mod clock;
mod crowd;
mod damage;
mod delivery_log;
mod domains;
mod drain;
mod egress;
mod flows;
mod gates;
mod guard;
mod hard_bounces;
mod inbound;
mod intake;
pub mod journal;
mod judged;
mod leave;
mod letter;
mod message;
mod outbound;
mod rates;
mod recall;
mod recipients;
mod reload;
mod routing;
mod secured;
mod settle;
mod setup;
mod shard;
mod sites;
mod sources;
mod spread;
mod submission;
mod survey;
mod valve;
mod watch;

pub use access::{Access, Ticket};
pub use callers::{Allowance, Callers, Entry, Full};
pub use crowd::Crowd;
pub use domains::Domain;
pub use egress::{Detour, Egress, Manner, Pool, Source, Warmup};
pub use gates::{Asked, GateBook};
pub use guard::Guard;
pub use inbound::{MESSAGE_BYTES_MAX, Newcomer, Pace};
pub use letter::{Letter, Report, Settled};
pub use message::{Budget, Delivery, Message, Share};
pub use outbound::Passage;
pub use recipients::Recipients;
pub use reload::Reload;
pub use setup::{
    Allowed, Ask, Begin, Gate, Live, Networks, Politeness, Proxy, Routing, Security, Setup,
    SiteRates, Spool, Topics,
};

pub use sites::LANES_MAX;
pub use sources::{SourceRule, Sources};
pub use spread::Loan;
pub use submission::Submission;
pub use survey::{Inquiry, Tell};

use inbound::{Door, accept};
use journal::{Backlog, Journal, OpenError, Recovered};
use kernel::{Kernel, Listener};
use shard::Shard;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How long a segment that cannot be read is left alone.
const UNREAD_PAUSE: Duration = Duration::from_secs(5);

/// Why a shard could not start or go on.
#[derive(Debug)]
pub enum Failure {
    /// The spool could not be read.
    Spool(OpenError),
    /// An address could not be listened on.
    Listen(SocketAddr, io::Error),
    /// The delivery log could not be opened.
    Log(PathBuf, io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spool(error) => write!(f, "the spool cannot be opened: {error}"),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Log(path, error) => {
                write!(f, "the delivery log {} cannot be opened: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for Failure {}

/// A shard's whole life. `listening` hears the addresses once its doors are open.
///
/// # Errors
/// If it cannot start. Once it runs, faults cost a connection or stop acceptance, no more.
pub async fn run<K: Kernel>(
    kernel: K,
    setup: Setup,
    listening: impl FnOnce(&[SocketAddr]),
) -> Result<(), Failure> {
    let (shard, backlogs) = wake(kernel, &setup).await?;
    shard.meters().refusals.name(&inbound::RULES);
    shard.meters().durable.set(setup.spool.options.durability == journal::Durability::Sync);
    let doors = open_doors(&shard, &setup.gates)?;
    for door in &doors {
        shard.kernel.spawn(accept(Rc::clone(&shard), Rc::clone(door)));
    }
    let addresses: Vec<SocketAddr> = doors.iter().map(|door| door.listener.address()).collect();
    listening(&addresses);
    shard.kernel.spawn(recover(Rc::clone(&shard), backlogs));
    clock::turn(&shard, &doors, setup.mailbox, setup.drain_patience).await;
    Ok(())
}

/// Opens the logs. What they hold is read while mail comes in already.
async fn wake<K: Kernel>(
    kernel: K,
    setup: &Setup,
) -> Result<(Rc<Shard<K>>, Vec<Backlog<K>>), Failure> {
    let path = setup.delivery_log.as_deref();
    let log = delivery_log::open(&kernel, path, setup.topics)
        .await
        .map_err(|error| Failure::Log(path.unwrap_or(Path::new("")).to_owned(), error))?;
    let mut journals = Vec::new();
    let mut backlogs = Vec::new();
    for &log in &setup.spool.logs {
        let directory = log_directory(&setup.spool.directory, log);
        let options = setup.spool.options;
        let (journal, backlog) = Journal::open(kernel.clone(), &directory, log, options)
            .await
            .map_err(Failure::Spool)?;
        let (meters, index) = (Arc::clone(&setup.meters), setup.index);
        journal.observe(move |took| meters.shard(index).sync.record(took));
        journals.push((log, journal));
        backlogs.push(backlog);
    }
    let shard = Shard::new(kernel, setup, journals, log);
    shard.restore_gates(&setup.live.politeness.kept);
    Ok((shard, backlogs))
}

/// Puts what the logs hold back where it stood.
async fn recover<K: Kernel>(shard: Rc<Shard<K>>, backlogs: Vec<Backlog<K>>) {
    let (mut messages, mut recipients) = (0, 0);
    for mut backlog in backlogs {
        let mut tell = |found: Recovered<'_>| {
            messages += 1;
            recipients += found.open().count() as u64;
            shard.resume(found);
        };
        while let Err(error) = backlog.load(&mut tell).await {
            let (log, text) = (backlog.log(), error.to_string());
            shard.tell(&event::Event::SpoolUnread { log, text: &text });
            shard.kernel.sleep_until(shard.kernel.now() + UNREAD_PAUSE).await;
        }
    }
    let index = shard.index as u16;
    shard.tell(&event::Event::ShardStarted { shard: index, messages, recipients });
    shard.meters().recovered.set(true);
}

/// Where a log lives in its spool.
#[must_use]
pub fn log_directory(spool: &Path, log: u16) -> PathBuf {
    spool.join(format!("log-{log:02}"))
}

fn open_doors<K: Kernel>(
    shard: &Rc<Shard<K>>,
    gates: &[Gate],
) -> Result<Vec<Rc<Door<K>>>, Failure> {
    let open = |(index, gate): (usize, &Gate)| {
        let listener = match &gate.socket {
            Some(socket) => shard.kernel.listen_on(socket.as_fd()),
            None => shard.kernel.listen(gate.address),
        };
        let listener = listener.map_err(|error| Failure::Listen(gate.address, error))?;
        Ok(Rc::new(Door { gate: gate.clone(), listener, index, inside: Cell::new(0) }))
    };
    gates.iter().enumerate().map(open).collect()
}
