//! A provider that nobody knows, with one limit lower than what the relay would have by itself, and
//! more mail than it takes: the limit is found, what it allows is had, and little is put off.

use super::book::Book;
use super::cast::Part;
use super::host::Host;
use super::mail::SENDER;
use super::watch::Watch;
use super::{SECOND, physics, plan};
use kernel::sim::World;
use loadgen::hash::hex;
use loadgen::message::Composer;
use loadgen::recipient;
use loadgen::sink::profiles;
use loadgen::sink::provider::{Close, Provider as Profile, Tls};
use loadgen::sink::rate::Rate;
use policy::survey::Limiter;
use rehearsal::Relay;
use std::rc::Rc;
use std::time::Duration;

/// So long it may take to learn.
const LEARNING: Duration = Duration::from_mins(20);
/// And so long it is watched then.
const WATCHED: Duration = Duration::from_hours(1);
/// So much waits at any time.
const WAITING: u64 = 400;
/// Bytes of a message.
const SIZE: u32 = 700;
/// The least of what it takes that it gets, in percent.
const REACHED_MIN: f64 = 90.0;
/// The most that is put off, in percent of all tries.
const DEFERRED_MAX: f64 = 2.0;
/// The most connections and commands that are turned away, in all.
const AWAY_MAX: u64 = 60;

/// What is lower than thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// Three connections.
    Connections,
    /// One.
    OneConnection,
    /// Three, where more are turned away in words that no rule knows.
    ConnectionsUnsaid,
    /// So many messages a minute.
    MessagesPerMinute,
    /// So many a second.
    MessagesPerSecond,
    /// So many on a connection.
    MessagesPerConnection,
    /// The same, in the words for too many in a time.
    MessagesPerConnectionSaid,
    /// Three connections, and so many a minute.
    Both,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    kind: Hidden,
    /// Of what it takes, in percent.
    reached: f64,
    /// Of all tries, in percent.
    deferred: f64,
    /// Connections and commands that it turned away: all, and those since it was learnt.
    away: (u64, u64),
    /// What keeps mail at last.
    limiter: Option<Limiter>,
}

impl Hidden {
    pub(crate) const ALL: [Self; 8] = [
        Self::Connections,
        Self::OneConnection,
        Self::ConnectionsUnsaid,
        Self::MessagesPerMinute,
        Self::MessagesPerSecond,
        Self::MessagesPerConnection,
        Self::MessagesPerConnectionSaid,
        Self::Both,
    ];

    fn part(self) -> Part {
        let text = profiles::text("other").expect("it ships");
        let other = Profile::read_profile("other", text).expect("what ships is sound");
        let mut profile = Profile {
            tls: Tls::Off,
            contract: Vec::new(),
            connection_rate: None,
            domains: vec!["hidden.test".into()],
            hosts: vec!["mx.hidden.test".into()],
            ..other
        };
        let rate = |text: &str| text.parse::<Rate>().ok();
        let said = |text: &str| text.parse().expect("it is a reply");
        let mut service = Duration::from_millis(100);
        match self {
            Self::Connections | Self::ConnectionsUnsaid => {
                (profile.connections_per_source, service) = (3, SECOND * 2);
            }
            Self::OneConnection => (profile.connections_per_source, service) = (1, SECOND),
            Self::MessagesPerMinute => profile.message_rate = rate("120/m"),
            Self::MessagesPerSecond => profile.message_rate = rate("2/s"),
            Self::MessagesPerConnection | Self::MessagesPerConnectionSaid => {
                (profile.messages_per_connection, profile.close) = (12, Close::Say421);
                service = SECOND * 6;
            }
            Self::Both => {
                profile.connections_per_source = 3;
                profile.message_rate = rate("120/m");
            }
        }
        match self {
            Self::ConnectionsUnsaid => profile.replies.crowd = said("421 4.3.2 come back later"),
            Self::MessagesPerConnectionSaid => {
                profile.replies.close = said("421 4.7.0 Too many messages, slow down");
            }
            _ => (),
        }
        Part { profile, share: 1_000, service, is_known: false, trouble: None }
    }

    /// Lives with it.
    ///
    /// # Errors
    /// If the relay did not live through it.
    #[expect(clippy::cast_precision_loss, reason = "they are shares")]
    pub(crate) fn live(self) -> Result<Outcome, String> {
        let length = LEARNING + WATCHED;
        let part = self.part();
        let world = World::with(self as u64, physics());
        let book = Rc::new(Book::new(1, WAITING + length.as_secs() * 100));
        let sim = world.shard(world.host());
        let hosts = [Host::open(&sim, (0, part), length, &book)];
        let relay = Relay::start(&world, &plan(&hosts))?;
        let watch = Watch::new(&hosts, relay.meters());
        let site = &watch.sites[0];
        let composer = Composer::new(7, SENDER, "Thu, 01 Jan 2026 00:00:00 +0000");
        let seen = || (book.settled(0), site.put_off(), book.of(0).turned_away);
        let is_told = std::env::args().any(|argument| argument == "--tell");
        let (mut next, mut learnt) = (0, seen());
        for second in 0..length.as_secs() {
            if second == LEARNING.as_secs() {
                learnt = seen();
            }
            while next < book.settled(0) + WAITING {
                submit(&relay, &composer, next, ("u", "hidden.test"));
                next += 1;
            }
            world.run_for(SECOND);
            let lines = relay.lines(&world);
            let steps = lines.split(|byte| *byte == b'\n').filter(|_| is_told);
            for line in steps.filter(|line| line.starts_with(b"{\"event\":\"gate\"")) {
                println!("{second} s: {}", String::from_utf8_lossy(line));
            }
        }
        let limiter = relay.ask(&world, &hosts[0].site_name());
        let limiter = limiter.sites.first().and_then(|site| site.limiters.first().cloned());
        if let Some(trouble) = relay.trouble(&world) {
            return Err(trouble);
        }
        let last = seen();
        let (taken, put_off) = ((last.0 - learnt.0) as f64, (last.1 - learnt.1) as f64);
        Ok(Outcome {
            kind: self,
            reached: 100.0 * taken / (site.rate() * WATCHED.as_secs_f64()),
            deferred: 100.0 * put_off / (put_off + taken).max(1.0),
            away: (last.2, last.2 - learnt.2),
            limiter,
        })
    }
}

impl Outcome {
    /// What is not as it must be.
    pub(crate) fn faults(&self) -> Vec<String> {
        let Self { kind, reached, deferred, away, limiter } = self;
        let asked = match kind {
            Hidden::MessagesPerConnection | Hidden::MessagesPerConnectionSaid => None,
            Hidden::OneConnection | Hidden::Connections | Hidden::ConnectionsUnsaid => Some(false),
            _ => Some(true),
        };
        let is_asked = |by_rate: bool| matches!(limiter, Some(Limiter::Asked { message_rate, .. }) if message_rate.is_some() == by_rate);
        let all = [
            (*reached >= REACHED_MIN, format!("it got {reached:.1} % of what it takes")),
            (*deferred < DEFERRED_MAX, format!("{deferred:.2} % were put off")),
            (away.0 <= AWAY_MAX, format!("{away:?} were turned away")),
            (asked.is_none_or(is_asked), format!("what keeps mail is said to be {limiter:?}")),
        ];
        let wrong = all.into_iter().filter(|(is_right, _)| !is_right);
        wrong.map(|(_, fault)| format!("{kind:?}: {fault}")).collect()
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, reached, deferred, away, limiter } = self;
        let name = format!("{kind:?}");
        let limiter = limiter.as_ref().map_or_else(String::new, ToString::to_string);
        write!(
            f,
            "{name:<26} reached {reached:>6.1} %, put off {deferred:>5.2} %, away {away:?}; {limiter}"
        )
    }
}

/// Gives the relay a message with a number, to a mailbox of a kind at a domain.
pub(super) fn submit(relay: &Relay, composer: &Composer, id: u64, (kind, domain): (&str, &str)) {
    let mut address = format!("{kind}.").into_bytes();
    hex(id, &mut address);
    address.extend_from_slice(format!("@{domain}").as_bytes());
    let (mut sender, mut text) = (Vec::new(), Vec::new());
    recipient::sender(id, SENDER, &mut sender);
    composer.write(id, SIZE, false, &address, &mut text);
    let word = |bytes| String::from_utf8(bytes).expect("addresses are ASCII");
    relay.submit(&word(sender), &word(address), &text);
}
