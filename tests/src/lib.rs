//! What the tests and the peers benchmark start and stop: Ringpost itself, real Postfix,
//! and the tools that speak to them.
//!
//! Nothing here sleeps and hopes: [`wait::until`] looks until the event came or a deadline
//! passed. Every process is ended by its id.

pub mod cage;
pub mod disk;
pub mod gate;
pub mod haproxy;
pub mod http;
pub mod loop_disk;
pub mod microsocks;
pub mod mounted;
pub mod mutant;
pub mod names;
pub mod policy;
pub mod port;
pub mod postfix;
pub mod process;
pub mod program;
pub mod recorder;
pub mod ringpost;
pub mod scratch;
pub mod smtp_sink;
pub mod socks;
pub mod speaker;
pub mod tool;
pub mod unbound;
pub mod usage;
pub mod wait;
