//! `ringpost import`: what it makes of another relay's file is what `ringpost config check` takes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tests::program;
use tests::scratch::Scratch;

/// The files of other relays: the format of each, itself, and the status that says how much came over.
fn files() -> io::Result<Vec<(&'static str, String, i32)>> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/relay/src/import/transcripts");
    let mut all = Vec::new();
    for format in ["kumomta", "powermta"] {
        for entry in fs::read_dir(folder.join(format))? {
            let transcript = fs::read_to_string(entry?.path())?;
            let (file, said) = transcript.split_once("-----\n").unwrap_or((&transcript, ""));
            if !said.starts_with("----- refused") {
                all.push((format, file.to_owned(), i32::from(said.contains(": left out: "))));
            }
        }
    }
    Ok(all)
}

#[test]
fn what_is_printed_is_right() -> io::Result<()> {
    let scratch = Scratch::new("import")?;
    for (format, text, status) in files()? {
        let output = import(&scratch, format, &text, &[])?;
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        let settings = scratch.path().join("printed.toml");
        fs::write(&settings, &output.stdout)?;
        is_right(&settings)?;
    }
    Ok(())
}

#[test]
fn what_is_written_is_right_and_written_once() -> io::Result<()> {
    for (format, text, status) in files()? {
        let scratch = Scratch::new("import")?;
        let folder = scratch.path().join("new").join("folder");
        let folder_text = folder.display().to_string();
        let output = import(&scratch, format, &text, &["--output", &folder_text])?;
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        is_right(&folder.join("ringpost.toml"))?;
        let before = fs::read(folder.join("ringpost.toml"))?;
        let output = import(&scratch, format, "", &["--output", &folder_text])?;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(said(&output).contains("is there already"), "{output:?}");
        assert_eq!(fs::read(folder.join("ringpost.toml"))?, before);
    }
    Ok(())
}

#[test]
fn the_status_says_how_much_came_over() -> io::Result<()> {
    let scratch = Scratch::new("import")?;
    for (format, text, status, word) in [
        (
            "kumomta",
            "[\"default\"]\nconnection_limit = 5\n",
            0,
            "1 lines came over, 0 to look at, 0 left out",
        ),
        ("kumomta", "[\"default\"]\nmax_ready = 5\n", 1, "source:2: left out: max_ready: "),
        ("kumomta", "\n[\"default\"\n", 2, "source:2: "),
        ("powermta", "<domain *>\nmax-smtp-out 5\n</domain>\n", 0, "1 lines came over"),
        (
            "powermta",
            "<domain *>\nmax-errors-per-connection 5\n</domain>\n",
            1,
            "source:2: left out: ",
        ),
        ("powermta", "\n<domain *>\n", 2, "source:2: <domain> is not closed"),
    ] {
        let output = import(&scratch, format, text, &[])?;
        assert_eq!(output.status.code(), Some(status), "{text:?}: {output:?}");
        assert!(said(&output).contains(word), "{text:?}: {output:?}");
        assert_eq!(output.stdout.is_empty(), status == 2, "{text:?}: {output:?}");
    }
    let output = Command::new(program::built("ringpost")?)
        .args(["import", "powermta"])
        .arg(scratch.path().join("nothing"))
        .output()?;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    Ok(())
}

fn import(scratch: &Scratch, format: &str, text: &str, more: &[&str]) -> io::Result<Output> {
    let file: PathBuf = scratch.path().join("source");
    fs::write(&file, text)?;
    let mut import = Command::new(program::built("ringpost")?);
    import.args(["import", format]).arg(&file).args(more).output()
}

fn is_right(settings: &Path) -> io::Result<()> {
    let mut check = Command::new(program::built("ringpost")?);
    let output = check.args(["config", "check", "--config"]).arg(settings).output()?;
    assert!(output.status.success(), "{}: {output:?}", settings.display());
    Ok(())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
