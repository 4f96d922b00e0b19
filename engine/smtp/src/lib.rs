//! The protocol as pure machines: the receiving side, the sending side, and their replies.
//!
//! Bytes go in, steps come out. Nothing here knows of sockets, clocks or files, and nothing
//! here is copied that can be borrowed. `RFC.md` beside this folder says, section by section,
//! what is asked of a relay, what is kept and what is left out.
//!
//! - [`server`] takes mail: one peer, one conversation, any number of messages.
//! - [`sasl`] is how a peer says who it is.
//! - [`client`] gives mail: one peer, envelopes said ahead of their answers.
//! - [`proxy`] reads what a balancer says of its client first.
#![warn(clippy::indexing_slicing, reason = "network bytes are never indexed unchecked")]

pub mod address;
pub mod client;
pub mod command;
pub mod dots;
pub mod proxy;
pub mod reply;
pub mod sasl;
pub mod server;
pub mod text;
pub mod xtext;
