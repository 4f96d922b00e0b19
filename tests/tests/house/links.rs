//! A page that points at a file points at one that is there.

use crate::tree::{File, assert_clean, files, root};
use std::path::Path;

#[test]
fn links_between_our_pages_lead_somewhere() {
    let root = root();
    let faults: Vec<String> = files().iter().flat_map(|file| dangling(file, &root)).collect();
    assert_clean("links that lead nowhere", &faults);
}

#[test]
fn a_link_to_nothing_is_noticed() {
    let page = File::new("tests/a.md", "[a](Cargo.toml) [b](none.md#top)\n[c](https://x.org)\n");
    assert_eq!(dangling(&page, &root()), ["tests/a.md:1: none.md"]);
}

fn dangling(file: &File, root: &Path) -> Vec<String> {
    let folder = root.join(&file.path);
    let folder = folder.parent().expect("a file is in a folder");
    let mut faults = Vec::new();
    for (number, line) in file.lines().filter(|_| file.is("md")) {
        for target in targets(line) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.contains("://") && !folder.join(path).exists() {
                faults.push(format!("{}:{number}: {path}", file.path));
            }
        }
    }
    faults
}

/// What the `[text](target)` links of a line point at.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}
