//! Postfix for `sites polite`, as Debian ships it, and as its documentation advises.
//!
//! It finds the providers by a table, so it sees one address of each where by MX it would find
//! several, and one domain where it would keep several apart: both are in its favour.

use super::{PARTS, Part};
use loadgen::sink::Sink;
use std::fs;
use std::io;
use std::path::Path;
use tests::postfix::Postfix;
use tests::tool;

pub(super) fn is_there() -> bool {
    tool::find("postfix").is_some()
}

/// What Debian's `main.cf` says of TLS; everything else is Postfix's own.
const SHIPPED: [(&str, &str); 1] = [("smtp_tls_security_level", "may")];

/// What is advised for all: connections are kept for the next message, also those under TLS
/// (`CONNECTION_CACHE_README`; `TLS_README`, "Client-side TLS connection reuse").
const ADVISED: [(&str, &str); 2] =
    [("smtp_connection_cache_destinations", "static:all"), ("smtp_tls_connection_reuse", "yes")];

/// The process that keeps connections under TLS (`TLS_README`).
const TLSPROXY: &str = "tlsproxy unix - - n - 0 tlsproxy\n";

/// One that sends to the providers of `sink`.
pub(super) fn start(folder: &Path, sink: &Sink, advised: bool) -> io::Result<Postfix> {
    let addresses = sink.providers().iter().map(|provider| provider.addresses[0]);
    let line = |(part, address): (&Part, std::net::SocketAddr)| {
        let transport = if advised { part.profile } else { "smtp" };
        format!("{} {transport}:[{}]:{}\n", part.domain, address.ip(), address.port())
    };
    let table = folder.join("transport");
    fs::write(&table, PARTS.iter().zip(addresses).map(line).collect::<String>())?;
    let table = format!("texthash:{}", table.display());
    let mut settings: Vec<(&str, &str)> = vec![("transport_maps", &table)];
    settings.extend(SHIPPED);
    if !advised {
        return Postfix::start(folder, &settings);
    }
    settings.extend(ADVISED);
    let limits = PARTS.map(limit);
    settings.extend(limits.iter().map(|(name, limit)| (name.as_str(), limit.as_str())));
    let services = TLSPROXY.to_owned() + &PARTS.map(transport).concat();
    Postfix::start_beside(folder, &settings, &services)
}

/// A transport of its own for each destination that has limits (`QSHAPE_README`, "Postfix deferred queue
/// is full of messages to a destination"), with as many messages a connection as the provider takes.
fn transport(part: Part) -> String {
    let Part { profile, messages, .. } = part;
    format!("{profile} unix - - n - - smtp -o smtp_connection_reuse_count_limit={messages}\n")
}

/// As many connections as it takes (postconf(5), `transport_destination_concurrency_limit`).
fn limit(part: Part) -> (String, String) {
    let Part { profile, connections, .. } = part;
    (format!("{profile}_destination_concurrency_limit"), connections.to_string())
}
