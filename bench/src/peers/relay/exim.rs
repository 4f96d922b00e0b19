//! Exim, installed or unpacked; settings in `bench/peers/exim`.
//!
//! In mounts of its own it finds our settings at the path compiled into it, so that it need
//! not be told with `-C`, which would cost it its rights.

use super::{Site, words};
use crate::peers::launch::{Installed, Launch, make, make_for};
use crate::peers::template::filled;
use std::fs;
use std::io;
use std::net::SocketAddr;

const SETTINGS: &str = include_str!("../../../peers/exim/exim4.conf");
const PROGRAM: &str = "usr/sbin/exim4";
const USER: &str = "Debian-exim";
/// Queue runners that a flush starts: as many as `queue_run_max` lets run.
const RUNNERS: usize = 20;

pub(super) fn ready() -> Result<(), String> {
    Installed::find(PROGRAM).map(|_| ())
}

pub(super) fn prepare(site: &Site, address: SocketAddr) -> io::Result<Launch> {
    let exim = Installed::find(PROGRAM).map_err(io::Error::other)?;
    let mut mounts = exim.mounts(&site.folder, &[USER])?;
    make_for(site, "spool/exim4", USER)?;
    make_for(site, "log/exim4", USER)?;
    mounts.push((site.folder.join("spool"), "/var/spool"));
    mounts.push((site.folder.join("log"), "/var/log"));
    let macros = [("HOLD", site.hung), ("TLS", site.tls.is_some())];
    let macros = macros.iter().filter(|(_, on)| *on).map(|(name, _)| format!("{name} = yes\n"));
    let settings = macros.collect::<String>() + SETTINGS;
    let settings = filled(
        &settings,
        &[
            ("PROGRAM", &exim.path(PROGRAM)),
            ("LIBRARIES", &exim.libraries()),
            ("FOLDER", &site.folder.display().to_string()),
            ("PORT", &address.port().to_string()),
            ("RETRY_SECS", &site.retry_secs()),
            ("TLS_CHAIN", &site.chain()),
        ],
    )?;
    fs::write(make(site, "etc/exim4")?.join("exim4.conf"), settings)?;
    let hops = site
        .hop_lines(|hop| format!("{}: {}::{}", hop.domain, hop.address.ip(), hop.address.port()));
    fs::write(site.folder.join("hops"), hops)?;
    // -q: a queue runner at this interval retries what is due. While all mail is to wait,
    // only those of the flush run.
    let interval = if site.hung { String::new() } else { format!("-q{}s", site.retry_secs()) };
    let mut command = words([&exim.path(PROGRAM), "-bdf", &interval]);
    command.retain(|word| !word.is_empty());
    let environment = vec![("LD_LIBRARY_PATH", exim.libraries())];
    Ok(Launch { command, environment, mounts })
}

/// `exim -qff`: a queue run that heeds neither retry times nor frozen messages.
pub(super) fn flush(launch: &Launch) -> Vec<Vec<String>> {
    vec![words([&launch.command[0], "-qff"]); RUNNERS]
}
