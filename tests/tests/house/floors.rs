//! Arrows point down: who may stand on whom.
//!
//! Cargo forbids circles; this forbids sideways and upward arrows, and keeps each runtime
//! in the one crate that may name it.

use crate::tree::{File, assert_clean, files};
use toml::{Table, Value};

/// A crate and our own crates it may use. `ANY` is for the tops, on which nothing stands.
const FLOORS: [(&str, &[&str]); 17] = [
    ("event", &[]),
    ("smtp", &["event"]),
    ("mail", &["event"]),
    ("spool", &["event"]),
    ("route", &["event"]),
    ("policy", &["event"]),
    ("wire", &["event"]),
    ("kernel", &["event"]),
    ("queue", &["event", "route", "policy"]),
    ("control", &["event", "smtp", "route", "policy"]),
    ("loadgen", &["event", "smtp", "mail"]),
    ("shard", &["event", "smtp", "mail", "spool", "route", "policy", "wire", "kernel", "queue"]),
    ("rehearsal", &["event", "route", "policy", "wire", "kernel", "shard"]),
    ("relay", ANY),
    ("tests", ANY),
    ("fuzz", ANY),
    ("bench", ANY),
];
const ANY: &[&str] = &["relay", "tests"];

/// Packages only one of our crates may name, so that it can be replaced there. What the benches
/// compare they may name too.
const KEPT: [(&str, &str); 5] = [
    ("monoio", "kernel"),
    ("io-uring-06", "kernel"),
    ("tokio-uring", "loadgen"),
    ("hickory-resolver", "control"),
    ("axum", "control"),
];

#[test]
fn arrows_point_down() {
    let faults: Vec<String> =
        files().iter().filter(|file| is_crate(file)).flat_map(faults).collect();
    assert_clean("arrows go down only", &faults);
}

#[test]
fn every_crate_has_its_floor() {
    let crates = files().iter().filter(|file| is_crate(file)).count();
    assert!(crates >= FLOORS.len() - 1, "only {crates} crates were looked at");
}

#[test]
fn crooked_arrows_are_noticed() {
    let cases = [
        ("smtp", "[dependencies]\nspool.workspace = true", "smtp may not use spool"),
        ("policy", "[dependencies]\nqueue = {}", "policy may not use queue"),
        ("relay", "[dependencies]\nbench = {}", "relay may not use bench"),
        ("mail", "[dev-dependencies]\nshard = {}", "mail may not use shard even in its tests"),
        ("shard", "[dependencies]\nmonoio = {}", "shard may not use monoio, only kernel may"),
        (
            "kernel",
            "[dev-dependencies]\ntokio-uring = {}",
            "kernel may not use tokio-uring, only loadgen may",
        ),
        ("wire", "[target.'cfg(unix)'.dependencies]\nsmtp = {}", "wire may not use smtp"),
        ("attic", "", "attic has no floor"),
    ];
    for (name, dependencies, fault) in cases {
        assert_eq!(faults(&manifest(name, dependencies)), [fault], "{name}");
    }
}

#[test]
fn straight_arrows_are_not() {
    let cases = [
        ("queue", "[dependencies]\npolicy = {}\nslab = {}"),
        ("mail", "[dev-dependencies]\nsmtp = {}"),
        ("kernel", "[dependencies]\nmonoio = {}"),
        ("bench", "[dependencies]\nrelay = {}\ntests = {}\ntokio-uring = {}"),
    ];
    for (name, dependencies) in cases {
        assert_eq!(faults(&manifest(name, dependencies)), [""; 0], "{name}");
    }
}

#[test]
fn a_crate_without_our_lints_is_noticed() {
    let bare = File::new("engine/smtp/Cargo.toml", "[package]\nname = \"smtp\"");
    assert_eq!(faults(&bare), ["smtp does not take the workspace's lints"]);
}

fn manifest(name: &str, dependencies: &str) -> File {
    let text = format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{dependencies}");
    File::new("x/Cargo.toml", &text)
}

fn is_crate(file: &File) -> bool {
    file.path.ends_with("/Cargo.toml")
}

/// What is crooked in one manifest.
fn faults(file: &File) -> Vec<String> {
    let manifest: Table = file.text.parse().expect("cargo has read it before us");
    let name = manifest["package"]["name"].as_str().expect("a package has a name");
    let Some(floor) = FLOORS.iter().find(|floor| floor.0 == name) else {
        return vec![format!("{name} has no floor")];
    };
    let used = named(&manifest, "dependencies").into_iter().filter_map(|used| crooked(floor, used));
    let tested =
        named(&manifest, "dev-dependencies").into_iter().filter_map(|used| upward(name, used));
    let taken = [named(&manifest, "dependencies"), named(&manifest, "dev-dependencies")].concat();
    let stolen = taken.into_iter().filter_map(|used| out_of_its_crate(name, used));
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    let bare = (lints != Some(&Value::Boolean(true)))
        .then(|| format!("{name} does not take the workspace's lints"));
    used.chain(tested).chain(stolen).chain(bare).collect()
}

/// The packages a table of this kind names, for every target.
fn named<'t>(manifest: &'t Table, kind: &str) -> Vec<&'t str> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let tables = tables.chain([manifest]).filter_map(|table| table.get(kind)?.as_table());
    tables.flat_map(Table::keys).map(String::as_str).collect()
}

fn crooked((name, may_use): &(&str, &[&str]), used: &str) -> Option<String> {
    let ours = FLOORS.iter().any(|floor| floor.0 == used);
    let allowed = may_use.contains(&used) || (*may_use == ANY && used != "bench");
    (ours && !allowed).then(|| format!("{name} may not use {used}"))
}

/// A test may look sideways, to try one machine against another; never up.
fn upward(name: &str, used: &str) -> Option<String> {
    let ours = FLOORS.iter().any(|floor| floor.0 == used);
    (ours && height(used) > height(name))
        .then(|| format!("{name} may not use {used} even in its tests"))
}

fn out_of_its_crate(name: &str, used: &str) -> Option<String> {
    let (_, keeper) = KEPT.iter().find(|kept| kept.0 == used)?;
    (name != *keeper && name != "bench")
        .then(|| format!("{name} may not use {used}, only {keeper} may"))
}

/// How many floors are below a crate.
fn height(name: &str) -> usize {
    match FLOORS.iter().find(|floor| floor.0 == name) {
        Some((_, may_use)) if *may_use == ANY => FLOORS.len(),
        Some((_, may_use)) => may_use.iter().map(|below| height(below) + 1).max().unwrap_or(0),
        None => 0,
    }
}
