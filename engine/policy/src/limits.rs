//! How much a site may get at once.

use crate::span;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How much a site may get at once from one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections open or opening at once. At least 1.
    pub connections_max: u16,
    /// Of these, from one address of ours. At least 1; what is above
    /// [`Self::connections_max`] is no limit.
    pub connections_per_source_max: u16,
    /// Messages sent over one connection before it is closed. At least 1.
    pub messages_per_connection_max: u32,
    /// Messages on their way at once over one connection, to hosts that let us. At least 1.
    pub in_flight_max: u16,
    /// As many to a host that nobody knows yet. At least 1.
    pub in_flight_first: u16,
    /// Recipients of one message given in one transaction. At least 1.
    pub recipients_per_message_max: u16,
    /// How long a connection without work is kept open, written such as `"5s"`.
    #[serde(with = "span")]
    pub idle: Duration,
    /// How old a connection may grow: then it begins no more messages.
    #[serde(with = "span")]
    pub connection_age_max: Duration,
}

impl Default for Limits {
    /// For a provider we know nothing of.
    ///
    /// 10 connections of 100 messages are ours, near the defaults of `KumoMTA` (10) and
    /// `PowerMTA` (20), 2026. 100 recipients is what every server must take:
    /// [RFC 5321 §4.5.3.1.8](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.8).
    /// 5 seconds idle is ours: long enough to bridge a pause in a stream of mail, short
    /// enough not to be a guest who will not leave. 5 minutes of age are Postfix's
    /// (`smtp_connection_reuse_time_limit`). 8 messages on their way at once are ours: with more,
    /// more would be in doubt when a connection breaks, and few paths are so long that it would
    /// show.
    fn default() -> Self {
        Self {
            connections_max: 10,
            connections_per_source_max: u16::MAX,
            messages_per_connection_max: 100,
            in_flight_max: 8,
            in_flight_first: 1,
            recipients_per_message_max: 100,
            idle: Duration::from_secs(5),
            connection_age_max: Duration::from_mins(5),
        }
    }
}

#[cfg(test)]
mod tests;
