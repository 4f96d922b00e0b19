//! How reading the settings again ended, and when it last did.

use crate::{Count, Wall};

/// Times that settings were read again, by how that ended. One writer.
#[derive(Debug, Default)]
pub struct Reloads {
    accepted: Times,
    refused: Times,
}

#[derive(Debug, Default)]
struct Times {
    count: Count,
    /// In milliseconds since the Unix epoch; 0: never.
    last: Count,
}

impl Reloads {
    /// Counts one that was put in force, or refused, then.
    pub fn note(&self, is_accepted: bool, at: Wall) {
        let times = if is_accepted { &self.accepted } else { &self.refused };
        times.last.set(at.0);
        times.count.add(1);
    }

    /// Each way it can end: its name, how often it did since start, and in which second of the Unix
    /// epoch it last did; 0 if it never has.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        let ways = [("accepted", &self.accepted), ("refused", &self.refused)];
        ways.into_iter().map(|(name, times)| (name, times.count.get(), times.last.get() / 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::Reloads;
    use crate::Wall;

    #[test]
    fn each_way_to_end_has_its_own_count_and_time() {
        let reloads = Reloads::default();
        reloads.note(false, Wall(1_500));
        reloads.note(true, Wall(2_000));
        reloads.note(false, Wall(3_999));
        let rows: Vec<_> = reloads.rows().collect();
        assert_eq!(rows, [("accepted", 1, 2), ("refused", 2, 3)]);
    }
}
