//! DNS, and MTA-STS: where the policies of domains are kept, and how they are fetched.

use super::tls::refused;
use crate::settings::{Loaded, Settings};
use control::dns::Servers;
use control::dns::sts::Setup;
use control::https::Outfit;
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};
use std::io;

/// The folder of the spool that they are kept in.
const FOLDER: &str = "mta-sts";

/// What control needs for them, if they are to be heeded.
///
/// # Errors
/// The file that is named cannot be used; with its line.
pub(crate) fn policies(loaded: &Loaded) -> io::Result<Option<Setup>> {
    let settings = &loaded.settings;
    let outfit = outfit(loaded)?;
    Ok(settings.delivery_tls.mta_sts.then(|| Setup {
        folder: settings.spool.path.join(FOLDER),
        outfit,
        private_allowed: settings.dns.allow_private_addresses,
    }))
}

/// Who is asked for names, and whether what they prove is believed.
pub(super) fn servers(settings: &Settings) -> Servers {
    Servers {
        addresses: settings.dns.servers.clone(),
        trust: settings.delivery_tls.dane,
        ..Servers::default()
    }
}

/// What is to be said of it at start.
pub(super) fn warning(policies: Option<&Setup>) -> Option<&'static str> {
    let nobody = policies.is_some_and(|policies| policies.outfit.roots.is_empty());
    nobody.then_some(
        "this system trusts nobody, so no MTA-STS policy can be fetched: name a `ca` in [https], \
         or turn `mta_sts` in [delivery] off",
    )
}

/// How web servers are reached.
pub(super) fn outfit(loaded: &Loaded) -> io::Result<Outfit> {
    Ok(Outfit { roots: roots(loaded)?, proxy: loaded.settings.https.proxy.clone() })
}

/// The certificates of those who vouch for the hosts of policies, in DER.
fn roots(loaded: &Loaded) -> io::Result<Vec<Vec<u8>>> {
    let ca = loaded.settings.https.ca.as_ref();
    let found = ca.map_or_else(load_native_certs, |path| load_certs_from_paths(Some(path), None));
    let CertificateResult { certs, errors, .. } = found;
    if let Some(path) = ca.filter(|_| certs.is_empty() || !errors.is_empty()) {
        let wrong = errors.first().map(|error| format!("cannot be used: {error}"));
        let wrong = wrong.unwrap_or_else(|| "holds no certificate".to_owned());
        return Err(refused(loaded, ("https", None, "ca"), path, &wrong));
    }
    Ok(certs.iter().map(|root| root.to_vec()).collect())
}
