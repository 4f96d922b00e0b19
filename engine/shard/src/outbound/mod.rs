//! Sending: lanes take deliveries from the queue and bring back one verdict a recipient.

mod approach;
mod choice;
mod cover;
mod dial;
mod lane;
mod link;
mod reading;
mod slot;
mod text;
mod verdict;
mod wire;

pub use approach::Passage;
pub(crate) use dial::start;
