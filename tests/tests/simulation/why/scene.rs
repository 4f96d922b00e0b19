//! Mail that does not move, for a reason of one kind.

use super::desk::Desk;
use super::lift::Lift;
use kernel::sim::{Crash, Host, World};
use loadgen::hash::Random;
use loadgen::sink::profiles;
use loadgen::sink::provider::Provider as Profile;
use policy::replies::Rules;
use policy::survey::{Limiter, Verb};
use policy::{Limits, Schedule};
use rehearsal::{Plan, Relay, Site};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const DOMAIN: &str = "a.test";
const OTHER: &str = "b.test";
const TEXT: &[u8] = b"Subject: a\r\n\r\nb\r\n";
/// A host that takes a message takes so long for it: nothing moves meanwhile.
const SLOW: Duration = Duration::from_mins(30);
const HOST: [u8; 4] = [10, 3, 0, 1];
const DEPUTY: [u8; 4] = [10, 3, 0, 2];
/// Addresses of ours: one that reaches these hosts, and one that does not.
const OWN: [u8; 4] = [10, 9, 0, 1];
const ELSEWHERE: [u16; 8] = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1];

/// What keeps the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Paused,
    DeliveryLimit,
    SiteLimit,
    SourceLimit,
    EachLimit,
    Shared,
    Asked,
    Resting,
    PutOff,
    Unanswered,
    DnsAsked,
    /// The same for so long that nobody waits for an answer any more.
    DnsSilent,
    /// No source has an address of the hosts' family, so that dials fail and the site rests.
    SourcesOut,
}

impl Kind {
    pub(crate) const ALL: [Self; 13] = [
        Self::Paused,
        Self::DeliveryLimit,
        Self::SiteLimit,
        Self::SourceLimit,
        Self::EachLimit,
        Self::Shared,
        Self::Asked,
        Self::Resting,
        Self::PutOff,
        Self::Unanswered,
        Self::DnsAsked,
        Self::DnsSilent,
        Self::SourcesOut,
    ];
}

/// A relay, and a host for its mail.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) relay: Relay,
    pub(super) desk: Rc<Desk>,
    pub(super) site: String,
    plan: Plan,
    outside: Host,
    hosts: Vec<(u16, String, IpAddr)>,
}

impl Scene {
    /// One of this kind. The seed decides how much mail there is, and what the numbers are.
    pub(super) fn of(kind: Kind, seed: u64) -> Result<Self, String> {
        let mut random = Random::new(seed ^ 0x3141);
        let mut within = |from: u64, to: u64| from + random.next() % (to - from);
        let few = within(1, 5) as u16;
        let (profile, host) = match kind {
            Kind::Asked => asker(within(0, 4) as usize),
            Kind::PutOff => (full(), "mx.a.test"),
            _ => (Profile::default(), "mx.a.test"),
        };
        let mut plan = plan(host);
        match kind {
            Kind::DeliveryLimit | Kind::Shared => plan.limits.connections_max = few,
            Kind::SiteLimit => plan.sites.push(site(host, few)),
            Kind::SourceLimit => plan.sources = vec![(OWN.into(), few)],
            Kind::SourcesOut => plan.sources = vec![(ELSEWHERE.into(), few)],
            Kind::DnsAsked | Kind::DnsSilent => plan.domains.clear(),
            Kind::EachLimit => {
                plan.sources = vec![([10, 9, 0, 1].into(), u16::MAX)];
                plan.limits.connections_per_source_max = few;
            }
            _ => (),
        }
        let scene = Self::start(seed, plan, profile, host)?;
        if !matches!(kind, Kind::Resting | Kind::Unanswered) {
            scene.open();
        }
        let mail = within(20, 60);
        scene.fill(kind, mail, Duration::from_secs(within(600, 4_000)));
        scene.world.run_for(match kind {
            // DNS is given up after two minutes, and a dial after half a minute.
            Kind::DnsAsked => Duration::from_secs(within(2, 90)),
            Kind::DnsSilent => Duration::from_secs(within(125, 4_000)),
            Kind::Unanswered => Duration::from_secs(within(2, 12)),
            _ => Duration::from_secs(within(120, 200)),
        });
        Ok(scene)
    }

    fn start(seed: u64, plan: Plan, profile: Profile, host: &str) -> Result<Self, String> {
        let world = World::new(seed);
        let relay = Relay::start(&world, &plan)?;
        let outside = world.host();
        let desk = Desk::new(profile);
        let site = plan.sites.first().map_or_else(|| name(&plan), |site| site.name.clone());
        let hosts = vec![(10, host.to_owned(), HOST.into())];
        Ok(Self { world, relay, desk, site, plan, outside, hosts })
    }

    /// The hosts listen.
    fn open(&self) {
        let sim = self.world.shard(self.outside);
        for address in [HOST, DEPUTY] {
            self.desk.open(&sim, SocketAddr::from((address, route::SMTP_PORT)));
        }
    }

    /// Mail comes, and stays.
    fn fill(&self, kind: Kind, mail: u64, span: Duration) {
        match kind {
            Kind::Paused => self.relay.order(&self.world, Verb::Pause, &self.site, Some(span)),
            Kind::DeliveryLimit | Kind::SiteLimit | Kind::SourceLimit | Kind::EachLimit => {
                self.desk.be_slow(SLOW);
            }
            Kind::Shared => {
                self.desk.be_slow(SLOW);
                self.send(OTHER, 8);
                self.world.run_for(Duration::from_mins(2));
            }
            Kind::Unanswered => {
                self.open();
                self.world.crash(self.outside, Crash::Power);
            }
            _ => (),
        }
        self.send(DOMAIN, mail);
    }

    fn send(&self, domain: &str, count: u64) {
        for number in 0..count {
            self.relay.submit("news@sender.test", &format!("u{number}@{domain}"), TEXT);
        }
    }

    /// What keeps the mail, as the relay says.
    pub(super) fn limiter(&self) -> Option<Limiter> {
        let named = self.relay.ask(&self.world, &self.site);
        let of_site = named.sites.first().and_then(|site| site.limiters.first().cloned());
        let of_domain = || self.relay.ask(&self.world, DOMAIN).domain?.limiter;
        of_site.or_else(of_domain)
    }

    /// Does away with something that may keep mail.
    pub(super) fn lift(&mut self, lift: Lift) -> Result<(), String> {
        const MORE: u16 = 4;
        match lift {
            Lift::Resume => self.relay.order(&self.world, Verb::Resume, &self.site, None),
            Lift::Flush => self.relay.order(&self.world, Verb::Flush, &self.site, None),
            Lift::HostTakes => self.desk.take_all(),
            Lift::DnsAnswers => self.relay.resolve(DOMAIN, &self.hosts),
            Lift::HostAnswers => {
                self.world.crash(self.outside, Crash::Kill);
                self.world.restart(self.outside);
                self.open();
            }
            Lift::DeliveryLimit => {
                self.plan.limits.connections_max += MORE;
                return self.relay.reload(&self.plan);
            }
            Lift::EachLimit => {
                let most = &mut self.plan.limits.connections_per_source_max;
                *most = most.saturating_add(MORE);
                return self.relay.reload(&self.plan);
            }
            Lift::SiteLimit => {
                let sites = self.plan.sites.iter_mut();
                sites.for_each(|site| site.limits.connections_max += MORE);
                return self.relay.reload(&self.plan);
            }
            Lift::SourceFits => {
                if self.plan.sources.iter().any(|(address, _)| *address == IpAddr::from(ELSEWHERE))
                {
                    self.plan.sources.push((OWN.into(), MORE));
                    return self.relay.reload(&self.plan);
                }
            }
            Lift::SourceLimit => {
                let sources = self.plan.sources.iter_mut();
                sources.for_each(|(_, most)| *most = most.saturating_add(MORE));
                return self.relay.reload(&self.plan);
            }
        }
        Ok(())
    }

    /// Whether mail has gone within that time.
    pub(super) fn moves_within(&self, span: Duration) -> bool {
        let before = self.desk.begun();
        self.world.run_for(span);
        self.desk.begun() > before
    }
}

/// A provider that has had enough after a message, and one of its hosts.
fn asker(which: usize) -> (Profile, &'static str) {
    let all = [
        ("yahoo", "mta5.am0.yahoodns.net"),
        ("gmail", "gmail-smtp-in.l.google.com"),
        ("sfr", "smtp-in.sfr.fr"),
        ("microsoft", "outlook-com.olc.protection.outlook.com"),
    ];
    let (name, host) = all[which];
    let text = profiles::text(name).expect("it ships");
    let profile = Profile::read_profile(name, text).expect("what ships is sound");
    let rate = "1/10h".parse().expect("it is a rate");
    (Profile { message_rate: Some(rate), ..profile }, host)
}

/// A provider all of whose mailboxes are full.
fn full() -> Profile {
    let mut profile = Profile { defer: 1.0, defer_times: u16::MAX, ..Profile::default() };
    profile.replies.defer = "452 4.2.2 mailbox full".parse().expect("it is a reply");
    profile
}

fn site(host: &str, connections_max: u16) -> Site {
    let limits = Limits { connections_max, in_flight_max: 1, ..Limits::default() };
    let (name, hosts, rates) = ("named".into(), vec![host.to_owned()], shard::Allowed::default());
    Site { name, hosts, limits, rates, is_heeded: true }
}

/// Two domains with the same hosts, in another order if there are two.
fn plan(host: &str) -> Plan {
    let (first, second) = (host.to_owned(), "mx.b.test".to_owned());
    let (at, other) = (IpAddr::from(HOST), IpAddr::from(DEPUTY));
    let is_alone = host != "mx.a.test";
    let both = |here: u16, there: u16| {
        let mut hosts = vec![(here, first.clone(), at)];
        hosts.extend((!is_alone).then(|| (there, second.clone(), other)));
        hosts
    };
    Plan {
        domains: [(DOMAIN.to_owned(), both(10, 20)), (OTHER.to_owned(), both(20, 10))].into(),
        sources: Vec::new(),
        sites: Vec::new(),
        limits: Limits { in_flight_max: 1, ..Limits::default() },
        rates: shard::Allowed::default(),
        warmup: None,
        days: Arc::default(),
        schedule: Schedule::default(),
        replies: Arc::clone(Rules::shipped()),
        is_heeded: true,
    }
}

/// What the relay calls the site of these hosts.
fn name(plan: &Plan) -> String {
    let hosts = plan.domains.get(DOMAIN).into_iter().flatten();
    let mut names: Vec<_> = hosts.map(|(_, name, _)| name.clone()).collect();
    names.sort();
    names.join(",")
}
