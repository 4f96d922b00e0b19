//! How files of others are fetched.

use super::Section;
use super::mail::Destination;
use super::value::Text;
use std::path::PathBuf;

/// `[https]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Https {
    /// The host and port of a proxy, if one is in the way.
    pub proxy: Option<(String, u16)>,
    /// The file with those who vouch for hosts; the system's if it was left out.
    pub ca: Option<PathBuf>,
}

impl Https {
    pub(super) fn read(https: &mut Section<'_, '_>) -> Self {
        let proxy = https.optional::<Proxy>(
            "proxy",
            "The HTTP proxy by which MTA-STS policies are fetched, and reports of TLS sent, where \
             this machine may not connect to port 443 itself: it is asked to CONNECT, and looks names up. Left out: \
             none.",
        );
        Self {
            proxy: proxy.map(|proxy| (proxy.host, proxy.port)),
            ca: https.optional(
                "ca",
                "The PEM file with the certificates that vouch for web servers, read at start. \
                 Left out: the system's.",
            ),
        }
    }
}

/// A proxy, with its port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Proxy {
    host: String,
    port: u16,
}

impl Text for Proxy {
    fn allowed() -> String {
        "a host or an IP address with a port, such as \"proxy.example.com:3128\"".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let Destination { host, port } = Destination::parse(text)?;
        Some(Self { host, port: port? })
    }

    fn text(&self) -> String {
        Destination { host: self.host.clone(), port: Some(self.port) }.text()
    }
}
