//! From a recipient's domain to its site, and to the shard that is the site's home.

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

impl<K: Kernel> Shard<K> {
    /// Sends a delivery to its site's home, or keeps it until DNS has spoken.
    pub(crate) fn route(self: &Rc<Self>, delivery: Delivery) {
        if delivery.domain.is_empty() {
            return self.unroutable(delivery, &RouteFailure::bad_address());
        }
        if delivery.domain.exit() == Exit::Unknown {
            // It may come to be known, and from no other address this mail may leave.
            let unknown = local(451, (4, 3, 5), "no [[pool]] of the settings has the name `pool`");
            return self.postpone_all(delivery, None, &unknown);
        }
        match self.routing.table.find(&delivery.domain) {
            Target::Static(plan) => self.dispatch(Arc::clone(plan), delivery),
            Target::Mx => self.route_by_mx(delivery),
        }
    }

    fn route_by_mx(self: &Rc<Self>, delivery: Delivery) {
        let now = self.kernel.now();
        let cached = self.domains.borrow_mut().look(&delivery.domain, now);
        match cached {
            Cached::Known(Ok(plan)) => self.dispatch(plan, delivery),
            Cached::Known(Err(failure)) => self.unroutable(delivery, &failure),
            Cached::Renew(plan) => {
                self.ask(&delivery.domain, Ask::Renew);
                self.dispatch(plan, delivery);
            }
            Cached::Asked => self.park(delivery),
            Cached::Ask => {
                let domain = delivery.domain.clone();
                self.park(delivery);
                self.ask(&domain, Ask::Find);
            }
        }
    }

    fn ask(&self, domain: &str, how: Ask) {
        (self.routing.ask)(domain.to_owned(), how, self.shards[self.index].clone());
    }

    fn park(&self, delivery: Delivery) {
        let domain = delivery.domain.to_string();
        self.parked.borrow_mut().entry(domain).or_default().push(delivery);
    }

    /// DNS has spoken: all who waited for it go on.
    pub(crate) fn resolved(self: &Rc<Self>, domain: &str, answer: &Answer) {
        let now = self.kernel.now();
        let plan = route::plan(domain, answer, &self.routing.rules).map(Arc::new);
        let old = self.domains.borrow().last(domain).cloned();
        self.recall(domain, old, &plan);
        self.domains.borrow_mut().learn(domain, plan, answer, now);
        let waiting = self.parked.borrow_mut().remove(domain).unwrap_or_default();
        for delivery in waiting {
            self.route(delivery);
        }
    }

    pub(crate) fn dispatch(self: &Rc<Self>, plan: Arc<SitePlan>, delivery: Delivery) {
        let plan = match delivery.domain.exit() {
            Exit::Pool(pool) => plan.through(pool, &self.egress.names),
            Exit::Any | Exit::Unknown => plan,
        };
        let home = route::home(&plan.name, self.shards.len());
        if home == self.index || self.keeps(&plan) {
            self.enqueue(&plan, delivery);
        } else {
            self.shards[home].post(Letter::Deliver(plan, delivery));
        }
    }

    /// The most recipients that any site takes in one transaction. A site that takes fewer gets
    /// them in several.
    pub(crate) fn recipients_max(&self) -> usize {
        let all = self.routing.limits.iter().chain([&self.limits]);
        all.map(|limits| limits.recipients_per_message_max).max().unwrap_or(1).into()
    }

    /// No site takes this mail, now or ever.
    pub(crate) fn unroutable(self: &Rc<Self>, delivery: Delivery, failure: &RouteFailure) {
        let response = failure.response();
        if failure.is_permanent() {
            self.conclude_all(delivery, None, Outcome::Failed, &response);
        } else {
            self.postpone_all(delivery, None, &response);
        }
    }
}

/// What we say where no peer could.
pub(crate) fn local(code: u16, enhanced: (u8, u16, u16), text: &str) -> Response {
    let (class, subject, detail) = enhanced;
    Response::local(code, EnhancedCode { class, subject, detail }, text)
}
