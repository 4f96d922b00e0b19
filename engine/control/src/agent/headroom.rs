//! How much more could be taken, as a share of a server's usual weight.

use event::{Meters, ShardMeters};

/// From 100, while less than half of everything is used, down to 1 where something is used up:
/// a server with no weight at all would get nothing by which to show that it has recovered.
pub(super) fn percent(meters: &Meters) -> u64 {
    let shares = meters.shards().iter().flat_map(used);
    let most = shares.max().unwrap_or(0);
    (200_u64.saturating_sub(2 * most)).clamp(1, 100)
}

/// What is used of each thing that may run out, in percent.
fn used(shard: &ShardMeters) -> [u64; 3] {
    [
        share(shard.queued_recipients.get(), shard.queued_recipients_max.get()),
        share(shard.intake_bytes.get(), shard.intake_bytes_max.get()),
        // Half used means that twice the low-water mark is free.
        share(shard.spool_free_bytes_min.get(), shard.spool_free_bytes.get()),
    ]
}

/// Nothing is used of what is not known yet.
fn share(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    if whole == 0 { 0 } else { percent.min(100) as u64 }
}

#[cfg(test)]
mod tests {
    use super::percent;
    use event::Meters;

    #[test]
    fn the_scarcest_thing_on_the_fullest_shard_decides() {
        let meters = Meters::new(2);
        assert_eq!(percent(&meters), 100, "nothing is known yet");
        let shard = meters.shard(1);
        shard.queued_recipients_max.set(1_000);
        shard.intake_bytes_max.set(64 << 20);
        shard.spool_free_bytes_min.set(128 << 20);
        shard.spool_free_bytes.set(100 << 30);
        for (queued, weight) in [(0, 100), (500, 100), (600, 80), (900, 20), (1_000, 1), (2_000, 1)]
        {
            shard.queued_recipients.set(queued);
            assert_eq!(percent(&meters), weight, "{queued} wait");
        }
        shard.queued_recipients.set(0);
        for (free, weight) in [(256, 100), (160, 40), (128, 1), (1, 1)] {
            shard.spool_free_bytes.set(free << 20);
            assert_eq!(percent(&meters), weight, "{free} MiB free");
        }
        shard.spool_free_bytes.set(100 << 30);
        shard.intake_bytes.set(48 << 20);
        assert_eq!(percent(&meters), 50);
    }
}
