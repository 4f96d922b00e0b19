//! A day of mail to forty providers, by the whole engine in virtual time: a million messages, from a
//! seed. Each provider is the load test's, with its limits, and some have trouble in the course of the
//! day; it is written down what each took, put off and refused, and whether a rule of its contract was
//! broken, and held against what a sender that knew all its limits would have reached.
//!
//! What is made up: a provider takes 50 or 100 ms for a message, one at a time on a connection; hosts are
//! 10 ms apart; none speaks TLS.

mod book;
mod cast;
mod hidden;
mod host;
mod mail;
mod report;
mod watch;

use book::Book;
use cast::Part;
pub(crate) use hidden::Hidden;
use host::Host;
use kernel::sim::{Physics, World};
use mail::Mail;
use policy::replies::Rules;
use policy::{Limits, Schedule};
use rehearsal::{Plan, Relay, Site};
use report::Report;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use watch::{ONE_WAY, WARM, Watch};

const SECOND: Duration = Duration::from_secs(1);
/// How long the last mail may take behind the end of the day.
const AFTER: Duration = Duration::from_hours(12);

/// What a day is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Day {
    pub(crate) seed: u64,
    pub(crate) messages: u64,
    pub(crate) length: Duration,
}

impl Day {
    /// A whole one.
    pub(crate) const fn whole(seed: u64) -> Self {
        Self { seed, messages: 1_000_000, length: Duration::from_hours(24) }
    }

    /// One for every day: a few hours with little mail.
    pub(crate) const fn short(seed: u64) -> Self {
        Self { seed, messages: 20_000, length: Duration::from_hours(6) }
    }

    /// Lives it.
    ///
    /// # Errors
    /// If the relay did not live through it.
    pub(crate) fn live(&self) -> Result<Report, String> {
        let world = World::with(self.seed, physics());
        let parts = cast::all(self.seed);
        let book = Rc::new(Book::new(parts.len(), self.messages));
        let sim = world.shard(world.host());
        let open = |part| Host::open(&sim, part, self.length, &book);
        let hosts: Vec<_> = parts.into_iter().enumerate().map(open).collect();
        let relay = Relay::start(&world, &plan(&hosts))?;
        let all: Vec<&Part> = hosts.iter().map(|host| &host.part).collect();
        let mut mail = Mail::new(self.seed, self.messages, self.length, &all);
        let mut watch = Watch::new(&hosts, relay.meters());
        let (mut left, mut seconds) = (self.messages, 0);
        while seconds < self.length.as_secs()
            || (left > 0 && seconds < (self.length + AFTER).as_secs())
        {
            mail.of(seconds, |letter| {
                relay.submit(&letter.sender, &letter.recipient, &letter.text);
            });
            world.run_for(SECOND);
            seconds += 1;
            watch.look(&relay.lines(&world), &book, world.now(), seconds > WARM.as_secs());
            left = self.messages - (0..hosts.len()).map(|number| book.settled(number)).sum::<u64>();
        }
        if let Some(trouble) = relay.trouble(&world) {
            return Err(trouble);
        }
        let tallies = (0..hosts.len()).map(|number| book.of(number)).collect();
        Ok(Report::of(
            (self.seed, self.messages, world.trace()),
            &watch,
            (&mail.offered, tallies),
            (book.doubled(), left),
        ))
    }
}

/// Hosts are so far apart, and nothing is cut short: that is for other worlds.
fn physics() -> Physics {
    Physics {
        latency: ONE_WAY / 2..ONE_WAY * 3 / 2,
        window_bytes: 1 << 20,
        backlog: 1_024,
        short_ppm: 0,
        shuffle: false,
        steps_max: u64::MAX,
        ..Physics::default()
    }
}

fn plan(hosts: &[Rc<Host>]) -> Plan {
    let domains = hosts.iter().flat_map(|host| {
        let profile = &host.part.profile;
        let named = profile.hosts.iter().enumerate();
        let mx: Vec<_> = named
            .map(|(place, name)| (10 * place as u16, name.clone(), host.address(place)))
            .collect();
        profile.domains.iter().map(move |domain| (domain.clone(), mx.clone()))
    });
    let known = hosts.iter().map(|host| &host.part).filter(|part| part.is_known);
    let site = |part: &Part| Site {
        name: part.profile.name.clone(),
        hosts: part.profile.hosts.clone(),
        limits: part.limits(),
        rates: shard::Allowed { site: part.rates(), ..shard::Allowed::default() },
        is_heeded: true,
    };
    // Whoever sends hears of no bounces.
    let nobody = (mail::SENDER.to_owned(), Vec::new());
    Plan {
        domains: domains.chain([nobody]).collect(),
        sites: known.map(site).collect(),
        sources: Vec::new(),
        limits: Limits::default(),
        rates: shard::Allowed::default(),
        warmup: None,
        days: Arc::default(),
        schedule: Schedule::default(),
        replies: Arc::clone(Rules::shipped()),
        is_heeded: true,
    }
}
