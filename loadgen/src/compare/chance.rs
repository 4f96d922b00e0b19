//! Intervals by resampling.

use super::RESAMPLES;
use crate::hash::Random;

/// Numbers that look random, from a seed.
#[derive(Clone, Debug)]
pub(super) struct Chance(Random);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.0.next()) * end as u128) >> 64) as usize
    }

    /// Blocks of `block` values in a row, each begun anywhere, until they are as many as there
    /// were: the moving block bootstrap.
    fn resample<T: Copy>(&mut self, values: &[T], block: usize, out: &mut Vec<T>) {
        out.clear();
        let starts = values.len() - block + 1;
        while out.len() < values.len() {
            let start = self.below(starts);
            let left = values.len() - out.len();
            out.extend_from_slice(&values[start..start + block.min(left)]);
        }
    }

    /// The 95 % interval of the ratio of `figure` of `new` to that of `base`, each resampled in
    /// blocks; `None` if a base resample has no figure.
    pub(super) fn ratio<T: Copy>(
        &mut self,
        base: &[T],
        new: &[T],
        block: usize,
        figure: impl Fn(&[T]) -> f64,
    ) -> Option<(f64, f64)> {
        let (mut held, mut ratios) = (Vec::new(), Vec::with_capacity(RESAMPLES));
        for _ in 0..RESAMPLES {
            self.resample(base, block, &mut held);
            let old = figure(&held);
            self.resample(new, block, &mut held);
            ratios.push(figure(&held) / old);
        }
        ratios.sort_by(f64::total_cmp);
        let (low, high) = (ratios[RESAMPLES / 40], ratios[RESAMPLES - 1 - RESAMPLES / 40]);
        (low.is_finite() && high.is_finite()).then_some((low, high))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of runs or seconds")]
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
