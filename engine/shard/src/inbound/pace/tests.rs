use super::{Pace, Progress, is_crowded};
use event::Tick;
use std::time::Duration;

const PACE: Pace =
    Pace { idle_crowded: Duration::from_secs(30), rate_min: 500, grace: Duration::from_secs(10) };

/// When a peer that sends `bytes` every `pause` is cut, if it ever is within an hour.
fn cut(bytes: usize, pause: Duration) -> Option<Duration> {
    let mut progress = Progress::default();
    let mut now = Tick::ZERO;
    while now.since(Tick::ZERO) < Duration::from_hours(1) {
        let deadline = progress.deadline(&PACE, now)?;
        if deadline < now + pause {
            return Some(deadline.since(Tick::ZERO));
        }
        now = now + pause;
        progress.add(bytes, pause);
    }
    None
}

#[test]
fn a_byte_a_second_is_cut_after_the_grace() {
    assert_eq!(cut(1, Duration::from_secs(1)), Some(Duration::from_millis(10_020)));
    assert_eq!(cut(490, Duration::from_secs(1)), Some(Duration::from_millis(451_980)));
}

#[test]
fn the_rate_itself_is_fast_enough() {
    assert_eq!(cut(500, Duration::from_secs(1)), None);
    assert_eq!(cut(5_000, Duration::from_secs(10)), None);
    assert_eq!(
        cut(5_500, Duration::from_secs(11)),
        Some(Duration::from_secs(10)),
        "one long pause"
    );
    assert_eq!(cut(1_000_000, Duration::from_secs(5)), None);
}

#[test]
fn any_rate_will_do_if_none_is_asked() {
    assert_eq!(Progress::default().deadline(&Pace { rate_min: 0, ..PACE }, Tick::ZERO), None);
}

#[test]
fn a_crowd_is_more_than_four_fifths() {
    for (used, most, crowded) in [(0, 0, false), (80, 100, false), (81, 100, true), (1, 1, true)] {
        assert_eq!(is_crowded(used, most), crowded, "{used} of {most}");
    }
    let (usual, short) = (Duration::from_mins(5), Duration::from_secs(10));
    assert_eq!(PACE.idle(usual, true), Duration::from_secs(30));
    assert_eq!(PACE.idle(usual, false), usual);
    assert_eq!(PACE.idle(short, true), short, "a crowd makes nothing longer");
}
