//! What each provider allows, and what we do about its answers; what those may do who give
//! us mail.
//!
//! Values and arithmetic only: time and randomness are arguments. [`hosts`] remembers what
//! single hosts did, and [`gate`] what sites have asked for. [`Limits`] says how much at once, [`Schedule`] when a deferred
//! recipient is tried again, [`Backoff`] when a site that cannot be reached is dialled
//! again, [`outcome`] what a reply makes of its recipient, and [`replies`] what else it means.
//! [`pace`] keeps to so many in a time. [`pool`] says which of our addresses is next, [`warmup`] how much of a day it has, and [`tenant`] whose mail has which part of a site. A [`source::Source`] counts what those do
//! who give us mail. [`survey`] has the words in which operators are told why mail does not move.
//! [`bounces`] knows who hard-bounced lately, and [`tls_report`] counts what TLS with hosts came to, for the domains that want to hear of it.

mod backoff;
pub mod bounces;
pub mod gate;
pub mod hosts;
mod limits;
pub mod login;
pub mod pace;
pub mod pool;
pub mod rate;
mod recent;
pub mod replies;
mod reply;
mod schedule;
pub mod source;
pub mod span;
pub mod survey;
pub mod tenant;
pub mod tls_report;
pub mod warmup;

pub use backoff::Backoff;
pub use limits::Limits;
pub use recent::Recent;
pub use reply::{asks_for_fewer_recipients, enhanced, outcome};
pub use schedule::{Own, Schedule, Schedules, WAITS_MAX, Waits};
pub use span::NotASpan;
pub use tenant::Class;

use std::time::Duration;

/// A pause after so many failures, at least one: `first` after one, twice as long after each
/// further one, at most `longest`, of which up to a fifth is taken off at random, so that what
/// went down together does not come up together.
fn pause(first: Duration, longest: Duration, failures: u16, random: u64) -> Duration {
    let doublings = u32::from(failures.saturating_sub(1)).min(31);
    let pause = first.saturating_mul(1 << doublings).min(longest);
    pause / 5 * 4 + part(pause / 5, random)
}

/// A random part of `span`: from none to nearly all of it.
fn part(span: Duration, random: u64) -> Duration {
    let nanos = (span.as_nanos() * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
