use super::{Meter, Rate};
use event::Tick;
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

fn rate(text: &str) -> Rate {
    Rate::parse(text).unwrap()
}

/// How many single takes succeed at `now`, of at most `tries`.
fn taken(meter: &Meter, rate: Rate, now: u64, tries: u64) -> u64 {
    (0..tries).filter(|_| meter.take(rate, 1, Tick(now))).count() as u64
}

#[test]
fn rates_are_read_as_people_write_them() {
    for (text, count, seconds) in [
        ("100/s", 100, 1),
        ("83/5s", 83, 5),
        ("1/m", 1, 60),
        ("10000/h", 10_000, 3_600),
        ("250000/2d", 250_000, 172_800),
        ("1/30d", 1, 2_592_000),
        ("1000000000/s", 1_000_000_000, 1),
        ("007/01s", 7, 1),
    ] {
        let rate = rate(text);
        assert_eq!((rate.count(), rate.span().as_secs()), (count, seconds), "{text}");
    }
}

#[test]
fn what_is_no_rate_is_refused() {
    for text in [
        "",
        "/",
        "5",
        "5/",
        "/s",
        "5/5",
        "5/0s",
        "0/s",
        "5/ms",
        "5/1ms",
        "5/s ",
        " 5/s",
        "5 /s",
        "-5/s",
        "+5/s",
        "5/-1s",
        "5/+1s",
        "5/1.5s",
        "5.5/s",
        "5/1s1s",
        "5//s",
        "5/S",
        "5/31d",
        "1000000001/s",
        "5/w",
        "99999999999999999999/s",
        "5/99999999999999999999s",
        "5/9999999999999999d",
    ] {
        assert!(Rate::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(Rate::new(1, Duration::ZERO), None);
}

#[test]
fn what_is_shown_is_read_back() {
    for (text, shown) in [
        ("100/s", "100/s"),
        ("83/5s", "83/5s"),
        ("83/60s", "83/m"),
        ("83/90s", "83/90s"),
        ("1/48h", "1/2d"),
        ("1/86400s", "1/d"),
    ] {
        assert_eq!(rate(text).to_string(), shown);
        assert_eq!(rate(shown), rate(text));
    }
}

/// Exactly the count at once, and not one more: at any rate, at any time.
#[test]
fn a_burst_is_the_count_and_not_one_more() {
    for text in ["1/s", "3/s", "7/30d", "83/5s", "999983/s", "1000000/d"] {
        for start in [0, 1, 17 * SECOND, 400 * 86_400 * SECOND, u64::MAX >> 7] {
            let (meter, rate) = (Meter::default(), rate(text));
            // A meter begins at the origin of the clock: all but there it was idle for long.
            assert_eq!(
                taken(&meter, rate, start, rate.count() + 1),
                rate.count(),
                "{text} {start}"
            );
        }
    }
}

#[test]
fn time_gives_back_one_at_a_time() {
    let (meter, rate) = (Meter::default(), rate("4/s"));
    assert_eq!(taken(&meter, rate, SECOND, 9), 4);
    assert_eq!(taken(&meter, rate, SECOND + SECOND / 4 - 1, 9), 0, "a nanosecond too soon");
    assert_eq!(taken(&meter, rate, SECOND + SECOND / 4, 9), 1);
    assert_eq!(taken(&meter, rate, SECOND + SECOND * 3 / 4, 9), 2);
    assert_eq!(taken(&meter, rate, 2 * SECOND, 9), 1);
    assert_eq!(taken(&meter, rate, 60 * SECOND, 9), 4, "never more than the count");
}

#[test]
fn in_the_long_run_it_is_the_rate() {
    for (text, hours, expected) in [("7/3s", 1, 8_400), ("1000/h", 2, 2_000), ("3/d", 48, 6)] {
        let (meter, rate) = (Meter::default(), rate(text));
        let seconds = hours * 3_600;
        let sum: u64 = (0..=seconds).map(|at| taken(&meter, rate, at * SECOND, rate.count())).sum();
        let first = rate.count();
        assert!((expected..=expected + first).contains(&sum), "{text}: {sum}");
    }
}

#[test]
fn several_are_taken_whole_or_not_at_all() {
    let (meter, rate) = (Meter::default(), rate("10/s"));
    assert!(!meter.take(rate, 11, Tick(0)), "never to be had");
    assert!(meter.take(rate, 0, Tick(0)));
    assert!(meter.take(rate, 7, Tick(0)));
    assert!(!meter.take(rate, 4, Tick(0)));
    assert!(meter.take(rate, 3, Tick(0)), "what was refused was not counted");
    assert!(!meter.is_ready(rate, Tick(0)));
    assert!(meter.is_ready(rate, Tick(SECOND / 10)));
}

#[test]
fn what_is_charged_is_paid_off_to_the_last() {
    let (meter, rate) = (Meter::default(), rate("100/s"));
    meter.charge(rate, 100, Tick(0));
    assert!(!meter.is_ready(rate, Tick(SECOND / 100 - 1)));
    assert!(meter.is_ready(rate, Tick(SECOND / 100)));
    meter.charge(rate, 5_000, Tick(0));
    assert!(!meter.is_ready(rate, Tick(50 * SECOND)));
    assert!(meter.is_ready(rate, Tick(50 * SECOND + SECOND / 100)), "5100 in 50 s and a bit");
    meter.charge(rate, u64::MAX, Tick(0));
    let month = 30 * 86_400 * SECOND;
    assert!(!meter.is_ready(rate, Tick(month)));
    assert!(meter.is_ready(rate, Tick(month + SECOND / 100)), "the rest is forgotten");
}

/// Messages larger than the rate come on average at the rate.
#[test]
fn large_messages_keep_to_the_rate() {
    let (meter, rate) = (Meter::default(), rate("1000000/s"));
    let mut begun = 0;
    for second in 0..1_000 {
        if meter.is_ready(rate, Tick(second * SECOND)) {
            meter.charge(rate, 50_000_000, Tick(second * SECOND));
            begun += 1;
        }
    }
    assert!((20..=21).contains(&begun), "{begun} of 50 s each in 1000 s");
}

/// The word wraps every 2^58 ns. Whatever the clock says, the meter goes on.
#[test]
fn the_word_may_wrap() {
    let wrap = 1_u64 << 58;
    for text in ["5/s", "5/30d"] {
        let (meter, rate) = (Meter::default(), rate(text));
        let one = u64::try_from(rate.span().as_nanos()).unwrap() / 5;
        let start = wrap - one / 2;
        meter.charge(rate, 0, Tick(start - 60 * 86_400 * SECOND));
        assert_eq!(taken(&meter, rate, start, 9), 5, "{text}");
        assert_eq!(taken(&meter, rate, start + one - 1, 9), 0, "{text}");
        assert_eq!(taken(&meter, rate, start + one, 9), 1, "{text}");
        assert_eq!(taken(&meter, rate, start + 60 * one, 9), 5, "{text}");
    }
}

/// A shard that read the clock a little earlier does not find a full meter empty.
#[test]
fn a_clock_that_lags_is_no_gift() {
    let (meter, rate) = (Meter::default(), rate("5/s"));
    assert_eq!(taken(&meter, rate, 100 * SECOND, 9), 5);
    assert_eq!(taken(&meter, rate, 95 * SECOND, 9), 0);
}

#[test]
fn all_shards_together_keep_the_rate() {
    let (meter, rate) = (Meter::default(), rate("1000/d"));
    let take = || taken(&meter, rate, SECOND, 900);
    let sum = std::thread::scope(|scope| {
        let shards: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
        shards.into_iter().map(|shard| shard.join().unwrap()).sum::<u64>()
    });
    assert_eq!(sum, 1_000);
}
