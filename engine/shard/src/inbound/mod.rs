//! Receiving: connections come in, messages go to the spool, and 250 goes back.

mod accept;
mod connection;
mod session;
mod shelf;
mod transaction;
mod window;

pub(crate) use accept::{Door, accept};
pub(crate) use shelf::Shelf;
