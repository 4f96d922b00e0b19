//! What is sent next and when: the queue of one shard.
//!
//! A delivery is in one of three places. It is *waiting* in the timer wheel until it is due,
//! *ready* at its site, or *taken* by a lane and then no business of this crate. The caller
//! runs one loop:
//!
//! 1. take what is due ([`Queue::due`]), route it again, and make it ready at its site;
//! 2. open the connections that [`Queue::dial`] asks for, and say what became of each;
//! 3. let every lane [`Queue::take`] until its site has nothing left;
//! 4. come back when something happens, or at [`Queue::wake_at`].
//!
//! # When another connection opens
//! **A site gets another connection when more deliveries are ready than it has connections
//! open or opening, it has fewer than its limit, and it is not backing off; after a failed
//! dial only one is tried at a time until one works. Dials without an answer are at most two more
//! than its connections that were answered.**
//!
//! Sites of one group have together no more connections than one of them may have; and no more
//! than [`Queue::limit`] says, where the rest is lent to other shards ([`Shares`]).
//!
//! Sites take turns at dialling; within a site the first ready is the first taken. A site
//! that cannot be reached waits by itself, on a back-off of its own, and costs the others
//! nothing.
//!
//! What keeps a site from another connection has a name each, a [`Hindrance`]: the rule above is
//! that there is none. An operator may [pause](Queue::pause) sites: then their connections get
//! nothing either.
//!
//! # What is bounded
//! A site with deliveries or connections is kept; of the others only the
//! [`IDLE_SITES_MAX`] that were busy last. A waiting or ready delivery costs its own size and
//! at most 16 bytes. No call takes time in proportion to the number of deliveries.
//!
//! Tenants and fairness among them will come between a site and its deliveries: where a site
//! has one list today it will have one a tenant, and `take` will choose.

mod queue;
mod shares;

pub use queue::{
    HORIZON, Hindrance, IDLE_SITES_MAX, LOOKED_MAX, Queue, SORTED_MAX, SiteIndex, SiteView, UNIT,
};
pub use shares::{Share, Shares};
