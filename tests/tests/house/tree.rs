//! The project's files, as the rules see them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// A text file: its path from the top of the project, and what is in it.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    pub(crate) fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

/// The folder that holds the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").into()
}

/// Every text file below the top, build output left out, in path order.
pub(crate) fn files() -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    for name in visible(&root) {
        walk(&root, &name, &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// What stands at the top of `root`, less what `.gitignore` names there and git's own folder.
pub(crate) fn visible(root: &Path) -> Vec<String> {
    let ignored = fs::read_to_string(root.join(".gitignore")).expect(".gitignore is there");
    let ignored: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('/')).collect();
    let mut names = names_in(root);
    names.retain(|name| name != ".git" && !ignored.contains(&name.as_str()));
    names
}

/// Fails the test with all of `faults`, if there are any.
pub(crate) fn assert_clean(rule: &str, faults: &[String]) {
    let list = faults.iter().fold(String::new(), |mut list, fault| {
        let _ = writeln!(list, "  {fault}");
        list
    });
    assert!(faults.is_empty(), "{rule}:\n{list}");
}

fn walk(root: &Path, name: &str, found: &mut Vec<File>) {
    let path = root.join(name);
    if path.is_dir() {
        for inner in names_in(&path) {
            walk(root, &format!("{name}/{inner}"), found);
        }
    } else if let Ok(text) = fs::read_to_string(&path) {
        found.push(File { path: name.into(), text });
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder of the project can be read");
    let names = entries.map(|entry| entry.expect("as can its entries").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into()).collect();
    names.sort();
    names
}

/// The cargo that runs this test.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}
