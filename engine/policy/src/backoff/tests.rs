use super::Backoff;
use std::time::Duration;

#[test]
fn pauses_double_to_five_minutes() {
    let mut backoff = Backoff::default();
    for (failures, secs) in (0..).zip([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]) {
        assert_eq!(backoff.failures(), failures);
        let pause = Duration::from_secs(secs);
        let shortest = backoff.clone_failed(0);
        let longest = backoff.clone_failed(u64::MAX);
        assert_eq!(shortest, pause * 4 / 5);
        assert!(longest > pause * 99 / 100 && longest <= pause, "{longest:?}");
        backoff.failed(0);
    }
}

impl Backoff {
    fn clone_failed(self, random: u64) -> Duration {
        let mut copy = self;
        copy.failed(random)
    }
}

#[test]
fn one_dial_that_works_ends_it() {
    let mut backoff = Backoff::default();
    backoff.failed(0);
    backoff.failed(0);
    backoff.worked();
    assert_eq!(backoff, Backoff::default());
}

#[test]
fn it_never_overflows() {
    let mut backoff = Backoff::default();
    for _ in 0..=u32::from(u16::MAX) + 2 {
        assert!(backoff.failed(u64::MAX) <= Backoff::LONGEST);
    }
    assert_eq!(backoff.failures(), u16::MAX);
}
