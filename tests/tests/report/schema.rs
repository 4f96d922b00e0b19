//! The schema in git is the model's, and a real report keeps it.

use crate::run;
use loadgen::report;
use serde_json::{Value, json};
use std::path::Path;
use std::{env, fs, io};
use tests::scratch::Scratch;

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../loadgen/report.schema.json");

#[test]
fn the_schema_is_that_of_the_model() -> io::Result<()> {
    let (kept, made) = (fs::read_to_string(SCHEMA).unwrap_or_default(), report::schema());
    if env::var_os("BLESS").is_some() {
        fs::write(SCHEMA, &made)?;
    } else {
        assert!(kept == made, "loadgen/report.schema.json is another: `cargo bless -p tests`");
    }
    Ok(())
}

#[test]
fn a_real_report_keeps_the_schema_and_is_read_back() -> io::Result<()> {
    let scratch = Scratch::new("report-schema")?;
    let document = run::document(scratch.path())?;
    let schema: Value = serde_json::from_str(&report::schema())?;
    let validator = jsonschema::validator_for(&schema).map_err(io::Error::other)?;
    let path = scratch.path().join("report/report.json");
    let mut written: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
    let errors: Vec<String> = validator
        .iter_errors(&written)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(figures(&report::read_document(&path)?), figures(&document));
    for (pointer, wrong) in [
        ("/send/rate", json!("fast")),
        ("/sink/providers/0/deferred", json!(-1)),
        ("/verify/proof/holds", json!(null)),
    ] {
        let right = written.pointer(pointer).cloned().expect("every report has that");
        *written.pointer_mut(pointer).expect("as was seen") = wrong;
        assert!(!validator.is_valid(&written), "{pointer}");
        *written.pointer_mut(pointer).expect("as was seen") = right;
    }
    is_refused_with_its_path(&path)?;
    hgrm_files_are_there(scratch.path())
}

/// What two documents agree on in words and whole numbers.
fn figures(document: &report::Document) -> (Option<u64>, Option<usize>, Option<u64>) {
    let send = document.send.as_ref().map(|sent| sent.accepted);
    let sink = document.sink.as_ref().map(|sink| sink.providers.len());
    (send, sink, document.verify.as_ref().map(|verify| verify.proof.exact))
}

fn is_refused_with_its_path(path: &Path) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    for (text, wanted) in [
        (text.replacen("\"format\": 1", "\"format\": 2", 1), "a report of format 2"),
        (text.replacen("\"messages\"", "\"massages\"", 1), "no report of ringload"),
    ] {
        fs::write(path, text)?;
        let refused = report::read_document(path).expect_err("it is no report").to_string();
        assert!(refused.contains("report.json: ") && refused.contains(wanted), "{refused}");
    }
    Ok(())
}

fn hgrm_files_are_there(folder: &Path) -> io::Result<()> {
    for name in ["connect", "mail", "final", "transaction", "corrected", "own_lateness"] {
        let text = fs::read_to_string(folder.join(format!("report/{name}.hgrm")))?;
        assert!(text.trim_start().starts_with("Value") && text.contains("#[Max"), "{name}: {text}");
    }
    Ok(())
}
