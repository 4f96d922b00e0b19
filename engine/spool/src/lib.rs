//! The spool as pure machines: an append-only log cut into segments.
//!
//! - [`Writer`] fills batches and turns each into one commit block.
//! - [`Index`] says in short what a segment comes to; it is written behind a full one.
//! - [`Recovery`] reads segments back and says what is live, what was torn, what is damaged.
//! - [`walk::Walk`] shows one segment to people, with everything wrong in it.
//! - [`Catalog`] knows the live messages, and which segment may be used again.
//!
//! None of them owns a file, a clock or randomness: bytes, times and salts are arguments.
//! `FORMAT.md` beside this crate draws every byte.

pub mod catalog;
mod chunks;
#[cfg(test)]
mod desk;
pub mod envelope;
pub mod fields;
pub mod footer;
pub mod format;
pub mod index;
pub mod place;
pub mod record;
pub mod recovery;
pub mod spot;
pub mod tried;
pub mod walk;
pub mod writer;

pub use catalog::{Catalog, Live, Open};
pub use envelope::{
    Draft, ENVELOPE_MAX, EXTRA_MAX, Envelope, Extra, Form, LABEL_MAX, LABELS_MAX, Label, Notify,
    ORIGINAL_MAX, RECIPIENTS_MAX, Request, Requests, Return,
};
pub use footer::{End, Footer};
pub use format::{
    BLOCK_ALIGN, BLOCK_MAX, BlockHeader, HeaderFault, SEGMENT_MAX, SEGMENT_MIN, SegmentHeader, crc,
};
pub use index::{Entries, Entry, Index, Listed, Recipients, Ruling, Way, home};
pub use place::{Place, Text};
pub use record::{
    Answer, Deferral, PART_MAX, PARTS_MAX, Settlement, Standing, envelope_of, message_in,
};
pub use recovery::{Contents, Damage, Flaw, Recovery, scan};
pub use spot::Spot;
pub use tried::Tried;
pub use writer::{Position, Sealed, Staged, Writer};
