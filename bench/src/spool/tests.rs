use super::{Options, measure};
use clap::Parser;

/// Runs `spool` with these words, and returns what it would print as JSON.
fn measured(words: &str) -> serde_json::Value {
    let words = ["spool", "--rounds", "1"].into_iter().chain(words.split(' '));
    let report = measure(Options::try_parse_from(words).unwrap()).unwrap();
    assert!(!report.text().is_empty());
    report.json()
}

/// What a table says in its only round.
fn number(report: &serde_json::Value, table: usize, row: &str, column: &str) -> f64 {
    let number = &report["tables"][table]["rows"][row][column]["rounds"][0];
    number.as_f64().unwrap_or_else(|| panic!("no {row}, {column} in {report:#}"))
}

#[test]
fn every_way_of_writing_works() {
    let report = measured("write --commits 10 --size 4096,1048576 --age-ms 20");
    for strategy in super::strategy::Strategy::ALL {
        for table in 0..2 {
            assert!(number(&report, table, strategy.name(), "commits/s") > 0.0);
        }
    }
    assert!(number(&report, 2, "growing", "commits/s") > 0.0);
    let together = "100 producers, pause 0ns, age 0ns";
    assert!(number(&report, 3, together, "a commit") > 1.0);
    let alone = number(&report, 3, "1 producers, pause 0ns, age 2ms", "p50 ms");
    assert!(alone >= 2.0, "one message waited for company: {alone} ms");
}

#[test]
fn a_log_is_compared_with_the_disk_on_the_same_commits() {
    let report = measured("append --messages 2000 --alone 20 --segment-bytes 4198400");
    let (log, disk) = ("log, many producers", "bare disk, the same commits");
    assert!(number(&report, 0, log, "a commit") > 2.0);
    let kibibytes = |row| number(&report, 0, row, "KiB");
    assert!((kibibytes(log) - kibibytes(disk)).abs() < 1.0);
    let each = number(&report, 0, "log, one producer", "a commit");
    assert!((0.9..=1.0).contains(&each), "one producer's message has a commit of its own: {each}");
    let alone = kibibytes("bare disk, a sync a message");
    assert!((7.9..8.1).contains(&alone), "one message is two pages: {alone}");
    assert_eq!(report["figures"].as_array().unwrap().len(), 8);
}

#[test]
fn what_is_stuck_is_seen_to_live() {
    let report = measured("reclaim --messages 20000 --stuck 100");
    let live = |row| number(&report, 0, row, "live MiB");
    // 220 messages of 4,420 bytes.
    assert!(live("some stuck") - live("none stuck") > 0.9, "{report:#}");
    assert!(number(&report, 0, "none stuck", "segments") >= 2.0);
}

#[test]
fn a_restart_finds_all_that_was_queued() {
    let report = measured("restart --messages 3000 --patience 60");
    assert!(number(&report, 0, "a full one", "accepts s") > 0.0);
    assert!(number(&report, 0, "a full one", "messages/s") > 0.0);
}

#[test]
fn a_queue_takes_memory() {
    let report = measured("memory --messages 2000 --warm-up 100 --domains 10");
    assert!(number(&report, 0, "one recipient each", "after MiB") > 0.0);
}

#[test]
fn what_operators_ask_is_answered_beside_a_queue() {
    let report = measured("commands --messages 2000 --through 2000 --commands 1000");
    assert!(number(&report, 0, "with commands", "messages/s") > 0.0);
    assert!(number(&report, 1, "all of them", "times") >= 19.0, "{report:#}");
    assert!(number(&report, 1, "why MESSAGE", "p99") > 0.0);
}
