//! How large the messages are: a fixed size, a range, or a named mix of ranges.

use crate::hash::scatter;
use std::fmt;
use std::str::FromStr;

/// The smallest message we can write: its own header and a line.
pub const BYTES_MIN: u32 = 512;
/// The largest.
pub const BYTES_MAX: u32 = 64 * 1_024 * 1_024;

/// Sizes in bytes from `from` to `to`, taken `weight` times as often as a range of weight 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// How often, in proportion to the other ranges.
    pub weight: u32,
    /// The smallest.
    pub from: u32,
    /// The largest.
    pub to: u32,
}

/// Sizes of whole messages in wire form, header included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix(Vec<Range>);

/// The named mixes. No public statistics of sizes by kind of mail are known to us; these follow
/// from how such mail is made:
///
/// - `transactional`: receipts, codes, notices. A text and an HTML part without pictures, mostly
///   2 to 8 KiB; one in five carries a table or a styled frame, to 24 KiB.
/// - `newsletter`: HTML with the styles repeated at each element, and pictures by reference,
///   24 to 100 KiB. Gmail hides what is beyond 102 KB, so that senders stay below it.
/// - `attachment`: one file in base64, a third larger than it was: a document of some hundred
///   kilobytes in six of ten, up to 2 MiB in three, a scan or pictures up to 10 MiB in one.
///   Providers take about 25 MB.
/// - `mixed`: a platform's day by count: three in four small notices, one in five larger ones,
///   and 3 % newsletters.
pub const NAMED: [(&str, &[Range]); 4] = [
    (
        "transactional",
        &[
            Range { weight: 8, from: 2_048, to: 8_192 },
            Range { weight: 2, from: 8_192, to: 24_576 },
        ],
    ),
    ("newsletter", &[Range { weight: 1, from: 24_576, to: 102_400 }]),
    (
        "attachment",
        &[
            Range { weight: 6, from: 102_400, to: 524_288 },
            Range { weight: 3, from: 524_288, to: 2_097_152 },
            Range { weight: 1, from: 2_097_152, to: 10_485_760 },
        ],
    ),
    (
        "mixed",
        &[
            Range { weight: 75, from: 1_024, to: 6_144 },
            Range { weight: 22, from: 6_144, to: 16_384 },
            Range { weight: 3, from: 32_768, to: 98_304 },
        ],
    ),
];

impl Mix {
    /// Every message has this size.
    #[must_use]
    pub fn exactly(bytes: u32) -> Self {
        let bytes = bytes.clamp(BYTES_MIN, BYTES_MAX);
        Self(vec![Range { weight: 1, from: bytes, to: bytes }])
    }

    /// The named mix, if there is one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMED.iter().find(|(known, _)| *known == name).map(|(_, ranges)| Self(ranges.to_vec()))
    }

    /// The size that belongs to a random number.
    #[must_use]
    pub fn pick(&self, random: u64) -> u32 {
        let total: u32 = self.0.iter().map(|range| range.weight).sum();
        let mut ticket = (random % u64::from(total.max(1))) as u32;
        for range in &self.0 {
            if let Some(rest) = ticket.checked_sub(range.weight) {
                ticket = rest;
            } else {
                let spread = u64::from(range.to - range.from) + 1;
                return range.from + (scatter(random) % spread) as u32;
            }
        }
        BYTES_MIN
    }
}

/// The text names no size and no mix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotASize(String);

impl fmt::Display for NotASize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NAMED.map(|(name, _)| name).join(", ");
        write!(
            f,
            "`{}` is no size: give bytes such as 4096 or 4k, a range such as 2k-64k (from {BYTES_MIN} \
             to {}m), or one of {names}",
            self.0,
            BYTES_MAX >> 20
        )
    }
}

impl std::error::Error for NotASize {}

impl FromStr for Mix {
    type Err = NotASize;
    fn from_str(text: &str) -> Result<Self, NotASize> {
        let refused = || NotASize(text.to_owned());
        if let Some(mix) = Self::named(text) {
            return Ok(mix);
        }
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (bytes(from).ok_or_else(refused)?, bytes(to).ok_or_else(refused)?);
        let allowed = BYTES_MIN <= from && from <= to && to <= BYTES_MAX;
        allowed.then(|| Self(vec![Range { weight: 1, from, to }])).ok_or_else(refused)
    }
}

/// `4096`, `4k` or `2m` in bytes.
#[must_use]
pub fn bytes(text: &str) -> Option<u32> {
    let unit = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let factor = match text.get(unit..)?.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1_024,
        "m" | "mb" | "mib" => 1_024 * 1_024,
        _ => return None,
    };
    text.get(..unit)?.parse::<u32>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, BYTES_MIN, Mix, NAMED};

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("512", 512), ("4k", 4_096), ("4KiB", 4_096), ("2m", 2_097_152)] {
            assert_eq!(text.parse(), Ok(Mix::exactly(bytes)), "{text}");
        }
        for text in ["", "k", "511", "65m", "9k-4k", "-4k", "4g", "99999999999", "huge"] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_pick_of_every_mix_is_within_its_ranges_and_all_ranges_are_used() {
        for (name, ranges) in NAMED {
            let mix = Mix::named(name).unwrap();
            let mut used = vec![0; ranges.len()];
            for random in (0..2_000).map(crate::hash::scatter) {
                let size = mix.pick(random);
                assert!((BYTES_MIN..=BYTES_MAX).contains(&size));
                let range = ranges.iter().position(|range| (range.from..=range.to).contains(&size));
                used[range.unwrap()] += 1;
            }
            assert!(used.iter().all(|times| *times > 0), "{name}: {used:?}");
        }
    }
}
