//! What a plan makes of hosts that DNS proves something of.

use super::{PlanHost, SitePlan};
use crate::{Dane, Tls};
use std::sync::Arc;

/// What stands behind the name of a site with such hosts. No host's name holds it.
const MARK: &str = ";dane";

impl SitePlan {
    /// The same where DNS proves something of hosts, unless there is to be no TLS whatever it says.
    /// `domain`: whose MX records name the hosts, if any do; a certificate may be for it.
    pub(super) fn under_dane(mut self, domain: Option<&str>) -> Self {
        for host in &mut self.hosts {
            if self.tls == Tls::Off {
                host.dane = Dane::Absent;
            }
            if let (Dane::Known(set), Some(domain)) = (&host.dane, domain) {
                host.dane = Dane::Known(Arc::new(set.also_for(domain)));
            }
        }
        self.marked()
    }

    /// The same, named after what TLS its hosts get (T19): mail for which the same hosts need not
    /// prove anything, since its MX records may be forged, goes by connections of its own.
    pub(super) fn marked(self) -> Self {
        let marks: Vec<String> = self.hosts.iter().filter_map(mark).collect();
        if marks.is_empty() && !self.pool.contains(MARK) {
            return self;
        }
        let bare = |text: &str| text.split(MARK).next().unwrap_or_default().to_owned();
        let (mut name, mut pool) = (bare(&self.name), bare(&self.pool));
        if !marks.is_empty() {
            pool = format!("{pool}{MARK}={}", marks.join(","));
            // What the settings name has one set of limits, whatever TLS.
            name.push_str(if self.named.is_some() { "" } else { MARK });
        }
        Self { name: name.into(), pool: pool.into(), ..self }
    }
}

/// The host, and for what else than its own name its certificate may be.
fn mark(host: &PlanHost) -> Option<String> {
    match &host.dane {
        Dane::Absent => None,
        Dane::Unknown(_) => Some(host.name.to_string()),
        Dane::Known(set) => {
            let others = set.names().iter().skip(1).map(|name| format!("/{name}"));
            Some(others.fold(host.name.to_string(), |mark, other| mark + &other))
        }
    }
}

#[cfg(test)]
mod tests;
