//! Everything that can happen to a message, once; logs and metrics derive from it.
//!
//! The lowest floor: any crate may use these types, and they use none of ours.
//!
//! What happens is told once, as an [`Event`]. [`Event::json`] makes its log line,
//! [`Event::count`] moves the counters of the shard it happened on, and so the two
//! cannot disagree.

mod class;
mod count;
mod egress;
mod enhanced;
mod happening;
mod histogram;
mod id;
mod meters;
mod outcome;
mod reloads;
mod response;
mod shut;
mod site;
mod tally;
mod time;
mod tls_result;
mod tlsa;
mod undelivered;

pub use class::{NotAClass, ReplyClass};
pub use count::{Count, Flag, SharedCount};
pub use egress::{EGRESS_MAX, EgressMeters, EgressReading, OTHER_ADDRESSES};
pub use enhanced::{EnhancedCode, NotEnhanced};
pub use happening::{
    Accepted, Advice, Attempt, Encryption, Entrance, Event, FIELD_BYTES_MAX, Gate, Labels,
    MESSAGES_MAX, Ordered, Passage, Stages, Sts, Subject,
};
pub use histogram::{Histogram, Reading};
pub use id::{MessageId, NotAnId};
pub use meters::{Balance, Kind, Row, ShardMeters};
pub use outcome::Outcome;
pub use reloads::Reloads;
pub use response::{Response, TEXT_BYTES_MAX};
pub use shut::Shut;
pub use site::{Meters, OTHER_SITES, SITES_MAX, SiteMeters, SiteReading};
pub use tally::{REASONS_MAX, Tally};
pub use time::{Tick, Wall};
pub use tls_result::TlsResult;
pub use tlsa::{TLSA_RECORDS_MAX, Tlsa, TlsaForm, TlsaPart, TlsaSet, TlsaUsage};
pub use undelivered::Undelivered;
