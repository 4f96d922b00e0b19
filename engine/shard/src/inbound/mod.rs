//! Receiving: connections come in, messages go to the spool, and 250 goes back.

mod accept;
mod auth;
mod commit;
mod connection;
mod header;
mod pace;
mod peer;
mod porter;
mod proxy;
mod refusals;
mod session;
mod shelf;
mod source;
mod starttls;
mod text;
mod transaction;
mod window;
mod xclient;

pub use accept::Newcomer;
pub(crate) use accept::{Door, accept, receive};
pub use pace::Pace;
pub(crate) use refusals::RULES;
pub(crate) use shelf::Shelf;
pub use window::MESSAGE_BYTES_MAX;
