//! A delivery through the queue, alone and among many that wait.

use event::Tick;
use policy::Limits;
use queue::{Queue, SiteIndex, UNIT};
use std::hint::black_box;
use std::time::Duration;

pub(super) fn ready(waiting: u32) -> Box<dyn FnMut()> {
    let (mut queue, site) = queue_of(waiting);
    Box::new(move || {
        queue.ready(site, black_box(7));
        assert!(black_box(queue.take(site)).is_some());
    })
}

pub(super) fn defer(waiting: u32) -> Box<dyn FnMut()> {
    let (mut queue, _) = queue_of(waiting);
    let mut now = Tick::ZERO;
    Box::new(move || {
        queue.defer(now + UNIT, black_box(7));
        now = now + 2 * UNIT;
        assert!(black_box(queue.due(now)).is_some());
    })
}

/// A queue in which `waiting` deliveries are due in an hour, a microsecond apart.
fn queue_of(waiting: u32) -> (Queue<u64>, SiteIndex) {
    let mut queue = Queue::new(Tick::ZERO);
    let site = queue.site("mx.site.test", &Limits::default());
    for number in 0..u64::from(waiting) {
        let due = Tick::ZERO + Duration::from_hours(1) + Duration::from_micros(number);
        queue.defer(due, number);
    }
    (queue, site)
}
