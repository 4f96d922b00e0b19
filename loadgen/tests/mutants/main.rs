//! Does `verify` find what it is there for? A small relay between generator and sink plants one
//! fault among many messages, and the report must name it, and nothing else.
//!
//! `RINGLOAD_MESSAGES=100000 cargo test --release -p loadgen --test mutants` plants one in 10^5.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod relay;

use loadgen::send::{self, Options};
use loadgen::sink::{self, Provider};
use loadgen::verify::{self, Proof};
use relay::{CONNECTIONS, Fault, MESSAGES_PER_CONNECTION, Relay};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Messages of a run, unless `RINGLOAD_MESSAGES` asks for another number.
const MESSAGES: u64 = 3_000;

fn messages() -> u64 {
    let Ok(asked) = env::var("RINGLOAD_MESSAGES") else { return MESSAGES };
    asked.parse().expect("RINGLOAD_MESSAGES is a number")
}

/// Where the ledgers of one run are.
struct Ledgers(PathBuf);

impl Ledgers {
    fn sent(&self) -> PathBuf {
        self.0.join("sent")
    }

    fn received(&self) -> PathBuf {
        self.0.join("received")
    }
}

impl Drop for Ledgers {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Sends through a relay with this fault, to a provider that says what it asks of relays.
fn run(fault: Fault) -> Ledgers {
    let folder = env::temp_dir().join(format!("ringload-mutant-{fault:?}-{}", std::process::id()));
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    let ledgers = Ledgers(folder);
    let provider = Provider::read_line(&format!(
        "name=strict,listen=127.0.0.1:0,connections_per_source={CONNECTIONS},\
         messages_per_connection={MESSAGES_PER_CONNECTION},close=say421,contract=connections+messages"
    ));
    let sink = sink::start(sink::Options {
        providers: vec![provider.unwrap()],
        seed: 1,
        ledger: Some(ledgers.received()),
        threads: 1,
    })
    .unwrap();
    let relay = Relay::start(sink.providers()[0].addresses[0], fault, messages() / 2).unwrap();
    let options = Options {
        messages: messages(),
        sessions: 8,
        sizes: "2k-6k".parse().unwrap(),
        ledger: Some(ledgers.sent()),
        ..Options::new(relay.address())
    };
    let report = send::start(options).unwrap().join().unwrap();
    assert_eq!(report.accepted + report.refused, messages(), "{report:?}");
    relay.finish();
    sink.stop();
    sink.join().unwrap();
    ledgers
}

/// What `ringload verify` makes of them: its exit status and its report.
fn verified(ledgers: &Ledgers) -> (i32, String) {
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let output = Command::new(env!("CARGO_BIN_EXE_ringload"))
        .args(["verify", "--sent", &path(&ledgers.sent())])
        .args(["--received", &path(&ledgers.received())])
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// All counts of faults, in the order of the report.
fn faults(ledgers: &Ledgers) -> [u64; 6] {
    let (sent, received) = (vec![ledgers.sent()], vec![ledgers.received()]);
    let Proof {
        missing, duplicates, corrupt, never_accepted, after_failure, out_of_contract, ..
    } = verify::verify(&verify::Options { sent, received, ..verify::Options::default() }).unwrap();
    [missing, duplicates, corrupt, never_accepted, after_failure, out_of_contract]
}

#[test]
fn a_faithful_relay_is_proved() {
    let ledgers = run(Fault::None);
    assert_eq!(faults(&ledgers), [0; 6]);
    let (status, said) = verified(&ledgers);
    assert!(status == 0 && said.ends_with("  proof holds\n"), "{said}");
    let exact = format!("delivered exactly {:>17}", messages());
    assert!(said.contains(&exact), "{said}");
}

/// One fault among all messages; the counts that must be one, and a line of the report.
fn is_found(fault: Fault, place: usize, line: &str) {
    let ledgers = run(fault);
    let mut expected = [0; 6];
    expected[place] = 1;
    assert_eq!(faults(&ledgers), expected, "{fault:?}");
    let (status, said) = verified(&ledgers);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains(line) && said.ends_with("  PROOF FAILS\n"), "{line}: {said}");
    println!("{fault:?} among {}:\n{said}", messages());
}

#[test]
fn a_lost_message_is_found() {
    is_found(Fault::Loses, 0, "  missing: message ");
}

#[test]
fn a_doubled_message_is_found() {
    is_found(Fault::Doubles, 1, "  duplicate: message ");
}

#[test]
fn an_altered_byte_is_found() {
    is_found(Fault::Alters, 2, "  corrupt: message ");
}

#[test]
fn a_message_that_was_refused_and_delivered_is_found() {
    is_found(Fault::DeliversRefused, 3, "  never accepted: message ");
}

#[test]
fn one_connection_too_many_is_found() {
    let line = "  out of contract: strict connections, 5 where 4 may be, 1 times\n";
    is_found(Fault::ConnectsOnceMore, 5, line);
}

#[test]
fn one_message_too_many_on_a_connection_is_found() {
    let line = "  out of contract: strict messages, 101 where 100 may be, 1 times\n";
    is_found(Fault::StaysForOneMore, 5, line);
}
