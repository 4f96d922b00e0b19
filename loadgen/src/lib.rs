//! The proof: a load generator, a mailbox provider simulator, and the join of their ledgers.
//!
//! [`send`] offers numbered messages to a relay, [`sink`] plays the providers the relay
//! delivers to. Both write an append-only [`ledger`], and [`verify`] joins the two: what is
//! missing, doubled, changed, or arrived without having been accepted. [`report`] keeps what all
//! of them found as one document, and [`compare`] tells two such apart. Each side is a pure
//! machine (`send::Session`, [`sink::Session`]) driven by a thin loop on tokio-uring, so that
//! a fault of the engine's runtime cannot hide on both ends of a test.
//!
//! Everything can be run from inside another program: fill in the options, `start` them, read
//! the live counters, `stop` and `join`.

pub mod arrivals;
pub mod clock;
pub mod compare;
pub mod hash;
pub mod latency;
pub mod ledger;
pub mod message;
mod net;
pub mod rate;
pub mod recipient;
pub mod report;
pub mod send;
pub mod sink;
pub mod size;
pub mod target;
pub mod tls;
pub mod usage;
pub mod verify;
