#![expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "small numbers")]

use super::{Comparison, Finding, Incomparable, Measure, Options, compare};
use crate::hash;
use crate::latency::Latency;
use crate::report::{Distribution, Document, Sent, UsagePoint, Used};
use crate::send::Point;

const SECONDS: u64 = 40;
const PER_SECOND: u64 = 500;

/// A run of noise: each second and each message is off by up to a fifth, and by `slow` as a
/// whole.
fn run(seed: u64, slow: f64) -> Document {
    let noise = |number: u64| 0.8 + 0.4 * hash::share(hash::scatter((seed << 32) | number));
    let mut latency = Latency::default();
    let (mut series, mut looks) = (Vec::new(), vec![UsagePoint::default()]);
    for second in 0..SECONDS {
        let accepted = (PER_SECOND as f64 * noise(second) / slow) as u64;
        (0..accepted).for_each(|message| {
            let micros = 2_000.0 * noise(1_000 + second * 1_000 + message).powi(6) * slow;
            latency.record((1_000.0 * micros) as u64);
        });
        let (p50_micros, p99_micros) = (2_000, 4_000);
        series.push(Point {
            from_secs: second,
            secs: 1,
            accepted,
            postponed: 0,
            refused: 0,
            p50_micros,
            p99_micros,
        });
        let cpu = 50e-6 * accepted as f64 * slow * noise(900_000 + second);
        looks.push(UsagePoint {
            at_secs: (second + 1) as f64,
            cpu_secs: looks.last().expect("there is a first").cpu_secs + cpu,
            memory_bytes: (1e8 * slow * noise(800_000 + second)) as u64,
        });
    }
    let accepted: u64 = series.iter().map(|point| point.accepted).sum();
    let cpu_secs = looks.last().expect("there is a first").cpu_secs;
    let distribution = Distribution::of(&latency);
    let sent = Sent {
        messages: accepted,
        accepted,
        seconds: SECONDS as f64,
        transaction: distribution.clone(),
        corrected: distribution,
        relay: Some(Used { cpu_secs, series: looks[1..].to_vec(), ..Used::default() }),
        series,
        ..Sent::default()
    };
    Document { send: Some(sent), ..Document::default() }
}

fn compared(base: &[Document], new: &[Document]) -> Comparison {
    compare(base, new, &Options::default()).expect("they can be compared")
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let one = [run(1, 1.0)];
    let same = compared(&one, &one);
    assert_eq!(same.differences.len(), Measure::ALL.len());
    assert!(!same.has_regressed(), "{same}");
    assert!(same.differences.iter().all(|one| one.finding == Finding::Noise), "{same}");
    assert_eq!(same, compared(&one, &one), "chance comes from the seed");
}

/// One in twenty intervals is off by chance, but not by the threshold too.
#[test]
fn noise_alone_is_no_regression() {
    for seed in 1..40 {
        let single = compared(&[run(seed, 1.0)], &[run(seed + 100, 1.0)]);
        assert!(!single.has_regressed(), "{single}");
    }
    let runs = |from: u64| (from..from + 4).map(|seed| run(seed, 1.0)).collect::<Vec<_>>();
    let several = compared(&runs(1), &runs(50));
    assert!(!several.has_regressed(), "{several}");
}

#[test]
fn a_slowdown_by_a_fifth_is_found_everywhere() {
    let runs = |from: u64, slow| (from..from + 4).map(|seed| run(seed, slow)).collect::<Vec<_>>();
    let (single, several) =
        (compared(&[run(1, 1.0)], &[run(2, 1.2)]), compared(&runs(1, 1.0), &runs(9, 1.2)));
    for found in [single, several] {
        let is_found = |measure| {
            let of = found.differences.iter().find(|one| one.measure == measure);
            of.is_some_and(|one| one.finding == Finding::Regression)
        };
        assert!(Measure::ALL.into_iter().all(is_found), "{found}");
        assert!(found.to_string().contains("REGRESSION: worse by more than +5.0 %"), "{found}");
    }
    let faster = compared(&[run(1, 1.2)], &[run(2, 1.0)]);
    assert!(faster.differences.iter().all(|one| one.finding == Finding::Better), "{faster}");
}

#[test]
fn a_threshold_lets_that_much_pass() {
    let (base, new) = ([run(1, 1.0)], [run(2, 1.2)]);
    let options = Options { threshold: 0.5, ..Options::default() };
    let lenient = compare(&base, &new, &options).expect("they can be compared");
    assert!(!lenient.has_regressed(), "{lenient}");
    assert!(lenient.differences.iter().all(|one| one.finding == Finding::Worse), "{lenient}");
}

#[test]
fn what_was_not_measured_is_not_compared() {
    let (mut short, none) = (run(1, 1.0), Document::default());
    let sent = short.send.as_mut().expect("it was sent");
    (sent.corrected, sent.relay) = (None, None);
    sent.series.truncate(3);
    sent.seconds = 3.0;
    let found = compared(&[short.clone()], &[run(2, 1.0)]);
    assert_eq!(found.differences.len(), 5, "{found}");
    assert_eq!(found.differences[0].finding, Finding::Unknown, "{found}");
    let refused = |base: &[Document]| compare(base, &[short.clone()], &Options::default());
    assert_eq!(refused(&[]), Err(Incomparable::NoRun));
    assert_eq!(refused(&[none]), Err(Incomparable::NothingSent));
}
