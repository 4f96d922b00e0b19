//! All chance in a world: one number after another from its seed.

use std::ops::Range;
use std::time::Duration;

/// A source of numbers (the splitmix64 sequence).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(super) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; zero if that is zero.
    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        let rolled = self.roll();
        if bound == 0 { 0 } else { rolled % bound }
    }

    /// An index into something with `len` items.
    pub(super) const fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// True `ppm` times in a million.
    pub(super) const fn chance(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < ppm as u64
    }

    /// A span of time in `range`.
    pub(super) fn span(&mut self, range: &Range<Duration>) -> Duration {
        let width = range.end.saturating_sub(range.start).as_nanos();
        range.start + Duration::from_nanos(self.below(u64::try_from(width).unwrap_or(u64::MAX)))
    }

    /// How much of `len` is done at once: all of it, or, `ppm` times in a million, less, and
    /// one time in four of those a single unit. At least one, if there is one.
    pub(super) const fn part(&mut self, len: usize, ppm: u32) -> usize {
        if len < 2 || !self.chance(ppm) {
            return len;
        }
        if self.below(4) == 0 { 1 } else { 1 + self.index(len) }
    }

    /// Another source, so that its use does not shift ours.
    pub(super) const fn fork(&mut self) -> Self {
        Self(self.roll())
    }
}
