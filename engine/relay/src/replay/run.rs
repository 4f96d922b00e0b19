//! The mail of a log, once more, under some settings.
//!
//! The N-th recipient is `nN@domain`, and mail of the N-th sender's domain is from `replay@sN.invalid`, so
//! that hosts know whom they hear of, and nobody hears of bounces.

use super::line::Event;
use super::log::{Log, Message};
use super::places::Places;
use super::provider::Provider;
use super::tally::Tally;
use super::visit::{Door, Hosts};
use crate::run::{self, Asker};
use crate::settings::{Loaded, Settings};
use event::{Meters, Tick};
use kernel::Sender;
use kernel::sim::{Physics, World};
use policy::survey::{Limiter, SITES_MAX};
use rehearsal::Relay;
use shard::{Ask, Letter, Live};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Mail that is to come within so long comes together.
const TOGETHER: Duration = Duration::from_millis(10);
/// How often it is asked what keeps mail: a thousand times in a log, but no less and no more often.
const LOOKS: u32 = 1_000;
const LOOK_MIN: Duration = Duration::from_millis(100);
const LOOK_MAX: Duration = Duration::from_secs(10);
/// How long mail may take behind the end of the log.
const AFTER: Duration = Duration::from_hours(24);
/// What a message says, but for those whose size counts.
const TEXT: &[u8] = b"Subject: replay\r\n\r\nreplay\r\n";
/// The largest text that is made.
const BYTES_MAX: u32 = 16 << 20;

/// What both runs have of the log.
pub(super) struct Stage {
    pub(super) log: Arc<Log>,
    pub(super) providers: Vec<Provider>,
    pub(super) places: Arc<Places>,
    /// The size of messages counts: one of the two settings has a rate of octets.
    pub(super) has_sizes: bool,
}

/// One run.
struct Run<'s> {
    stage: &'s Stage,
    world: World,
    relay: Relay,
    begun: Tick,
    hosts: Vec<Rc<Hosts>>,
    tallies: Vec<Tally>,
    /// Which site of the log is meant by a name of this run.
    names: BTreeMap<String, u32>,
    settled: u64,
    refused: Arc<AtomicU64>,
}

/// What became of the mail of each site of the log by these settings.
///
/// # Errors
/// What settings name and cannot be read; that the engine did not bear it.
pub(super) fn run(stage: &Stage, loaded: &Loaded) -> io::Result<Vec<Tally>> {
    let live = live(loaded, &stage.places)?;
    let mut run = Run::start(stage, live).map_err(io::Error::other)?;
    run.pass();
    run.end().map_err(io::Error::other)
}

/// What these settings mean where all hosts are in this process. Routes, demands for TLS, proxies and
/// DNS are left out: the log does not know what would have come of them.
fn live(loaded: &Loaded, places: &Arc<Places>) -> io::Result<Live> {
    let settings = within(&loaded.settings);
    let places = Arc::clone(places);
    let ask: Asker = Arc::new(move |domain: String, _: Ask, to: Sender<Letter>| {
        let answer = rehearsal::answer(places.hosts(&domain));
        to.post(Letter::Resolved(domain, answer));
    });
    let connector = wire::Connector::new(None).map_err(io::Error::other)?;
    let ask: &dyn Fn(&Arc<route::Table>) -> Asker = &|_| Arc::clone(&ask);
    let parts = (ask, &Arc::new(connector), &*Meters::new(1));
    // Nor does it know whether hosts have what TLS sites ask for.
    run::live_asking((&settings, &[]), parts, run::politeness(loaded)?, None)
}

fn within(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    settings.listeners.clear();
    settings.routes.clear();
    settings.dns.allow_private_addresses = true;
    settings.delivery_tls.wanted = route::Tls::Opportunistic;
    settings.delivery_tls.mta_sts = false;
    for source in settings.pools.iter_mut().flat_map(|pool| &mut pool.sources) {
        source.proxy = None;
    }
    // All hosts have addresses of IPv4.
    let is_of_use =
        |pool: &crate::settings::Pool| pool.sources.iter().any(|source| source.address.is_ipv4());
    let usual = settings.usual_pool.as_deref();
    let usual = settings.pools.iter().find(|pool| Some(pool.name.as_str()) == usual);
    if !usual.is_some_and(is_of_use) {
        settings.usual_pool = None;
    }
    settings
}

impl<'s> Run<'s> {
    fn start(stage: &'s Stage, live: Live) -> Result<Self, String> {
        let world = World::with(1, physics());
        let sim = world.shard(world.host());
        let relay = Relay::begin(&world, live)?;
        let begun = world.now();
        let log = &stage.log;
        let hosts = stage.providers.iter().map(|provider| Hosts::new(log, provider, begun));
        let hosts: Vec<_> = hosts.collect();
        for group in &stage.places.groups {
            let door = Rc::new(Door(Rc::clone(&hosts[group.site as usize])));
            for (_, _, address) in &group.hosts {
                let at = SocketAddr::new(*address, route::SMTP_PORT);
                rehearsal::open(&sim, at, &door).map_err(|error| error.to_string())?;
            }
        }
        let tally =
            |site: &super::log::Site| Tally { messages: site.tally.messages, ..Tally::default() };
        Ok(Self {
            stage,
            world,
            relay,
            begun,
            hosts,
            tallies: log.sites.iter().map(tally).collect(),
            names: BTreeMap::new(),
            settled: 0,
            refused: Arc::default(),
        })
    }

    /// Time passes until all mail is settled.
    fn pass(&mut self) {
        let log = Arc::clone(&self.stage.log);
        let length = Duration::from_millis(log.length.into());
        let look = (length / LOOKS).clamp(LOOK_MIN, LOOK_MAX);
        let mut mail = log.order.iter().peekable();
        let mut looked = Duration::ZERO;
        loop {
            let now = self.world.now().since(self.begun);
            let comes = |place: &&u32| come(&log.messages[**place as usize]) <= now;
            while let Some(place) = mail.next_if(comes) {
                self.submit(*place);
            }
            if now >= looked + look {
                self.look(now.saturating_sub(looked));
                looked = now;
            }
            let all = log.messages.len() as u64;
            if self.settled + self.refused.load(Ordering::Relaxed) >= all || now > length + AFTER {
                return;
            }
            let next = mail.peek().map(|place| come(&log.messages[**place as usize]));
            let next = next.map_or(looked + look, |next| next.min(looked + look));
            self.world.run_for(next.saturating_sub(now).max(TOGETHER));
        }
    }

    fn submit(&self, place: u32) {
        let log = &self.stage.log;
        let message = log.messages[place as usize];
        let sender = format!("replay@s{}.invalid", message.sender);
        let recipient = format!("n{place}@{}", log.domain_names.name(message.domain));
        let refused = Arc::clone(&self.refused);
        let taken = move |is_taken: bool| {
            refused.fetch_add(u64::from(!is_taken), Ordering::Relaxed);
        };
        let sized = self.stage.has_sizes.then(|| text(message.bytes.min(BYTES_MAX)));
        let text = sized.as_deref().unwrap_or(TEXT);
        self.relay.hand_in(&sender, &recipient, text, Box::new(taken));
    }

    /// What was told since the last look, so long ago, and what keeps mail now.
    fn look(&mut self, since: Duration) {
        let lines = self.relay.lines(&self.world);
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if let Ok(event) = Event::parse(line) {
                self.note(&event);
            }
        }
        let waits = self.relay.meters().balance().queued > 0;
        let sites = waits.then(|| self.relay.sites(&self.world, SITES_MAX).sites);
        for site in sites.into_iter().flatten() {
            let limiter = site.limiters.first().map(Limiter::name);
            let limiter = limiter.filter(|name| !["idle", "served"].contains(name));
            let Some((limiter, place)) = limiter.zip(self.place(&site.name)) else { continue };
            let held = self.tallies[place].held.entry(limiter).or_default();
            *held += u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        }
    }

    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Attempt(attempt) => {
                let number = attempt.recipient.strip_prefix('n').and_then(|it| it.split_once('@'));
                let number = number.and_then(|(number, _)| number.parse().ok());
                let is_known = |number: &u32| (*number as usize) < self.stage.log.messages.len();
                let Some(number) = number.filter(is_known) else { return };
                let site = self.stage.log.site_of(number);
                self.names.entry(attempt.site.to_string()).or_insert(site);
                self.settled += u64::from(self.tallies[site as usize].note(attempt));
            }
            Event::DialFailed(dial) => {
                if let Some(site) = self.place(&dial.site) {
                    self.tallies[site].dials_failed += 1;
                }
            }
            Event::Gate(gate) => {
                if let Some(site) = self.place(&gate.site) {
                    self.tallies[site].limits_hit += u64::from(gate.is_less());
                }
            }
            Event::Other => (),
        }
    }

    /// The site of the log that is meant by a name of this run: where its mail went, or that of this name.
    fn place(&self, name: &str) -> Option<usize> {
        let of_same_name = || self.stage.log.site_names.find(name);
        self.names.get(name).copied().or_else(of_same_name).map(|place| place as usize)
    }

    fn end(mut self) -> Result<Vec<Tally>, String> {
        self.look(Duration::ZERO);
        if let Some(trouble) = self.relay.trouble(&self.world) {
            return Err(trouble);
        }
        match self.refused.load(Ordering::Relaxed) {
            0 => (),
            refused => return Err(format!("the engine did not take {refused} messages")),
        }
        for (tally, hosts) in self.tallies.iter_mut().zip(&self.hosts) {
            tally.connections = Some(hosts.visits.get());
        }
        Ok(self.tallies)
    }
}

const fn come(message: &Message) -> Duration {
    Duration::from_millis(message.at as u64)
}

/// A text of so many octets, at least as many as the shortest has.
fn text(bytes: u32) -> Vec<u8> {
    const LINE: &[u8] =
        b"replay replay replay replay replay replay replay replay replay replay\r\n";
    let mut text = TEXT.to_vec();
    while text.len() + LINE.len() <= bytes as usize {
        text.extend_from_slice(LINE);
    }
    text
}

/// Hosts are near, and nothing is cut short: how long they take is in what they say.
fn physics() -> Physics {
    let micros = Duration::from_micros;
    Physics {
        latency: micros(50)..micros(150),
        window_bytes: 1 << 20,
        backlog: 1_024,
        short_ppm: 0,
        shuffle: false,
        steps_max: u64::MAX,
        ..Physics::default()
    }
}
