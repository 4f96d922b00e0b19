//! `ringpost config check`: what is wrong is said with file and line, before anything starts.

use std::fs;
use std::io;
use std::process::{Command, Output};
use tests::program;
use tests::scratch::Scratch;

/// A bad file, the line that is wrong, and words the complaint must hold.
const BAD: [(&str, usize, &[&str]); 4] = [
    ("hostname = \"mta.test\"\nshard = 2\n", 2, &["`shard`", "shards"]),
    ("[spool]\ndurability = \"maybe\"\n", 2, &["maybe", "sync", "page-cache", "memory"]),
    ("[[listener]]\naddress = \"nowhere\"\n", 2, &["nowhere"]),
    ("hostname = \n", 1, &[]),
];

#[test]
fn a_bad_file_is_refused_with_file_and_line() -> io::Result<()> {
    for (text, line, words) in BAD {
        let (name, output) = check(text)?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text:?}: {said}");
        assert!(said.contains(&format!("{name}:{line}: ")), "{text:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{text:?}: no {word} in {said}");
        }
    }
    Ok(())
}

#[test]
fn what_show_prints_is_right() -> io::Result<()> {
    let shown = Command::new(program::built("ringpost")?).args(["config", "show"]).output()?;
    let (_, output) = check(&String::from_utf8_lossy(&shown.stdout))?;
    assert!(output.status.success(), "{output:?}");
    Ok(())
}

#[test]
fn run_refuses_what_check_refuses() -> io::Result<()> {
    let scratch = Scratch::new("settings")?;
    let file = scratch.path().join("ringpost.toml");
    fs::write(&file, "typo = 1\n")?;
    let mut run = Command::new(program::built("ringpost")?);
    let output = run.args(["run", "--config"]).arg(&file).current_dir(scratch.path()).output()?;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(fs::read_dir(scratch.path())?.count(), 1, "and made nothing");
    Ok(())
}

/// The name of a file with `text`, and what `config check` says of it.
fn check(text: &str) -> io::Result<(String, Output)> {
    let scratch = Scratch::new("settings")?;
    let file = scratch.path().join("ringpost.toml");
    fs::write(&file, text)?;
    let mut check = Command::new(program::built("ringpost")?);
    let output = check.args(["config", "check", "--config"]).arg(&file).output()?;
    Ok((file.display().to_string(), output))
}
