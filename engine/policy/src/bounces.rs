//! Recipients that hard-bounced lately, so that whoever keeps lists of recipients is told, once, of each
//! that does so again and again.
//!
//! A recipient is a number here: its address is nobody's business. What of them is kept is bounded in
//! number ([`RECIPIENTS_MAX`]) and in time ([`MEMORY_DAYS`]). On disk it is
//!
//! ```text
//!  0         8                16             20        22     23     24
//!  +---------+ +--------------+--------------+---------+------+------+
//!  | RPHARD1 | | recipient    | day of the   | bounces | told | 0    | and so on
//!  |  and LF | |              | last bounce  |         |      |      |
//!  +---------+ +--------------+--------------+---------+------+------+
//! ```
//!
//! with numbers in little endian, and days counted from the Unix epoch.

use event::Wall;
use std::collections::BTreeMap;
use std::ops::Bound;

/// The most recipients kept: 24 MiB at most. Past it, those that bounced longest ago go.
pub const RECIPIENTS_MAX: usize = 1 << 19;
/// Behind so many days without a hard bounce a recipient begins anew.
pub const MEMORY_DAYS: u32 = 90;

const HEAD: &[u8; 8] = b"RPHARD1\n";
const ENTRY: usize = 16;
/// Entries that are written at a time.
const SLICE: usize = 4_096;
const DAY_MILLIS: u64 = 86_400_000;

/// Those that are known.
#[derive(Debug, Default)]
pub struct HardBounces {
    /// Those that bounced last, half of [`RECIPIENTS_MAX`] at most; and those before them, as many.
    young: BTreeMap<u64, Known>,
    old: BTreeMap<u64, Known>,
    /// Grows with each bounce.
    edition: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    last_day: u32,
    bounces: u16,
    is_told: bool,
}

/// Where [`HardBounces::write`] goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the beginning.
    Head,
    /// Behind this one of those that bounced longest ago.
    Old(Option<u64>),
    /// The same of the others.
    Young(Option<u64>),
}

impl Known {
    fn write(self, recipient: u64, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&recipient.to_le_bytes());
        bytes.extend_from_slice(&self.last_day.to_le_bytes());
        bytes.extend_from_slice(&self.bounces.to_le_bytes());
        bytes.extend_from_slice(&[self.is_told.into(), 0]);
    }
}

impl HardBounces {
    /// Notes that a recipient hard-bounced. So often by now, if that is to be told: that it is `after` so
    /// many times, or more, and was not told yet. Never with 0.
    pub fn note(&mut self, recipient: u64, after: u16, now: Wall) -> Option<u16> {
        let today = day(now);
        let known = self.young.remove(&recipient).or_else(|| self.old.remove(&recipient));
        let fresh = known.filter(|known| today.saturating_sub(known.last_day) <= MEMORY_DAYS);
        let (bounces, is_told) = fresh.map_or((0, false), |known| (known.bounces, known.is_told));
        let bounces = bounces.saturating_add(1);
        let is_news = !is_told && after > 0 && bounces >= after;
        self.keep(recipient, Known { last_day: today, bounces, is_told: is_told || is_news });
        self.edition += 1;
        is_news.then_some(bounces)
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What grows with each bounce.
    #[must_use]
    pub const fn edition(&self) -> u64 {
        self.edition
    }

    /// Appends what stands behind a place on disk, a slice at a time: whoever writes it holds nobody
    /// up for long. The next place, if that was not all.
    #[must_use]
    pub fn write(&self, place: Place, bytes: &mut Vec<u8>) -> Option<Place> {
        let (part, behind) = match place {
            Place::Head => {
                bytes.extend_from_slice(HEAD);
                return Some(Place::Old(None));
            }
            Place::Old(behind) => (&self.old, behind),
            Place::Young(behind) => (&self.young, behind),
        };
        let mut last = None;
        let from = behind.map_or(Bound::Unbounded, Bound::Excluded);
        for (recipient, known) in part.range((from, Bound::Unbounded)).take(SLICE) {
            last = Some(*recipient);
            known.write(*recipient, bytes);
        }
        match (place, last) {
            (Place::Young(_), Some(_)) => Some(Place::Young(last)),
            (Place::Old(_), Some(_)) => Some(Place::Old(last)),
            (Place::Young(_), None) => None,
            (_, None) | (Place::Head, _) => Some(Place::Young(None)),
        }
    }

    /// Those that [`Self::write`] wrote; `None` if that is something else.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let entries = bytes.strip_prefix(HEAD)?;
        let (entries, rest) = entries.as_chunks::<ENTRY>();
        if !rest.is_empty() {
            return None;
        }
        let mut all = Self::default();
        for entry in entries {
            let [recipient @ .., d0, d1, d2, d3, b0, b1, told, _] = *entry;
            let known = Known {
                last_day: u32::from_le_bytes([d0, d1, d2, d3]),
                bounces: u16::from_le_bytes([b0, b1]),
                is_told: told != 0,
            };
            all.keep(u64::from_le_bytes(recipient), known);
        }
        Some(all)
    }

    fn keep(&mut self, recipient: u64, known: Known) {
        if self.young.len() >= RECIPIENTS_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(recipient, known);
    }
}

fn day(now: Wall) -> u32 {
    u32::try_from(now.0 / DAY_MILLIS).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{DAY_MILLIS, HardBounces, MEMORY_DAYS, Place, RECIPIENTS_MAX, SLICE};
    use event::Wall;

    const NOW: Wall = Wall(20_000 * DAY_MILLIS);

    fn later(days: u32) -> Wall {
        Wall(NOW.0 + u64::from(days) * DAY_MILLIS)
    }

    #[test]
    fn a_recipient_is_told_once_when_it_has_bounced_so_often() {
        let mut all = HardBounces::default();
        for (recipient, told) in
            [(1, None), (1, None), (2, None), (1, Some(3)), (1, None), (2, None), (2, Some(3))]
        {
            assert_eq!(all.note(recipient, 3, NOW), told, "{recipient}");
        }
        assert_eq!((all.len(), all.edition()), (2, 7));
        assert_eq!(all.note(3, 0, NOW), None, "nobody wants to hear of any");
        assert_eq!(all.note(3, 1, NOW), Some(2), "now somebody does");
    }

    #[test]
    fn who_has_not_bounced_for_long_begins_anew() {
        let mut all = HardBounces::default();
        assert_eq!(all.note(1, 2, NOW), None);
        assert_eq!(all.note(1, 2, later(MEMORY_DAYS)), Some(2), "just in time");
        assert_eq!(all.note(1, 2, later(2 * MEMORY_DAYS + 1)), None);
        assert_eq!(all.note(1, 2, later(2 * MEMORY_DAYS + 1)), Some(2), "and is told again");
        // A clock that was set back keeps what is known.
        assert_eq!(all.note(2, 2, NOW), None);
        assert_eq!(all.note(2, 2, Wall(0)), Some(2));
    }

    #[test]
    fn what_is_kept_is_bounded_and_those_that_bounced_last_stay() {
        let mut all = HardBounces::default();
        for recipient in 0..2 * RECIPIENTS_MAX as u64 {
            all.note(recipient, 2, NOW);
            all.note(u64::MAX, 0, NOW);
            assert!(all.len() <= RECIPIENTS_MAX);
        }
        assert_eq!(all.note(u64::MAX, 2, NOW).map(|bounces| bounces > 2), Some(true));
        let last = 2 * RECIPIENTS_MAX as u64 - 1;
        assert_eq!(
            all.note(last - RECIPIENTS_MAX as u64 / 2 + 2, 2, NOW),
            Some(2),
            "of the last half"
        );
        assert_eq!(all.note(0, 2, NOW), None, "forgotten");
    }

    fn written(all: &HardBounces) -> Vec<u8> {
        let (mut bytes, mut place) = (Vec::new(), Some(Place::Head));
        while let Some(from) = place {
            place = all.write(from, &mut bytes);
        }
        bytes
    }

    #[test]
    fn what_is_written_can_be_read_back() {
        let mut all = HardBounces::default();
        for recipient in (1_000..1_000 + 2 * SLICE as u64).chain([7, u64::MAX, 0, 7]) {
            all.note(recipient, 2, NOW);
        }
        let bytes = written(&all);
        let mut read = HardBounces::read(&bytes).unwrap();
        assert_eq!((read.len(), written(&read)), (2 * SLICE + 3, bytes.clone()));
        assert_eq!(read.note(7, 2, NOW), None, "it was told");
        assert_eq!(read.note(0, 2, NOW), Some(2));
        assert!(HardBounces::read(b"").is_none() && HardBounces::read(&bytes[1..]).is_none());
        assert!(HardBounces::read(&bytes[..bytes.len() - 1]).is_none(), "cut off");
        assert!(HardBounces::read(&written(&HardBounces::default())).unwrap().is_empty());
    }
}
