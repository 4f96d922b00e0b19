//! How fast Ringpost is, beside its peers and beside what physics asks.

pub mod counts;
mod disk;
pub mod floor;
pub mod inputs;
pub mod listener;
pub mod machine;
pub mod peers;
mod report;
pub mod sites;
pub mod spool;
mod spread;
mod usage;
