//! The engine and those it writes to, in a world of virtual time: a day passes in a minute.
//!
//! A [`Relay`] is one shard as it runs in the program, with its spool, its queue, its gates and its
//! lanes; only the machine below it is [`kernel::sim`]'s. So what a rehearsal shows is what the engine
//! does, and there is no other account of its decisions. What is left out: reception (mail comes in
//! as the program's own does), DNS (each domain's answer is given) and TLS.
//!
//! A [`Provider`] is whoever answers at the hosts: a machine that is told what comes, and when. The
//! driver of it is [`open`]. The same seed and the same calls give the same history.
//!
//! A rehearsal is as right as its providers are. Where they are made from a delivery log
//! (`ringpost replay`), their knowledge ends with it: which hosts answered, what they said, and when. What
//! a host says to what it was not asked then is a guess, so such a rehearsal estimates; it proves nothing.

mod host;
mod operator;
mod relay;

pub use host::{Next, Provider, Visit, open};
pub use relay::{Plan, Relay, Site, answer};
