//! The generator checks itself.

use crate::run::{Scratch, run};
use loadgen::send::{
    self, Credentials, Encryption, Mechanism, Options, Pipelining, Proxy, RATIO_MIN, Report,
    Version,
};
use loadgen::tls::{Client, Server, Trust};
use std::fs;

/// The report of a run that sent 200 messages at `rate`.
fn report(rate: f64) -> (Report, Options) {
    let mut kept = None;
    let mut report = run("capacity", "", |options| kept = Some(options.clone())).report;
    (report.rate, report.seconds) = (rate, 1.0);
    (report, kept.unwrap())
}

#[test]
fn the_check_speaks_as_the_run_did_and_says_what_is_possible() {
    let (mut report, options) = report(1.0);
    let client = || Client::new(&Trust::Anybody, "mx.example").unwrap();
    let login = |mechanism| {
        let (user, password) = ("ann".to_owned(), "secret".to_owned());
        Some(Credentials { user, password, mechanism: Some(mechanism) })
    };
    let proxy = |version| Some(Proxy { version, sources: "127.1.0.0/16".parse().unwrap() });
    let plain = Options { messages_per_session: 7, ledger: None, ..options };
    for options in [
        Options { threads: 2, ..plain.clone() },
        Options { pipelining: Pipelining::None, sizes: "200k".parse().unwrap(), ..plain.clone() },
        Options { arrivals: "constant:1/m".parse().unwrap(), ..plain.clone() },
        Options { encryption: Encryption::StartTls(client()), ..plain.clone() },
        Options {
            encryption: Encryption::Implicit(client()),
            proxy: proxy(Version::V1),
            credentials: login(Mechanism::Login),
            ..plain.clone()
        },
        Options { encryption: Encryption::Implicit(client()), bdat: Some(1_000), ..plain.clone() },
        Options {
            proxy: proxy(Version::V2),
            credentials: login(Mechanism::Plain),
            bdat: Some(1 << 20),
            ..plain
        },
    ] {
        report.generator.capacity = None;
        send::check_capacity(&options, &mut report).unwrap();
        let capacity = report.generator.capacity.unwrap();
        assert!(capacity.rate > RATIO_MIN && capacity.ratio >= RATIO_MIN, "{capacity:?}");
    }
    assert!(!report.generator.bottlenecks.iter().any(|why| why.contains("by itself")));
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["generator"]["capacity"]["ratio"].as_f64() > Some(RATIO_MIN));
}

/// Who takes only the relay's certificate must not fail the check by it.
#[test]
fn the_check_is_trusted_by_who_trusts_few() {
    let (mut report, options) = report(1.0);
    let scratch = Scratch::new("trust");
    let file = scratch.file("ca.pem");
    fs::write(&file, Server::self_signed(&["mx.example"]).unwrap().certificate_pem()).unwrap();
    let client = Client::new(&Trust::read(&file).unwrap(), "mx.example").unwrap();
    for encryption in [Encryption::StartTls(client.clone()), Encryption::Implicit(client)] {
        report.generator.capacity = None;
        let options = Options { encryption, ledger: None, ..options.clone() };
        send::check_capacity(&options, &mut report).unwrap();
        assert!(report.generator.capacity.unwrap().ratio >= RATIO_MIN);
    }
}

#[test]
fn a_generator_that_can_do_little_more_than_it_did_is_a_bottleneck() {
    let (mut report, options) = report(1e9);
    let before = report.generator.bottlenecks.len();
    send::check_capacity(&options, &mut report).unwrap();
    assert!(report.generator.capacity.unwrap().ratio < 1.0);
    let bottlenecks = &report.generator.bottlenecks;
    assert!(bottlenecks.len() == before + 1 && bottlenecks[before].contains("by itself"));
}

#[test]
fn a_short_run_is_not_checked() {
    let (mut report, options) = report(1.0);
    report.seconds = 0.3;
    send::check_capacity(&options, &mut report).unwrap();
    assert_eq!(report.generator.capacity, None);
}
