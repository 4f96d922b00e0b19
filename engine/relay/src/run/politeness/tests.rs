//! An operator's own rules, and what is wrong with them.

use super::politeness;
use crate::settings::{Host, parse};
use event::Response;
use policy::replies::Action;
use std::fs;
use std::path::{Path, PathBuf};

/// A file that is gone with this.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ringpost-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

const OWN: &str = "name = \"mine\"\nsource = \"https://example.com\"\ndate = \"2026-11\"\n\
    [[reply]]\nrule = \"mine\"\ntext = [\"come back\"]\nclass = \"policy-related\"\n";

fn read(file: &Path, more: &str) -> Result<shard::Politeness, String> {
    let host = Host { cores: 1, name: "mta.example.com".to_owned() };
    let text = format!("[delivery]\nreply_rules = [\"{}\"]\n{more}", file.display());
    let loaded = parse("ringpost.toml", &text, &host).unwrap();
    politeness(&loaded).map_err(|error| error.to_string())
}

#[test]
fn rules_of_ones_own_come_first() {
    let file = File::new("own.toml", &format!("{OWN}action = \"fail\"\n"));
    let found = read(&file.0, "").unwrap();
    let response = Response::new(450, None, "come back");
    assert_eq!(found.rules.read(&response, None, None).action, Action::Fail);
    let full = Response::new(421, None, "[TSS04] Messages temporarily deferred");
    let yahoo = found.rules.provider("yahoo");
    assert_eq!(&*found.rules.read(&full, yahoo, None).rule.unwrap().name, "yahoo-two-hours");
    assert!(found.others);
    assert!(!read(&file.0, "heed_replies = false\n").unwrap().others);
}

#[test]
fn what_is_wrong_with_them_is_said_with_its_line() {
    let file = File::new("wrong.toml", &format!("{OWN}action = \"run\"\n"));
    let said = read(&file.0, "").unwrap_err();
    let expected = format!("{}:4: rule \"mine\": \"run\" is no action", file.0.display());
    assert!(said.starts_with(&expected), "{said}");
    let said = read(Path::new("/nowhere.toml"), "").unwrap_err();
    assert!(said.starts_with("ringpost.toml:2: /nowhere.toml cannot be read"), "{said}");
}
