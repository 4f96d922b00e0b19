//! What an operator is told of this shard's mail, and orders.
//!
//! Asked by letter; the answer goes back through a closure. What keeps mail is asked of the same
//! functions that keep it: [`queue::Queue::hindrances`], [`Shard::hindrance`],
//! [`Shard::lacks_source`] and [`Shard::way`].

mod count;
mod evidence;
mod find;
mod limits;
mod orders;
mod places;
mod waits;

pub(crate) use evidence::Heard;
pub(crate) use orders::{Reroute, Scheduled};

use crate::message::Delivery;
use crate::routing::Way;
use crate::shard::Shard;
use event::{ReplyClass, Response, Tick, Wall};
use evidence::Evidence;
use kernel::Kernel;
use orders::Orders;
use policy::survey::{Answer, Question};
use queue::SiteIndex;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use waits::Waits;

/// Hears an answer.
pub type Tell = Box<dyn FnOnce(Answer) + Send>;

/// A question, and who hears the answer.
pub struct Inquiry {
    /// What is asked.
    pub question: Question,
    /// Called once, unless the shard ends before.
    pub tell: Tell,
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquiry").field("question", &self.question).finish_non_exhaustive()
    }
}

/// What a shard keeps to be able to answer.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) waits: Waits,
    pub(crate) evidence: Evidence,
    pub(crate) orders: Orders,
    /// Deliveries that wait for DNS.
    pub(crate) parked: usize,
}

impl<K: Kernel> Shard<K> {
    /// Answers a question.
    pub(crate) fn answer(self: &Rc<Self>, inquiry: Inquiry) {
        let Inquiry { question, tell } = inquiry;
        self.forget_pauses();
        match question {
            Question::Sites(most) => tell(Answer::Sites(self.survey(most))),
            Question::Name(name) => tell(Answer::Name(Box::new(self.named(&name)))),
            Question::Flows(about) => tell(Answer::Name(Box::new(self.flows_of(&about)))),
            Question::Message(id) => self.kernel.spawn(find::find(Rc::clone(self), id, tell)),
            Question::Order(order) => self.take_order(&order, tell),
            Question::Kept(order) => self.keep_order(&order, tell),
        }
    }

    /// Keeps a delivery until it is due, counted under the site that put it off, if one did.
    pub(crate) fn keep_until(&self, due: Tick, mut delivery: Delivery, site: Option<&Arc<str>>) {
        let known = site.cloned().unwrap_or_else(|| self.likely_site(&delivery));
        let number = self.accounts.borrow_mut().waits.enter(&known, delivery.domain.flow());
        delivery.wait_for(number);
        self.queue.borrow_mut().defer(due, delivery);
    }

    /// A delivery that waited is to be tried.
    pub(crate) fn retry(self: &Rc<Self>, mut delivery: Delivery) {
        self.accounts.borrow_mut().waits.leave(delivery.waits_for());
        delivery.queue(self.kernel.now());
        self.route(delivery);
    }

    /// The site that a delivery would go to, if that is known without asking; else nothing.
    fn likely_site(&self, delivery: &Delivery) -> Arc<str> {
        match self.known_way(&delivery.domain, Some(delivery.id())) {
            Way::Site(plan) | Way::Renewed(plan, _) => Arc::clone(&plan.name),
            _ => Arc::default(),
        }
    }

    /// One delivery more is on a connection of a site.
    pub(crate) fn carry(&self, index: SiteIndex) {
        self.carrying.set(self.carrying.get() + 1);
        let sites = self.sites.borrow();
        let carrying = &sites.find(index).carrying;
        carrying.set(carrying.get() + 1);
    }

    /// One less is.
    pub(crate) fn carried(&self, index: SiteIndex) {
        self.carrying.set(self.carrying.get() - 1);
        let sites = self.sites.borrow();
        let carrying = &sites.find(index).carrying;
        carrying.set(carrying.get() - 1);
    }

    /// Keeps what a host said for a while: it was no.
    pub(crate) fn note_reply(&self, index: SiteIndex, heard: Heard) {
        let site = self.site_name(index);
        self.accounts.borrow_mut().evidence.note(&site, heard);
    }

    /// The same of a host that nothing could be sent to.
    pub(crate) fn note_failed_dial(
        &self,
        index: SiteIndex,
        peer: SocketAddr,
        response: &Response,
        class: ReplyClass,
    ) {
        let host = self.sites.borrow().find(index).plan.host_at(peer).map(|host| host.name.clone());
        let (at, response) = (self.kernel.wall(), response.clone());
        let (peer, message, class, times) = (Some(peer), None, Some(class), 1);
        let heard = Heard { at, peer, host, message, response, class, times };
        self.note_reply(index, heard);
    }

    /// A moment of our clock on everybody's.
    pub(crate) fn on_the_wall(&self, tick: Tick) -> Wall {
        self.kernel.wall() + tick.since(self.kernel.now())
    }
}
