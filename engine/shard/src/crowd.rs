//! How many connections each shard serves, so that the next one goes where there are fewest.
//!
//! A balancer keeps few connections for long, and the system spreads those by a hash: with
//! fifty over eight shards the fullest had 1.6 times its share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The places of all shards. Shared by them; its counts order nothing else.
#[derive(Debug)]
pub struct Crowd(Box<[Count]>);

/// On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Count(AtomicUsize);

/// A connection stays where it was taken unless another shard has fewer by more than this
/// share: with few connections each counts, with many it is not worth the way.
const SLACK_SHARE: usize = 16;

impl Crowd {
    /// Of so many shards, nobody there yet.
    #[must_use]
    pub fn new(shards: usize) -> Arc<Self> {
        Arc::new(Self((0..shards).map(|_| Count::default()).collect()))
    }

    /// A place for a connection that the shard `own` has taken: there, unless another has
    /// fewer.
    pub(crate) fn place(self: &Arc<Self>, own: usize, inside: &Arc<AtomicUsize>) -> Place {
        let shard = self.choose(own);
        inside.fetch_add(1, Ordering::Relaxed);
        Place { crowd: Arc::clone(self), inside: Arc::clone(inside), shard }
    }

    /// Takes a place, and says where. Shards that choose at once do not choose the same place:
    /// who comes second looks again.
    fn choose(&self, own: usize) -> usize {
        loop {
            let count = |shard: usize| (shard, self.0[shard].0.load(Ordering::Relaxed));
            let here = count(own);
            // Ours first, which so wins among equals.
            let all = (own..self.0.len()).chain(0..own).map(count);
            let least = all.min_by_key(|(_, count)| *count).unwrap_or(here);
            let stays = here.1 <= least.1 + least.1 / SLACK_SHARE;
            let (shard, seen) = if stays { here } else { least };
            let taken = self.0[shard].0.compare_exchange(
                seen,
                seen + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                return shard;
            }
        }
    }
}

/// One connection's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    /// All who came in by one listener, on any shard.
    inside: Arc<AtomicUsize>,
    shard: usize,
}

impl Place {
    /// The shard that serves it.
    pub(crate) const fn shard(&self) -> usize {
        self.shard
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inside.fetch_sub(1, Ordering::Relaxed);
        self.crowd.0[self.shard].0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Crowd, Place};
    use std::sync::Arc;
    use std::thread;

    fn counts(places: &[Place], shards: usize) -> Vec<usize> {
        (0..shards)
            .map(|shard| places.iter().filter(|place| place.shard() == shard).count())
            .collect()
    }

    #[test]
    fn fifty_over_eight_are_spread_evenly_whoever_takes_them() {
        for shards in [1, 2, 3, 8] {
            let (crowd, inside) = (Crowd::new(shards), Arc::default());
            let places: Vec<Place> = (0..50).map(|_| crowd.place(0, &inside)).collect();
            let counts = counts(&places, shards);
            let (fullest, share) = (counts[0], 50_usize.div_ceil(shards));
            assert_eq!(counts.iter().max(), Some(&fullest), "ties stay where they were taken");
            assert!(fullest * 10 <= share * 11, "{counts:?}");
        }
    }

    #[test]
    fn those_who_choose_at_once_choose_differently() {
        const SHARDS: usize = 4;
        let (crowd, inside) = (Crowd::new(SHARDS), Arc::default());
        let taken: Vec<Place> = thread::scope(|scope| {
            let take = |own| {
                let (crowd, inside) = (&crowd, &inside);
                scope.spawn(move || (0..10).map(|_| crowd.place(own, inside)).collect::<Vec<_>>())
            };
            let threads: Vec<_> = (0..SHARDS).map(take).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(counts(&taken, SHARDS), [10; SHARDS]);
    }

    #[test]
    fn a_small_difference_between_many_is_not_worth_the_way() {
        let (crowd, inside) = (Crowd::new(2), Arc::default());
        let many: Vec<Place> = (0..1_000).map(|_| crowd.place(0, &inside)).collect();
        let there = counts(&many, 2)[1];
        assert!((460..=500).contains(&there), "{there}");
        drop(many);
        assert_eq!(crowd.place(1, &inside).shard(), 1, "all have left, and here is as good");
    }
}
