use super::Stages;
use crate::{Tick, Wall};

#[test]
fn after_a_restart_the_wall_clock_tells_the_age() {
    let stages = Stages {
        accepted: Wall(1_000),
        received: None,
        queued: Tick(10_000_000),
        started: Tick(12_000_000),
        sent: Tick::ZERO,
        answered: Tick(13_500_000),
        settled: Tick(14_000_000),
    };
    let after = |stage, at| stages.micros(stage, Wall(at));
    assert_eq!(after(stages.settled, 61_000), Some(60_000_000));
    assert_eq!(after(stages.answered, 61_000), Some(59_999_500));
    assert_eq!(after(stages.queued, 61_000), Some(59_996_000));
    assert_eq!(after(stages.sent, 61_000), None, "never reached");
    assert_eq!(after(stages.queued, 500), Some(0), "the wall clock was set back");
}
