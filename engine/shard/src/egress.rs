//! The pools of our addresses that mail leaves by, as the settings have them.

use event::{EgressMeters, Wall};
use policy::Limits;
use policy::pool::Member;
use policy::warmup::{Day, Quota};
use route::{Place, Pools, SitePlan};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use wire::Credentials;

/// All pools.
#[derive(Debug, Default)]
pub struct Egress {
    pools: Box<[Pool]>,
    /// The one for mail that says nothing of it.
    usual: Option<u16>,
    /// How sites are told apart by them.
    pub(crate) names: Pools,
}

/// Some addresses of ours that share mail.
#[derive(Clone, Debug)]
pub struct Pool {
    /// What the settings and messages call it.
    pub name: Arc<str>,
    /// At least one.
    pub sources: Box<[Arc<Source>]>,
    /// The settings do not know it any more: its mail waits.
    pub is_gone: bool,
}

/// One of our addresses.
#[derive(Clone, Debug)]
pub struct Source {
    /// The pool it is of.
    pub pool: Arc<str>,
    /// Where connections come from, as hosts see it.
    pub address: IpAddr,
    /// How we introduce ourselves from there.
    pub ehlo: Arc<str>,
    /// Its share of the connections, and how many there may be to one site.
    pub member: Member,
    /// Messages sent over one connection before it is closed, if that is less than the site takes.
    pub messages_per_connection_max: u32,
    /// The proxy that has the address, if it is not on this host.
    pub detour: Option<Detour>,
    /// How much it may send of a day, if it warms up.
    pub warmups: Box<[Warmup]>,
    /// What is counted of it.
    pub meters: Arc<EgressMeters>,
}

/// How much one of our addresses may send of a day.
#[derive(Clone, Debug)]
pub struct Warmup {
    /// The place of the named site that it is about; `None`: all sites together.
    pub site: Option<usize>,
    /// How much.
    pub quota: Arc<Quota>,
    /// Which of the settings' plans it is.
    pub index: usize,
}

/// A proxy that connects to hosts for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detour {
    /// Where it is.
    pub address: SocketAddr,
    /// What it is told.
    pub manner: Manner,
}

/// How a proxy is told where to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// By a PROXY header, which also says from which address.
    Haproxy,
    /// By SOCKS 5, with this login if it wants one.
    Socks5(Option<Credentials>),
}

/// By which way mail leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Exit {
    /// From whichever address the system takes.
    Any,
    /// By the pool at this place of the settings.
    Pool(u16),
    /// By one that the settings do not know. It waits: from no other address it may leave.
    Unknown,
}

impl Egress {
    /// These pools, of which the one at `usual` is for mail that says nothing of it.
    ///
    /// # Panics
    /// With more than 65,535 pools.
    #[must_use]
    pub fn new(pools: Vec<Pool>, usual: Option<u16>) -> Self {
        assert!(u16::try_from(pools.len()).is_ok(), "the settings know a limit");
        let names = Pools::new(pools.iter().map(|pool| &*pool.name), usual);
        Self { pools: pools.into(), usual, names }
    }

    /// These pools instead, with `usual` as the name of the one for mail that says nothing of it.
    /// Each keeps the place it had, and so do its sources; what is left out stays where it was, and
    /// nothing leaves by it.
    #[must_use]
    pub fn renewed(&self, mut pools: Vec<Pool>, usual: Option<&str>) -> Self {
        let mut take = |name: &str| {
            let at = pools.iter().position(|pool| &*pool.name == name)?;
            Some(pools.remove(at))
        };
        let kept = |old: &Pool| match take(&old.name) {
            Some(pool) => old.renewed(pool),
            None => Pool { is_gone: true, ..old.clone() },
        };
        let mut all: Vec<Pool> = self.pools.iter().map(kept).collect();
        all.append(&mut pools);
        let usual = usual.and_then(|name| all.iter().position(|pool| &*pool.name == name));
        Self::new(all, usual.and_then(|place| u16::try_from(place).ok()))
    }

    /// The way of mail that is labelled so, if it is. Without pools a label is only a label.
    pub(crate) fn exit(&self, label: &[u8]) -> Exit {
        if self.pools.is_empty() {
            return Exit::Any;
        }
        if label.is_empty() {
            return self.usual.map_or(Exit::Any, Exit::Pool);
        }
        let is_meant = |pool: &Pool| pool.name.as_bytes() == label && !pool.is_gone;
        let known = (0..).zip(&self.pools).find(|(_, pool)| is_meant(pool));
        known.map_or(Exit::Unknown, |(place, _)| Exit::Pool(place))
    }

    /// How a site is treated: no more connections than the sources of its pool may have; without a
    /// pool, than one source may.
    pub(crate) fn limit(&self, limits: Limits, plan: &SitePlan) -> Limits {
        let most = plan.leaves_by.map_or(limits.connections_per_source_max, |pool| {
            // A site that no source reaches is dialled all the same: that tells why nothing moves.
            self.pool(pool).connections_max(plan, |source| source.most_at(&limits)).max(1)
        });
        Limits { connections_max: limits.connections_max.min(most), ..limits }
    }

    /// Whether mail leaves by this way no more, since the settings do not know its pool.
    pub(crate) fn is_shut(&self, exit: Exit) -> bool {
        match exit {
            Exit::Any => false,
            Exit::Pool(place) => self.pool(place).is_gone,
            Exit::Unknown => true,
        }
    }

    /// All pools that the settings know.
    pub(crate) fn known(&self) -> impl Iterator<Item = &Pool> {
        self.pools.iter().filter(|pool| !pool.is_gone)
    }

    /// The pool by which mail for a site of this name leaves, if it leaves by one.
    pub(crate) fn pool_of(&self, site: &str) -> Option<&Pool> {
        match site.rsplit_once(";pool=") {
            Some((_, name)) => self.known().find(|pool| *pool.name == *name),
            None => self.usual.map(|place| self.pool(place)),
        }
    }

    /// The pool at this place.
    pub(crate) fn pool(&self, place: u16) -> &Pool {
        &self.pools[usize::from(place)]
    }
}

impl Source {
    /// Whether an operator who says this means it: its address, or how we introduce ourselves from
    /// there.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        name.parse() == Ok(self.address) || self.ehlo.eq_ignore_ascii_case(name)
    }

    /// How much it may send of a day to a site: each of these holds.
    pub(crate) fn warmups_at(&self, plan: &SitePlan) -> impl Iterator<Item = &Warmup> {
        let named = plan.named;
        let is_meant = move |one: &&Warmup| one.site.is_none() || one.site == named;
        self.warmups.iter().filter(is_meant)
    }

    /// Of those the one that allows nothing more for longest now, with its day.
    pub(crate) fn day_spent(&self, plan: &SitePlan, wall: Wall) -> Option<(&Warmup, Day)> {
        let spent = self.warmups_at(plan).filter_map(|one| Some((one, one.quota.spent(wall)?)));
        spent.max_by_key(|(_, day)| day.ends)
    }

    /// The most connections from it to a site with these limits.
    pub(crate) fn most_at(&self, limits: &Limits) -> u16 {
        self.member.connections_max.min(limits.connections_per_source_max)
    }

    fn out_of_use(&self) -> Arc<Self> {
        Arc::new(Self { member: Member { weight: 0, ..self.member }, ..self.clone() })
    }
}

impl Pool {
    /// The pool of this name with these sources, which are told of it.
    #[must_use]
    pub fn new(name: &str, sources: impl IntoIterator<Item = Source>) -> Self {
        let name = Arc::<str>::from(name);
        let named = |source| Arc::new(Source { pool: Arc::clone(&name), ..source });
        Self { sources: sources.into_iter().map(named).collect(), name, is_gone: false }
    }

    /// The sources of `new`, each at the place it had here.
    fn renewed(&self, new: Self) -> Self {
        let mut sources = new.sources.into_vec();
        let kept = |old: &Arc<Source>| {
            let at = sources.iter().position(|source| source.address == old.address);
            at.map_or_else(|| old.out_of_use(), |at| sources.remove(at))
        };
        let mut all: Vec<_> = self.sources.iter().map(kept).collect();
        all.append(&mut sources);
        Self { sources: all.into(), ..new }
    }

    /// The most connections that all sources together may have to a site, by what each may have.
    pub(crate) fn connections_max(&self, plan: &SitePlan, each: impl Fn(&Source) -> u16) -> u16 {
        self.used_at(plan).map(each).fold(0, u16::saturating_add)
    }

    /// The sources that reach a site and have a share.
    pub(crate) fn used_at<'p>(&'p self, plan: &'p SitePlan) -> impl Iterator<Item = &'p Source> {
        let reached = |source: &&Source| {
            let mut addresses = plan.hosts.iter().flat_map(|host| &host.addresses);
            addresses.any(|address| address.is_ipv4() == source.address.is_ipv4())
        };
        let used = self.sources.iter().map(|source| &**source);
        used.filter(|source| source.member.weight > 0).filter(reached)
    }

    /// Whether one of these places is of the family of a source's address.
    pub(crate) fn reaches(&self, source: usize, places: &[Place]) -> bool {
        let own = self.sources[source].address;
        places.iter().any(|place| place.address.is_ipv4() == own.is_ipv4())
    }

    /// What each of its sources may have of a site with these limits.
    pub(crate) fn members(&self, limits: &Limits) -> impl Iterator<Item = Member> {
        self.sources.iter().map(|source| {
            let connections_max = source.most_at(limits);
            Member { connections_max, ..source.member }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Egress, Exit, Pool, Source};
    use policy::Limits;
    use policy::pool::Member;
    use route::{SitePlan, Tls};
    use std::sync::Arc;

    fn source(address: &str, connections_max: u16, weight: u16) -> Source {
        Source {
            pool: "".into(),
            address: address.parse().unwrap(),
            ehlo: "mta.test".into(),
            member: Member { weight, connections_max },
            messages_per_connection_max: u32::MAX,
            detour: None,
            warmups: Box::default(),
            meters: Arc::default(),
        }
    }

    #[test]
    fn a_site_has_no_more_connections_than_the_sources_that_reach_it() {
        let sources = [
            source("192.0.2.1", 2, 1),
            source("2001:db8::1", 4, 1),
            source("192.0.2.2", 1, 1),
            source("192.0.2.3", 9, 0),
        ];
        let egress = Egress::new(vec![Pool::new("warm", sources)], None);
        for (hosts, most) in [
            (&["198.51.100.1:25"][..], 3),
            (&["[2001:db8::9]:25"], 4),
            (&["198.51.100.1:25", "[2001:db8::9]:25"], 7),
        ] {
            let hosts: Vec<_> = hosts.iter().map(|host| host.parse().unwrap()).collect();
            let plan = SitePlan::fixed(&hosts, Tls::Off);
            let limits = Limits { connections_max: 8, ..Limits::default() };
            assert_eq!(egress.limit(limits, &plan), limits);
            let through = plan.through(0, &egress.names);
            assert_eq!(egress.limit(limits, &through).connections_max, most, "{hosts:?}");
            let few = Limits { connections_max: 1, ..limits };
            assert_eq!(egress.limit(few, &through), few);
        }
    }

    #[test]
    fn what_one_source_may_have_is_had_by_each() {
        let sources = [
            source("192.0.2.1", 2, 1),
            source("192.0.2.2", u16::MAX, 1),
            source("192.0.2.3", u16::MAX, 1),
            source("192.0.2.4", u16::MAX, 0),
        ];
        let egress = Egress::new(vec![Pool::new("warm", sources)], None);
        let plan = SitePlan::fixed(&["198.51.100.1:25".parse().unwrap()], Tls::Off);
        let through = plan.through(0, &egress.names);
        for (most, each, alone, all) in [(99, 5, 5, 12), (99, 1, 1, 3), (7, 5, 5, 7), (3, 9, 3, 3)]
        {
            let connections_per_source_max = each;
            let limits =
                Limits { connections_max: most, connections_per_source_max, ..Limits::default() };
            let has = |plan| egress.limit(limits, plan).connections_max;
            assert_eq!((has(&plan), has(&through)), (alone, all), "{most}, {each} each");
        }
    }

    #[test]
    fn pools_and_sources_keep_their_places() {
        let pool = |name: &str, addresses: &[&str]| {
            Pool::new(name, addresses.iter().map(|address| source(address, 2, 1)))
        };
        let old = Egress::new(
            vec![pool("cold", &["192.0.2.1", "192.0.2.2"]), pool("warm", &["192.0.2.3"])],
            Some(1),
        );
        let new = old.renewed(
            vec![pool("new", &["192.0.2.4"]), pool("cold", &["192.0.2.5", "192.0.2.2"])],
            None,
        );
        let exits = ["cold", "warm", "new"].map(|name| new.exit(name.as_bytes()));
        assert_eq!(exits, [Exit::Pool(0), Exit::Unknown, Exit::Pool(2)]);
        assert!(new.is_shut(Exit::Pool(1)) && !new.is_shut(Exit::Pool(2)));
        let sources = |place| {
            let of: &[_] = &new.pool(place).sources;
            of.iter()
                .map(|one| format!("{}/{}", one.address, one.member.weight))
                .collect::<Vec<_>>()
        };
        assert_eq!(sources(0), ["192.0.2.1/0", "192.0.2.2/1", "192.0.2.5/1"]);
        assert_eq!(sources(1), ["192.0.2.3/1"]);
        let back = new.renewed(vec![pool("warm", &["192.0.2.3"])], Some("warm"));
        assert_eq!((back.exit(b"warm"), back.exit(b"")), (Exit::Pool(1), Exit::Pool(1)));
    }

    #[test]
    fn mail_leaves_by_its_pool_or_the_usual_or_waits() {
        let pools = || ["cold", "warm"].map(|name| Pool::new(name, [])).into();
        let usual = Egress::new(pools(), Some(1));
        for (label, exit) in [("cold", Exit::Pool(0)), ("warm", Exit::Pool(1)), ("", Exit::Pool(1))]
        {
            assert_eq!(usual.exit(label.as_bytes()), exit, "{label}");
        }
        for label in ["Cold", "col", "colder"] {
            assert_eq!(usual.exit(label.as_bytes()), Exit::Unknown, "{label}");
        }
        assert_eq!(Egress::new(pools(), None).exit(b""), Exit::Any);
        assert_eq!(Egress::default().exit(b"cold"), Exit::Any, "a label is only a label");
    }
}
