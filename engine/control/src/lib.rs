//! The one side with an ordinary runtime: DNS, logins, and the operator's HTTP door.
//!
//! One thread with a tokio runtime of its own, beside the shards and never in their way; what may
//! wait for a disk is done on others.
//! They ask it through [`Resolver`], whose answers come back through closures; it reads
//! their meters, and asks them through [`Shards`] what an operator wants to know. Nothing here is
//! asked per message.

pub mod admin;
mod agent;
pub mod auth;
mod chores;
pub mod dns;
pub mod https;
mod survey;

pub use chores::Chore;
pub use dns::Resolver;
pub use survey::{Reloaded, Shards, Tell, TellReloaded};

use arc_swap::ArcSwap;
use chores::Keeper;
use event::Meters;
use policy::replies::Unknown;
use policy::source::Source;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use tokio::runtime;
use tokio::sync::oneshot;

/// The sources of mail that have names, as the settings have them now.
pub type Sources = Arc<ArcSwap<Vec<Arc<Source>>>>;

/// What control is told when it starts.
#[derive(Debug)]
pub struct Setup {
    /// Where the operator's HTTP door listens. A loopback address: what is said there is not
    /// encrypted, and without tokens it asks nobody who they are.
    pub admin: SocketAddr,
    /// Who may ask and order there; without any, whoever reaches it.
    pub tokens: Vec<admin::Token>,
    /// Whom it asks.
    pub shards: Option<Arc<dyn Shards>>,
    /// Where HAProxy's agent checks are answered, if anywhere.
    pub agent: Option<SocketAddr>,
    /// How names are looked up.
    pub dns: dns::Servers,
    /// Where the policies of domains are kept, and how they are fetched, if they are heeded.
    pub policies: Option<dns::sts::Setup>,
    /// How it is reported what TLS with hosts came to, if it is.
    pub reports: Option<dns::tls_report::Setup>,
    /// What those who check logins count, if somebody does.
    pub logins: Option<Arc<auth::Counts>>,
    /// What the shards count.
    pub meters: Arc<Meters>,
    /// The sources of mail that have names, and what is counted of each. Replaced with the settings.
    pub sources: Sources,
    /// What hosts said that no rule knows.
    pub unknown: Arc<Mutex<Unknown>>,
    /// What is told about this process beside its numbers: `version`, `durability`, `driver`.
    pub facts: Vec<(&'static str, String)>,
    /// What is done here now and then for others.
    pub chores: Vec<Chore>,
}

/// The running thread.
#[derive(Debug)]
pub struct Control {
    address: SocketAddr,
    resolver: Resolver,
    draining: Arc<AtomicBool>,
    stop: oneshot::Sender<()>,
    /// Where whoever reports waits to hear how mail is sent.
    post: Option<oneshot::Sender<dns::tls_report::Post>>,
    thread: JoinHandle<()>,
    /// Chores are done until this is dropped.
    _chores: Keeper,
    warnings: Vec<String>,
}

/// Starts the thread.
///
/// # Errors
/// If the admin address cannot be listened on, or the thread not be started.
pub fn start(setup: Setup) -> io::Result<Control> {
    let listener = listen(setup.admin, "HTTP")?;
    let agent = setup.agent.map(|address| listen(address, "agent checks")).transpose()?;
    let address = listener.local_addr()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let (resolver, mut desk) = dns::desk(&setup.dns);
    setup.policies.iter().try_for_each(|policies| desk.heed(policies))?;
    let reporter = setup.reports.as_ref().map(|reports| desk.reporter(reports)).transpose()?;
    let reporter = reporter.flatten();
    let warnings = desk.warning().into_iter().collect();
    let draining = Arc::new(AtomicBool::new(false));
    let door = admin::Door::new(
        setup.meters,
        Arc::clone(&draining),
        desk.counts(),
        setup.logins,
        setup.sources,
        setup.facts,
        admin::Asked { shards: setup.shards, tokens: setup.tokens, unknown: setup.unknown },
    );
    let door = Arc::new(door);
    let chores = chores::keep(setup.chores)?;
    let (stop, stopped) = oneshot::channel();
    let (post, posted) = oneshot::channel();
    let thread = thread::Builder::new().name("control".to_owned()).spawn(move || {
        runtime.block_on(async move {
            tokio::spawn(desk.run());
            if let Some(reporter) = reporter {
                tokio::spawn(reporter.run(posted));
            }
            if let Some(agent) = agent {
                tokio::spawn(agent::serve(agent, Arc::clone(&door)));
            }
            admin::serve(listener, door, stopped).await;
        });
        // Name look-ups may hold threads of their own for a while: nobody waits for them.
        runtime.shutdown_background();
    })?;
    let post = Some(post);
    Ok(Control { address, resolver, draining, stop, post, thread, _chores: chores, warnings })
}

fn listen(address: SocketAddr, what: &str) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address} for {what}: {error}"))
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Control {
    /// Where the HTTP door really listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A way to ask for names, from any thread.
    #[must_use]
    pub fn resolver(&self) -> Resolver {
        self.resolver.clone()
    }

    /// Sends reports that go by mail by `post`. The first time counts.
    pub fn report_by(&mut self, post: dns::tls_report::Post) {
        // Perhaps nobody reports.
        let _ = self.post.take().map(|waiting| waiting.send(post));
    }

    /// What the operator should know about how it started.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether the thread still runs. If it does not, no name is looked up any more.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Says at `/readyz` that no new mail should be sent here.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Ends the thread and waits for it.
    pub fn stop(self) {
        // If it has ended by itself, nobody listens.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the control thread ended in a panic");
        }
    }
}
