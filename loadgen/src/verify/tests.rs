use super::{Options, Proof, verify};
use crate::ledger::{Row, Rule, Verdict, Writer};
use std::fs;
use std::path::PathBuf;

fn row(id: u64, verdict: Verdict) -> Row {
    let body = id + 100;
    Row { id, recipient: 1, body, at: 10, header: 3, bytes: 4, session: 5, code: 250, verdict }
}

/// Joins two ledgers of these rows, however little memory there is.
fn joined(name: &str, sent: &[Row], received: &[Row], adjust: impl FnOnce(&mut Options)) -> Proof {
    let directory =
        std::env::temp_dir().join(format!("ringload-verify-{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let write = |file: &str, rows: &[Row]| -> PathBuf {
        let path = directory.join(file);
        let mut writer = Writer::open(&path).unwrap();
        for row in rows {
            writer.add(row).unwrap();
        }
        writer.flush().unwrap();
        path
    };
    let mut options = Options {
        sent: vec![write("sent", sent)],
        received: vec![write("received", received)],
        rows_max: 3,
        scratch: directory.clone(),
        ..Options::default()
    };
    adjust(&mut options);
    let proof = verify(&options).unwrap();
    fs::remove_dir_all(directory).unwrap();
    proof
}

/// Nine messages, accepted and delivered as they should be, and ledgers closed.
fn clean() -> (Vec<Row>, Vec<Row>) {
    let of = |verdict| (1..10).map(|id| row(id, verdict)).chain([Row::end(99)]).collect();
    (of(Verdict::Accepted), of(Verdict::Delivered))
}

fn faults(proof: &Proof) -> Vec<&str> {
    proof.samples.iter().map(|sample| sample.fault.as_ref()).collect()
}

#[test]
fn a_clean_run_is_proved() {
    let (sent, received) = clean();
    let proof = joined("clean", &sent, &received, |_| ());
    assert!(proof.holds && proof.exact == 9 && faults(&proof).is_empty());
    assert!(!proof.generator_was_cut);
}

type Plant = fn(&mut Vec<Row>, &mut Vec<Row>);

#[test]
fn each_planted_fault_is_found_and_named() {
    let plants: [(&str, Plant); 8] = [
        ("missing", |_, received| received.truncate(8)),
        ("duplicate", |_, received| received.push(row(4, Verdict::Delivered))),
        ("corrupt", |_, received| received[4].body ^= 1),
        ("corrupt", |_, received| received[4].header ^= 1),
        ("never accepted", |sent, _| sent[4].verdict = Verdict::Postponed),
        ("never accepted", |_, received| received.insert(4, row(77, Verdict::Delivered))),
        ("still deferred", |_, received| received[4].verdict = Verdict::Deferred),
        ("tried after a 5xx", |_, received| {
            received.insert(4, Row { at: 5, ..row(5, Verdict::Failed) });
        }),
    ];
    for (fault, plant) in plants {
        let (mut sent, mut received) = clean();
        plant(&mut sent, &mut received);
        let proof = joined("planted", &sent, &received, |_| ());
        assert!(!proof.holds, "{fault}");
        assert_eq!(faults(&proof), [fault]);
    }
}

/// A sink's row that says a rule was broken.
fn broken(provider: u32, rule: Rule, measure: u64) -> Row {
    Row { header: provider, body: measure, bytes: 5, code: rule as u16, ..row(0, Verdict::Broken) }
}

#[test]
fn broken_contracts_are_counted_by_provider_and_rule_and_fail_the_proof() {
    let (sent, mut received) = clean();
    received.insert(0, Row::provider(1, "gmail", 1));
    received.insert(1, Row::provider(2, "a-name-of-twenty-four-by", 1));
    received.extend([
        broken(1, Rule::Connections, 6),
        broken(1, Rule::Connections, 8),
        broken(2, Rule::Backoff, 0),
        broken(9, Rule::Messages, 6),
        Row { code: 999, ..broken(1, Rule::Quota, 0) },
    ]);
    let proof = joined("contract", &sent, &received, |_| ());
    assert!(!proof.holds && proof.exact == 9);
    assert_eq!(proof.out_of_contract, 5);
    let all: Vec<_> = proof
        .broken
        .iter()
        .map(|one| (one.provider.as_str(), one.rule.as_str(), one.times, one.most))
        .collect();
    let expected = [
        ("a-name-of-twenty-four-by", "backoff", 1, 0),
        ("gmail", "connections", 2, 8),
        ("gmail", "rule 999", 1, 0),
        ("provider 9", "messages", 1, 6),
    ];
    assert_eq!(all, expected);
    let said = proof.to_string();
    assert!(
        said.contains("out of contract: gmail connections, 8 where 5 may be, 2 times"),
        "{said}"
    );
}

#[test]
fn the_same_message_to_another_recipient_is_both_missing_and_never_accepted() {
    let (sent, mut received) = clean();
    received[2].recipient = 9;
    let proof = joined("misdelivered", &sent, &received, |_| ());
    assert_eq!((proof.missing, proof.never_accepted, proof.holds), (1, 1, false));
}

#[test]
fn what_has_an_explanation_is_no_fault() {
    let (mut sent, mut received) = clean();
    sent[0].verdict = Verdict::Refused;
    received.remove(0);
    sent[1].verdict = Verdict::Unanswered;
    sent[2].verdict = Verdict::Unanswered;
    received.remove(1);
    received[3].verdict = Verdict::Failed;
    received.push(Row { at: 5, ..row(8, Verdict::Deferred) });
    sent.insert(0, Row { at: 5, ..row(8, Verdict::Postponed) });
    received.push(row(500, Verdict::Stranger));
    received.push(row(3, Verdict::Reported));
    let proof = joined("explained", &sent, &received, |_| ());
    assert!(proof.holds, "{proof}");
    assert_eq!((proof.not_accepted, proof.unanswered, proof.unanswered_delivered), (1, 2, 1));
    assert_eq!((proof.failed, proof.exact, proof.deferrals, proof.postponements), (1, 5, 1, 1));
    assert_eq!((proof.strangers, proof.reported), (1, 1));
}

#[test]
fn leniency_covers_what_it_names_and_nothing_else() {
    let (sent, mut received) = clean();
    received[0].verdict = Verdict::Deferred;
    received[1].header ^= 1;
    received.insert(0, row(5, Verdict::Delivered));
    let lenient = |options: &mut Options| {
        options.may_be_queued = true;
        options.body_only = true;
        options.duplicates_allowed = 1;
    };
    assert!(joined("lenient", &sent, &received, lenient).holds);
    received.insert(0, row(6, Verdict::Delivered));
    assert_eq!(faults(&joined("twice", &sent, &received, lenient)), ["duplicate"]);
    received.remove(0);
    received[3].body ^= 1;
    assert_eq!(faults(&joined("changed", &sent, &received, lenient)), ["corrupt"]);
}

#[test]
fn a_generator_that_was_killed_leaves_no_false_accusation() {
    let (mut sent, received) = clean();
    sent.truncate(6);
    let proof = joined("cut", &sent, &received, |_| ());
    assert!(proof.generator_was_cut && proof.holds);
    assert_eq!((proof.exact, proof.never_accepted), (6, 3));
}
