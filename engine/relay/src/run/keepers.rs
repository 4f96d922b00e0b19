//! What is learnt of others and outlives a restart, in files of the spool.

use super::{bounces, gates};
use crate::settings::Settings;
use control::Chore;
use shard::Politeness;

/// Those who write it.
pub(super) struct Keepers {
    gates: gates::Keeper,
    bounces: bounces::Keeper,
}

impl Keepers {
    /// What is known at start, with what was kept; and who keeps what is learnt from now on.
    pub(super) fn open(politeness: Politeness, settings: &Settings) -> (Politeness, Self) {
        let (politeness, gates) = gates::open(politeness, settings);
        let (known, bounces) = bounces::open(&settings.spool.path);
        (Politeness { bounces: known, ..politeness }, Self { gates, bounces })
    }

    /// What is to be done again and again.
    pub(super) fn chores(&self) -> [Chore; 2] {
        [self.gates.chore(), self.bounces.chore()]
    }

    /// Writes all of it, for the last time.
    pub(super) fn write(&self) {
        if let Err(error) = self.gates.write() {
            super::warn(format!("what providers have asked for is not kept: {error}"));
        }
        if let Err(error) = self.bounces.write() {
            super::warn(format!("who hard-bounced is not kept: {error}"));
        }
    }
}
