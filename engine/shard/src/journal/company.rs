//! Messages that are being received, and may come in time to share a commit.
//!
//! Who dribbles is nobody to wait for: what was announced counts for one span of time and the
//! rest of another. There is no timer; spans are told apart when a message comes or goes.

use event::Tick;
use std::cell::Cell;
use std::time::Duration;

/// A text that takes longer comes from far away, or slowly.
const SPAN: Duration = Duration::from_millis(10);

/// How many are expected, by the span they were announced in.
#[derive(Debug, Default)]
pub(super) struct Company {
    span: Cell<u64>,
    this: Cell<u32>,
    last: Cell<u32>,
}

impl Company {
    /// A message is announced. Returns what [`Self::go`] wants to know of it.
    pub(super) fn come(&self, now: Tick) -> u64 {
        self.turn(now);
        self.this.set(self.this.get() + 1);
        self.span.get()
    }

    /// It has come, or will not.
    pub(super) fn go(&self, span: u64, now: Tick) {
        self.turn(now);
        match self.span.get() - span {
            0 => self.this.set(self.this.get() - 1),
            1 => self.last.set(self.last.get() - 1),
            _ => (),
        }
    }

    /// Whether there is somebody to wait for.
    pub(super) fn is_expected(&self) -> bool {
        self.this.get() + self.last.get() > 0
    }

    fn turn(&self, now: Tick) {
        let span = now.0 / SPAN.as_nanos() as u64;
        let passed = span.saturating_sub(self.span.get());
        if passed > 0 {
            self.last.set(if passed == 1 { self.this.get() } else { 0 });
            self.this.set(0);
            self.span.set(span);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Company;
    use event::Tick;

    const fn millis(millis: u64) -> Tick {
        Tick(millis * 1_000_000)
    }

    #[test]
    fn who_comes_is_expected_until_it_goes() {
        let company = Company::default();
        assert!(!company.is_expected());
        let (early, late) = (company.come(millis(5)), company.come(millis(12)));
        company.go(late, millis(13));
        assert!(company.is_expected(), "the other one is in the last span");
        company.go(early, millis(19));
        assert!(!company.is_expected());
    }

    #[test]
    fn who_dribbles_is_nobody_to_wait_for() {
        let company = Company::default();
        let slow = company.come(millis(5));
        let quick = company.come(millis(19));
        assert!(company.is_expected());
        company.go(quick, millis(21));
        assert!(!company.is_expected(), "that of two spans ago is forgotten");
        let next = company.come(millis(22));
        company.go(slow, millis(23));
        assert!(company.is_expected(), "its end is nobody else's");
        company.go(next, millis(1_000));
        assert!(!company.is_expected());
    }
}
