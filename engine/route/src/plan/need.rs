//! The same hosts, for mail that asks more of them.

use super::SitePlan;
use crate::{Need, RouteFailure, Tls};
use std::sync::{Arc, OnceLock};

/// A plan's variants for mail that asks for something, each made when it is asked for.
#[derive(Debug, Default)]
pub(super) struct Demanding([OnceLock<Box<Variant>>; 2]);

type Variant = Result<Arc<SitePlan>, RouteFailure>;

impl SitePlan {
    /// The same for mail of this need, which is a site of its own. Of its hosts those are left that
    /// nobody can have slipped in: the settings name them, DNSSEC proves the MX records, or the
    /// domain's MTA-STS policy names them, be it to enforce or to test.
    ///
    /// # Errors
    /// None is left.
    pub fn needing(self: &Arc<Self>, need: Need) -> Result<Arc<Self>, RouteFailure> {
        let [sealed, onward] = &self.demanding.0;
        let variant = match need {
            Need::Usual => return Ok(Arc::clone(self)),
            Need::Sealed => sealed,
            Need::Onward => onward,
        };
        (**variant.get_or_init(|| Box::new(self.demanded(need)))).clone()
    }

    fn demanded(&self, need: Need) -> Variant {
        let named = |host: &str| self.sts.as_ref().is_some_and(|sts| sts.names(host));
        let hosts = self.hosts.iter().filter(|host| self.authentic || named(host.bare_name()));
        let hosts: Box<[_]> = hosts.cloned().collect();
        if hosts.is_empty() {
            return Err(RouteFailure::Unproven);
        }
        let suffixed = |text: &str| Arc::<str>::from(format!("{text}{}", need.suffix()));
        // What the settings name has one set of limits, whatever TLS.
        let name = if self.named.is_some() { Arc::clone(&self.name) } else { suffixed(&self.name) };
        let pool = suffixed(&self.pool);
        let plan = Self { name, pool, tls: Tls::Verified, need, hosts, ..self.clone() };
        if plan.has_address() {
            Ok(Arc::new(plan))
        } else {
            Err(plan.unsettled().unwrap_or(RouteFailure::NoAddress))
        }
    }
}

impl Clone for Demanding {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Demanding {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Demanding {}

#[cfg(test)]
mod tests;
