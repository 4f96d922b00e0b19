use super::Arrivals;
use std::time::Duration;

/// The first `count` starts, in seconds.
fn starts(text: &str, seed: u64, count: usize) -> Vec<f64> {
    let mut starts = text.parse::<Arrivals>().unwrap().starts(seed).unwrap();
    let mut next = || {
        let start = starts.peek();
        starts.advance();
        start.as_secs_f64()
    };
    (0..count).map(|_| next()).collect()
}

/// How many of them are in each second.
fn by_second(text: &str, count: usize) -> Vec<usize> {
    let mut seconds = Vec::new();
    for start in starts(text, 1, count) {
        // A start at the very edge of a second is meant to be behind it.
        let second = Duration::from_secs_f64(start + 1e-9).as_secs() as usize;
        seconds.resize(seconds.len().max(second + 1), 0);
        seconds[second] += 1;
    }
    seconds
}

#[test]
fn a_closed_loop_has_no_starts() {
    assert_eq!("closed".parse(), Ok(Arrivals::Closed));
    assert!(Arrivals::Closed.starts(0).is_none());
}

#[test]
fn constant_arrivals_are_evenly_spaced_from_the_first_moment() {
    assert_eq!(starts("constant:4/s", 9, 5), [0.0, 0.25, 0.5, 0.75, 1.0]);
    assert_eq!(starts("constant:30/m", 9, 3), [0.0, 2.0, 4.0]);
}

#[test]
fn a_ramp_gains_the_same_every_second_and_then_keeps_its_last_rate() {
    assert_eq!(by_second("ramp:100/s-500/s:4s", 2_200), [150, 250, 350, 450, 500, 500]);
    assert_eq!(by_second("ramp:500/s-100/s:4s", 1_400), [450, 350, 250, 150, 100, 100]);
    // From nothing: the first two starts are not at the same moment.
    let from_zero = starts("ramp:0/s-100/s:10s", 0, 3);
    assert!(from_zero[0] == 0.0 && from_zero[1] > 0.3 && from_zero[2] > from_zero[1]);
}

#[test]
fn steps_follow_one_another_and_the_last_goes_on() {
    assert_eq!(by_second("step:10/s:2s,0/s:1s,30/s:1s", 80), [10, 10, 0, 30, 30]);
}

#[test]
fn poisson_arrivals_have_the_rate_and_the_spread_of_their_kind_and_follow_the_seed() {
    let count = 40_000;
    let of_seed = starts("poisson:1000/s", 1, count);
    assert_eq!(of_seed, starts("poisson:1000/s", 1, count));
    assert_ne!(of_seed[..9], starts("poisson:1000/s", 2, 9));
    let seconds = of_seed.last().unwrap();
    assert!((39.0..41.0).contains(seconds), "{seconds}");
    // Of gaps with an exponential distribution 1 in e is longer than the mean.
    let long = of_seed.windows(2).filter(|pair| pair[1] - pair[0] > 1e-3).count();
    assert!((14_300..15_100).contains(&long), "{long}");
}

#[test]
fn starts_never_go_back() {
    for text in
        ["ramp:7/s-3000/s:2s", "ramp:3000/s-1/s:2s", "step:5/s:100ms,900/s:1s", "poisson:9/s"]
    {
        assert!(starts(text, 5, 5_000).is_sorted(), "{text}");
    }
}

#[test]
fn what_describes_no_arrivals_is_refused_with_the_forms_there_are() {
    for text in [
        "",
        "open",
        "constant",
        "constant:",
        "constant:0/s",
        "constant:x",
        "poisson:0",
        "ramp:1/s:9s",
        "ramp:1/s-2/s",
        "ramp:5/s-0/s:9s",
        "step:",
        "step:5/s",
        "step:5/s:1s,",
        "step:5/s:9s,0/s:9s",
    ] {
        let refused = text.parse::<Arrivals>().unwrap_err().to_string();
        assert!(refused.contains("ramp:RATE-RATE:SPAN"), "{text}");
    }
}
