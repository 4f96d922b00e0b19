//! Ringpost, built from this workspace; settings in `bench/peers/ringpost`.

use super::Site;
use crate::peers::template::filled;
use std::io;
use tests::ringpost::{Outfit, Ringpost};

const SETTINGS: &str = include_str!("../../../peers/ringpost/ringpost.toml");

pub(super) fn start(site: &Site) -> io::Result<Ringpost> {
    let (retry, connections) = (site.retry_secs(), site.connections.to_string());
    let tls = if site.tls.is_some() { "required" } else { "off" };
    let places = [("RETRY_SECS", &*retry), ("CONNECTIONS", &connections), ("TLS", tls)];
    let settings = filled(SETTINGS, &places)?;
    let routes = site.hop_lines(|hop| {
        format!("[[route]]\ndomain = \"{}\"\nto = [\"{}\"]", hop.domain, hop.address)
    });
    // With the certificate that it makes for itself: nobody has signed the others' either.
    let listener = if site.tls.is_some() { "tls = \"starttls\"" } else { "" };
    let outfit = Outfit { listener_settings: listener.to_owned(), ..Outfit::default() };
    Ringpost::start_as(outfit, &site.folder, &(settings + &routes))
}
