//! Haraka, from npm; settings and a plugin in `bench/peers/haraka`.

use super::{Site, words};
use crate::peers::launch::{Launch, folder, make, missing};
use crate::peers::template::filled;
use serde_json::{Map, json};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use tests::tool;

const SETTINGS: [(&str, &str); 6] = [
    ("me", include_str!("../../../peers/haraka/config/me")),
    ("smtp.ini", include_str!("../../../peers/haraka/config/smtp.ini")),
    ("plugins", include_str!("../../../peers/haraka/config/plugins")),
    ("log.ini", include_str!("../../../peers/haraka/config/log.ini")),
    ("outbound.ini", include_str!("../../../peers/haraka/config/outbound.ini")),
    ("tls.ini", include_str!("../../../peers/haraka/config/tls.ini")),
];
const HOPS: &str = include_str!("../../../peers/haraka/plugins/hops.js");

pub(super) fn ready() -> Result<(), String> {
    if tool::find("node").is_none() {
        return Err("install node: apt-get install nodejs".into());
    }
    let there = package().join("bin/haraka").is_file();
    there.then_some(()).ok_or_else(|| missing("Haraka"))
}

pub(super) fn prepare(site: &Site, address: SocketAddr) -> io::Result<Launch> {
    let config = make(site, "config")?;
    make(site, "queue")?;
    fs::copy(package().join("config/connection.ini"), config.join("connection.ini"))?;
    let places = [
        ("PORT", address.port().to_string()),
        ("RETRY_SECS", site.retry_secs()),
        ("TLS_CHAIN", site.chain()),
        ("TLS_ENABLED", site.tls.is_some().to_string()),
        ("TLS_PLUGIN", if site.tls.is_some() { "tls".into() } else { String::new() }),
    ];
    let places = places.each_ref().map(|(name, value)| (*name, value.as_str()));
    for (name, text) in SETTINGS {
        if name != "tls.ini" || site.tls.is_some() {
            fs::write(config.join(name), filled(text, &places)?)?;
        }
    }
    fs::write(make(site, "plugins")?.join("hops.js"), HOPS)?;
    let hops = site.hops.iter().map(|hop| {
        let next = json!({ "host": hop.address.ip().to_string(), "port": hop.address.port() });
        (hop.domain.clone(), next)
    });
    fs::write(config.join("hops.json"), json!(hops.collect::<Map<_, _>>()).to_string())?;
    let program = package().join("bin/haraka").display().to_string();
    let command = words(["node", &program, "-c", &site.folder.display().to_string()]);
    Ok(Launch { command, ..Launch::default() })
}

/// docs/Outbound.md: "To flush the temp-fail queue, send SIGHUP to the Haraka master process".
pub(super) fn flush(id: u32) -> Vec<Vec<String>> {
    vec![words(["kill", "-HUP", &id.to_string()])]
}

fn package() -> PathBuf {
    folder().join("haraka/node_modules/Haraka")
}
