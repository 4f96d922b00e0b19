//! From a run to its report and to a comparison, by the commands a reader would type.

use crate::{Scratch, free_address, outcome, sink};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn json(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Sends 500 messages straight to a sink, with a report of everything in `folder`.
fn run(scratch: &Scratch, folder: &str) {
    let address = free_address();
    let [sent, received] = ["sent", "received"].map(|name| scratch.file(name));
    let report = ["--report", folder];
    let mut serving = sink(address, &[&report[..], &["--ledger", &received, "-m", "500"]].concat());
    let pid = serving.0.id().to_string();
    let address = address.to_string();
    let sending = ["send", &address, "-m", "500", "--ledger", &sent, "--relay-pid", &pid, "-q"];
    let (status, said) = outcome(&[&sending[..], &report].concat());
    assert_eq!(status, 0, "{said}");
    assert!(serving.0.wait().unwrap().success());
    let verify = ["verify", "--sent", &sent, "--received", &received];
    let (status, said) = outcome(&[&verify[..], &report].concat());
    assert_eq!(status, 0, "{said}");
}

#[test]
fn a_run_leaves_its_parts_and_they_become_one_report() {
    let scratch = Scratch::new("report");
    let folder = scratch.file("run");
    run(&scratch, &folder);
    let (status, said) = outcome(&["report", &folder]);
    assert!(status == 0 && said.contains("report.html"), "{said}");
    let report = json(&format!("{folder}/report.json"));
    assert_eq!(report["send"]["accepted"], 500);
    assert_eq!(report["sink"]["providers"][0]["accepted"], 500);
    assert_eq!(report["verify"]["proof"]["exact"], 500);
    assert!(report["send"]["relay"]["memory_max_bytes"].as_u64() > Some(1 << 20));
    assert_eq!(report["send"]["origin"]["command"][1], "send");
    assert!(report["sink"]["origin"]["machine"]["cores"].as_u64() > Some(0));
    let page = fs::read_to_string(format!("{folder}/report.html")).unwrap();
    assert!(page.contains("Every accepted message arrived exactly once"), "{page}");
    assert!(Path::new(&folder).join("transaction.hgrm").exists());
    let report = format!("{folder}/report.json");
    let (status, said) = outcome(&["compare", &folder, &report]);
    assert!(status == 0 && said.contains("no regression"), "{said}");
    let mut slower = json(&report);
    for interval in slower["send"]["transaction"]["intervals"].as_array_mut().unwrap() {
        for field in ["micros", "low_micros", "high_micros"] {
            interval[field] = (interval[field].as_u64().unwrap() * 3).into();
        }
    }
    let slow = scratch.file("slow.json");
    fs::write(&slow, slower.to_string()).unwrap();
    let (status, said) = outcome(&["compare", &report, &slow]);
    assert!(status == 1 && said.contains("REGRESSION"), "{said}");
    let (status, said) = outcome(&["compare", "--base", &report, &slow, "--new", &report, &slow]);
    assert!(status == 0 && said.contains("no regression"), "{said}");
}

#[test]
fn what_cannot_be_done_is_told_with_what_to_do() {
    let scratch = Scratch::new("report-refused");
    let (empty, absent) = (scratch.file(""), scratch.file("absent"));
    let ledger = scratch.file("ledger.json");
    fs::write(&ledger, "{\"format\": 1, \"send\": 7}").unwrap();
    for (arguments, wanted) in [
        (&["report", &absent][..], "absent: no folder"),
        (&["report", &empty], "neither send.json, sink.json nor verify.json"),
        (&["compare", &absent, &absent], "absent: No such file"),
        (&["compare", &ledger, &ledger], "ledger.json: no report of ringload"),
        (&["compare", &absent], "2 values required"),
        (&["send", "--report", &absent, "--relay-pid", "4194305"], "there is no such process"),
        (&["send", "--relay-pid", "1"], "--report"),
    ] {
        let (status, said) = outcome(arguments);
        assert!(status == 2 && said.contains(wanted), "{arguments:?}: {said}");
    }
    let (status, said) = outcome(&["report", "--schema"]);
    assert!(status == 0 && said.contains("\"$schema\""), "{said}");
}
