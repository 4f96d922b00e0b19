//! Which shard serves a site.

/// The shard, of so many, that is home to a site: the same on every shard, in every process,
/// and in every version, so that limits are kept over restarts.
///
/// # Panics
/// If there are no shards.
#[must_use]
pub fn home(site: &str, shards: usize) -> usize {
    // FNV-1a, whose low bits alone are weak: a last multiplication spreads them upwards, and
    // the share of the whole range decides.
    let hash = site.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let spread = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    assert!(shards > 0, "there is at least one shard");
    ((u128::from(spread) * shards as u128) >> 64) as usize
}

#[cfg(test)]
mod tests;
