//! From a recipient's domain to its site, and to the shard that is the site's home.

use crate::domains::Domain;
use crate::egress::Exit;
use crate::letter::Letter;
use crate::message::Delivery;
use crate::setup::Ask;
use crate::shard::Shard;
use crate::survey::Reroute;
use event::{EnhancedCode, MessageId, Outcome, Response};
use kernel::Kernel;
use route::{Answer, Cached, Need, RouteFailure, SitePlan, Target};
use std::rc::Rc;
use std::sync::Arc;

/// Where mail goes, or why it goes nowhere now.
#[derive(Debug)]
pub(crate) enum Way {
    /// There.
    Site(Arc<SitePlan>),
    /// There too; but DNS is to be asked again.
    Renewed(Arc<SitePlan>, Hosts),
    /// Nowhere, now or ever.
    Nowhere(RouteFailure),
    /// From the addresses of a pool that the settings do not know.
    UnknownPool,
    /// DNS was asked.
    Asked(Hosts),
    /// DNS is to be asked.
    Ask(Hosts),
}

/// Whose hosts DNS is asked about.
#[derive(Clone, Debug)]
pub(crate) enum Hosts {
    /// Those of the mail's domain.
    OfDomain,
    /// Those that an order names, by their [key](route::Hops::key).
    OfOrder(Arc<str>),
}

impl Hosts {
    /// What stands for them where it is kept what DNS said.
    pub(crate) fn key<'a>(&'a self, domain: &'a Domain) -> &'a str {
        match self {
            Self::OfDomain => domain,
            Self::OfOrder(key) => key,
        }
    }
}

impl<K: Kernel> Shard<K> {
    /// Where mail for a domain goes, or a message for it. `look` asks what is known of it: with a
    /// promise, to send it there, or without one, to tell.
    pub(crate) fn way(
        &self,
        domain: &Domain,
        message: Option<MessageId>,
        look: impl FnOnce(&str) -> Cached,
    ) -> Way {
        if domain.is_empty() {
            return Way::Nowhere(RouteFailure::bad_address());
        }
        match self.rerouted(domain, message) {
            None => self.usual_way(domain, domain.exit(), look),
            Some(order) => self.other_way(domain, &order, look),
        }
    }

    /// Where mail for a domain goes, as far as that is known without asking.
    pub(crate) fn known_way(&self, domain: &Domain, message: Option<MessageId>) -> Way {
        let now = self.kernel.now();
        self.way(domain, message, |domain| self.domains.borrow().peek(domain, now))
    }

    /// The site that mail for a domain goes to where no order says otherwise, as far as it is known.
    pub(crate) fn usual_site(&self, domain: &Domain) -> Option<Arc<str>> {
        let now = self.kernel.now();
        let look = |domain: &str| self.domains.borrow().peek(domain, now);
        match self.usual_way(domain, domain.exit(), look) {
            Way::Site(plan) | Way::Renewed(plan, _) => Some(Arc::clone(&plan.name)),
            _ => None,
        }
    }

    /// By the settings and DNS.
    fn usual_way(&self, domain: &Domain, exit: Exit, look: impl FnOnce(&str) -> Cached) -> Way {
        if self.live.borrow().egress.is_shut(exit) {
            // It may come to be known, and from no other address this mail may leave.
            return Way::UnknownPool;
        }
        let cached = match self.live.borrow().routing.table.find(domain) {
            Target::Static(plan) => Cached::Known(Ok(Arc::clone(plan))),
            Target::Mx => look(domain),
        };
        self.way_by(cached, (domain.need(), exit), Hosts::OfDomain)
    }

    /// By an order.
    fn other_way(
        &self,
        domain: &Domain,
        order: &Reroute,
        look: impl FnOnce(&str) -> Cached,
    ) -> Way {
        let exit = self.exit_by(order, domain);
        let Some(hops) = &order.hops else { return self.usual_way(domain, exit, look) };
        if self.live.borrow().egress.is_shut(exit) {
            return Way::UnknownPool;
        }
        let cached = match &order.fixed {
            Some(plan) => Cached::Known(Ok(Arc::clone(plan))),
            None => look(hops.key()),
        };
        self.way_by(cached, (domain.need(), exit), Hosts::OfOrder(Arc::clone(hops.key())))
    }

    /// By which way mail for a domain leaves under an order.
    pub(crate) fn exit_by(&self, order: &Reroute, domain: &Domain) -> Exit {
        let pool = order.terms.elsewhere.pool.as_ref();
        pool.map_or_else(|| domain.exit(), |pool| self.live.borrow().egress.exit(pool.as_bytes()))
    }

    /// What is made of what is known of hosts.
    fn way_by(&self, cached: Cached, wants: (Need, Exit), hosts: Hosts) -> Way {
        match cached {
            Cached::Known(Ok(plan)) => match self.fitted(&plan, wants) {
                Ok(plan) => Way::Site(plan),
                Err(failure) => Way::Nowhere(failure),
            },
            Cached::Renew(plan) => match self.fitted(&plan, wants) {
                Ok(plan) => Way::Renewed(plan, hosts),
                Err(failure) => Way::Nowhere(failure),
            },
            Cached::Known(Err(failure)) => Way::Nowhere(failure),
            Cached::Asked => Way::Asked(hosts),
            Cached::Ask => Way::Ask(hosts),
        }
    }

    /// The same site, for mail that asks for this and leaves so.
    fn fitted(
        &self,
        plan: &Arc<SitePlan>,
        (need, exit): (Need, Exit),
    ) -> Result<Arc<SitePlan>, RouteFailure> {
        let plan = plan.needing(need)?;
        Ok(match exit {
            Exit::Pool(pool) => plan.through(pool, &self.live.borrow().egress.names),
            Exit::Any | Exit::Unknown => plan,
        })
    }

    /// Sends a delivery to its site's home, or keeps it until DNS has spoken.
    pub(crate) fn route(self: &Rc<Self>, delivery: Delivery) {
        let now = self.kernel.now();
        let look = |domain: &str| self.domains.borrow_mut().look(domain, now);
        match self.way(&delivery.domain, Some(delivery.id()), look) {
            Way::Site(plan) => self.send(&plan, delivery),
            Way::Renewed(plan, hosts) => {
                self.ask(hosts.key(&delivery.domain), Ask::Renew);
                self.send(&plan, delivery);
            }
            Way::Nowhere(failure) => self.unroutable(delivery, &failure),
            Way::UnknownPool => {
                let text = "no [[pool]] of the settings has the name `pool`";
                self.postpone_all(delivery, None, &local(451, (4, 3, 5), text));
            }
            Way::Asked(hosts) => self.park(delivery, &hosts),
            Way::Ask(hosts) => {
                let domain = delivery.domain.clone();
                self.park(delivery, &hosts);
                self.ask(hosts.key(&domain), Ask::Find);
            }
        }
    }

    fn ask(&self, domain: &str, how: Ask) {
        (self.live.borrow().routing.ask)(domain.to_owned(), how, self.shards[self.index].clone());
    }

    fn park(&self, delivery: Delivery, hosts: &Hosts) {
        let key = hosts.key(&delivery.domain).to_owned();
        self.accounts.borrow_mut().parked += 1;
        self.parked.borrow_mut().entry(key).or_default().push(delivery);
    }

    /// DNS has spoken: all who waited for it go on.
    pub(crate) fn resolved(self: &Rc<Self>, domain: &str, answer: &Answer) {
        let now = self.kernel.now();
        let plan = route::plan(domain, answer, &self.live.borrow().routing.rules).map(Arc::new);
        if let Err(RouteFailure::Policy(text)) = &plan {
            self.tell_nowhere(domain, text);
        }
        let old = self.domains.borrow().last(domain).cloned();
        self.recall(domain, old, &plan);
        self.domains.borrow_mut().learn(domain, plan, answer, now);
        let waiting = self.parked.borrow_mut().remove(domain).unwrap_or_default();
        self.accounts.borrow_mut().parked -= waiting.len();
        for delivery in waiting {
            self.route(delivery);
        }
    }

    /// Sends a delivery where mail for its domain goes, unless an order says otherwise.
    pub(crate) fn dispatch(self: &Rc<Self>, plan: &Arc<SitePlan>, delivery: Delivery) {
        let order = self.rerouted(&delivery.domain, Some(delivery.id()));
        let exit = match &order {
            Some(order) if order.hops.is_some() => return self.route(delivery),
            Some(order) => self.exit_by(order, &delivery.domain),
            None => delivery.domain.exit(),
        };
        match self.fitted(plan, (delivery.domain.need(), exit)) {
            Ok(plan) => self.send(&plan, delivery),
            Err(failure) => self.unroutable(delivery, &failure),
        }
    }

    fn send(self: &Rc<Self>, plan: &Arc<SitePlan>, delivery: Delivery) {
        let home = route::home(&plan.name, self.shards.len());
        if home == self.index || self.keeps(plan) {
            self.enqueue(plan, delivery);
        } else {
            self.shards[home].post(Letter::Deliver(Arc::clone(plan), delivery));
        }
    }

    /// The most recipients that any site takes in one transaction. A site that takes fewer gets
    /// them in several.
    pub(crate) fn recipients_max(&self) -> usize {
        let live = self.live.borrow();
        let all = live.routing.limits.iter().chain([&live.limits]);
        all.map(|limits| limits.recipients_per_message_max).max().unwrap_or(1).into()
    }

    /// No site takes this mail, now or ever. What was not to be had of a policy this time may be there the
    /// next time: mail that wants one is tried once more.
    pub(crate) fn unroutable(self: &Rc<Self>, delivery: Delivery, failure: &RouteFailure) {
        let response = failure.response();
        let is_first = delivery.tried.count() == 0;
        if *failure == RouteFailure::Unproven && is_first {
            self.postpone_all(delivery, None, &for_now(&response));
        } else if failure.is_permanent() {
            self.conclude_all(delivery, None, Outcome::Failed, &response);
        } else {
            self.postpone_all(delivery, None, &response);
        }
    }
}

/// The same where it may be otherwise before long.
pub(crate) fn for_now(response: &Response) -> Response {
    let enhanced = response.enhanced.map(|code| EnhancedCode { class: 4, ..code });
    Response { code: 451, enhanced, ..response.clone() }
}

/// What we say where no peer could.
pub(crate) fn local(code: u16, enhanced: (u8, u16, u16), text: &str) -> Response {
    let (class, subject, detail) = enhanced;
    Response::local(code, EnhancedCode { class, subject, detail }, text)
}
