//! What only the generator decides: when messages start, what they are, whom they are for, and
//! how it speaks.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]
#![allow(clippy::redundant_pub_crate, reason = "`unreachable_pub` asks for the opposite")]

mod capacity;
mod content;
mod end_to_end;
mod open_loop;
mod recipients;
mod run;
mod server;
mod speech;
