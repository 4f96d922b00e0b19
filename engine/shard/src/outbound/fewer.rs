//! Recipients that are too many for one transaction go in the next, and nobody is charged for that.
//!
//! [RFC 5321 §4.5.3.1.10](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.10): whoever is told so
//! sends the rest in another transaction. How many a host takes is remembered of it ([`policy::hosts`]).

use crate::message::Delivery;
use crate::shard::Shard;
use event::Response;
use kernel::Kernel;
use policy::asks_for_fewer_recipients;
use queue::SiteIndex;
use smtp::client::Verdict;
use std::net::SocketAddr;
use std::rc::Rc;

impl<K: Kernel> Shard<K> {
    /// What of a delivery goes to a host in one transaction; the rest is the next to go.
    pub(super) fn first_of(
        &self,
        index: SiteIndex,
        host: SocketAddr,
        delivery: Delivery,
    ) -> Delivery {
        let count = delivery.recipients.len();
        if count < 2 {
            return delivery;
        }
        let now = self.kernel.now();
        let hosts = self.hosts.borrow();
        let most = hosts.find(host).and_then(|memory| memory.habits.recipients_max(now));
        let Some(most) = most.map(usize::from).filter(|most| *most < count) else {
            return delivery;
        };
        let (first, rest) = delivery.recipients.split_at(most);
        self.queue.borrow_mut().again(index, delivery.only(rest));
        delivery.only(first)
    }

    /// Recipients that were too many for their transaction, while others of it were taken, were not tried.
    pub(super) fn spare_surplus(self: &Rc<Self>, host: SocketAddr, verdicts: &mut [Verdict]) {
        let is_taken = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Delivered(_)));
        let Some(most) = verdicts.iter().position(is_surplus).filter(|_| is_taken) else { return };
        let surplus = verdicts.iter_mut().filter(|verdict| is_surplus(verdict));
        surplus.for_each(|verdict| *verdict = Verdict::NotTried);
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        let now = self.kernel.now();
        self.hosts
            .borrow_mut()
            .change(host, now, |memory| memory.habits.took_recipients(most, now));
    }
}

fn is_surplus(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Deferred(response) if is_too_many(response))
}

/// A host without enhanced codes says it in words.
fn is_too_many(response: &Response) -> bool {
    let is_said = || response.text.to_ascii_lowercase().contains("too many recipients");
    asks_for_fewer_recipients(response)
        || (response.code == 452 && response.enhanced.is_none() && is_said())
}
