//! What the engine says of itself on its admin port.

/// What the demo needs of `/metrics`, over all shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Recipients without a final outcome.
    pub(super) queued: u64,
    /// Recipients delivered.
    pub(super) delivered: u64,
    /// Recipients failed, expired or dropped.
    pub(super) given_up: u64,
    /// Attempts that were deferred.
    pub(super) deferred: u64,
    /// Messages accepted, and the group commits that made them durable.
    pub(super) accepted_messages: u64,
    pub(super) commits: u64,
    /// Outgoing connections, and how many of them are open.
    pub(super) dials: u64,
    pub(super) lanes: u64,
    /// Attempts after which a peer may hold the message although it is tried again.
    pub(super) possible_duplicates: u64,
}

impl Figures {
    /// Reads the text of `/metrics`.
    pub(super) fn read(text: &str) -> Self {
        let sum = |name: &str| {
            let values = text.lines().filter_map(|line| {
                let (series, value) = line.rsplit_once(' ')?;
                let family = series.split('{').next()?;
                (family == name).then(|| value.parse::<u64>().ok())?
            });
            values.sum::<u64>()
        };
        Self {
            queued: sum("ringpost_queued_recipients"),
            delivered: sum("ringpost_delivered_total"),
            given_up: sum("ringpost_failed_total")
                + sum("ringpost_expired_total")
                + sum("ringpost_dropped_total"),
            deferred: sum("ringpost_deferred_total"),
            accepted_messages: sum("ringpost_accepted_messages_total"),
            commits: sum("ringpost_commits_total"),
            dials: sum("ringpost_dials_total"),
            lanes: sum("ringpost_lanes"),
            possible_duplicates: sum("ringpost_possible_duplicates_total"),
        }
    }

    /// Recipients with a final outcome.
    pub(super) const fn settled(&self) -> u64 {
        self.delivered + self.given_up
    }
}
