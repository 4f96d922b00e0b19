//! Everything that can happen to a message, once; logs and metrics derive from it.
//!
//! The lowest floor: any crate may use these types, and they use none of ours.

mod id;
mod time;

pub use id::{MessageId, NotAnId};
pub use time::{Tick, Wall};
