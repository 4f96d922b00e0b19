//! What DNS says about where a domain's mail goes.
//!
//! Shards ask through a [`Resolver`]; one task here, the desk, answers. Equal questions in
//! flight are asked once. Every question gets its answer exactly once: a look-up that takes
//! too long, or panics, becomes [`Answer::Temporary`].

mod lookup;
mod question;
pub mod sts;
mod texts;
pub mod tls_report;
mod tlsa;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::system_conf::read_system_conf;
use lookup::{NamedHost, Names};
pub use question::Trust;
use question::{Inquirer, Provider};
use route::{Answer, HOSTS_MAX};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use sts::Policies;
use tls_report::Reporter;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// Look-ups at one time; further ones wait.
const LOOKUPS_MAX: usize = 256;
/// Responses remembered until their TTL ends.
const CACHE_RESPONSES_MAX: u64 = 32_768;
/// Servers that are asked one by one when the first to answer has none.
const SERVERS_MAX: usize = 3;
/// The longest time a response is believed.
const TTL_MAX: Duration = Duration::from_hours(1);
/// The longest time a denial is believed.
const DENIAL_TTL_MAX: Duration = Duration::from_mins(1);

/// Whom to ask, and for how long.
#[derive(Clone, Debug)]
pub struct Servers {
    /// The servers; empty: those of the system (`/etc/resolv.conf`).
    pub addresses: Vec<SocketAddr>,
    /// Whose word is taken for it that an answer is authentic.
    pub trust: Trust,
    /// How long one try may take.
    pub try_patience: Duration,
    /// How long a whole look-up may take, with all its hosts.
    pub patience: Duration,
}

impl Default for Servers {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            trust: Trust::default(),
            try_patience: Duration::from_secs(5),
            patience: Duration::from_secs(20),
        }
    }
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Wanted {
    /// The hosts that take the mail of a domain, and what is proven of their certificates at a
    /// port.
    Mail(String, Option<u16>),
    /// The same, as it is now.
    Renewed(String, Option<u16>),
    /// The addresses of hosts named in a route, and what is proven of them.
    Hosts(Vec<NamedHost>),
}

/// Somebody who waits for an answer.
type Asker = Box<dyn FnOnce(Answer) + Send>;

/// The way to ask. Works from any thread.
#[derive(Clone)]
pub struct Resolver(mpsc::UnboundedSender<(Wanted, Asker)>);

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// Asks which hosts take the mail of `domain` (A-labels), and what is proven of the
    /// certificates that they show at `port`, if that may count. `answer` is called once, on
    /// another thread: it must only hand the answer on.
    pub fn ask(
        &self,
        domain: String,
        port: Option<u16>,
        answer: impl FnOnce(Answer) + Send + 'static,
    ) {
        self.post(Wanted::Mail(domain, port), Box::new(answer));
    }

    /// Asks as [`Self::ask`], past what is remembered of `domain` itself. What is remembered of its
    /// hosts, which others share, will do.
    pub fn renew(
        &self,
        domain: String,
        port: Option<u16>,
        answer: impl FnOnce(Answer) + Send + 'static,
    ) {
        self.post(Wanted::Renewed(domain, port), Box::new(answer));
    }

    /// Asks for the addresses of `hosts`, which stand in a route, each with its port if what is
    /// proven of its certificates may count: no MX. Answered like [`Self::ask`], with these hosts
    /// in this order.
    pub fn ask_hosts(
        &self,
        hosts: Vec<(String, Option<u16>)>,
        answer: impl FnOnce(Answer) + Send + 'static,
    ) {
        self.post(Wanted::Hosts(hosts), Box::new(answer));
    }

    fn post(&self, wanted: Wanted, asker: Asker) {
        if let Err(mpsc::error::SendError((_, asker))) = self.0.send((wanted, asker)) {
            asker(Answer::Temporary("name look-ups have stopped".to_owned()));
        }
    }
}

/// How look-ups ended.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    answers: [AtomicU64; Self::NAMES.len()],
    policies: Arc<sts::Counts>,
    reports: Arc<tls_report::Counts>,
    tlsa: Arc<tlsa::Counts>,
}

impl Counts {
    const NAMES: [&str; 5] = ["hosts", "null_mx", "no_domain", "no_address", "temporary"];

    fn count(&self, answer: &Answer) {
        let index = match answer {
            Answer::Hosts { .. } => 0,
            Answer::NullMx => 1,
            Answer::NoDomain => 2,
            Answer::NoAddress => 3,
            Answer::Temporary(_) => 4,
        };
        self.answers[index].fetch_add(1, Ordering::Relaxed);
    }

    /// Each kind of answer with how often it was given.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.answers.iter().map(|count| count.load(Ordering::Relaxed));
        Self::NAMES.into_iter().zip(counts)
    }

    /// What is counted of policies.
    pub(crate) fn policies(&self) -> &sts::Counts {
        &self.policies
    }

    /// What is counted of TLSA records.
    pub(crate) fn tlsa(&self) -> &tlsa::Counts {
        &self.tlsa
    }

    /// What is counted of reports.
    pub(crate) fn reports(&self) -> &tls_report::Counts {
        &self.reports
    }
}

/// The task that answers.
pub(crate) struct Desk {
    questions: mpsc::UnboundedReceiver<(Wanted, Asker)>,
    names: Result<Arc<Names>, String>,
    /// Nobody is asked for policies if there are none.
    policies: Option<Arc<Policies>>,
    patience: Duration,
    waiting: HashMap<Wanted, Vec<Asker>>,
    lookups: JoinSet<(Wanted, Answer)>,
    places: Arc<Semaphore>,
    counts: Arc<Counts>,
}

/// A resolver and the desk that answers it.
pub(crate) fn desk(servers: &Servers) -> (Resolver, Desk) {
    let (post, questions) = mpsc::unbounded_channel();
    let counts = Arc::<Counts>::default();
    let desk = Desk {
        questions,
        names: names(servers, &counts.tlsa).map(Arc::new),
        policies: None,
        patience: servers.patience,
        waiting: HashMap::new(),
        lookups: JoinSet::new(),
        places: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        counts,
    };
    (Resolver(post), desk)
}

fn names(servers: &Servers, tlsa_counts: &Arc<tlsa::Counts>) -> Result<Names, String> {
    let (config, options) = if servers.addresses.is_empty() {
        read_system_conf()
            .map_err(|error| format!("the system's resolver settings cannot be used: {error}"))?
    } else {
        let servers = servers.addresses.iter().map(name_server).collect();
        (ResolverConfig::from_name_servers(servers), ResolverOpts::default())
    };
    let all = config.name_servers();
    let trusted = servers.trust.covers(all.iter().map(|server| server.ip));
    let build = |asked: &[NameServerConfig], cache_responses| {
        let config = ResolverConfig::from_name_servers(asked.to_vec());
        let builder = Inquirer::builder_with_config(config, Provider::new(trusted));
        let mut builder = builder.with_options(options.clone());
        limit(builder.options_mut(), servers.try_patience, cache_responses);
        builder.build().map_err(|error| format!("names cannot be looked up: {error}"))
    };
    let each = all.iter().take(if all.len() > 1 { SERVERS_MAX } else { 0 });
    Ok(Names {
        all: build(all, CACHE_RESPONSES_MAX)?,
        each: each.map(|one| build(std::slice::from_ref(one), 0)).collect::<Result<_, _>>()?,
        trusted,
        tlsa_counts: Arc::clone(tlsa_counts),
    })
}

fn limit(options: &mut ResolverOpts, try_patience: Duration, cache_responses: u64) {
    options.timeout = try_patience;
    options.attempts = 2;
    options.cache_size = cache_responses;
    options.positive_max_ttl = Some(TTL_MAX);
    options.negative_max_ttl = Some(DENIAL_TTL_MAX);
    options.max_active_requests = LOOKUPS_MAX * HOSTS_MAX;
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

impl Desk {
    /// Why no name can be looked up, if none can.
    pub(crate) fn warning(&self) -> Option<String> {
        let cause = self.names.as_ref().err()?;
        Some(format!("{cause}; mail that needs DNS waits"))
    }

    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Heeds the policies of domains from now on, as far as names can be looked up.
    ///
    /// # Errors
    /// There can be none, and why.
    pub(crate) fn heed(&mut self, setup: &sts::Setup) -> io::Result<()> {
        if let Ok(names) = &self.names {
            let counts = Arc::clone(&self.counts.policies);
            self.policies = Some(Policies::open(setup, Arc::clone(names), counts)?);
        }
        Ok(())
    }

    /// Whoever reports what TLS came to, with the same names and policies. Nobody does if no name
    /// can be looked up.
    ///
    /// # Errors
    /// Nobody can, and why.
    pub(crate) fn reporter(&self, setup: &tls_report::Setup) -> io::Result<Option<Reporter>> {
        let Ok(names) = &self.names else { return Ok(None) };
        let (policies, counts) = (self.policies.clone(), Arc::clone(&self.counts.reports));
        Reporter::open(setup, Arc::clone(names), policies, counts, tls_report::now()).map(Some)
    }

    /// Answers until nobody can ask any more.
    pub(crate) async fn run(mut self) {
        // Dropped, the set ends it.
        let mut renewal = JoinSet::new();
        if let Some(policies) = &self.policies {
            renewal.spawn(Arc::clone(policies).renew());
        }
        loop {
            tokio::select! {
                question = self.questions.recv() => match question {
                    Some((wanted, asker)) => self.take(wanted, asker),
                    None => return,
                },
                Some(Ok((wanted, answer))) = self.lookups.join_next() => {
                    self.answer(&wanted, &answer);
                }
            }
        }
    }

    fn take(&mut self, wanted: Wanted, asker: Asker) {
        let askers = self.waiting.entry(wanted.clone()).or_default();
        askers.push(asker);
        if askers.len() > 1 {
            return;
        }
        match self.names.clone() {
            Ok(names) => self.look_up(names, wanted),
            Err(cause) => self.answer(&wanted, &Answer::Temporary(cause)),
        }
    }

    fn look_up(&mut self, names: Arc<Names>, wanted: Wanted) {
        let places = Arc::clone(&self.places);
        let patience = self.patience;
        let policies = self.policies.clone();
        self.lookups.spawn(async move {
            let _place = places.acquire_owned().await;
            let question = wanted.clone();
            let lookup = async move {
                match question {
                    Wanted::Mail(domain, port) => {
                        let policies = policies.filter(|_| port.is_some());
                        ruled(names.mail(&domain, port), policies, &domain).await
                    }
                    Wanted::Renewed(domain, port) => {
                        names.forget_mail(&domain);
                        let policies = policies.filter(|_| port.is_some());
                        ruled(names.mail(&domain, port), policies, &domain).await
                    }
                    Wanted::Hosts(hosts) => names.hosts(&hosts).await,
                }
            };
            (wanted, contained(lookup, patience).await)
        });
    }

    fn answer(&mut self, wanted: &Wanted, answer: &Answer) {
        self.counts.count(answer);
        for asker in self.waiting.remove(wanted).unwrap_or_default() {
            asker(answer.clone());
        }
    }
}

/// The answer about a domain, with its policy if that may count, both looked up at once.
async fn ruled(
    answer: impl Future<Output = Answer>,
    policies: Option<Arc<Policies>>,
    domain: &str,
) -> Answer {
    let Some(policies) = policies else { return answer.await };
    let (answer, ruling) = tokio::join!(answer, policies.ruling(domain));
    answer.under(ruling.policy, ruling.life)
}

/// The answer, or why there is none. What hostile answers may do to `lookup`, a panic or an
/// endless wait, ends here.
async fn contained(
    lookup: impl Future<Output = Answer> + Send + 'static,
    patience: Duration,
) -> Answer {
    // Dropped, the set ends its task.
    let mut task = JoinSet::new();
    task.spawn(lookup);
    match tokio::time::timeout(patience, task.join_next()).await {
        Ok(Some(Ok(answer))) => answer,
        Ok(_) => Answer::Temporary("the look-up broke off".to_owned()),
        Err(_) => {
            let seconds = patience.as_secs_f64();
            Answer::Temporary(format!("DNS gave no answer within {seconds} s"))
        }
    }
}

#[cfg(test)]
mod tests;
