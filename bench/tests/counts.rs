//! The release build's machines take as many instructions as they did.

use bench::counts::{self, Change};
use std::io;
use tests::{program, tool};

#[test]
fn no_machine_takes_more_instructions_than_it_did() -> io::Result<()> {
    if !tool::all_there(&["valgrind"]) {
        return Ok(());
    }
    let now = counts::count(&program::released("counts")?)?;
    if std::env::var_os("BLESS").is_some() {
        return counts::keep(&now);
    }
    let changes = Change::all(&counts::kept()?, &now);
    let large: Vec<_> = changes.iter().filter(|change| change.is_large()).collect();
    let lines: Vec<_> = large.iter().map(ToString::to_string).collect();
    assert!(
        large.is_empty(),
        "moved by more than {} % (machine, kept, now); if that is meant, \
         `cargo run --release -p bench --bin counts -- --keep`:\n{}",
        counts::TOLERANCE * 100.0,
        lines.join("\n")
    );
    Ok(())
}
