//! Whether the shards live, and whether they want mail.

use super::Door;
use event::{Meters, ShardMeters, Tick};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// A shard whose heartbeat has not moved for this long is stuck.
pub const LIVENESS_PATIENCE: Duration = Duration::from_secs(5);
/// How often the heartbeats are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const _: () = assert!(
    LOOK_EVERY.as_millis() * 4 <= LIVENESS_PATIENCE.as_millis(),
    "looks are finer than patience"
);

/// When each shard's heartbeat was last seen to move. The beats are on the shards' own
/// clock, so only their change means something here.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<Vec<Beat>>);

#[derive(Clone, Copy, Debug)]
struct Beat {
    tick: Tick,
    seen: Instant,
}

impl Pulse {
    pub(super) fn new(shards: usize) -> Self {
        let now = Beat { tick: Tick::ZERO, seen: Instant::now() };
        Self(Mutex::new(vec![now; shards]))
    }

    fn look(&self, meters: &Meters) {
        let mut beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        for (beat, shard) in beats.iter_mut().zip(meters.shards()) {
            let tick = shard.heartbeat();
            if tick != beat.tick {
                *beat = Beat { tick, seen: now };
            }
        }
    }

    /// Which shard is stuck, if one is.
    pub(super) fn stopped(&self) -> Option<String> {
        let beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silence = |beat: &Beat| Instant::now().duration_since(beat.seen);
        let stuck = |(_, beat): &(usize, &Beat)| silence(beat) > LIVENESS_PATIENCE;
        let (index, beat) = beats.iter().enumerate().find(stuck)?;
        Some(format!("shard {index} has not moved for {} s", silence(beat).as_secs()))
    }
}

/// Looks at the heartbeats for ever.
pub(super) async fn watch(door: Arc<Door>) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        door.pulse.look(&door.meters);
    }
}

/// Why new mail should go elsewhere, if it should: a line for each shard that wants none.
pub(super) fn unready(meters: &Meters, draining: bool) -> Option<String> {
    if draining {
        return Some("draining: no new mail is taken".to_owned());
    }
    let complaints = meters.shards().iter().enumerate().filter_map(|(index, shard)| {
        Some(format!("shard {index} takes no mail: {}", complaint(shard)?))
    });
    Some(complaints.collect::<Vec<_>>().join("\n")).filter(|all| !all.is_empty())
}

/// Why a shard takes no mail. That it still reads what lies on its disk is no reason: mail is
/// taken meanwhile. Nor is a disk below its low-water mark by itself: the log has files of its
/// own to write to again, and says itself when it has none.
fn complaint(shard: &ShardMeters) -> Option<String> {
    if let Some(shut) = shard.shut() {
        return Some(shut.to_string());
    }
    (!shard.accepting.get()).then(|| "it is starting".to_owned())
}
