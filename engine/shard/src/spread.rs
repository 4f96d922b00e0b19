//! A site that its home cannot keep up with is served by other shards too.
//!
//! The home holds the site's queue and its limits. When very many deliveries are ready there while all
//! the site's connections are in use, it lends shares of these to the other shards
//! ([`queue::Shares`] says why there are never more than the limit). Who has a share carries what it
//! took in itself, as long as few deliveries wait there, and asks the home for more when it runs
//! out; all else goes home as ever, so no more than [`KEPT_MAX`] wait anywhere but there. A share goes back
//! when there is nothing to do for it, and when no host of the site could be reached, by anybody:
//! then all shares go back, since whether a site rests is for its home to say.
//!
//! | file | whose part |
//! |---|---|
//! | `home.rs` | the home's |
//! | `guest.rs` | the others' |

mod guest;
mod home;

use crate::message::Delivery;
use crate::shard::Shard;
use event::Tick;
use guest::Borrowed;
use home::Lent;
use kernel::Kernel;
use queue::SiteIndex;
use route::SitePlan;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A shard that is not the home of a site keeps no delivery for it where so many wait, and asks for
/// no more than make so many.
pub(crate) const KEPT_MAX: usize = 256;
/// With fewer than this it asks for more.
const FEW: usize = KEPT_MAX / 4;
/// How long it waits with that when the home had none.
const ASK_PAUSE: Duration = Duration::from_millis(100);
/// For how long there must be nothing to do for a share before it goes back.
const IDLE: Duration = Duration::from_secs(2);
/// The most sites that one shard lends connections of at one time.
const LENT_MAX: usize = 64;
/// How long a division stands before the next, so that shares do not go to and fro ...
const DIVIDED_FOR: Duration = Duration::from_secs(5);
/// ... and how long the home keeps all when somebody could not reach the site.
const RECALLED_FOR: Duration = Duration::from_mins(1);

const _: () = assert!(IDLE.as_millis() < DIVIDED_FOR.as_millis(), "what is idle is back by then");

/// What the home of a site and another shard have to say about its connections.
#[derive(Debug)]
pub enum Loan {
    /// From the home: so many more are yours.
    Lend(Arc<SitePlan>, u16),
    /// From the home: all are to come back.
    Recall,
    /// From the home: carry these. None, if there are none to spare.
    Deal(Arc<SitePlan>, Vec<Delivery>),
    /// To the home, from this shard: so many could be carried.
    Ask(usize, usize),
    /// To the home, from this shard: so many connections are yours again.
    Return(usize, u16),
    /// To the home: no host of the site could be reached.
    Unreachable,
}

/// The sites whose connections this shard has lent or borrowed, by name.
#[derive(Debug, Default)]
pub(crate) struct Loans {
    lent: BTreeMap<Arc<str>, Lent>,
    borrowed: BTreeMap<Arc<str>, Borrowed>,
}

impl Loans {
    fn is_empty(&self) -> bool {
        self.lent.is_empty() && self.borrowed.is_empty()
    }
}

impl<K: Kernel> Shard<K> {
    /// Acts on what another shard says about the site of this name.
    pub(crate) fn hear_loan(self: &Rc<Self>, name: &Arc<str>, loan: Loan) {
        match loan {
            Loan::Lend(plan, count) => self.borrow(name, plan, count),
            Loan::Recall => self.end_share(name),
            Loan::Deal(plan, deliveries) => self.dealt(name, &plan, deliveries),
            Loan::Ask(shard, count) => self.deal(name, shard, count),
            Loan::Return(shard, count) => self.returned(name, shard, count),
            Loan::Unreachable => self.rest_everywhere(name),
        }
    }

    /// Does what is due about all loans. How many there are is bounded.
    pub(crate) fn tend_loans(self: &Rc<Self>, now: Tick) {
        if !self.loans.borrow().is_empty() {
            self.tend_lent(now);
            self.tend_borrowed(now);
        }
    }

    /// No host of a site could be reached from here: all shares of it end.
    pub(crate) fn missed(&self, index: SiteIndex) {
        if self.loans.borrow().is_empty() {
            return;
        }
        let name = self.site_name(index);
        if self.loans.borrow().borrowed.contains_key(&name) {
            self.end_share(&name);
            self.send_home(&name, Loan::Unreachable);
        }
        self.recall_shares(&name);
    }

    fn send_home(&self, name: &Arc<str>, loan: Loan) {
        let home = route::home(name, self.shards.len());
        self.shards[home].post(crate::Letter::Loan(Arc::clone(name), loan));
    }
}
