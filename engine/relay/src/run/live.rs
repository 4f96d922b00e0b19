//! From settings to what of them may change while we run.

use super::{egress, host};
use crate::settings::{self, Hop, Loaded, Settings};
use control::Resolver;
use event::Meters;
use kernel::Sender;
use policy::{Class, Limits, Own, Schedules};
use route::{HostPort, LeastTls, NamedSites, Question, RouteSetting, Rules, SiteSetting, Table};
use shard::{Allowed, Ask, Letter, Live, Politeness, Routing, SiteRates};
use std::io;
use std::sync::Arc;
use wire::Connector;

/// Asks what DNS knows of a domain.
pub(crate) type Asker = Arc<dyn Fn(String, Ask, Sender<Letter>) + Send + Sync>;

/// Who asks, where these routes are.
pub(crate) type Asking<'a> = &'a dyn Fn(&Arc<Table>) -> Asker;

/// What holds from now on, behind what held `before`.
pub(super) fn live(
    loaded: &Loaded,
    (resolver, connector, meters): (&Resolver, &Arc<Connector>, &Meters),
    politeness: Politeness,
    before: Option<&Live>,
) -> io::Result<Live> {
    let ask: Asking<'_> = &|table| asker(table, resolver);
    let settings = (&loaded.settings, &*loaded.least_tls());
    live_asking(settings, (ask, connector, meters), politeness, before)
}

/// The same where it is not DNS that is asked, and sites ask for this TLS.
pub(crate) fn live_asking(
    (settings, least): (&Settings, &[Option<LeastTls>]),
    (ask, connector, meters): (Asking<'_>, &Arc<Connector>, &Meters),
    politeness: Politeness,
    before: Option<&Live>,
) -> io::Result<Live> {
    let routing = routing((settings, least), ask, before.map(|before| &before.routing))?;
    let heeds = settings.sites.iter().map(|site| (site.name.as_str(), site.heeds_replies));
    let mut sites = vec![settings.replies.heeded; routing.limits.len()];
    for (name, heeds) in heeds {
        routing.rules.sites.place_of(name).into_iter().for_each(|place| sites[place] = heeds);
    }
    let mut rates = vec![allowed(&settings.delivery); routing.limits.len()];
    for site in &settings.sites {
        if let Some(place) = routing.rules.sites.place_of(&site.name) {
            rates[place] = allowed(&site.limits);
        }
    }
    let world = (meters, &routing.rules.sites, &*politeness.days);
    let egress = egress::egress(settings, world, before.map(|before| &*before.egress));
    Ok(Live {
        schedules: schedules(settings, &routing),
        routing,
        egress: Arc::new(egress),
        limits: limits(&settings.delivery),
        spread_backlog: settings.spread_backlog.map_or(usize::MAX, |backlog| backlog as usize),
        connector: Arc::clone(connector),
        politeness: Politeness { sites: sites.into(), ..politeness },
        rates: SiteRates { sites: rates.into(), others: allowed(&settings.delivery) },
    })
}

fn allowed(delivery: &settings::Delivery) -> Allowed {
    Allowed { site: delivery.rates, source: delivery.rates_per_source }
}

fn limits(delivery: &settings::Delivery) -> Limits {
    Limits {
        connections_max: delivery.connections_per_site,
        connections_per_source_max: delivery.connections_per_source,
        messages_per_connection_max: delivery.messages_per_connection,
        in_flight_max: delivery.in_flight_max,
        in_flight_first: delivery.in_flight_first,
        recipients_per_message_max: delivery.recipients_per_message,
        idle: delivery.idle,
        connection_age_max: delivery.connection_age_max,
    }
}

/// The schedules of all mail. At the places of sites that are no more stands what holds for all.
fn schedules(settings: &Settings, routing: &Routing) -> Schedules {
    let retry = &settings.retry;
    let mut sites = vec![Own::default(); routing.limits.len()];
    for site in &settings.sites {
        if let Some(place) = routing.rules.sites.place_of(&site.name) {
            sites[place] = site.retry.clone();
        }
    }
    let classes = Class::ALL.map(|class| match class {
        Class::Transactional => retry.transactional.clone(),
        Class::Bulk => retry.bulk.clone(),
    });
    Schedules::new(&retry.usual(), &classes, sites)
}

/// The place of each site that has a name: the one it had before, or a new one.
fn places(settings: &Settings, before: Option<&Routing>) -> Vec<usize> {
    let mut next = before.map_or(0, |before| before.limits.len());
    let place = |site: &settings::Site| {
        let known = before.and_then(|before| before.rules.sites.place_of(&site.name));
        known.unwrap_or_else(|| {
            next += 1;
            next - 1
        })
    };
    settings.sites.iter().map(place).collect()
}

fn routing(
    (settings, least): (&Settings, &[Option<LeastTls>]),
    ask: Asking<'_>,
    before: Option<&Routing>,
) -> io::Result<Routing> {
    let routes = settings.routes.iter().map(|route| {
        let host = |hop: &Hop| HostPort::new(&hop.host, hop.port);
        let to = route.to.iter().map(host).collect::<Result<Vec<_>, _>>();
        let to =
            to.map_err(|_| io::Error::other(format!("a host of {} has no name", route.domain)))?;
        let (pattern, tls) = (route.domain.clone(), settings.tls_of(route));
        Ok(RouteSetting { pattern, to, port: route.port, tls })
    });
    let routes = routes.collect::<io::Result<Vec<_>>>()?;
    let table = Table::new(routes).map_err(|bad| io::Error::other(bad.to_string()))?;
    let table = Arc::new(table.otherwise_under(settings.delivery_tls.wanted));
    let places = places(settings, before);
    let sites = settings.sites.iter().zip(&places).enumerate().map(|(index, (site, place))| {
        let (name, hosts) = (site.name.clone(), site.mx.clone());
        let least = least.get(index).cloned().flatten();
        SiteSetting { name, place: *place, hosts, least }
    });
    let listeners: Vec<_> = settings.listeners.iter().map(|listener| listener.address).collect();
    let rules = Rules {
        own_names: route::in_our_spelling(&settings.hostname).into_iter().collect(),
        own_addresses: host::met_at(&listeners, &host::own_addresses()),
        private_allowed: settings.dns.allow_private_addresses,
        table: Arc::clone(&table),
        sites: NamedSites::new(sites).map_err(|bad| io::Error::other(bad.to_string()))?,
    };
    // At the places of those that are no more stands what holds for all.
    let known = before.map_or(0, |before| before.limits.len());
    let count = places.iter().map(|place| place + 1).max().unwrap_or(0).max(known);
    let mut all = vec![limits(&settings.delivery); count];
    for (site, place) in settings.sites.iter().zip(&places) {
        all[*place] = limits(&site.limits);
    }
    let ask = ask(&table);
    Ok(Routing { table, ask, rules: Arc::new(rules), limits: all.into() })
}

fn asker(table: &Arc<Table>, resolver: &Resolver) -> Asker {
    let (questions, resolver) = (Arc::clone(table), resolver.clone());
    Arc::new(move |domain: String, how: Ask, asker: Sender<Letter>| {
        let name = domain.clone();
        let tell = move |answer| asker.post(Letter::Resolved(domain, answer));
        match questions.question(&name) {
            Question::Mail(port) if how == Ask::Renew => resolver.renew(name, port, tell),
            Question::Mail(port) => resolver.ask(name, port, tell),
            Question::Hosts(hosts) => {
                let hosts = hosts.into_iter().map(|(host, port)| (host.to_owned(), port));
                resolver.ask_hosts(hosts.collect(), tell);
            }
        }
    })
}
