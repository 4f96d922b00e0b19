//! Many domains of which few are large, as in every list of recipients: the k-th has a share in
//! proportion to 1 / k^s.

use crate::hash::share;
use std::sync::Arc;

/// Domains that can be told apart.
pub const DOMAINS_MAX: u32 = 1_000_000;
/// The steepest exponent.
pub const EXPONENT_MAX: f64 = 10.0;

/// The domains `d1.<suffix>`, `d2.<suffix>` and so on, the first of them the largest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Zipf {
    suffix: String,
    /// For each domain, the share of it and of all larger ones: from above 0.0 to 1.0.
    shares: Arc<[f64]>,
}

impl Zipf {
    /// `count:exponent:suffix`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (count, exponent, suffix) = (parts.next()?, parts.next()?, parts.next()?);
        let count: u32 = count.parse().ok().filter(|count| (1..=DOMAINS_MAX).contains(count))?;
        let exponent: f64 =
            exponent.parse().ok().filter(|power| (0.0..=EXPONENT_MAX).contains(power))?;
        let named = !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_graphic());
        let running = (1..=count).scan(0.0, |sum, rank| {
            *sum += f64::from(rank).powf(-exponent);
            Some(*sum)
        });
        let sums: Vec<f64> = running.collect();
        let total = sums.last()?;
        let shares = sums.iter().map(|sum| sum / total).collect();
        named.then(|| Self { suffix: suffix.to_ascii_lowercase(), shares })
    }

    /// Appends the domain that belongs to a random number.
    pub(super) fn append(&self, random: u64, out: &mut Vec<u8>) {
        let ticket = share(random);
        let rank = self.shares.partition_point(|upto| *upto <= ticket) + 1;
        out.push(b'd');
        out.extend_from_slice(rank.to_string().as_bytes());
        out.push(b'.');
        out.extend_from_slice(self.suffix.as_bytes());
    }
}
