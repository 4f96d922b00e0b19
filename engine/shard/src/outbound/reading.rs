//! Why a host said no: what it said, read by the rules for its provider.

use super::verdict::Host;
use crate::shard::Shard;
use event::{Outcome, ReplyClass, Response};
use kernel::Kernel;
use policy::replies::Provider;
use queue::SiteIndex;

impl<K: Kernel> Shard<K> {
    /// Why a recipient was not taken; `None` if it was. What no rule knows is counted, and kept to be
    /// shown.
    pub(super) fn class(
        &self,
        index: Option<SiteIndex>,
        host: Option<&Host>,
        outcome: Outcome,
        response: &Response,
    ) -> Option<ReplyClass> {
        if matches!(outcome, Outcome::Delivered | Outcome::Dropped) {
            return None;
        }
        let provider = self.provider(index, host);
        let reading = self.rules.read(response, provider, None);
        if !reading.is_known() && !response.local {
            self.meters().replies_unknown.add(1);
            let provider = provider.map_or("-", |provider| self.rules.name_of(provider));
            self.unknown.borrow_mut().note(provider, response);
        }
        Some(reading.class)
    }

    /// Whose host that is. One that did not get as far as to have a name is of its site's best.
    fn provider(&self, index: Option<SiteIndex>, host: Option<&Host>) -> Option<Provider> {
        if let Some(passage) = host.and_then(|host| host.passage.as_ref()) {
            return self.rules.provider_at(&passage.host);
        }
        let sites = self.sites.borrow();
        let best = sites.find(index?).plan.hosts.first()?;
        self.rules.provider_at(&best.name)
    }
}
