//! The tree is as `cargo fmt` leaves it.

use crate::tree::{cargo, root};
use std::path::Path;
use std::process::Command;

#[test]
fn the_tree_is_formatted() {
    let diff = unformatted(&root().join("Cargo.toml"));
    assert!(diff.is_empty(), "run `cargo fmt --all`:\n{diff}");
}

#[test]
fn a_badly_formatted_crate_is_noticed() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("formatting");
    std::fs::create_dir_all(folder.join("src")).expect("the test's own folder");
    std::fs::write(
        folder.join("Cargo.toml"),
        "[package]\nname = \"bad\"\nedition = \"2024\"\n[workspace]\n",
    )
    .expect("the manifest is written");
    std::fs::write(folder.join("src/lib.rs"), "fn   f( ){}\n").expect("the source is written");
    assert!(unformatted(&folder.join("Cargo.toml")).contains("fn f() {}"));
}

/// What `cargo fmt` would change in the workspace of `manifest`.
fn unformatted(manifest: &Path) -> String {
    let mut fmt = Command::new(cargo());
    fmt.args(["fmt", "--all", "--check", "--manifest-path"])
        .arg(manifest)
        .args(["--", "--color=never"]);
    let output = fmt.output().expect("cargo starts");
    if output.status.success() {
        return String::new();
    }
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into()
}
