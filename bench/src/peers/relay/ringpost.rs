//! Ringpost, built from this workspace; settings in `bench/peers/ringpost`.

use super::Site;
use crate::peers::template::filled;
use std::io;
use tests::ringpost::Ringpost;

const SETTINGS: &str = include_str!("../../../peers/ringpost/ringpost.toml");

pub(super) fn start(site: &Site) -> io::Result<Ringpost> {
    let (retry, connections) = (site.retry_secs(), site.connections.to_string());
    let settings = filled(SETTINGS, &[("RETRY_SECS", &retry), ("CONNECTIONS", &connections)])?;
    let routes = site.hop_lines(|hop| {
        format!("[[route]]\ndomain = \"{}\"\nto = [\"{}\"]", hop.domain, hop.address)
    });
    Ringpost::start(&site.folder, &(settings + &routes))
}
