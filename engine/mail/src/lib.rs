//! The message: its header scanned, trace fields written, its fate reported.
//!
//! Text is handled in wire form, as it came off one connection and goes out on another:
//! lines end in CRLF, and a dot that begins a line is doubled. Nothing here reads a clock.
#![warn(clippy::indexing_slicing, reason = "network bytes are never indexed unchecked")]

mod date;
pub mod dsn;
pub mod header;
pub mod tls_report;
pub mod trace;
pub mod xtext;

pub use date::write_date;
