//! The settings file of a relay under test.

use super::Outfit;
use std::env;
use std::net::SocketAddr;
use std::path::Path;

/// The whole settings file. `RINGPOST_DRIVER` chooses between the ring and epoll.
pub(super) fn written(
    outfit: &Outfit,
    folder: &Path,
    smtp: SocketAddr,
    admin: SocketAddr,
    settings: &str,
) -> String {
    let shards = super::shards_line(outfit.shards);
    let settings = unheeded(settings);
    let spool = outfit.spool.clone().unwrap_or_else(|| folder.join("spool"));
    let (spool, spool_settings) = (spool.display(), &outfit.spool_settings);
    let Outfit { listener_settings, log_settings, .. } = outfit;
    let folder = folder.display();
    let driver = env::var("RINGPOST_DRIVER").unwrap_or_else(|_| "auto".into());
    format!(
        "{shards}hostname = \"relay.test\"\n\
         [spool]\npath = \"{spool}\"\n{spool_settings}\n\
         [[listener]]\naddress = \"{smtp}\"\n{listener_settings}\n\
         [admin]\naddress = \"{admin}\"\n\
         [log]\ndelivery = \"{folder}/delivery.jsonl\"\n{log_settings}\n\
         [kernel]\ndriver = \"{driver}\"\n\
         {settings}"
    )
}

/// Hosts of tests say what they like, and what they put off is to be tried again within a second all
/// the same, unless a test says otherwise.
fn unheeded(settings: &str) -> String {
    const KEY: &str = "[delivery]\nheed_replies = false\n";
    match settings.split_once("[delivery]\n") {
        _ if settings.contains("heed_replies") => settings.to_owned(),
        Some((before, behind)) => format!("{before}{KEY}{behind}"),
        None => format!("{settings}\n{KEY}"),
    }
}
