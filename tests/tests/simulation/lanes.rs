//! No site has more connections than the settings say, whichever shards they are of.

use event::{Meters, ShardMeters};
use std::cell::Cell;

/// Whether no shard has connections of a site that is at home on another.
pub(crate) fn are_home(meters: &Meters) -> bool {
    meters.shards().iter().all(|shard| shard.connections_lent.get() == 0)
}

/// What was seen of the relay's connections.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// Open or opening, at the last look.
    now: Cell<u64>,
    /// The most that shards had of sites that are at home on others.
    lent: Cell<u64>,
}

impl Lanes {
    /// What is wrong, if a site has more than `most`. Only where there are more than at the last
    /// look, all sites are looked at.
    pub(crate) fn look(&self, meters: &Meters, most: u16) -> Option<String> {
        let all = |of: fn(&ShardMeters) -> u64| meters.shards().iter().map(of).sum::<u64>();
        let lanes = all(|shard| shard.lanes.get());
        self.lent.set(self.lent.get().max(all(|shard| shard.connections_lent.get())));
        if lanes <= self.now.replace(lanes) {
            return None;
        }
        let crowded = meters.sites().into_iter().find(|site| site.lanes > most.into())?;
        Some(format!("{} connections to {}", crowded.lanes, crowded.name))
    }

    pub(crate) fn lent(&self) -> u64 {
        self.lent.get()
    }
}
