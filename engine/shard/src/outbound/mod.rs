//! Sending: lanes take deliveries from the queue and bring back one verdict a recipient.

mod choice;
mod dial;
mod lane;
mod slot;
mod text;
mod verdict;
mod wire;

pub(crate) use dial::start;
