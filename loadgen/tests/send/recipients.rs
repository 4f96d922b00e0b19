//! Whom the messages are for.

use crate::run::{Scratch, run};
use loadgen::hash;
use loadgen::ledger::Verdict;
use loadgen::recipient::Addresses;
use loadgen::send::{self, Options};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

/// 200 messages for two each, to a list of 300: the first 100 of it come twice.
#[test]
fn a_file_of_addresses_is_used_in_order_and_begun_again() {
    let scratch = Scratch::new("addresses");
    let address = |number: u64| format!("user{number}@d{}.example", number % 9);
    let text: String = (0..300).map(|number| address(number) + "\n").collect();
    let path = scratch.file("list");
    fs::write(&path, text).unwrap();
    let run = run("list", ",defer=0.2", |options| {
        options.addresses = Some(Arc::new(Addresses::open(&path).unwrap()));
        options.recipients = 2;
    });
    assert!(run.proof.holds && run.proof.exact == 400, "{}", run.proof);
    let mut times = BTreeMap::new();
    for row in run.received.iter().filter(|row| row.verdict == Verdict::Delivered) {
        *times.entry(row.recipient).or_insert(0) += 1;
    }
    let times = |number| times[&hash::address(address(number).as_bytes())];
    assert!((0..300).all(|number| times(number) == if number < 100 { 2 } else { 1 }));
}

#[test]
fn a_list_that_is_cut_under_way_is_an_error_and_no_quiet_report() {
    let scratch = Scratch::new("cut");
    let path = scratch.file("list");
    fs::write(&path, "ann@a.example\nbob@b.example\n").unwrap();
    let addresses = Some(Arc::new(Addresses::open(&path).unwrap()));
    fs::write(&path, "").unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = nobody.local_addr().unwrap();
    let options = Options { addresses, messages: 1, sessions: 1, ..Options::new(target) };
    assert_eq!(options.recipients_by_domain()["changed.invalid"], 1);
    drop(nobody);
    let patience = std::time::Duration::from_millis(1);
    let sending = send::start(Options { patience, ..options }).unwrap();
    let error = sending.join().unwrap_err().to_string();
    assert!(error.contains("list: "), "{error}");
}
