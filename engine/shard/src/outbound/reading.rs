//! What a host means by what it said, and what is done about it.
//!
//! The rules for its provider say why it said no, whose quota is spent, and what is asked for. What is
//! asked of the recipient is a due time ([`Wish::pause`]), what is asked of the connection is the lane's to
//! do ([`Wish::leaves`]); a host is passed over by what is remembered of it, and all else goes to the
//! gates of the site's home.

use super::verdict::Host;
use crate::gates::Asked;
use crate::shard::Shard;
use event::{ReplyClass, Response};
use kernel::Kernel;
use policy::gate::{Ask, Cause, Place, Quota};
use policy::replies::{Action, Provider, Reading, Scope, Stage};
use queue::SiteIndex;
use route::SitePlan;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How soon mail is tried again whose connection was used up, when a host said so of the mail. It may be
/// wrong, and say so again.
const RECONNECT_PAUSE: Duration = Duration::from_secs(10);

/// A reply that says no, and to what.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) response: &'a Response,
    /// What it was said to, if that is known.
    pub(super) stage: Option<Stage>,
    /// The domain that sent the message, if there was one.
    pub(super) sender: Option<&'a str>,
}

/// What is left to do for whoever heard a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// How long the recipient is spared, if it was about the recipient.
    pub(super) pause: Option<Duration>,
    /// The connection is to be left.
    pub(super) leaves: bool,
    /// The recipient fails, whatever the code says.
    pub(super) fails: bool,
}

impl<K: Kernel> Shard<K> {
    /// Why a host, or we in its place, said no. What no rule knows is counted, and kept to be shown.
    /// What is asked for besides is done, or left to the caller.
    pub(super) fn hear(
        self: &Rc<Self>,
        index: Option<SiteIndex>,
        host: Option<&Host>,
        said: Said<'_>,
    ) -> (ReplyClass, Wish) {
        let provider = self.provider(index, host);
        let live = self.live.borrow();
        let politeness = &live.politeness;
        let reading = politeness.rules.read(said.response, provider, said.stage);
        if said.response.local {
            return (reading.class, Wish::default());
        }
        let provider = provider.map_or("-", |provider| politeness.rules.name_of(provider));
        if !reading.is_known() {
            self.meters().replies_unknown.add(1);
            politeness.note_unknown(provider, said.response);
        }
        let plan = index.map(|index| Arc::clone(&self.sites.borrow().find(index).plan));
        let wish = match (plan, host) {
            (Some(plan), Some(host)) if politeness.heeds(&plan) => {
                self.heed_reply(&plan, host, said, (reading, provider))
            }
            _ => Wish::default(),
        };
        (reading.class, wish)
    }

    /// Why a host of a site could not be sent to, by what it said or we say for it. Nothing is done
    /// about it.
    pub(super) fn class_of(
        &self,
        index: SiteIndex,
        peer: SocketAddr,
        response: &Response,
    ) -> ReplyClass {
        let (sites, live) = (self.sites.borrow(), self.live.borrow());
        let rules = &live.politeness.rules;
        let host = sites.find(index).plan.host_at(peer);
        let provider = host.and_then(|host| rules.provider_at(&host.name));
        rules.read(response, provider, None).class
    }

    /// Whose host that is. One that did not get as far as to have a name is of its site's best.
    fn provider(&self, index: Option<SiteIndex>, host: Option<&Host>) -> Option<Provider> {
        if let Some(host) = host {
            return host.provider;
        }
        let sites = self.sites.borrow();
        let best = sites.find(index?).plan.hosts.first()?;
        self.live.borrow().politeness.rules.provider_at(&best.name)
    }

    fn heed_reply(
        self: &Rc<Self>,
        plan: &Arc<SitePlan>,
        host: &Host,
        said: Said<'_>,
        (reading, provider): (Reading<'_>, &str),
    ) -> Wish {
        let Some(rule) = reading.rule.filter(|_| reading.action != Action::None) else {
            return Wish::default();
        };
        let cause = Cause {
            rule: (&*rule.name).into(),
            provider: provider.into(),
            class: reading.class,
            response: Arc::new(said.response.clone()),
            at: self.kernel.wall(),
        };
        let (action, scopes) = (reading.action, reading.scopes);
        if scopes.contains(Scope::Host)
            && let Some(pause) = action.pause()
        {
            self.skip(plan, host, pause, &cause);
        }
        if let Some(ask) = Ask::of(action) {
            let sources = self.addresses(plan);
            let place = Place { source: host.source, sources: &sources, sender: said.sender };
            let quotas: Vec<_> = place.quotas(scopes).into_iter().map(Quota::into_owned).collect();
            let is_crowd = matches!(said.stage, Some(Stage::Greeting | Stage::Hello));
            if !quotas.is_empty() {
                self.pass_on(plan, Asked { quotas, ask, cause, is_crowd });
            }
        }
        wish(action, |scope| scopes.contains(scope))
    }

    /// Other hosts of a site are taken for a while.
    fn skip(&self, plan: &SitePlan, host: &Host, pause: Duration, cause: &Cause) {
        let (now, wall) = (self.kernel.now(), self.kernel.wall());
        let is_news = self.hosts.borrow_mut().change(host.peer, now, |memory| {
            let is_news = memory.health.is_wanted(now);
            memory.health.skip(now + pause);
            is_news
        });
        if is_news {
            self.tell_skipped(&plan.name, &host.peer.to_string(), wall + pause, cause);
        }
    }

    /// The addresses of ours that mail for a site may leave from, if that is not left to the system.
    fn addresses(&self, plan: &SitePlan) -> Vec<IpAddr> {
        let live = self.live.borrow();
        let pool = plan.leaves_by.map(|pool| live.egress.pool(pool));
        pool.into_iter().flat_map(|pool| pool.sources.iter().map(|source| source.address)).collect()
    }
}

/// What an action leaves to do for the recipient and the connection.
fn wish(action: Action, names: impl Fn(Scope) -> bool) -> Wish {
    let is_recipients = names(Scope::Recipient) || names(Scope::Message);
    let pause = match action {
        Action::Reconnect => Some(RECONNECT_PAUSE),
        action => action.pause().filter(|_| is_recipients),
    };
    let leaves = matches!(action, Action::Reconnect | Action::SkipHost(_))
        || (names(Scope::Connection) && action.pause().is_some());
    Wish { pause, leaves, fails: action == Action::Fail }
}

#[cfg(test)]
mod tests {
    use super::{RECONNECT_PAUSE, Wish, wish};
    use policy::replies::{Action, Scope, Scopes};
    use std::time::Duration;

    #[test]
    fn what_is_asked_of_recipients_and_connections_is_left_to_do() {
        const HOUR: Duration = Duration::from_hours(1);
        for (action, scopes, pause, leaves) in [
            (Action::None, &[Scope::Recipient][..], None, false),
            (Action::Bounce, &[Scope::Recipient], None, false),
            (Action::Fail, &[], None, false),
            (Action::DelayRecipient(HOUR), &[Scope::Recipient], Some(HOUR), false),
            (Action::Suspend(HOUR), &[Scope::Message], Some(HOUR), false),
            (Action::Suspend(HOUR), &[Scope::Site], None, false),
            (Action::Reconnect, &[Scope::Connection], Some(RECONNECT_PAUSE), true),
            (Action::BackOff(HOUR), &[Scope::Connection], None, true),
            (Action::SkipHost(HOUR), &[Scope::Host], None, true),
        ] {
            let scopes: Scopes = scopes.iter().copied().collect();
            let found = wish(action, |scope| scopes.contains(scope));
            let fails = action == Action::Fail;
            assert_eq!(found, Wish { pause, leaves, fails }, "{action}");
        }
    }
}
