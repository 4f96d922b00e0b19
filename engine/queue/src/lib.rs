//! What is sent next and when: the queue of one shard.
//!
//! A delivery is in one of three places. It is *waiting* in the timer wheel until it is due,
//! *ready* at its site, or *taken* by a lane and then no business of this crate. The caller
//! runs one loop:
//!
//! 1. take what is due ([`Queue::due`]), route it again, and make it ready at its site;
//! 2. open the connections that [`Queue::dial`] asks for, and say what became of each;
//! 3. let every lane [`Queue::send`] until its site has nothing left that may go;
//! 4. come back when something happens, or at [`Queue::wake_at`].
//!
//! # When another connection opens
//! **A site gets another connection when more than [`READY_PER_LANE`] deliveries are ready for each
//! that it has, open or opening; or more than it has connections, and these took nothing for
//! [`TAKEN_WITHIN`] (or, while the first is dialled, [`DIALLED_WITHIN`]). It must have fewer than its
//! limit and not be backing off; after a failed dial only one is tried at a time until one works.
//! Dials without an answer are at most two more than its connections that were answered.**
//!
//! A connection costs the receiver more than a message, and us: where a few are ready, one that is
//! open carries them sooner than others could be opened.
//!
//! Sites of one group have together no more connections than one of them may have; and no more
//! than [`Queue::limit`] says, where the rest is lent to other shards ([`Shares`]).
//!
//! Where a group may have only so much in a [time](Queue::rate), lanes [send](Queue::send) what that leaves,
//! and its sites wait in line for more; [`Queue::freed`] says who may go on. With a rate of messages another
//! connection opens only if those there are take nothing although they might.
//!
//! Sites take turns at dialling. A site that cannot be reached waits by itself, on a back-off of its
//! own, and costs the others nothing.
//!
//! # What is taken next
//! **Of a site's mail the transactional goes first; within a class tenants take turns, in proportion to
//! their weights; within a tenant its campaigns do; and within a campaign, which is a [`Flow`], the first ready
//! is the first taken.** Bulk gets at least a message in sixteen
//! ([`TRANSACTIONAL_IN_A_ROW_MAX`]). Turns are counted in octets, a small message as
//! [`QUANTUM`] of them and a large one as [`COST_MAX`].
//!
//! So what one tenant has queued, be it millions, keeps another's waiting for as many messages as
//! there are tenants with mail at the site, and a transactional message for none that is not on its way yet.
//! What is *taken* is out of reach: a lane takes as much as may be on its way at once.
//!
//! What keeps a site from another connection has a name each, a [`Hindrance`]: the rule above is
//! that there is none. An operator may [pause](Queue::pause) sites: then their connections get
//! nothing either.
//!
//! # What is bounded
//! A site with deliveries or connections is kept; of the others only the
//! [`IDLE_SITES_MAX`] that were busy last. A waiting or ready delivery costs its own size and
//! at most 16 bytes; its flow is its own to know ([`Queued`]). A flow without deliveries at a site is
//! forgotten there when its turn comes, or with the last delivery, and what it owes with it. A site with one flow is a
//! list. No call takes time in proportion to the number of deliveries, nor, but for what an operator
//! asks, of flows: [`Queue::take`] passes over a flow that owes at most as often as what the flow took
//! has paid for.

mod queue;
mod shares;

pub use queue::{
    COST_MAX, DIALLED_WITHIN, Flow, HORIZON, Hindrance, Hold, IDLE_SITES_MAX, LOOKED_MAX, QUANTUM,
    Queue, Queued, READY_PER_LANE, SORTED_MAX, SiteIndex, SiteView, TAKEN_WITHIN,
    TRANSACTIONAL_IN_A_ROW_MAX, UNIT,
};
pub use shares::{Share, Shares};
