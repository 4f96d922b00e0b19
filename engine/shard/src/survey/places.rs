//! Sites and domains: what waits there, what keeps it, and what was said.

use crate::routing::Way;
use crate::shard::Shard;
use crate::sites::LANES_MAX;
use event::Tick;
use kernel::Kernel;
use policy::Class;
use policy::gate::{Gate, Quota, SiteGates};
use policy::pace::Counted;
use policy::survey::{
    Domain, Host, Limiter, Load, Named, Part, SITES_MAX, Said, Site, Sites, most,
};
use queue::{Flow, Hindrance, SiteIndex};
use route::SitePlan;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Where no source is of use the end of a rest helps nobody, and behind it a rest may go on.
fn sources_before_rest(all: &mut Vec<Limiter>) {
    let out = all.iter().position(|one| matches!(one, Limiter::SourcesOut { .. }));
    let rest = |one: &Limiter| matches!(one, Limiter::Resting { .. } | Limiter::Probing { .. });
    let Some((out, rest)) = out.zip(all.iter().position(rest)).filter(|(out, rest)| rest < out)
    else {
        return;
    };
    let rests_until = all[rest].until();
    let mut limiter = all.remove(out);
    if let Limiter::SourcesOut { until: Some(until), .. } = &mut limiter {
        *until = rests_until.map_or(*until, |rest| rest.max(*until));
    }
    all.insert(rest, limiter);
}

/// All that the queue calls sites and that go by one name: the same provider, by several orders of
/// its hosts.
#[derive(Default)]
pub(super) struct Row {
    pub(super) load: Load,
    pub(super) open: u32,
    pub(super) opening: u32,
    /// The one with most to do, by which the limiter is told.
    pub(super) first: Option<(usize, SiteIndex)>,
}

impl<K: Kernel> Shard<K> {
    /// The sites with most mail, so many. Looks at every site, and at no delivery.
    pub(super) fn survey(&self, most: usize) -> Sites {
        let rows = self.rows();
        let mut load = Load::default();
        for row in rows.values() {
            load = load.plus(row.load);
        }
        let sites_total = rows.len();
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_by(|(name, row), (other, than)| {
            than.load.total().cmp(&row.load.total()).then_with(|| name.cmp(other))
        });
        rows.truncate(most.min(SITES_MAX));
        let sites = rows.into_iter().map(|(name, row)| self.site(name, &row)).collect();
        let unrouted = self.accounts.borrow().parked;
        Sites { sites, sites_total, load, unrouted, shut: self.shut().map(|why| why.to_string()) }
    }

    /// What there is under a name.
    pub(super) fn named(&self, name: &str) -> Named {
        let is_meant = |site: &str| {
            let rest = site.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(";pool="))
        };
        let rows = self.rows().into_iter().filter(|(site, _)| !site.is_empty() && is_meant(site));
        let sites = rows.map(|(name, row)| self.in_full(self.site(name, &row), &row)).collect();
        Named { sites, domain: self.domain(name) }
    }

    /// How much a site has here; `None` if it has nothing and never had.
    pub(super) fn load_of(&self, name: &str) -> Option<Load> {
        self.rows().remove(name).map(|row| row.load)
    }

    /// Those sites that have something, or are paused.
    pub(super) fn rows(&self) -> BTreeMap<Arc<str>, Row> {
        let mut rows = BTreeMap::<Arc<str>, Row>::new();
        let (queue, sites) = (self.queue.borrow(), self.sites.borrow());
        for view in queue.views() {
            let Some(site) = sites.known(view.index) else { continue };
            let in_flight = site.carrying.get();
            let ready = view.ready_or_held();
            if ready == 0 && view.open == 0 && view.opening == 0 && in_flight == 0 {
                continue;
            }
            let row = rows.entry(Arc::clone(&site.name)).or_default();
            row.load = row.load.plus(Load { ready, waiting: 0, in_flight });
            row.open += u32::from(view.open);
            row.opening += u32::from(view.opening);
            if row.first.is_none_or(|(most, _)| most < ready) {
                row.first = Some((ready, view.index));
            }
        }
        let accounts = self.accounts.borrow();
        for (name, waiting) in accounts.waits.iter() {
            rows.entry(Arc::clone(name)).or_default().load.waiting = waiting;
        }
        for name in accounts.orders.paused().chain(accounts.orders.reroutes.sites()) {
            rows.entry(Arc::clone(name)).or_default();
        }
        rows
    }

    pub(super) fn site(&self, name: Arc<str>, row: &Row) -> Site {
        let Row { load, open, opening, first } = *row;
        let connections_max = first.map_or(0, |(_, index)| {
            u32::from(self.sites.borrow().find(index).limits.connections_max)
        });
        let limiters = match first {
            Some((_, index)) => self.limiters(index),
            None => self.paused(&name).into_iter().chain([Limiter::Idle]).collect::<Vec<_>>(),
        };
        let waiting = load.waiting;
        let put_off = |limiter| match limiter {
            Limiter::Idle if waiting > 0 => {
                let plan = self.sites.borrow().named(&name).into_iter().next();
                let place = plan.and_then(|plan| plan.named);
                let key = self.live.borrow().schedules.key(Class::Bulk, place);
                Limiter::PutOff { waiting, key }
            }
            limiter => limiter,
        };
        let limiters = limiters.into_iter().map(put_off).collect();
        let reroutes = self.rerouted_from(&name);
        let (parts, hosts, replies) = Default::default();
        Site {
            name,
            load,
            open,
            opening,
            connections_max,
            limiters,
            parts,
            hosts,
            replies,
            reroutes,
        }
    }

    fn in_full(&self, mut site: Site, row: &Row) -> Site {
        if let Some((_, index)) = row.first {
            site.hosts = self.hosts_of(index);
        }
        site.parts = self.parts_of(&site.name);
        site.replies = self.replies_of(&site.name);
        site
    }

    /// Whose mail is ready at the sites of a name. Looks at every flow there.
    fn parts_of(&self, name: &str) -> Vec<Part> {
        let (queue, sites) = (self.queue.borrow(), self.sites.borrow());
        let is_meant = |index| sites.known(index).is_some_and(|site| *site.name == *name);
        let indices = queue.views().map(|view| view.index).filter(|index| is_meant(*index));
        let flows = indices.flat_map(|index| queue.flows(index));
        most(flows.map(|(flow, ready)| self.part(&flow, ready)))
    }

    /// So much ready mail of a flow.
    pub(super) fn part(&self, flow: &Flow, ready: usize) -> Part {
        Part {
            class: flow.class(),
            tenant: Arc::clone(flow.tenant()),
            campaign: Arc::clone(flow.campaign()),
            weight: flow.weight(),
            ready,
            limiter: self.flow_paused(flow),
        }
    }

    /// What keeps a site's ready mail from another connection, the first of which is in force: the
    /// order is that of [`Shard::dial`], but that what holds without regard to it comes first.
    pub(crate) fn limiters(&self, index: SiteIndex) -> Vec<Limiter> {
        let now = self.kernel.now();
        let hindrances = self.queue.borrow_mut().hindrances(index, now);
        let plan = Arc::clone(&self.sites.borrow().find(index).plan);
        let own = hindrances.into_iter().map(|hindrance| self.limiter(hindrance, index, &plan));
        let (stops, held): (Vec<_>, Vec<_>) =
            self.hindrance().into_iter().partition(|limiter| *limiter == Limiter::Draining);
        let source = self.lacks_source(index);
        let source = source.map(|(want, pool)| self.sources_limiter(want, pool, &plan));
        let mut all: Vec<_> = stops.into_iter().chain(own).chain(held).collect();
        // What keeps mail from the connections there are comes before what these carry.
        let leave = self.lacks_leave(index);
        let leave = leave.map(|(want, pool)| self.sources_limiter(want, pool, &plan));
        all.retain(|one| leave.as_ref() != Some(one));
        let is_before = |one: &&Limiter| {
            matches!(one, Limiter::Idle | Limiter::FlowPaused { .. } | Limiter::Paused { .. })
        };
        let at = all.iter().take_while(is_before).count();
        all.splice(at..at, leave);
        // What hosts asked of single keys keeps the mail of these.
        for asked in source.into_iter().chain(self.asked_of(&plan.name)) {
            if !all.contains(&asked) {
                all.push(asked);
            }
        }
        // A pause keeps what is yet to come as well.
        all.sort_by_key(|limiter| match limiter {
            Limiter::Draining => 0,
            Limiter::Paused { .. } => 1,
            _ => 2,
        });
        sources_before_rest(&mut all);
        all
    }

    /// What keeps this shard from dialling at all.
    pub(crate) fn hindrance(&self) -> Option<Limiter> {
        if self.draining() {
            return Some(Limiter::Draining);
        }
        let crowded = self.lanes.get() >= LANES_MAX;
        crowded.then_some(Limiter::ShardConnections { most: LANES_MAX })
    }

    fn limiter(&self, hindrance: Hindrance, index: SiteIndex, plan: &SitePlan) -> Limiter {
        let (failures, open) = {
            let queue = self.queue.borrow();
            let view = queue.view(index);
            (view.failures, view.open)
        };
        match hindrance {
            Hindrance::Enough(dials) | Hindrance::Soon(dials, _) if open == 0 => {
                Limiter::Unanswered { dials }
            }
            Hindrance::Nothing => Limiter::Idle,
            Hindrance::Held(_) => self.held_flow(index).unwrap_or(Limiter::Idle),
            Hindrance::Paused(until) => self.paused(&plan.name).unwrap_or(Limiter::Paused {
                until: self.on_the_wall(until),
                by: "nobody known".into(),
                reason: "".into(),
            }),
            Hindrance::Enough(connections) | Hindrance::Soon(connections, _) => {
                Limiter::Served { connections }
            }
            Hindrance::Full(most) => Limiter::SiteConnections { most, key: self.key(plan) },
            Hindrance::MessageRate(until) => self
                .learnt_rate(&plan.name)
                .unwrap_or_else(|| self.rate_limiter(plan, Counted::Messages, until)),
            Hindrance::ByteRate(until) => self.rate_limiter(plan, Counted::Bytes, until),
            Hindrance::ConnectionRate(until) => {
                self.rate_limiter(plan, Counted::Connections, until)
            }
            Hindrance::Sources(_) => self.held_off(index, plan, open),
            Hindrance::Probing => Limiter::Probing { failures },
            Hindrance::Unanswered(dials) => Limiter::Unanswered { dials },
            Hindrance::Resting(until) => {
                Limiter::Resting { until: self.on_the_wall(until), failures }
            }
            Hindrance::GroupFull(most) => {
                let asked = self.asked_of(&plan.name).into_iter().next();
                asked
                    .or_else(|| self.first_disabled(plan))
                    .unwrap_or_else(|| Limiter::SharedConnections { most, key: self.key(plan) })
            }
        }
    }

    /// The pause of the first flow there that has one.
    fn held_flow(&self, index: SiteIndex) -> Option<Limiter> {
        let flows = self.queue.borrow().flows(index);
        flows.iter().find_map(|(flow, _)| self.flow_paused(flow))
    }

    /// What hosts of a site have asked for: of all of it first.
    fn asked_of(&self, site: &str) -> Vec<Limiter> {
        let (gates, now) = (self.gates.borrow(), self.kernel.now());
        let all = gates.at(site).into_iter().flat_map(SiteGates::all);
        let asked = all.filter_map(|(quota, gate)| self.asked_by(&quota, gate, now));
        asked.collect()
    }

    /// That hosts of a site turned out to take no more messages in a time, if they did.
    fn learnt_rate(&self, site: &str) -> Option<Limiter> {
        let (gates, now) = (self.gates.borrow(), self.kernel.now());
        self.asked_by(&Quota::Messages, gates.at(site)?.find(&Quota::Messages)?, now)
    }

    fn asked_by(&self, quota: &Quota<'_>, gate: &Gate, now: Tick) -> Option<Limiter> {
        let hindrance = gate.hindrance(now)?;
        Some(Limiter::Asked {
            rule: (*hindrance.cause.rule).into(),
            scope: quota.scope().name(),
            value: quota.value().map(Into::into),
            said: hindrance.cause.response.to_string().into(),
            most: hindrance.connections,
            message_rate: hindrance.message_rate.map(|rate| rate.to_string().into()),
            until: Some(self.on_the_wall(hindrance.next)),
        })
    }

    fn hosts_of(&self, index: SiteIndex) -> Vec<Host> {
        let (sites, hosts, now) = (self.sites.borrow(), self.hosts.borrow(), self.kernel.now());
        let rests = |address: SocketAddr| {
            let until = hosts.find(address)?.health.rests_until();
            (now < until).then(|| self.on_the_wall(until))
        };
        let plan = &sites.find(index).plan;
        let all = plan.hosts.iter().flat_map(|host| {
            let named = move |address: &SocketAddr| (host.name.clone(), *address);
            host.addresses.iter().map(named)
        });
        all.map(|(name, address)| Host { name, address, rests_until: rests(address) }).collect()
    }

    pub(super) fn replies_of(&self, site: &str) -> Vec<Said> {
        let (accounts, live) = (self.accounts.borrow(), self.live.borrow());
        let rules = &live.politeness.rules;
        let said = |heard: &super::Heard| {
            let provider = heard.host.as_deref().and_then(|host| rules.provider_at(host));
            let reading = rules.read(&heard.response, provider, None);
            Said {
                at: heard.at,
                peer: heard.peer,
                message: heard.message,
                response: heard.response.clone(),
                times: heard.times,
                class: heard.class.unwrap_or(reading.class),
                rule: reading.rule.map(|rule| rule.name.clone()),
            }
        };
        accounts.evidence.of(site).map(said).collect()
    }

    /// What is known of a domain, if the name can be one.
    fn domain(&self, name: &str) -> Option<Domain> {
        let name = route::in_our_spelling(name)?;
        let domain = self.names.of(name.as_bytes(), self.live.borrow().egress.exit(b""));
        let way = self.known_way(&domain, None);
        let unrouted = self.parked.borrow().get(&name).map_or(0, Vec::len);
        let (site, limiter) = self.led(&way, &domain);
        let rerouted = self.rerouted(&domain, None).map(|order| order.told());
        Some(Domain { name: name.into(), site, limiter, unrouted, rerouted })
    }

    /// Where a way leads, or what it ends at.
    pub(super) fn led(
        &self,
        way: &Way,
        domain: &crate::Domain,
    ) -> (Option<Arc<str>>, Option<Limiter>) {
        match way {
            Way::Site(plan) | Way::Renewed(plan, _) => (Some(Arc::clone(&plan.name)), None),
            Way::Nowhere(failure) => {
                let until = self.domains.borrow().fresh_until(domain);
                let until = until.map(|until| self.on_the_wall(until));
                let cause = failure.response().text;
                (None, Some(Limiter::Unroutable { cause, until }))
            }
            Way::UnknownPool => (None, Some(Limiter::UnknownPool)),
            Way::Asked(_) => (None, Some(Limiter::DnsAsked)),
            // What waits for an answer waits on, however long there is none.
            Way::Ask(hosts) => {
                let parked = self.parked.borrow();
                let waits = parked.get(hosts.key(domain)).is_some_and(|all| !all.is_empty());
                (None, waits.then_some(Limiter::DnsAsked))
            }
        }
    }
}
