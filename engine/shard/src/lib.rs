//! One core: inbound sessions, the spool's writer, delivery lanes.

pub mod journal;
