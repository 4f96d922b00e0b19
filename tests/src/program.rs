//! The programs of this workspace, built before they are run.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Where the programs built so far are.
static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());

/// The program `name` (`ringpost`, `ringload`): the one that `RINGPOST_BINARY` or
/// `RINGLOAD_BINARY` names, or else the workspace's, built in the profile of the caller.
///
/// # Errors
/// If it does not build; with what cargo said.
pub fn built(name: &str) -> io::Result<PathBuf> {
    if let Some(path) = env::var_os(format!("{}_BINARY", name.to_uppercase())) {
        return Ok(path.into());
    }
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.get(name) {
        return Ok(path.clone());
    }
    let path = build(name, &profile_folder()?)?;
    built.insert(name.into(), path.clone());
    Ok(path)
}

/// The program `name`, built for release whatever the caller was built for.
///
/// # Errors
/// As [`built`].
pub fn released(name: &str) -> io::Result<PathBuf> {
    build(name, &profile_folder()?.with_file_name("release"))
}

/// Builds for the whole workspace, so that the dependencies have the features they were
/// built with for the caller, and are not built again.
fn build(name: &str, profile: &Path) -> io::Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--workspace", "--bin", name, "--manifest-path"]).arg(workspace);
    cargo.arg("--target-dir").arg(profile.parent().unwrap_or(profile));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let output = cargo.output()?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then(|| profile.join(name)).ok_or_else(|| io::Error::other(said()))
}

/// The folder of the profile this process was built in: `target/debug`, `target/release`.
fn profile_folder() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let folders = program.ancestors().skip(1);
    let mut folders = folders.filter(|folder| !folder.ends_with("deps"));
    folders.next().map(PathBuf::from).ok_or_else(|| io::Error::other("a program lies in a folder"))
}
