//! From a recipient's domain to its site, and to the shard that is the site's home.

use crate::domains::Domain;
use crate::egress::Exit;
use crate::letter::Letter;
use crate::message::Delivery;
use crate::setup::Ask;
use crate::shard::Shard;
use event::{EnhancedCode, Outcome, Response};
use kernel::Kernel;
use route::{Answer, Cached, RouteFailure, SitePlan, Target};
use std::rc::Rc;
use std::sync::Arc;

/// Where mail goes, or why it goes nowhere now.
#[derive(Debug)]
pub(crate) enum Way {
    /// There.
    Site(Arc<SitePlan>),
    /// There too; but DNS is to be asked again.
    Renewed(Arc<SitePlan>),
    /// Nowhere, now or ever.
    Nowhere(RouteFailure),
    /// From the addresses of a pool that the settings do not know.
    UnknownPool,
    /// DNS was asked.
    Asked,
    /// DNS is to be asked.
    Ask,
}

impl<K: Kernel> Shard<K> {
    /// Where mail for a domain goes. `look` asks what is known of it: with a promise, to send it
    /// there, or without one, to tell.
    pub(crate) fn way(&self, domain: &Domain, look: impl FnOnce(&str) -> Cached) -> Way {
        if domain.is_empty() {
            return Way::Nowhere(RouteFailure::bad_address());
        }
        if self.live.borrow().egress.is_shut(domain.exit()) {
            // It may come to be known, and from no other address this mail may leave.
            return Way::UnknownPool;
        }
        let cached = match self.live.borrow().routing.table.find(domain) {
            Target::Static(plan) => Cached::Known(Ok(Arc::clone(plan))),
            Target::Mx => look(domain),
        };
        match cached {
            Cached::Known(Ok(plan)) => match self.fitted(&plan, domain) {
                Ok(plan) => Way::Site(plan),
                Err(failure) => Way::Nowhere(failure),
            },
            Cached::Renew(plan) => match self.fitted(&plan, domain) {
                Ok(plan) => Way::Renewed(plan),
                Err(failure) => Way::Nowhere(failure),
            },
            Cached::Known(Err(failure)) => Way::Nowhere(failure),
            Cached::Asked => Way::Asked,
            Cached::Ask => Way::Ask,
        }
    }

    /// The same site, for mail that asks for what a domain's mail does.
    fn fitted(&self, plan: &Arc<SitePlan>, domain: &Domain) -> Result<Arc<SitePlan>, RouteFailure> {
        let plan = plan.needing(domain.need())?;
        Ok(match domain.exit() {
            Exit::Pool(pool) => plan.through(pool, &self.live.borrow().egress.names),
            Exit::Any | Exit::Unknown => plan,
        })
    }

    /// Sends a delivery to its site's home, or keeps it until DNS has spoken.
    pub(crate) fn route(self: &Rc<Self>, delivery: Delivery) {
        let now = self.kernel.now();
        let way = self.way(&delivery.domain, |domain| self.domains.borrow_mut().look(domain, now));
        match way {
            Way::Site(plan) => self.send(&plan, delivery),
            Way::Renewed(plan) => {
                self.ask(&delivery.domain, Ask::Renew);
                self.send(&plan, delivery);
            }
            Way::Nowhere(failure) => self.unroutable(delivery, &failure),
            Way::UnknownPool => {
                let text = "no [[pool]] of the settings has the name `pool`";
                self.postpone_all(delivery, None, &local(451, (4, 3, 5), text));
            }
            Way::Asked => self.park(delivery),
            Way::Ask => {
                let domain = delivery.domain.clone();
                self.park(delivery);
                self.ask(&domain, Ask::Find);
            }
        }
    }

    fn ask(&self, domain: &str, how: Ask) {
        (self.live.borrow().routing.ask)(domain.to_owned(), how, self.shards[self.index].clone());
    }

    fn park(&self, delivery: Delivery) {
        let domain = delivery.domain.to_string();
        self.accounts.borrow_mut().parked += 1;
        self.parked.borrow_mut().entry(domain).or_default().push(delivery);
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

    /// Sends a delivery where mail for its domain goes.
    pub(crate) fn dispatch(self: &Rc<Self>, plan: &Arc<SitePlan>, delivery: Delivery) {
        match self.fitted(plan, &delivery.domain) {
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
