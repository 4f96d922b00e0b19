//! Sending: lanes take deliveries from the queue and bring back one verdict a recipient.

mod approach;
mod choice;
mod cover;
mod departure;
mod detour;
mod dial;
mod fewer;
mod health;
mod lane;
mod link;
mod reading;
mod slot;
mod stages;
mod text;
mod unfit;
mod verdict;
mod wire;

pub use approach::Passage;
pub(crate) use departure::{Standing, Standings};
pub(crate) use dial::start;
pub(crate) use health::Refusals;
pub(crate) use slot::InUse;
