//! What a listener bears from a peer, and from all of them.

use crate::callers::{Allowance, Callers};
use crate::inbound::Pace;
use crate::sources::Sources;
use arc_swap::ArcSwap;
use policy::rate::Rate;
use std::sync::Arc;
use std::time::Duration;

/// What a listener bears. Shared by all shards.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Whose mail it is. Replaced when the settings are.
    pub sources: Arc<ArcSwap<Sources>>,
    /// Connections of those who may not relay, by where they come from.
    pub callers: Arc<Callers>,
    /// How long a peer is waited for.
    pub pace: Pace,
    /// A client may speak before it is greeted.
    pub early_talk: bool,
    /// Commands of one connection that bring no message nearer.
    pub commands: Rate,
    /// Fields of a header.
    pub header_fields_max: u32,
    /// Octets of a header; less than the largest buffer.
    pub header_bytes_max: usize,
}

impl Default for Guard {
    /// As the settings have it where nothing was written.
    fn default() -> Self {
        const ALLOWANCE: Allowance =
            Allowance { address_max: 50, network_max: 200, prefix_v4: 24, prefix_v6: 64 };
        let second = Duration::from_secs(1);
        Self {
            sources: Arc::default(),
            callers: Arc::new(Callers::new(ALLOWANCE)),
            pace: Pace {
                idle_crowded: Duration::from_secs(30),
                rate_min: 500,
                grace: Duration::from_secs(10),
            },
            early_talk: false,
            commands: Rate::new(1_000, second).expect("it is within the limits of a rate"),
            header_fields_max: 1_000,
            header_bytes_max: 240 * 1_024,
        }
    }
}
