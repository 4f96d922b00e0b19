//! Hosts that take so much in a time, each counting in its own way, and what a pace makes of them.

use super::{AFTERMATH, Due, Refused, Tempo, rate, shown};
use crate::pace::Pacer;
use event::Tick;
use std::time::Duration;

const LONGEST: Duration = Duration::from_mins(15);

/// A host: so many at once, and again as many in a span, or all of them when the next span begins.
struct Host {
    count: f64,
    span: Duration,
    in_windows: bool,
    left: f64,
    seen: Tick,
}

impl Host {
    fn new(count: u32, span: Duration, in_windows: bool) -> Self {
        let count = f64::from(count);
        Self { count, span, in_windows, left: count, seen: Tick::ZERO }
    }

    fn takes(&mut self, now: Tick) -> bool {
        if self.in_windows {
            let window = |at: Tick| u128::from(at.0) / self.span.as_nanos();
            if window(now) > window(self.seen) {
                self.left = self.count;
            }
        } else {
            let flown = now.since(self.seen).as_secs_f64() / self.span.as_secs_f64();
            self.left = (self.left + flown * self.count).min(self.count);
        }
        self.seen = now;
        let is_taken = self.left >= 1.0;
        self.left -= f64::from(u8::from(is_taken));
        is_taken
    }
}

/// What went well and what did not.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    taken: u32,
    refused: u32,
}

/// Sends whatever the pace lets through, at most one each `work`, until then.
fn send(host: &mut Host, tempo: &mut Option<Tempo>, now: &mut Tick, until: Tick) -> Tally {
    let work = Duration::from_millis(5);
    let mut tally = Tally::default();
    while *now < until {
        let every = tempo.map_or(work, |tempo| tempo.every.max(work));
        *now = *now + every;
        if let Some(known) = tempo
            && known.next_at() <= *now
            && known.due(*now) == Due::Gone
        {
            *tempo = None;
        }
        let is_taken = host.takes(*now);
        tally.taken += u32::from(is_taken);
        tally.refused += u32::from(!is_taken);
        match tempo {
            None if !is_taken => *tempo = Some(Tempo::begin(work, *now)),
            Some(known) if is_taken => known.took(),
            Some(known) => {
                if let Some(Refused::Shut(pause)) = known.refused(LONGEST, *now) {
                    *now = *now + pause;
                    known.go_on(*now);
                }
            }
            None => (),
        }
    }
    tally
}

#[test]
fn what_a_host_takes_is_found_and_held() {
    let (second, minute) = (Duration::from_secs(1), Duration::from_mins(1));
    for (count, span, in_windows) in [
        (20, second, false),
        (600, minute, false),
        (30, minute, false),
        (3_000, minute, false),
        (6_000, Duration::from_hours(1), false),
        (20, second, true),
        (600, minute, true),
        (60, minute, true),
    ] {
        let (mut host, mut tempo, mut now) = (Host::new(count, span, in_windows), None, Tick::ZERO);
        let hours = |hours| Tick::ZERO + Duration::from_hours(hours);
        let first = send(&mut host, &mut tempo, &mut now, hours(1));
        let then = send(&mut host, &mut tempo, &mut now, hours(7));
        let all = 6.0 * 3_600.0 * f64::from(count) / span.as_secs_f64();
        let (taken, refused) = (f64::from(then.taken), f64::from(then.refused));
        let name = format!("{count} in {span:?}, {in_windows}: {first:?} {then:?} of {all}");
        assert!(taken >= 0.93 * all, "{name}");
        assert!(refused <= 0.005 * taken, "{name}");
        let learning = f64::from(first.refused);
        assert!(learning <= 0.1 * f64::from(first.taken) + 60.0, "while it is learnt: {name}");
    }
}

#[test]
fn a_host_that_takes_more_or_less_than_before_is_found_out() {
    let minute = Duration::from_mins(1);
    let hours = |hours| Tick::ZERO + Duration::from_hours(hours);
    let (mut host, mut tempo, mut now) = (Host::new(600, minute, false), None, Tick::ZERO);
    send(&mut host, &mut tempo, &mut now, hours(1));
    host.count = 60.0;
    host.left = 0.0;
    send(&mut host, &mut tempo, &mut now, hours(2));
    let less = send(&mut host, &mut tempo, &mut now, hours(4));
    assert!(f64::from(less.taken) >= 0.9 * 7_200.0, "{less:?}");
    assert!(f64::from(less.refused) <= 0.01 * f64::from(less.taken), "{less:?}");
    host.count = 6_000.0;
    send(&mut host, &mut tempo, &mut now, hours(10));
    let more = send(&mut host, &mut tempo, &mut now, hours(11));
    assert!(f64::from(more.taken) >= 0.9 * 360_000.0, "{more:?}");
}

#[test]
fn who_takes_nothing_is_left_alone_ever_longer() {
    let mut now = Tick::ZERO;
    let mut tempo = Tempo::begin(Duration::from_secs(1), now);
    assert_eq!(tempo.refused(LONGEST, now + AFTERMATH / 2), None);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        now = now + AFTERMATH;
        let Some(Refused::Shut(pause)) = tempo.refused(LONGEST, now) else { panic!("{tempo:?}") };
        pauses.push(pause.as_secs());
        now = now + pause;
        tempo.go_on(now);
    }
    assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 900, 900]);
}

#[test]
fn what_nobody_waits_for_is_not_widened_and_forgotten_after_a_day() {
    let mut now = Tick::ZERO;
    let mut tempo = Tempo::begin(Duration::from_millis(10), now);
    assert_eq!(tempo.due(now + AFTERMATH), Due::Faster, "what was on its way is answered");
    let every = tempo.every;
    let mut looks = 0;
    while tempo.due(tempo.next_at()) == Due::Same {
        now = tempo.next_at();
        looks += 1;
        assert_eq!(tempo.every, every);
        assert!(looks < 100_000);
    }
    let ended = tempo.next_at().since(Tick::ZERO);
    assert!(ended >= super::UNUSED_FOR && ended < super::UNUSED_FOR * 2, "{ended:?} {now:?}");
}

#[test]
fn a_queue_that_keeps_its_rate_keeps_the_pace() {
    for millis in [1, 2, 7, 50, 51, 100, 1_000, 60_000] {
        let every = Duration::from_millis(millis);
        let mut pacer = Pacer::new(rate(every).expect("it is a rate"));
        let mut now = Tick::ZERO;
        let messages = 2_000;
        for _ in 0..messages {
            now = now.max(pacer.opens());
            pacer.charge(1, now);
        }
        let found = now.since(Tick::ZERO).as_secs_f64() / f64::from(messages);
        let off = (found / every.as_secs_f64() - 1.0).abs();
        assert!(off < 0.03, "{every:?}: {found}");
    }
}

#[test]
fn it_is_shown_as_people_write_rates() {
    for (millis, text) in [
        (5, "200/s"),
        (10, "100/s"),
        (11, "5454/m"),
        (600, "100/m"),
        (700, "5142/h"),
        (86_400_000, "1/d"),
    ] {
        assert_eq!(shown(Duration::from_millis(millis)).to_string(), text, "{millis}");
    }
}
