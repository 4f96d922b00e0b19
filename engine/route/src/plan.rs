//! A site, and its hosts in order.

mod dane;
mod hops;
mod named;
mod need;
mod pools;
mod public;
mod rules;
mod sts;
mod table;

pub use hops::Hops;
pub use named::{NamedSites, SiteSetting};
pub use pools::Pools;
pub use public::is_public;
pub use rules::Rules;
pub use sts::Sts;
pub use table::{BadPattern, Question, RouteSetting, Table, Target};

use crate::{
    ADDRESSES_MAX, Answer, Dane, HOSTS_MAX, Host, HostPort, MxHost, Need, RouteFailure, StsPolicy,
    Tls,
};
use need::Demanding;
use pools::Variants;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use table::Route;

/// The most addresses tried in one dial.
///
/// [RFC 5321 §5.1](https://www.rfc-editor.org/rfc/rfc5321#section-5.1) asks for two at least
/// and allows a limit: a site whose every address is silent must not hold a dial for hours.
pub const TRIED_MAX: usize = 16;

/// Where mail for a domain goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitePlan {
    /// The site's name: what the settings call it, or else its hosts, sorted, each once, with
    /// commas between. What has the same hosts is the same site, whatever the domain and their
    /// preferences, if it goes under the same TLS; what is unusual of that stands behind them.
    pub name: Arc<str>,
    /// Which of the sites that the settings name it is, by its [place](SiteSetting::place).
    pub named: Option<usize>,
    /// Which mail may share connections: that for domains with the same hosts in the same order,
    /// under the same TLS. A host is not bound to take mail for domains that do not name it, and
    /// none gets what is meant for a better one first.
    /// [RFC 5321 §5.1](https://www.rfc-editor.org/rfc/rfc5321#section-5.1)
    pub pool: Arc<str>,
    /// What TLS the mail goes under.
    pub tls: Tls,
    /// Which setting of the site asks for that; `None` if it is not the site that does.
    pub asked_by: Option<Arc<str>>,
    /// What the policy of the domain says of its hosts, if it has one.
    pub sts: Option<Sts>,
    /// What mail asks of its hosts beyond that.
    pub need: Need,
    /// Nobody can have forged which hosts these are.
    authentic: bool,
    /// Its hosts, best first. At least one has an address.
    pub hosts: Box<[PlanHost]>,
    /// Which pool of our addresses the mail leaves by, by its place in the settings; `None`:
    /// whichever the system takes.
    pub leaves_by: Option<u16>,
    /// The same for mail that leaves by pools.
    variants: Variants,
    /// The same for mail that asks for more.
    demanding: Demanding,
}

/// Where a site may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The lower, the better.
    pub preference: u16,
    /// The address.
    pub address: SocketAddr,
}

/// A host of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanHost {
    /// The lower, the better.
    pub preference: u16,
    /// What it is called, with its port if that is not [`crate::SMTP_PORT`].
    pub name: Box<str>,
    /// Where it is reached, in the order to be tried.
    pub addresses: Box<[SocketAddr]>,
    /// What is proven of its certificates. If anything is, what TLS it gets is settled by that.
    pub dane: Dane,
}

/// Makes a plan of what DNS said about `domain`, or about what stands in the place of one
/// ([`Hops::key`]).
///
/// # Errors
/// Why mail for it goes nowhere.
pub fn plan(domain: &str, answer: &Answer, rules: &Rules) -> Result<SitePlan, RouteFailure> {
    let nothing = |failure| (Err(failure), Duration::ZERO, None, false);
    let (hosts, ttl, policy, authentic) = match answer {
        Answer::Hosts { hosts, ttl, policy, authentic } => {
            (Ok(hosts.as_slice()), *ttl, policy.as_deref(), *authentic)
        }
        Answer::NullMx => nothing(RouteFailure::NullMx),
        Answer::NoDomain => nothing(RouteFailure::NoDomain),
        Answer::NoAddress => nothing(RouteFailure::NoAddress),
        Answer::Temporary(cause) => nothing(RouteFailure::Temporary(cause.as_str().into())),
    };
    let hops = Hops::of_key(domain).map(Route::Named);
    let (route, tls) = match &hops {
        Some(hops) => (hops, rules.table.usual_tls()),
        None => rules.table.route(domain),
    };
    match route {
        Route::Mx { port } => {
            // Whoever wants no TLS wants none, whatever the domain demands.
            let policy = policy.filter(|_| tls != Tls::Off);
            let plan = by_mx(domain, hosts?, *port, ttl.is_zero(), policy, rules);
            plan.map(|plan| SitePlan { authentic, ..plan })
        }
        // A policy speaks of the hosts that MX records name; these the settings name.
        Route::Named(named) => by_name(named, hosts.unwrap_or(&[])),
        Route::Static(plan) => return Ok((**plan).clone().named_by(&rules.sites)),
    }
    .map(|plan| {
        let by_mx = matches!(route, Route::Mx { .. });
        let least = rules.sites.find(&plan.hosts).and_then(|site| site.least.as_ref());
        let least = least.filter(|least| least.lifts(tls));
        let plan = plan.named_by(&rules.sites).under(least.map_or(tls, |least| least.tls));
        let by = least.filter(|_| !plan.is_enforced()).map(|least| Arc::clone(&least.by));
        SitePlan { asked_by: by, ..plan }.under_dane(by_mx.then_some(domain))
    })
}

impl SitePlan {
    /// A plan for hosts that are known by address, to be tried in this order.
    #[must_use]
    pub fn fixed(addresses: &[SocketAddr], tls: Tls) -> Self {
        let hosts = (0..).zip(addresses).map(|(preference, address)| PlanHost {
            preference,
            name: address.to_string().into(),
            addresses: Box::new([*address]),
            dane: Dane::Absent,
        });
        Self::of(hosts.collect()).under(tls)
    }

    /// Where it may be reached, in the order to be tried now: by preference, hosts of equal
    /// preference shuffled so that they share the load. Only what is `allowed`: a source may have
    /// addresses of one family only.
    pub fn places(
        &self,
        allowed: impl Fn(IpAddr) -> bool,
        random: &mut impl FnMut() -> u64,
    ) -> Vec<Place> {
        let mut hosts: Vec<_> =
            self.hosts.iter().map(|host| (host.preference, random(), host)).collect();
        hosts.sort_by_key(|(preference, lot, _)| (*preference, *lot));
        let places = hosts.iter().flat_map(|(preference, _, host)| {
            host.addresses.iter().map(|&address| Place { preference: *preference, address })
        });
        places.filter(|place| allowed(place.address.ip())).collect()
    }

    /// The same, where a host has no address with those it has in `old`; `None` if that makes no
    /// difference. Of whom it is not known what TLS it needs stays without.
    pub(crate) fn completed_by(&self, old: &Self) -> Option<Self> {
        let mut hosts = self.hosts.clone();
        let lacks = |host: &&mut PlanHost| host.addresses.is_empty() && host.dane.is_settled();
        for host in hosts.iter_mut().filter(lacks) {
            if let Some(known) = old.hosts.iter().find(|known| known.name == host.name) {
                host.addresses = known.addresses.clone();
                host.dane = known.dane.clone();
            }
        }
        (hosts != self.hosts).then(|| Self { hosts, ..self.clone() }.marked())
    }

    fn of(mut hosts: Vec<PlanHost>) -> Self {
        let names: BTreeSet<&str> = hosts.iter().map(|host| &*host.name).collect();
        let name = names.into_iter().collect::<Vec<_>>().join(",");
        hosts.sort_by(|a, b| (a.preference, &a.name).cmp(&(b.preference, &b.name)));
        let pool = in_order(&hosts).into();
        Self {
            name: name.into(),
            named: None,
            pool,
            tls: Tls::default(),
            asked_by: None,
            need: Need::Usual,
            authentic: true,
            sts: None,
            hosts: hosts.into(),
            leaves_by: None,
            variants: Variants::default(),
            demanding: Demanding::default(),
        }
    }

    /// The same hosts under this TLS, or the policy if that asks for more, which had the usual.
    fn under(self, tls: Tls) -> Self {
        let (tls, suffix) =
            if self.is_enforced() { (Tls::Verified, sts::SUFFIX) } else { (tls, tls.suffix()) };
        if suffix.is_empty() {
            return Self { tls, ..self };
        }
        let suffixed = |text: &str| Arc::<str>::from(format!("{text}{suffix}"));
        // What the settings name has one set of limits, whatever TLS.
        let name = if self.named.is_some() { self.name } else { suffixed(&self.name) };
        Self { name, pool: suffixed(&self.pool), tls, ..self }
    }

    /// Whether it is what it is because a policy demands that.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.sts.as_ref().is_some_and(Sts::is_enforced)
    }

    /// The host at `address`. Of several there the best.
    #[must_use]
    pub fn host_at(&self, address: SocketAddr) -> Option<&PlanHost> {
        self.hosts.iter().find(|host| host.addresses.contains(&address))
    }

    /// The same, called as one of `sites` if it is one of them.
    fn named_by(self, sites: &NamedSites) -> Self {
        let Some(site) = sites.find(&self.hosts) else { return self };
        let pool = format!("{}: {}", site.name, self.pool).into();
        Self { name: site.name.as_ref().into(), named: Some(site.place), pool, ..self }
    }

    fn has_address(&self) -> bool {
        self.hosts.iter().any(|host| !host.addresses.is_empty())
    }

    /// Why a host may not be dialled of which DNS might prove something.
    fn unsettled(&self) -> Option<RouteFailure> {
        self.hosts.iter().find_map(|host| match &host.dane {
            Dane::Unknown(cause) => Some(RouteFailure::Temporary(Arc::clone(cause))),
            Dane::Absent | Dane::Known(_) => None,
        })
    }
}

impl PlanHost {
    /// What it is called, without its port.
    #[must_use]
    pub fn bare_name(&self) -> &str {
        self.name.rsplit_once(':').map_or(&*self.name, |(name, _)| name)
    }
}

/// The names of hosts that are the best first: between those of equal preference a comma.
fn in_order(hosts: &[PlanHost]) -> String {
    let equals = hosts.chunk_by(|one, next| one.preference == next.preference);
    let names =
        |equals: &[PlanHost]| equals.iter().map(|host| &*host.name).collect::<Vec<_>>().join(",");
    equals.map(names).collect::<Vec<_>>().join(">")
}

/// The hosts DNS named, less ourselves and those no better than we are: mail given to them
/// could come back for ever.
/// [RFC 5321 §5.1](https://www.rfc-editor.org/rfc/rfc5321#section-5.1)
fn by_mx(
    domain: &str,
    hosts: &[MxHost],
    port: u16,
    partial: bool,
    policy: Option<&StsPolicy>,
    rules: &Rules,
) -> Result<SitePlan, RouteFailure> {
    let hosts = best_first(hosts);
    if hosts.is_empty() {
        return Err(RouteFailure::NullMx);
    }
    let ours =
        hosts.iter().filter(|host| rules.is_own(host, port)).map(|host| host.preference).min();
    let better: Vec<_> =
        hosts.iter().filter(|host| ours.is_none_or(|ours| host.preference < ours)).collect();
    if better.is_empty() {
        return Err(RouteFailure::Loop);
    }
    let (better, sts) = match policy {
        Some(policy) => sts::heeded(domain, better, policy)?,
        None => (better, None),
    };
    let found = better.iter().any(|host| !host.addresses.is_empty());
    let plan = SitePlan::of(better.into_iter().map(|host| mx_host(host, port, rules)).collect());
    if plan.has_address() {
        Ok(SitePlan { sts, ..plan })
    } else if let Some(failure) = plan.unsettled() {
        Err(failure)
    } else if partial {
        Err(RouteFailure::Temporary("not all addresses are known".into()))
    } else {
        Err(if found { RouteFailure::Prohibited } else { RouteFailure::NoAddress })
    }
}

/// At most [`HOSTS_MAX`] hosts with a name, each once, best first.
fn best_first(hosts: &[MxHost]) -> Vec<MxHost> {
    let in_our_spelling = |host: &MxHost| {
        let name = host.name.strip_suffix('.').unwrap_or(&host.name).to_ascii_lowercase();
        (!name.is_empty()).then(|| MxHost { name, ..host.clone() })
    };
    let mut hosts: Vec<_> = hosts.iter().filter_map(in_our_spelling).collect();
    hosts.sort_by(|a, b| (a.preference, &a.name).cmp(&(b.preference, &b.name)));
    let mut seen = BTreeSet::new();
    hosts.retain(|host| seen.insert(host.name.clone()));
    hosts.truncate(HOSTS_MAX);
    hosts
}

fn mx_host(host: &MxHost, port: u16, rules: &Rules) -> PlanHost {
    let settled = host.dane.is_settled();
    let allowed = host.addresses.iter().filter(|address| settled && rules.allow(**address));
    PlanHost {
        preference: host.preference,
        name: HostPort { host: Host::Name(host.name.as_str().into()), port }.to_string().into(),
        addresses: allowed.take(ADDRESSES_MAX).map(|ip| SocketAddr::new(*ip, port)).collect(),
        dane: host.dane.clone(),
    }
}

/// The hosts a route names, with the addresses DNS gave them. The operator named them, so
/// they may be anywhere; and if there is no such host, it is for the operator to mend, not
/// for the senders to hear of.
fn by_name(named: &[HostPort], found: &[MxHost]) -> Result<SitePlan, RouteFailure> {
    let hosts = (0..).zip(named).map(|(preference, wanted)| {
        let (addresses, dane) = match &wanted.host {
            Host::Ip(ip) => (vec![*ip], Dane::Absent),
            Host::Name(name) => of_name(name, found),
        };
        let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, wanted.port)).collect();
        PlanHost { preference, name: wanted.to_string().into(), addresses, dane }
    });
    let plan = SitePlan::of(hosts.take(HOSTS_MAX).collect());
    let nobody = || RouteFailure::Temporary("no host of the route has an address".into());
    if plan.has_address() { Ok(plan) } else { Err(plan.unsettled().unwrap_or_else(nobody)) }
}

fn of_name(name: &str, found: &[MxHost]) -> (Vec<IpAddr>, Dane) {
    let is_meant = |host: &&MxHost| {
        host.name.strip_suffix('.').unwrap_or(&host.name).eq_ignore_ascii_case(name)
    };
    let host = found.iter().find(is_meant);
    let dane = host.map(|host| host.dane.clone()).unwrap_or_default();
    let dialled = host.filter(|_| dane.is_settled()).into_iter();
    (dialled.flat_map(|host| &host.addresses).take(ADDRESSES_MAX).copied().collect(), dane)
}

#[cfg(test)]
mod tests;
