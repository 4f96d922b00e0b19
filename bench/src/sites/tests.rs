use super::{Options, measure};
use clap::Parser;
use serde_json::Value;

/// Runs `sites` with these words, and returns what it would print as JSON.
fn measured(words: &str) -> Value {
    let words = ["sites", "--rounds", "1"].into_iter().chain(words.split(' '));
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
fn many_sites_are_found_and_get_their_mail() {
    let report = measured("many --sites 20 --messages 100");
    assert!(number(&report, "many sites", "messages/s") > 0.0);
    assert!(number(&report, "many sites", "connections") >= 20.0);
}

#[test]
fn others_get_their_mail_beside_one_that_fails() {
    let report = measured("dead --sites 2 --rate 50 --beside 20 --seconds 1");
    for row in ["all are well", "one is silent", "one refuses", "one is 10 s late"] {
        assert!(number(&report, row, "p99 ms") > 0.0);
    }
}

#[test]
fn a_tenant_is_measured_beside_another() {
    let report = measured("tenants --queued 1000 --rate 20 --seconds 1 --delay 20");
    for row in ["alone", "beside the other"] {
        assert!(number(&report, row, "p99 ms") >= 40.0, "the site is late twice a message");
    }
}

#[test]
fn each_shard_s_work_is_seen() {
    let report = measured("spread --messages 500 --quota 0");
    let all = number(&report, "two shards", "all shards us");
    assert!(all > number(&report, "two shards", "busiest us"));
}

#[test]
fn providers_with_limits_get_their_mail() {
    let report = measured("polite --seconds 1 --delay 0");
    for provider in ["gmail", "yahoo", "microsoft", "orange", "other"] {
        assert!(number(&report, &format!("Ringpost: {provider}"), "in time %") > 0.0);
    }
    let rows = report["tables"][0]["rows"].as_object().unwrap();
    assert_eq!(rows.len(), if tests::tool::all_there(&["postfix"]) { 15 } else { 5 });
}
