//! How fast Ringpost is, beside its peers and beside what physics asks.

pub mod counts;
mod disk;
pub mod floor;
pub mod inputs;
pub mod machine;
pub mod peers;
pub mod spool;
mod spread;
mod usage;
