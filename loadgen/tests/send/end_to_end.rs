//! Generator and sink against each other, over real sockets: every byte, every verdict.

use crate::run::{Run, Scratch, prove, sink_of};
use loadgen::clock;
use loadgen::ledger::Verdict;
use loadgen::send::{self, Options, Pipelining};
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

/// What came of 500 messages, sent straight to a sink that behaves as `spec` says.
fn run(name: &str, spec: &str, adjust: impl FnOnce(&mut Options)) -> Run {
    crate::run::run(name, spec, |options| {
        (options.messages, options.sessions) = (500, 8);
        adjust(options);
    })
}

#[test]
fn every_byte_arrives_once_however_far_ahead_we_speak() {
    for pipelining in [Pipelining::None, Pipelining::Envelope, Pipelining::Full] {
        for (size, recipients) in [("600", 1), ("4k", 1), ("1k-90k", 3)] {
            let run = run("bytes", "", |options| {
                options.pipelining = pipelining;
                options.sizes = size.parse().unwrap();
                options.recipients = recipients;
            });
            let wanted = 500 * u64::from(recipients);
            assert!(run.proof.holds, "{pipelining:?} {size}: {}", run.proof);
            assert_eq!((run.proof.exact, run.proof.reported + run.proof.strangers), (wanted, 0));
            assert_eq!((run.report.messages, run.report.accepted), (500, wanted));
            assert_eq!(run.report.bytes, run.provider.counters.bytes.load(Relaxed));
            assert_eq!(run.provider.counters.corrupt.load(Relaxed), 0);
            assert_eq!(run.received.last().unwrap().verdict, Verdict::End);
            assert_eq!((run.report.lost, run.report.connections), (0, 8));
        }
    }
}

#[test]
fn the_deferred_are_offered_again_until_they_are_taken() {
    for stage in ["recipient", "final"] {
        let run =
            run("defer", &format!(",defer=0.4,defer_times=2,verdict_at={stage}"), |options| {
                options.recipients = 2;
            });
        assert!(run.proof.holds, "{stage}: {}", run.proof);
        assert_eq!(run.proof.exact, 1_000, "{stage}");
        assert_eq!(run.proof.deferrals, run.report.postponed, "{stage}");
        assert!(run.report.postponed > 500 && run.report.unsent == 0, "{stage}");
    }
}

#[test]
fn the_refused_are_reported_and_not_offered_again() {
    let run = run("fail", ",fail=0.25", |_| ());
    assert!(run.proof.holds, "{}", run.proof);
    assert_eq!(run.report.refused + run.report.accepted, 500);
    assert!((80..170).contains(&run.report.refused), "{}", run.report.refused);
    assert_eq!(run.provider.counters.failed.load(Relaxed), run.report.refused);
    assert!(run.report.trouble.unwrap().starts_with("550 5.1.1 "));
}

/// A close behind the last 250 must not destroy it, though the next envelope has come already.
#[test]
fn a_connection_that_closes_after_its_messages_costs_none() {
    for close in ["silently", "say421"] {
        let spec = format!(",messages_per_connection=20,close={close}");
        let run = run("close", &spec, |_| ());
        assert!(run.proof.holds, "{close}: {}", run.proof);
        assert_eq!((run.proof.exact, run.report.unanswered), (500, 0), "{close}");
        assert!(run.report.connections >= 25, "{close}: {}", run.report.connections);
    }
}

#[test]
fn replies_are_late_by_the_round_trip() {
    let run = run("late", ",delay_ms=40", |options| options.messages = 24);
    assert!(run.proof.holds && run.proof.exact == 24, "{}", run.proof);
    let final_dot = run.report.final_dot;
    assert!(final_dot.count == 24 && final_dot.p50_micros >= 40_000, "{final_dot}");
}

#[test]
fn a_rate_is_kept() {
    let run = run("rate", "", |options| {
        options.messages = 100;
        options.arrivals = "constant:400/s".parse().unwrap();
    });
    assert!(run.proof.holds, "{}", run.proof);
    assert!(run.report.seconds >= 0.247, "{}", run.report.seconds);
}

#[test]
fn a_crowd_is_sent_away_and_comes_again() {
    let run = run("crowd", ",connections_max=2", |options| options.messages_per_session = 10);
    assert!(run.proof.holds && run.proof.exact == 500, "{}", run.proof);
    assert!(run.report.trouble.unwrap().contains("Too many concurrent"));
}

#[test]
fn a_sink_that_is_gone_ends_the_run_after_its_patience() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let patience = Duration::from_millis(100);
    let options = Options { messages: 10, patience, ..Options::new(nobody) };
    let report = send::start(options).unwrap().join().unwrap();
    assert_eq!((report.messages, report.unsent), (0, 10));
    assert!(report.dials_failed > 0 && report.trouble.unwrap().starts_with("connect: "));
}

#[test]
fn what_was_under_way_when_the_sink_went_is_told_apart() {
    let scratch = Scratch::new("gone");
    let (sent, received) = (scratch.file("sent"), scratch.file("received"));
    let sink = sink_of("", Some(received.clone()));
    let sending = send::start(Options {
        messages: u64::MAX >> 24,
        ledger: Some(sent.clone()),
        patience: Duration::from_millis(50),
        ..Options::new(sink.providers()[0].addresses[0])
    })
    .unwrap();
    while sink.messages() < 1_000 {
        thread::yield_now();
    }
    sink.stop();
    sink.join().unwrap();
    let report = sending.join().unwrap();
    assert!(report.messages + report.unanswered >= 1_000 && report.lost > 0);
    let proof = prove(sent, received);
    assert!(proof.holds, "{proof}");
    assert_eq!(proof.unanswered, report.unanswered);
}

/// The demo asks when the last message is delivered, long after the last one was sent.
#[test]
fn a_report_that_is_asked_for_late_counts_the_sending_only() {
    let sink = sink_of("", None);
    let (started, to) = (clock::now(), sink.providers()[0].addresses[0]);
    let sending = send::start(Options { messages: 20, ..Options::new(to) }).unwrap();
    while !sending.has_ended() {
        thread::yield_now();
    }
    let took = Duration::from_nanos(clock::now() - started);
    thread::sleep(Duration::from_millis(100));
    let report = sending.join().unwrap();
    assert_eq!(report.messages, 20);
    assert!(report.seconds > 0.0 && report.seconds <= took.as_secs_f64(), "{report:?} {took:?}");
}
