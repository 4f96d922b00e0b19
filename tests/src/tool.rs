//! Programs the tests need but cannot build.

use std::env;
use std::path::{Path, PathBuf};

/// Where a program may be, besides `PATH`: Debian keeps daemons out of a user's.
const ALSO: [&str; 3] = ["/usr/sbin", "/usr/lib/postfix/sbin", "/sbin"];

/// Where Debian keeps what Node may load.
pub const NODE_PACKAGES: &str = "/usr/share/nodejs";

/// Where `program` is, if it is installed.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(ALSO.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether a test that needs `programs` can run here; says so if not.
///
/// # Panics
/// In CI, where all of them must be there.
#[must_use]
pub fn all_there(programs: &[&str]) -> bool {
    let absent: Vec<&str> = programs.iter().copied().filter(|name| find(name).is_none()).collect();
    let ready = absent.is_empty();
    assert!(ready || env::var_os("CI").is_none(), "CI must have {absent:?}: see tests/run");
    if !ready {
        eprintln!("not run, for want of {absent:?}: tests/run installs them");
    }
    ready
}

/// Whether Node has a package of this name; says so if not.
///
/// # Panics
/// In CI, where it must be there.
#[must_use]
pub fn node_has(package: &str) -> bool {
    let ready = Path::new(NODE_PACKAGES).join(package).is_dir();
    assert!(ready || env::var_os("CI").is_none(), "CI must have {package}: see tests/run");
    if !ready {
        eprintln!("not run, for want of {package}: tests/run installs it");
    }
    ready
}

/// Whether we may start Postfix: it is there, and we are root, as its master must be.
///
/// # Panics
/// In CI, where it must be there.
#[must_use]
pub fn postfix_can_run() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("not run: Postfix's master must be started by root");
    }
    root && all_there(&["postfix", "smtp-source", "smtp-sink"])
        && Path::new("/etc/postfix/postfix-files").exists()
}
