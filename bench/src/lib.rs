//! How fast Ringpost is, beside its peers and beside what physics asks.

pub mod floor;
pub mod inputs;
pub mod peers;
