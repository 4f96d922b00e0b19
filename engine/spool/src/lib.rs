//! The spool as pure machines: an append-only log cut into segments.
//!
//! - [`Writer`] fills batches and turns each into one commit block.
//! - [`Recovery`] reads segments back and says what is live, what was torn, what is damaged.
//! - [`Catalog`] knows the live messages, and which segment may be used again.
//!
//! None of them owns a file, a clock or randomness: bytes, times and salts are arguments.
//! `FORMAT.md` beside this crate draws every byte.

pub mod catalog;
#[cfg(test)]
mod desk;
pub mod envelope;
pub mod fields;
pub mod format;
pub mod place;
pub mod record;
pub mod recovery;
pub mod writer;

pub use catalog::{Catalog, Live};
pub use envelope::{Draft, ENVELOPE_MAX, Envelope, RECIPIENTS_MAX};
pub use format::{
    BLOCK_ALIGN, BLOCK_MAX, BlockHeader, HeaderFault, SEGMENT_MAX, SEGMENT_MIN, SegmentHeader, crc,
};
pub use place::{Place, Text};
pub use record::{Answer, Deferral, PART_MAX, PARTS_MAX, Settlement, Standing, envelope_of};
pub use recovery::{Damage, Flaw, Found, Recovery, Survivor};
pub use writer::{Position, Sealed, Staged, Writer};
