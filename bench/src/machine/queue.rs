//! A delivery through the queue, alone and among many that wait.

use event::Tick;
use policy::{Class, Limits};
use queue::{Flow, Queue, Queued, SiteIndex, UNIT};
use std::hint::black_box;
use std::time::Duration;

/// A delivery of the only flow there is, and its octets.
struct Mail(&'static Flow, u64);

impl Queued for Mail {
    fn flow(&self) -> &Flow {
        self.0
    }

    fn bytes(&self) -> u64 {
        self.1
    }
}

pub(super) fn ready(waiting: u32) -> Box<dyn FnMut()> {
    let (mut queue, site, flow) = queue_of(waiting);
    Box::new(move || {
        queue.ready(site, black_box(Mail(flow, 7)));
        assert!(black_box(queue.take(site)).is_some());
    })
}

pub(super) fn defer(waiting: u32) -> Box<dyn FnMut()> {
    let (mut queue, _, flow) = queue_of(waiting);
    let mut now = Tick::ZERO;
    Box::new(move || {
        queue.defer(now + UNIT, black_box(Mail(flow, 7)));
        now = now + 2 * UNIT;
        assert!(black_box(queue.due(now)).is_some());
    })
}

/// A queue in which `waiting` deliveries are due in an hour, a microsecond apart.
fn queue_of(waiting: u32) -> (Queue<Mail>, SiteIndex, &'static Flow) {
    let flow = Box::leak(Box::new(Flow::new(Class::Bulk, "", "", 1)));
    let mut queue = Queue::new(Tick::ZERO);
    let site = queue.site("mx.site.test", &Limits::default());
    for number in 0..u64::from(waiting) {
        let due = Tick::ZERO + Duration::from_hours(1) + Duration::from_micros(number);
        queue.defer(due, Mail(flow, number));
    }
    (queue, site, flow)
}
