use super::Pacer;
use crate::rate::Rate;
use event::Tick;
use std::time::Duration;

fn pacer(rate: &str) -> Pacer {
    Pacer::new(Rate::parse(rate).unwrap())
}

/// When each of so many goes at the earliest, if one is asked for at each of these moments at least.
fn sent(pacer: &mut Pacer, count: usize, mut pause: impl FnMut(usize) -> Duration) -> Vec<Tick> {
    let mut now = Tick(12_345);
    let mut sent = Vec::new();
    for number in 0..count {
        now = (now + pause(number)).max(pacer.opens());
        assert!(pacer.left(now) > 0, "it is open when it says so");
        pacer.charge(1, now);
        sent.push(now);
    }
    sent
}

/// The most in any window as long as `span`, its end not included.
fn most_in(sent: &[Tick], span: Duration) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in sent.iter().enumerate() {
        while at.since(sent[first]) >= span {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

#[test]
fn no_window_holds_more_than_the_rate_however_what_is_sent_comes() {
    for text in ["1/10s", "2/s", "19/s", "20/s", "21/m", "83/5s", "100/s", "1000/h", "7777/d"] {
        let rate = Rate::parse(text).unwrap();
        let span = rate.span();
        let nothing = |_| Duration::ZERO;
        // All at once; in bursts; with pauses of every length up to two spans.
        let bursts = |number: usize| if number.is_multiple_of(7) { span } else { Duration::ZERO };
        let spread = |number: usize| 2 * span / 1_000 * ((number as u32 * 7_919) % 1_000);
        let patterns: [&mut dyn FnMut(usize) -> Duration; 3] =
            [&mut { nothing }, &mut { bursts }, &mut { spread }];
        for (which, pattern) in patterns.into_iter().enumerate() {
            let sent = sent(&mut Pacer::new(rate), 4 * rate.count() as usize + 10, pattern);
            let most = most_in(&sent, span) as u64;
            assert!(most <= rate.count(), "{text}, pattern {which}: {most}");
        }
    }
}

#[test]
fn a_rate_that_is_used_up_loses_a_twentieth_at_most() {
    for text in ["1/10s", "2/s", "20/s", "83/5s", "100/s", "10000/s", "1000/h"] {
        let rate = Rate::parse(text).unwrap();
        let count = 10 * rate.count();
        let sent = sent(&mut Pacer::new(rate), count as usize, |_| Duration::ZERO);
        let took = sent.last().unwrap().since(sent[0]).as_secs_f64();
        let ideal = 10.0 * rate.span().as_secs_f64();
        assert!(took <= ideal * 1.06, "{text}: {took} s for what may take {ideal}");
    }
}

#[test]
fn a_few_go_at_once_and_more_when_time_has_paid() {
    let mut pacer = pacer("100/s");
    assert_eq!((pacer.left(Tick(5)), pacer.opens()), (6, Tick::ZERO));
    pacer.charge(6, Tick(5));
    assert_eq!(pacer.left(Tick(5)), 0);
    let next = pacer.opens();
    assert_eq!(next.since(Tick(5)).as_micros(), 10_526, "one 95th of a second");
    assert_eq!((pacer.left(next), pacer.left(Tick(next.0 - 2))), (1, 0));
    assert_eq!(pacer.left(next + Duration::from_hours(1)), 6, "no more than at once");
}

#[test]
fn what_is_larger_than_all_is_paid_for_later_and_what_was_not_had_comes_back() {
    let mut bytes = pacer("1000/s");
    bytes.charge(9_500, Tick(0));
    let open = bytes.opens().since(Tick(0)).as_secs_f64();
    assert!((9.9..10.0).contains(&open), "{open}");
    bytes.give_back(9_500);
    assert_eq!(bytes.left(Tick(0)), 51);
    bytes.charge(u64::MAX, Tick(0));
    assert!(bytes.opens().since(Tick(0)) <= Rate::SPAN_MAX);
    let fast = pacer("1000000000/s");
    assert!(fast.left(Tick(0)) > 50_000_000);
}
