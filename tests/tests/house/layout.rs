//! The top of the project and the shape of a crate are fixed.

use crate::tree::{File, assert_clean, files, root, visible};

/// What may stand at the top, besides hidden tool files.
const TOP: [&str; 10] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "bench",
    "engine",
    "loadgen",
    "tests",
    "tuning",
];

#[test]
fn nothing_else_stands_at_the_top() {
    assert_clean("the top level is fixed", &strangers(&visible(&root())));
}

#[test]
fn a_stranger_at_the_top_is_noticed() {
    let names = ["Cargo.toml", ".ci", "scripts"].map(String::from);
    assert_eq!(strangers(&names), ["scripts"]);
}

#[test]
fn every_source_file_opens_with_what_it_is() {
    let faults: Vec<String> = files().iter().filter_map(speechless).collect();
    assert_clean("a file opens with what it is", &faults);
}

#[test]
fn a_file_that_does_not_say_what_it_is_is_noticed() {
    assert_eq!(speechless(&File::new("a.rs", "use std::fs;\n")), Some("a.rs".into()));
    assert_eq!(speechless(&File::new("a.rs", "//! A thing.\n")), None);
}

fn strangers(names: &[String]) -> Vec<String> {
    let may_stand = |name: &str| name.starts_with('.') || TOP.contains(&name);
    names.iter().filter(|name| !may_stand(name)).cloned().collect()
}

/// Tests beside their subject need no opening of their own.
fn speechless(file: &File) -> Option<String> {
    let counts = file.is("rs") && !file.path.ends_with("/tests.rs");
    let silent = counts && !file.text.trim_start().starts_with("//!");
    silent.then(|| file.path.clone())
}
