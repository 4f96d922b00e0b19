//! Postfix, as Debian installs it; settings in `bench/peers/postfix`.

use super::{Site, words};
use crate::peers::launch::{Launch, make};
use crate::peers::template::filled;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use tests::tool;

const MAIN: &str = include_str!("../../../peers/postfix/main.cf");
const MASTER: &str = include_str!("../../../peers/postfix/master.cf");

/// Where its settings are, apart from the queue: it looks at every file below them when it
/// starts, and warns of each that is not root's.
const CONFIG: &str = "config";

pub(super) fn ready() -> Result<(), String> {
    let there = tool::find("postfix").is_some() && Path::new("/etc/postfix/postfix-files").exists();
    there.then_some(()).ok_or_else(|| "install it: apt-get install postfix".into())
}

pub(super) fn prepare(site: &Site, address: SocketAddr) -> io::Result<Launch> {
    let folder = site.folder.display().to_string();
    make(site, "queue")?;
    let data = make(site, "data")?;
    let owned = Command::new("chown").arg("postfix:").arg(data).status()?;
    if !owned.success() {
        return Err(io::Error::other("there is no user postfix"));
    }
    let level = if site.tls.is_some() { "encrypt" } else { "none" };
    let chain = if site.tls.is_some() { site.chain() } else { String::new() };
    let main = filled(
        MAIN,
        &[
            ("FOLDER", &folder),
            ("RETRY_SECS", &site.retry_secs()),
            ("CONNECTIONS", &site.connections.to_string()),
            ("TLS_LEVEL", level),
            ("TLS_CHAIN", &chain),
        ],
    )?;
    let config = make(site, CONFIG)?;
    fs::write(config.join("main.cf"), main)?;
    let master = filled(MASTER, &[("PORT", &address.port().to_string())])?;
    fs::write(config.join("master.cf"), master)?;
    let transport = site.hop_lines(|hop| {
        format!("{} smtp:[{}]:{}", hop.domain, hop.address.ip(), hop.address.port())
    });
    fs::write(site.folder.join("transport"), transport)?;
    Ok(Launch {
        command: words(["postfix", "-c", &config.display().to_string(), "start-fg"]),
        ..Launch::default()
    })
}

/// `postfix flush`: "attempt to deliver every message in the deferred mail queue".
pub(super) fn flush(_: &Launch, site: &Site) -> Vec<Vec<String>> {
    vec![words(["postfix", "-c", &site.folder.join(CONFIG).display().to_string(), "flush"])]
}
