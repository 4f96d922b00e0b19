//! From which of our addresses a connection leaves.
//!
//! A source is chosen when a site is dialled, and stays with the connection. Of those that may have
//! one more, and whose family the site's hosts have, it is the turn of one of them
//! ([`policy::pool::Turns`]); but one that was turned away by every host of the site is passed over
//! as long as there is another.

use super::health::Outlook;
use crate::egress::{Detour, Egress, Pool, Source};
use crate::routing::local;
use crate::shard::Shard;
use event::{EgressMeters, Response, Tick};
use kernel::Kernel;
use policy::Limits;
use policy::pool::{Turns, Want};
use queue::SiteIndex;
use route::{Place, SitePlan};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// How long a source is out of use at a site whose address was not there when one was dialled.
const ABSENT_PAUSE: Duration = Duration::from_mins(1);

/// The same where its proxy was of no use: it is back as soon as somebody has started it again.
const PROXY_PAUSE: Duration = Duration::from_secs(10);

/// How the sources of a pool stand at the sites of one name.
pub(crate) type Standing = Rc<RefCell<Turns>>;

/// The same for all sites, by name: those of one name have the limits of a source together.
#[derive(Debug, Default)]
pub(crate) struct Standings(BTreeMap<Arc<str>, Weak<RefCell<Turns>>>);

/// The way out of one connection. Its source may have another when this is dropped.
pub(super) enum Departure {
    /// From whichever address the system takes.
    Any,
    From(Berth),
}

/// From which sources a connection may leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// From any that may have one; but rather from those that are [`Self::Welcome`].
    Any,
    /// From those that some host of the site did not turn away: it was tried from another.
    Welcome,
}

/// Why there is no way out.
pub(super) enum Stay {
    /// The sources in use have all their connections to this site.
    Busy,
    /// No source can be used.
    Nobody(Response),
}

/// One source, with a connection that counts.
pub(super) struct Berth {
    pub(super) source: Arc<Source>,
    place: usize,
    standing: Standing,
}

impl Standings {
    /// How the sources of a plan's pool stand, if it has one.
    pub(crate) fn of(&mut self, plan: &SitePlan, egress: &Egress) -> Option<Standing> {
        let pool = egress.pool(plan.leaves_by?);
        if let Some(known) = self.0.get(&plan.name).and_then(Weak::upgrade) {
            return Some(known);
        }
        self.0.retain(|_, standing| standing.strong_count() > 0);
        let standing = Rc::new(RefCell::new(pool.turns()));
        self.0.insert(Arc::clone(&plan.name), Rc::downgrade(&standing));
        Some(standing)
    }

    /// The settings of the sources have changed.
    pub(crate) fn change(standing: &Standing, pool: &Pool) {
        standing.borrow_mut().change(pool.sources.iter().map(|source| source.member));
    }
}

impl Departure {
    /// The address it leaves from, if that is not left to the system.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.source().map(|source| source.address)
    }

    /// The source it leaves from.
    pub(super) fn source(&self) -> Option<&Arc<Source>> {
        match self {
            Self::Any => None,
            Self::From(berth) => Some(&berth.source),
        }
    }

    /// What is counted of that source.
    pub(super) fn counts(&self) -> Option<&Arc<EgressMeters>> {
        self.source().map(|source| &source.meters)
    }

    /// Whether a host at `address` can be reached that way.
    pub(super) fn reaches(&self, address: IpAddr) -> bool {
        self.address().is_none_or(|own| same_family(own, address))
    }

    /// How a site is treated over it.
    pub(super) fn limit(&self, limits: Limits) -> Limits {
        let most = self.source().map_or(u32::MAX, |source| source.messages_per_connection_max);
        let messages_per_connection_max = limits.messages_per_connection_max.min(most);
        Limits { messages_per_connection_max, ..limits }
    }

    /// The proxy that connects for us, and as if from where.
    pub(super) fn detour(&self) -> Option<(IpAddr, &Detour)> {
        let source = self.source()?;
        Some((source.address, source.detour.as_ref()?))
    }

    /// The address is not on this host, or its proxy of no use: the source is out of use at the
    /// site for a while.
    pub(super) fn failed(&self, now: Tick) {
        if let Self::From(Berth { source, place, standing }) = self {
            let pause = if source.detour.is_some() { PROXY_PAUSE } else { ABSENT_PAUSE };
            standing.borrow_mut().take_out(*place, now + pause);
        }
    }

    /// Whether its source has a connection too many, and this is the one to end.
    pub(super) fn must_leave(&self) -> bool {
        match self {
            Self::Any => false,
            Self::From(Berth { place, standing, .. }) => standing.borrow_mut().must_leave(*place),
        }
    }

    /// Whether its source was taken out of use.
    pub(super) fn is_out(&self, now: impl FnOnce() -> Tick) -> bool {
        match self {
            Self::Any => false,
            Self::From(Berth { place, standing, .. }) => standing.borrow().is_out(*place, now()),
        }
    }
}

impl Berth {
    fn new(source: &Arc<Source>, place: usize, standing: &Standing) -> Self {
        source.meters.lanes.add(1);
        Self { source: Arc::clone(source), place, standing: Rc::clone(standing) }
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        self.source.meters.lanes.sub(1);
        self.standing.borrow_mut().ended(self.place);
    }
}

impl<K: Kernel> Shard<K> {
    /// The way out for the next connection to a site.
    ///
    /// # Errors
    /// Why no source may have it.
    pub(super) fn depart(&self, index: SiteIndex, wanted: Wanted) -> Result<Departure, Stay> {
        let sites = self.sites.borrow();
        let site = sites.find(index);
        let Some((place, standing)) = site.plan.leaves_by.zip(site.standing.as_ref()) else {
            return Ok(Departure::Any);
        };
        let live = self.live.borrow();
        let (pool, now) = (live.egress.pool(place), self.kernel.now());
        let places = site.plan.places(|_| true, &mut || 0);
        let fits = |source: usize| pool.reaches(source, &places);
        let is_welcome = |source: usize| self.is_welcome(pool.sources[source].address, &places);
        let mut turns = standing.borrow_mut();
        let turn = turns.next(now, |source| fits(source) && is_welcome(source));
        let berth = |turn: usize| Departure::From(Berth::new(&pool.sources[turn], turn, standing));
        match (turn, wanted) {
            (Some(turn), _) => Ok(berth(turn)),
            (None, Wanted::Welcome) => Err(unwelcome(pool)),
            (None, Wanted::Any) => match turns.want(now, fits) {
                Some(want) => Err(stay(pool, want)),
                None => turns.next(now, fits).map(berth).ok_or(Stay::Busy),
            },
        }
    }

    /// Why no source of a site's pool may have another connection there, and the pool; `None` if one
    /// may.
    pub(crate) fn lacks_source(&self, index: SiteIndex) -> Option<(Want, Arc<str>)> {
        let sites = self.sites.borrow();
        let site = sites.find(index);
        let (place, standing) = site.plan.leaves_by.zip(site.standing.as_ref())?;
        let live = self.live.borrow();
        let pool = live.egress.pool(place);
        let places = site.plan.places(|_| true, &mut || 0);
        let want = standing.borrow().want(self.kernel.now(), |one| pool.reaches(one, &places));
        want.map(|want| (want, Arc::clone(&pool.name)))
    }

    /// Whether some host of the site is well, as one sees it from this address.
    fn is_welcome(&self, from: IpAddr, places: &[Place]) -> bool {
        let (hosts, refusals) = (self.hosts.borrow(), self.refusals.borrow());
        let outlook = Outlook { hosts: &hosts, refusals: &refusals, from: Some(from) };
        let now = self.kernel.now();
        let reached = places.iter().filter(|place| same_family(from, place.address.ip()));
        reached.into_iter().any(|place| outlook.is_well(place.address, now))
    }
}

/// Why it is no source's turn.
fn stay(pool: &Pool, want: Want) -> Stay {
    let name = &pool.name;
    let text = match want {
        Want::OfRoom => return Stay::Busy,
        Want::OfUse(_) | Want::OfOperator(_) => {
            format!("no source of the pool {name} is in use for this site now")
        }
        Want::OfFit => format!("no source of the pool {name} has an address of the hosts' family"),
    };
    Stay::Nobody(local(451, (4, 4, 1), &text))
}

fn unwelcome(pool: &Pool) -> Stay {
    let text = format!("no host of the site takes mail from the pool {}", pool.name);
    Stay::Nobody(local(451, (4, 4, 1), &text))
}

fn same_family(own: IpAddr, other: IpAddr) -> bool {
    own.is_ipv4() == other.is_ipv4()
}
