//! Messages that start when they are to, and what is said when they cannot.

use crate::run::run;
use loadgen::send::{Options, Phase};
use std::time::Duration;

fn one_slow_session(options: &mut Options) {
    options.messages = 30;
    options.sessions = 1;
    options.arrivals = "constant:100/s".parse().unwrap();
}

#[test]
fn every_form_of_arrivals_sends_every_message_once_and_not_before_its_time() {
    for (arrivals, seconds) in [
        ("constant:400/s", 0.49),
        ("ramp:100/s-300/s:1s", 0.98),
        ("step:500/s:200ms,1000/s:1s", 0.29),
        ("poisson:400/s", 0.35),
    ] {
        let run = run("forms", "", |options| options.arrivals = arrivals.parse().unwrap());
        assert!(run.proof.holds && run.proof.exact == 200, "{arrivals}: {}", run.proof);
        assert!(run.report.seconds >= seconds, "{arrivals}: {}", run.report.seconds);
        let measured = &run.report.measured;
        for latency in [&measured.corrected, &measured.own_lateness, &measured.session_wait] {
            assert_eq!(latency.summary().count, 200, "{arrivals}");
        }
    }
}

/// A relay that needs 40 ms for what comes every 10 ms: the sender waits longer and longer,
/// which a clock that starts at MAIL never sees.
#[test]
fn latency_is_corrected_for_the_starts_that_a_slow_relay_holds_up() {
    let run = run("omission", ",delay_ms=40", one_slow_session);
    assert!(run.proof.holds && run.proof.exact == 30, "{}", run.proof);
    let (measured, generator) = (&run.report.measured, &run.report.generator);
    let (raw, felt) = (measured.transaction.summary(), measured.corrected.summary());
    assert!(raw.p50_micros >= 40_000 && felt.count == 30, "{raw}");
    // The last of 30 is due after 290 ms and answered after 30 times 40 ms.
    assert!(felt.max_micros >= 900_000, "{felt}");
    assert!(measured.session_wait.summary().max_micros >= 500_000);
    assert!(generator.late >= 20 && generator.dropped == 0, "{generator:?}");
    assert!(generator.late_by_generator <= generator.late);
}

#[test]
fn starts_too_far_behind_are_dropped_if_that_is_wished_and_the_rest_is_proven() {
    let run = run("dropped", ",delay_ms=40", |options| {
        one_slow_session(options);
        options.drop_after = Some(Duration::from_millis(100));
    });
    let report = &run.report;
    assert!(run.proof.holds, "{}", run.proof);
    assert!(report.generator.dropped >= 5, "{:?}", report.generator);
    assert_eq!(report.messages + report.generator.dropped, 30);
    assert_eq!(report.unsent, 0);
    // Whatever was sent had waited no longer than that before it was taken.
    assert!(run.proof.exact == report.messages);
}

#[test]
fn the_deferred_come_again_between_the_fresh_ones() {
    let run = run("deferred", ",defer=0.4,defer_times=2", |options| {
        options.arrivals = "constant:1000/s".parse().unwrap();
    });
    assert!(run.proof.holds && run.proof.exact == 200, "{}", run.proof);
    assert_eq!(run.proof.deferrals, run.report.postponed);
    assert!(run.report.postponed > 50);
}

#[test]
fn the_report_has_every_phase_and_every_second() {
    let run = run("phases", ",defer=0.2", |options| {
        options.recipients = 2;
        options.arrivals = "constant:150/s".parse().unwrap();
    });
    let phases = &run.report.measured.phases;
    let counted = |phase| phases.of(phase).summary().count;
    assert_eq!([Phase::Connect, Phase::Greeting, Phase::Ehlo].map(counted), [4, 4, 4]);
    assert_eq!([Phase::Tls, Phase::Auth].map(counted), [0, 0]);
    assert_eq!(counted(Phase::Rcpt), run.report.accepted + run.report.postponed);
    assert!(counted(Phase::Mail) >= 200 && counted(Phase::Final) >= 200);
    let points: Vec<_> = run.report.measured.series.points().collect();
    assert!(points.len() >= 2, "{points:?}");
    let sum = |of: fn(&loadgen::send::Point) -> u64| points.iter().map(of).sum::<u64>();
    assert_eq!(sum(|point| point.accepted), run.report.accepted);
    assert_eq!(sum(|point| point.postponed), run.report.postponed);
    assert!(points[0].p50_micros > 0 && points[0].p99_micros >= points[0].p50_micros);
    let json = serde_json::to_value(&run.report).unwrap();
    assert_eq!(json["phases"]["mail"]["count"], counted(Phase::Mail));
    assert!(json["phases"].get("tls").is_none());
    assert_eq!(json["series"][0]["from_secs"], 0);
    assert_eq!(json["corrected"]["count"], json["transaction"]["count"]);
    assert!(json["transaction"]["p99_micros"].as_u64() > Some(0));
    assert_eq!(json["generator"]["dropped"], 0);
}
