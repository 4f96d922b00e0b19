//! Those who vouch for hosts, and our side of every handshake with one.

use super::{io, refused, unreadable};
use crate::settings::Loaded;
use std::fs;
use std::sync::Arc;
use wire::{Connector, Roots};

/// Our side of every handshake with a host.
///
/// # Errors
/// The file that is named cannot be used, or nobody vouches where somebody has to; with the line.
pub(crate) fn connector(loaded: &Loaded) -> io::Result<Arc<Connector>> {
    let roots = roots(loaded)?;
    let connector = Connector::new(roots.as_ref()).map_err(io::Error::other)?;
    Ok(Arc::new(connector))
}

fn roots(loaded: &Loaded) -> io::Result<Option<Roots>> {
    if let Some(path) = &loaded.settings.delivery_tls.server_ca {
        let pem = fs::read(path).map_err(|error| unreadable(&error));
        let roots = pem.and_then(|pem| Roots::from_pem(&pem));
        return roots
            .map(Some)
            .map_err(|wrong| refused(loaded, ("delivery", None, "server_ca"), path, &wrong));
    }
    let found = rustls_native_certs::load_native_certs().certs;
    let roots = Roots::from_der(found.iter().map(|certificate| certificate.to_vec()));
    match loaded.settings.verifies() {
        Some(place) if roots.is_none() => {
            let wrong = "`tls` is \"verified\", and this system trusts nobody: name a `server_ca` \
                         in [delivery]";
            let fault = loaded.fault(place, wrong).to_string();
            Err(io::Error::new(io::ErrorKind::InvalidInput, fault.trim_end().to_owned()))
        }
        _ => Ok(roots),
    }
}

#[cfg(test)]
mod tests;
