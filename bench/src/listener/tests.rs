use super::{Options, measure};
use clap::Parser;
use serde_json::Value;

/// Runs `listener` with these words, and returns what it would print as JSON.
fn measured(words: &str) -> Value {
    let words = ["listener", "--rounds", "1"].into_iter().chain(words.split(' '));
    let report = measure(Options::try_parse_from(words).unwrap()).unwrap();
    assert!(!report.text().is_empty());
    report.json()
}

/// What a table says in its only round.
fn number(report: &Value, row: &str, column: &str) -> f64 {
    let number = &report["tables"][0]["rows"][row][column]["rounds"][0];
    number.as_f64().unwrap_or_else(|| panic!("no {row}, {column} in {report:#}"))
}

#[test]
fn connections_are_held_and_seen_in_memory() {
    let report = measured("held --connections 20,40");
    for row in ["plain, 40", "TLS 1.3, 40"] {
        assert!(number(&report, row, "memory MiB") > 1.0);
    }
    assert!(number(&report, "TLS 1.3, 40", "of TLS, MiB, as published") > 0.0);
    assert!(number(&report, "plain, 40", "of TLS, MiB, as published") < f64::EPSILON);
    assert_eq!(report["figures"].as_array().unwrap().len(), 2);
}

#[test]
fn a_load_goes_on_beside_slow_writers() {
    let report = measured("slow --writers 50 --messages 500");
    assert!(number(&report, "beside slow writers", "messages/s") > 0.0);
}

#[test]
fn every_handshake_can_be_measured() {
    let report = measured("tls --count 2");
    assert!(number(&report, "RSA 2048, TLS 1.3", "us") > 0.0);
}
