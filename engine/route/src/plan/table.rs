//! The routes of the settings. The most exact one wins, wherever it stands.

use super::hops::Hops;
use crate::{Host, HostPort, SMTP_PORT, SitePlan, Tls, in_our_spelling};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// One route, as settings have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSetting {
    /// `example.com`, `.example.com` for all below it, or `*` for the rest.
    pub pattern: String,
    /// The hosts to try, in order; empty: those of the MX records.
    pub to: Vec<HostPort>,
    /// The port of hosts found by MX.
    pub port: u16,
    /// What TLS the mail goes under.
    pub tls: Tls,
}

/// A route whose pattern is no domain, or is there twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPattern(pub String);

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a domain, .domain or *, or is there twice", self.0)
    }
}

/// Where mail for a domain goes.
#[derive(Clone, Copy, Debug)]
pub enum Target<'t> {
    /// To these hosts.
    Static(&'t Arc<SitePlan>),
    /// DNS must say: ask it the [`Table::question`], and make a plan of its answer.
    Mx,
}

/// What DNS is asked about a domain. With each port it is asked as well what it proves of the
/// certificates that hosts show there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question<'t> {
    /// Which hosts take its mail.
    Mail(Option<u16>),
    /// The addresses of these hosts, which a route names: ask about each, and join the
    /// answers in this order by [`crate::Answer::join`].
    Hosts(Vec<(&'t str, Option<u16>)>),
}

/// A route, understood.
#[derive(Clone, Debug)]
pub(super) enum Route {
    /// All its hosts are known by address.
    Static(Arc<SitePlan>),
    /// Some of its hosts are known by name.
    Named(Vec<HostPort>),
    /// Its hosts are those of the MX records, at this port.
    Mx { port: u16 },
}

/// What is no route's goes to the hosts of MX records.
const BY_MX: Route = Route::Mx { port: SMTP_PORT };

/// All routes.
#[derive(Clone, Debug, Default)]
pub struct Table {
    exact: BTreeMap<String, (Route, Tls)>,
    /// By the domain above, without its dot.
    below: BTreeMap<String, (Route, Tls)>,
    rest: Option<(Route, Tls)>,
    /// For whom no route is.
    others: Option<(Route, Tls)>,
}

impl Table {
    /// The table of these routes.
    ///
    /// # Errors
    /// The first route whose pattern is no domain, or was there before.
    pub fn new(routes: impl IntoIterator<Item = RouteSetting>) -> Result<Self, BadPattern> {
        let mut table = Self::default();
        for setting in routes {
            let route = understood(setting.to, setting.port, setting.tls);
            table.add(&setting.pattern, (route, setting.tls)).ok_or(BadPattern(setting.pattern))?;
        }
        Ok(table)
    }

    /// The same, but mail that no route is for goes under this TLS.
    #[must_use]
    pub fn otherwise_under(self, tls: Tls) -> Self {
        Self { others: Some((BY_MX, tls)), ..self }
    }

    /// Where mail for `domain`, in the spelling of [`crate::domain_of`], goes.
    #[must_use]
    pub fn find(&self, domain: &str) -> Target<'_> {
        match self.route(domain).0 {
            Route::Static(plan) => Target::Static(plan),
            Route::Named(_) | Route::Mx { .. } => Target::Mx,
        }
    }

    /// What to ask DNS about `domain`, or what stands in the place of one.
    #[must_use]
    pub fn question<'t>(&'t self, domain: &'t str) -> Question<'t> {
        // Where the settings want no TLS, nothing that DNS proves brings any.
        let proven = |port: u16, tls| (tls != Tls::Off).then_some(port);
        if let Some(names) = Hops::names_in(domain) {
            let tls = self.usual_tls();
            let named = names.into_iter().map(|(name, port)| (name, proven(port, tls)));
            return Question::Hosts(named.collect());
        }
        let (route, tls) = self.route(domain);
        match route {
            Route::Mx { port } => Question::Mail(proven(*port, tls)),
            Route::Named(hosts) => {
                let named = hosts.iter().filter_map(|host| match &host.host {
                    Host::Name(name) => Some((&**name, proven(host.port, tls))),
                    Host::Ip(_) => None,
                });
                Question::Hosts(named.collect())
            }
            Route::Static(_) => Question::Mail(None),
        }
    }

    /// What TLS mail goes under that no route of the settings is for.
    #[must_use]
    pub fn usual_tls(&self) -> Tls {
        self.others.as_ref().map_or_else(Tls::default, |(_, tls)| *tls)
    }

    pub(super) fn route(&self, domain: &str) -> (&Route, Tls) {
        let above = || {
            let mut parents =
                domain.match_indices('.').filter_map(|(dot, _)| domain.get(dot + 1..));
            parents.find_map(|parent| self.below.get(parent))
        };
        let meant = self.exact.get(domain).or_else(above).or(self.rest.as_ref());
        match meant.or(self.others.as_ref()) {
            Some((route, tls)) => (route, *tls),
            None => (const { &BY_MX }, Tls::default()),
        }
    }

    /// `None` if the pattern is no domain, or there already.
    fn add(&mut self, pattern: &str, route: (Route, Tls)) -> Option<()> {
        let old = if pattern == "*" {
            self.rest.replace(route)
        } else if let Some(parent) = pattern.strip_prefix('.') {
            self.below.insert(in_our_spelling(parent)?, route)
        } else {
            self.exact.insert(in_our_spelling(pattern)?, route)
        };
        old.is_none().then_some(())
    }
}

fn understood(to: Vec<HostPort>, port: u16, tls: Tls) -> Route {
    if to.is_empty() {
        return Route::Mx { port };
    }
    let address = |host: &HostPort| match host.host {
        Host::Ip(ip) => Some(SocketAddr::new(ip, host.port)),
        Host::Name(_) => None,
    };
    match to.iter().map(address).collect::<Option<Vec<_>>>() {
        Some(addresses) => Route::Static(Arc::new(SitePlan::fixed(&addresses, tls))),
        None => Route::Named(to),
    }
}

#[cfg(test)]
mod tests;
