//! From which of our addresses a connection leaves.
//!
//! A source is chosen when a site is dialled, and stays with the connection. Of those that may have
//! one more, and whose family the site's hosts have, it is the turn of one of them
//! ([`policy::pool::Turns`]); but one that was turned away by every host of the site is passed over
//! as long as there is another.

use super::health::Outlook;
use crate::egress::{Detour, Pool, Source};
use crate::routing::local;
use crate::shard::Shard;
use event::{EgressMeters, Response, Tick};
use kernel::Kernel;
use policy::Limits;
use policy::pace::Spent;
use policy::pool::{Turns, Want};
use queue::SiteIndex;
use route::{Place, SitePlan};
use std::cell::{Cell, RefCell};
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
pub(super) struct Departure {
    /// The source it leaves from; none: from whichever address the system takes.
    source: Option<Arc<Source>>,
    /// Where it counts, if anything is counted.
    berth: Option<Berth>,
    /// It has connected, which was its turn.
    connected: Cell<bool>,
}

/// A connection of a source that counts.
struct Berth {
    place: usize,
    standing: Standing,
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
    /// They have had all that they may have for now: the first may have more then.
    Held(Tick),
    /// No source can be used.
    Nobody(Response),
}

impl Standings {
    /// How the sources stand by which a plan's mail leaves: as in `new` where nothing has happened.
    pub(crate) fn of(&mut self, plan: &SitePlan, new: impl FnOnce() -> Turns) -> Standing {
        if let Some(known) = self.0.get(&plan.name).and_then(Weak::upgrade) {
            return known;
        }
        self.0.retain(|_, standing| standing.strong_count() > 0);
        let standing = Rc::new(RefCell::new(new()));
        self.0.insert(Arc::clone(&plan.name), Rc::downgrade(&standing));
        standing
    }
}

impl Departure {
    fn new(source: Option<&Arc<Source>>, berth: Option<Berth>) -> Self {
        if let Some(source) = source {
            source.meters.lanes.add(1);
        }
        Self { source: source.cloned(), berth, connected: Cell::default() }
    }

    /// The address it leaves from, if that is not left to the system.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.source().map(|source| source.address)
    }

    /// The source it leaves from.
    pub(super) const fn source(&self) -> Option<&Arc<Source>> {
        self.source.as_ref()
    }

    /// Where that stands among those of its pool.
    pub(super) fn place(&self) -> usize {
        self.berth.as_ref().map_or(0, |berth| berth.place)
    }

    /// What is counted of that source.
    pub(super) fn counts(&self) -> Option<&Arc<EgressMeters>> {
        self.source().map(|source| &source.meters)
    }

    /// Whether a host at `address` can be reached that way.
    pub(super) fn reaches(&self, address: IpAddr) -> bool {
        self.address().is_none_or(|own| same_family(own, address))
    }

    /// Whether it may connect now: the first time, since it is its turn; and again, to another host or
    /// in the clear, if a rate of its source leaves that.
    pub(super) fn may_connect(&self, now: Tick) -> bool {
        let is_turn = !self.connected.replace(true);
        let Some(Berth { place, standing }) = &self.berth else { return true };
        is_turn || standing.borrow_mut().connects_again(*place, now)
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
        if let (Some(source), Some(Berth { place, standing })) = (&self.source, &self.berth) {
            let pause = if source.detour.is_some() { PROXY_PAUSE } else { ABSENT_PAUSE };
            standing.borrow_mut().take_out(*place, now + pause);
        }
    }

    /// Whether its source has a connection too many, and this is the one to end.
    pub(super) fn must_leave(&self) -> bool {
        let Some(Berth { place, standing }) = &self.berth else { return false };
        standing.borrow_mut().must_leave(*place)
    }

    /// Whether its source was taken out of use, or has had all of its day.
    pub(super) fn is_out(&self, now: impl FnOnce() -> Tick) -> bool {
        let Some(Berth { place, standing }) = &self.berth else { return false };
        standing.borrow().is_out(*place, now())
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        if let Some(source) = &self.source {
            source.meters.lanes.sub(1);
        }
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
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
        let Some(standing) = &site.standing else { return Ok(Departure::new(None, None)) };
        let (live, now) = (self.live.borrow(), self.kernel.now());
        let mut turns = standing.borrow_mut();
        let berth = |place| Some(Berth { place, standing: Rc::clone(standing) });
        let Some(place) = site.plan.leaves_by else {
            let turn = turns.next(now, |place| !site.is_served_from(place));
            let turn = turn.ok_or_else(|| held(&turns, now))?;
            return Ok(Departure::new(None, berth(turn)));
        };
        let pool = live.egress.pool(place);
        let places = site.plan.places(|_| true, &mut || 0);
        let fits = |source: usize| pool.reaches(source, &places);
        let is_free = |source: usize| fits(source) && !site.is_served_from(source);
        let is_welcome = |source: usize| self.is_welcome(pool.sources[source].address, &places);
        let from = |turn: usize| Departure::new(Some(&pool.sources[turn]), berth(turn));
        self.look_at_days(&mut turns, pool, &site.plan);
        let turn = turns.next(now, |source| is_free(source) && is_welcome(source));
        match (turn, wanted) {
            (Some(turn), _) => Ok(from(turn)),
            (None, Wanted::Welcome) => Err(unwelcome(pool)),
            (None, Wanted::Any) => match turns.want(now, fits) {
                Some(want) => Err(stay(pool, want)),
                None => turns.next(now, is_free).map(from).ok_or(Stay::Held(now)),
            },
        }
    }

    /// Why no source of a site's pool may have another connection there, and the pool; `None` if one
    /// may.
    pub(crate) fn lacks_source(&self, index: SiteIndex) -> Option<(Want, Option<Arc<str>>)> {
        self.ask_turns(index, |turns, now, fit| turns.want(now, fit))
    }

    /// Why no source of a site's pool may send anything there now, be it by the connections it has.
    pub(crate) fn lacks_leave(&self, index: SiteIndex) -> Option<(Want, Option<Arc<str>>)> {
        self.ask_turns(index, |turns, now, fit| turns.spent(now, fit))
    }

    fn ask_turns(
        &self,
        index: SiteIndex,
        ask: impl FnOnce(&Turns, Tick, &dyn Fn(usize) -> bool) -> Option<Want>,
    ) -> Option<(Want, Option<Arc<str>>)> {
        let sites = self.sites.borrow();
        let site = sites.find(index);
        let (mut turns, now) = (site.standing.as_ref()?.borrow_mut(), self.kernel.now());
        let Some(place) = site.plan.leaves_by else {
            return Some((ask(&turns, now, &|_| true)?, None));
        };
        let live = self.live.borrow();
        let pool = live.egress.pool(place);
        let places = site.plan.places(|_| true, &mut || 0);
        self.look_at_days(&mut turns, pool, &site.plan);
        let want = ask(&turns, now, &|source| pool.reaches(source, &places));
        want.map(|want| (want, Some(Arc::clone(&pool.name))))
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
        Want::OfDay(until) | Want::OfRate(Spent { until, .. }) => return Stay::Held(until),
        Want::OfUse(_) | Want::OfOperator(_) => {
            format!("no source of the pool {name} is in use for this site now")
        }
        Want::OfFit => format!("no source of the pool {name} has an address of the hosts' family"),
    };
    Stay::Nobody(local(451, (4, 4, 1), &text))
}

/// Why this host may open no connection, where it is the one source.
fn held(turns: &Turns, now: Tick) -> Stay {
    match turns.want(now, |_| true) {
        Some(Want::OfRate(Spent { until, .. })) => Stay::Held(until),
        // It has a connection that waits for leave to send.
        _ => Stay::Held(now),
    }
}

fn unwelcome(pool: &Pool) -> Stay {
    let text = format!("no host of the site takes mail from the pool {}", pool.name);
    Stay::Nobody(local(451, (4, 4, 1), &text))
}

fn same_family(own: IpAddr, other: IpAddr) -> bool {
    own.is_ipv4() == other.is_ipv4()
}
