//! What has to do with TLS: certificates, and who must show what.

use super::mail::words;
use super::{Entry, Loaded, Origin, Place, Reader, Section, Settings};
use control::dns::Trust;
use std::path::{Path, PathBuf};

/// `[[certificate]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The file with the certificate, and with those that vouch for it.
    pub chain: PathBuf,
    /// The file with its key.
    pub key: PathBuf,
}

/// `[tls]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Where a certificate made here is kept; beside the spool if it was left out.
    pub directory: Option<PathBuf>,
}

/// What of TLS there is at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// None.
    Off,
    /// It is offered.
    Starttls,
    /// It is offered, and without it there is no mail.
    Required,
    /// It comes before anything else.
    Implicit,
}

words!(Security {
    "off" => Self::Off,
    "starttls" => Self::Starttls,
    "required" => Self::Required,
    "implicit" => Self::Implicit,
});

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// They are not.
    Off,
    /// They may show one.
    Optional,
    /// They must.
    Required,
}

words!(ClientCertificate {
    "off" => Self::Off,
    "optional" => Self::Optional,
    "required" => Self::Required,
});

/// The keys of a listener that are about TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// What of TLS there is.
    pub security: Security,
    /// Whether clients are asked for a certificate.
    pub client_certificate: ClientCertificate,
    /// The file with those who vouch for clients.
    pub client_ca: Option<PathBuf>,
}

/// What TLS a site asks for at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeastTls {
    /// What others ask for.
    Opportunistic,
    /// There is no mail without.
    Required,
    /// Nor to a host that does not prove to be the one that was meant.
    Verified,
}

words!(LeastTls {
    "opportunistic" => Self::Opportunistic,
    "required" => Self::Required,
    "verified" => Self::Verified,
});

impl From<LeastTls> for route::Tls {
    fn from(least: LeastTls) -> Self {
        match least {
            LeastTls::Opportunistic => Self::Opportunistic,
            LeastTls::Required => Self::Required,
            LeastTls::Verified => Self::Verified,
        }
    }
}

words!(route::Tls {
    "off" => Self::Off,
    "opportunistic" => Self::Opportunistic,
    "required" => Self::Required,
    "verified" => Self::Verified,
});

words!(Trust {
    "off" => Self::Nobody,
    "auto" => Self::Host,
    "on" => Self::Everybody,
});

/// The keys of `[delivery]` that are about TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTls {
    /// What mail goes under, unless its route says otherwise.
    pub wanted: route::Tls,
    /// Which resolvers are believed when they say that what they say of hosts is proven.
    pub dane: Trust,
    /// The file with those who vouch for hosts; the system's if it was left out.
    pub server_ca: Option<PathBuf>,
    /// Whether the policies of domains are heeded.
    pub mta_sts: bool,
}

impl Tls {
    pub(super) fn read(tls: &mut Section<'_, '_>) -> Self {
        Self {
            directory: tls.optional(
                "directory",
                "Where a self-signed certificate is kept that is made if a listener wants TLS \
                 and no [[certificate]] is named. Left out: the spool's path with \"-tls\" \
                 behind it.",
            ),
        }
    }
}

impl Certificate {
    pub(super) fn read(certificate: &mut Section<'_, '_>) -> Self {
        let chain: Option<PathBuf> = certificate.required(
            "chain",
            "The PEM file with a certificate, and behind it those that vouch for it. The first \
             [[certificate]] is shown to whoever asks for no name, or for one that none is for. \
             Files that change are read again; connections stay.",
        );
        let key: Option<PathBuf> =
            certificate.required("key", "The PEM file with the private key to it.");
        Self { chain: chain.unwrap_or_default(), key: key.unwrap_or_default() }
    }
}

impl ListenerTls {
    pub(super) fn read(listener: &mut Section<'_, '_>) -> Self {
        Self {
            security: listener.key(
                "tls",
                Security::Off,
                "\"off\": none; \"starttls\": offered; \"required\": offered, and MAIL before \
                 it hears 530; \"implicit\": the connection begins with it, as on port 465.",
            ),
            client_certificate: listener.key(
                "client_certificate",
                ClientCertificate::Off,
                "Whether clients are asked for a certificate: \"optional\": one that is shown \
                 must be good; \"required\": without a good one there is no connection.",
            ),
            client_ca: listener.optional(
                "client_ca",
                "The PEM file with the certificates that vouch for those of clients. If it \
                 changes it is read again; connections stay.",
            ),
        }
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.security != Security::Off
    }
}

impl DeliveryTls {
    pub(super) fn read(delivery: &mut Section<'_, '_>) -> Self {
        Self {
            wanted: delivery.key(
                "tls",
                route::Tls::Opportunistic,
                "\"off\": none; \"opportunistic\": where a host offers it, with any certificate, \
                 else in the clear; \"required\": never in the clear, with any certificate; \
                 \"verified\": the certificate is the host's, whose name a route's `to` or MX has.",
            ),
            dane: delivery.key(
                "dane",
                Trust::default(),
                "DANE: a host whose TLSA records are proven by DNSSEC gets mail only under TLS, with \
                 a certificate that they know, unless `tls` is \"off\". \"auto\": if all resolvers \
                 are on this host; \"on\": wherever they are, so all must validate, and nobody may \
                 come between; \"off\": never.",
            ),
            server_ca: delivery.optional(
                "server_ca",
                "The PEM file with the certificates that vouch for those of hosts, read at start. \
                 Left out: the system's.",
            ),
            mta_sts: delivery.key(
                "mta_sts",
                true,
                "Whether MTA-STS policies are heeded: a domain whose policy is \"enforce\" gets \
                 mail only at hosts that it names and that are \"verified\", whatever less `tls` \
                 says; with `tls` \"off\", and where a route has a `to`, none is. They are fetched \
                 as [https] says, and kept in the spool's folder.",
            ),
        }
    }

    pub(super) fn read_of_route(route: &mut Section<'_, '_>) -> Option<route::Tls> {
        route.optional(
            "tls",
            "What TLS this mail goes under, as [delivery] has it. Left out: what [delivery] says.",
        )
    }
}

/// What TLS a site asks for at least; `beneath`: what the profile of its hosts does.
pub(super) fn read_least(
    site: &mut Section<'_, '_>,
    beneath: Option<LeastTls>,
) -> Option<LeastTls> {
    let help = "What TLS its mail goes under at least: \"opportunistic\", \"required\" or \
                \"verified\", as in [delivery]. Of what this, [delivery] or the [[route]], DANE, \
                MTA-STS and REQUIRETLS ask for the most holds; what is known of a provider asks for \
                nothing where [delivery] or the [[route]] has \"off\". Left out: as the profile of \
                its hosts has it, else what the others ask for.";
    match beneath {
        Some(least) => Some(site.key("tls", least, help)),
        None => site.optional("tls", help),
    }
}

impl Loaded {
    /// The least TLS that each site asks for, and where that is written.
    pub(crate) fn least_tls(&self) -> Vec<Option<route::LeastTls>> {
        let sites = self.settings.sites.iter().enumerate();
        sites.map(|(index, site)| self.least_of(index, &site.name, site.tls?)).collect()
    }

    fn least_of(&self, index: usize, name: &str, tls: LeastTls) -> Option<route::LeastTls> {
        let is_its =
            |entry: &&Entry| (entry.table, entry.index, entry.name) == ("site", Some(index), "tls");
        // Senders may hear of it: they need not know our folders.
        let file = Path::new(self.file()).file_name().unwrap_or_default().display();
        let (by, beats_off) = match self.entries.iter().find(is_its)?.origin {
            Origin::Line(line) => (format!("{file}:{line}: `tls` of the site {name}"), true),
            Origin::Profile(profile) => (format!("`tls` of the profile of {profile}"), false),
            Origin::Default => return None,
        };
        Some(route::LeastTls { tls: tls.into(), by: by.into(), beats_off })
    }
}

impl Settings {
    pub(super) fn check_tls(&self, reader: &mut Reader<'_>) {
        for (index, listener) in self.listeners.iter().enumerate() {
            let tls = &listener.tls;
            let place = |name| Place { table: "listener", index: Some(index), name };
            let asked = tls.client_certificate != ClientCertificate::Off;
            if asked && !tls.is_on() {
                let wrong =
                    "`client_certificate` asks for what only TLS brings, and `tls` is \"off\"";
                reader.refuse(place("client_certificate"), wrong, "\"off\", or TLS");
            } else if asked && tls.client_ca.is_none() {
                let wrong = "`client_certificate` needs `client_ca`: those who vouch for clients";
                reader.refuse(place("client_certificate"), wrong, "`client_ca` beside it");
            } else if !asked && tls.client_ca.is_some() {
                let wrong = "`client_ca` has no use: no client is asked for a certificate";
                reader.refuse(
                    place("client_ca"),
                    wrong,
                    "`client_certificate` = \"optional\" or \"required\" beside it",
                );
            }
        }
    }

    /// What TLS the mail of a route goes under.
    #[must_use]
    pub fn tls_of(&self, route: &super::Route) -> route::Tls {
        route.tls.unwrap_or(self.delivery_tls.wanted)
    }

    /// The first key by which some mail goes only where a host proves who it is.
    #[must_use]
    pub fn verifies(&self) -> Option<(&'static str, Option<usize>, &'static str)> {
        let verified = Some(route::Tls::Verified);
        if self.delivery_tls.wanted == route::Tls::Verified {
            return Some(("delivery", None, "tls"));
        }
        let route = self.routes.iter().position(|route| route.tls == verified);
        let site = || self.sites.iter().position(|site| site.tls == Some(LeastTls::Verified));
        let place = route.map(|index| ("route", index)).or_else(|| Some(("site", site()?)));
        place.map(|(table, index)| (table, Some(index), "tls"))
    }

    /// Whether some listener speaks TLS.
    #[must_use]
    pub fn wants_tls(&self) -> bool {
        self.listeners.iter().any(|listener| listener.tls.is_on())
    }
}
