//! What a host means by what it said, and what is done about it.
//!
//! The rules for its provider say why it said no, whose quota is spent, and what is asked for. What is
//! asked of the recipient is a due time ([`Wish::pause`]), what is asked of the connection is the lane's to
//! do ([`Wish::leaves`]); a host is passed over by what is remembered of it, and all else goes to the
//! gates of the site's home.

use super::verdict::Host;
use crate::gates::Asked;
use crate::letter::Settled;
use crate::shard::Shard;
use crate::survey::Heard;
use event::{MessageId, Outcome, ReplyClass, Response};
use kernel::Kernel;
use policy::gate::{Ask, Cause, Place};
use policy::hosts::TooMany;
use policy::replies::{Action, Provider, Reading, Scope, Scopes, Stage};
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
    /// It was said between two messages, of which the connection had carried so many.
    pub(super) behind: u32,
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
    /// It is about more than this connection and what came by it.
    pub(super) is_wide: bool,
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
        let is_wide = Ask::of(action)
            .is_some_and(|ask| self.ask_for_less(plan, host, said, (ask, scopes), cause));
        Wish { is_wide, ..wish(action, |scope| scopes.contains(scope)) }
    }

    /// Asks for less at the site's home. Whether there is anything to ask for.
    fn ask_for_less(
        self: &Rc<Self>,
        plan: &Arc<SitePlan>,
        host: &Host,
        said: Said<'_>,
        (ask, scopes): (Ask, Scopes),
        cause: Cause,
    ) -> bool {
        let is_crowd = matches!(said.stage, Some(Stage::Greeting | Stage::Hello));
        let ask = match ask {
            // What no rule knows may have another reason, unless others are served there.
            Ask::OneFewer(pause) if pause.is_zero() && self.in_use.borrow().at(host.peer) == 0 => {
                return false;
            }
            // Before anything was sent it is connections that are counted.
            Ask::SlowDown(pause) if is_crowd => Ask::BackOff(pause),
            ask => ask,
        };
        let sources = self.addresses(plan);
        let place = Place { source: host.source, sources: &sources, sender: said.sender };
        let asks = place.asks(ask, scopes).into_iter();
        let asks: Vec<_> = asks.map(|(quota, ask)| (quota.into_owned(), ask)).collect();
        if asks.is_empty() {
            return false;
        }
        match self.too_many(host, said, ask) {
            TooMany::OnConnection => (),
            TooMany::OnEachConnection => {
                let quotas = asks.into_iter().map(|(quota, _)| quota).collect();
                self.pass_on(plan, Asked::Mistaken { quotas, rule: cause.rule });
            }
            TooMany::InATime => self.pass_on(plan, Asked::For { asks, cause, is_crowd }),
        }
        true
    }

    /// What is meant by a reply that asks for less.
    fn too_many(&self, host: &Host, said: Said<'_>, ask: Ask) -> TooMany {
        if !matches!(ask, Ask::SlowDown(_)) || said.stage != Some(Stage::Mail) {
            return TooMany::InATime;
        }
        let now = self.kernel.now();
        self.hosts
            .borrow_mut()
            .change(host.peer, now, |memory| memory.habits.said_too_many(said.behind, now))
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

    /// Keeps what was said where it was no, for whoever asks why mail does not move.
    pub(super) fn note_replies(
        &self,
        index: SiteIndex,
        host: Option<&Host>,
        id: MessageId,
        verdicts: &[Settled],
    ) {
        for settled in verdicts.iter().filter(|settled| settled.outcome != Outcome::Delivered) {
            let named = host.and_then(|host| host.passage.as_ref());
            let heard = Heard {
                at: self.kernel.wall(),
                peer: host.map(|host| host.peer),
                host: named.map(|passage| passage.host.clone()),
                message: Some(id),
                response: settled.response.clone(),
                class: settled.class,
                times: 1,
            };
            self.note_reply(index, heard);
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
    Wish { pause, leaves, fails: action == Action::Fail, is_wide: false }
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
            assert_eq!(found, Wish { pause, leaves, fails, is_wide: false }, "{action}");
        }
    }
}
