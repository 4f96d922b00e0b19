//! OpenSMTPD, installed or unpacked; settings in `bench/peers/opensmtpd`.
//!
//! Its queue, its socket and its users are compiled into it, so it runs in mounts of its own.

use super::{Site, words};
use crate::peers::launch::{Installed, Launch, make};
use crate::peers::template::filled;
use std::fs;
use std::io;
use std::net::SocketAddr;

const SETTINGS: &str = include_str!("../../../peers/opensmtpd/smtpd.conf");
const PROGRAM: &str = "usr/sbin/smtpd";
const CONTROL: &str = "usr/sbin/smtpctl";
const USERS: [&str; 2] = ["opensmtpd", "opensmtpq"];

pub(super) fn ready() -> Result<(), String> {
    Installed::find(PROGRAM).map(|_| ())
}

pub(super) fn prepare(site: &Site, address: SocketAddr) -> io::Result<Launch> {
    let smtpd = Installed::find(PROGRAM).map_err(io::Error::other)?;
    // Its processes lock themselves into an empty folder.
    make(site, "lib/opensmtpd/empty")?;
    let mut mounts = smtpd.mounts(&site.folder, &USERS)?;
    // Its resolver is its own: this keyword of OpenBSD's keeps it to /etc/hosts.
    fs::write(site.folder.join("etc/resolv.conf"), "lookup file\n")?;
    for (name, place) in [("spool", "/var/spool"), ("lib", "/var/lib"), ("run", "/run")] {
        mounts.push((make(site, name)?, place));
    }
    let settings = filled(
        SETTINGS,
        &[("FOLDER", &site.folder.display().to_string()), ("PORT", &address.port().to_string())],
    )?;
    fs::write(site.folder.join("etc/smtpd.conf"), settings)?;
    let hops = site.hop_lines(|hop| format!("{} smtp://{}", hop.domain, hop.address));
    fs::write(site.folder.join("hops"), hops)?;
    let environment = vec![("LD_LIBRARY_PATH", smtpd.libraries())];
    Ok(Launch { command: words([&smtpd.path(PROGRAM), "-d"]), environment, mounts })
}

/// `smtpctl schedule all`: "Mark as ready for immediate delivery". Installed, it is setgid.
pub(super) fn flush(launch: &Launch) -> Vec<Vec<String>> {
    let control = launch.command[0].replace(PROGRAM, CONTROL);
    vec![words(["setpriv", "--egid", USERS[1], "--keep-groups", &control, "schedule", "all"])]
}
