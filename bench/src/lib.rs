//! How fast Ringpost is, beside its peers and beside what physics asks.

mod disk;
pub mod floor;
pub mod inputs;
pub mod peers;
pub mod spool;
mod spread;
mod usage;
