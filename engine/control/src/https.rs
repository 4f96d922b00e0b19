//! Files that others keep for us, or want of us, by HTTPS: small ones, and hosts that prove who
//! they are.
//!
//! One request a connection. There is no redirect to follow, no cookie, no cache and no way around
//! the proof; what an answer may come to is bounded before it is asked for.

mod failure;
mod proxy;

pub(crate) use failure::{Failure, Kind};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::http::request::Builder;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use proxy::Proxy;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Where hosts listen.
const PORT: u16 = 443;
/// The most addresses of a host that are tried.
const TRIED_MAX: usize = 4;
/// How long one of them may take to answer.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 32 * 1_024;
/// The longest answer to something that was brought.
const SAID_BYTES_MAX: usize = 64 * 1_024;

/// How hosts are reached, and who vouches for them.
#[derive(Clone, Debug, Default)]
pub struct Outfit {
    /// The certificates of those who vouch for hosts, in DER. Those that cannot be used are left
    /// out.
    pub roots: Vec<Vec<u8>>,
    /// The host and port of a proxy that leads to them; `None`: nothing does.
    pub proxy: Option<(String, u16)>,
}

/// The way to hosts.
pub(crate) struct Https {
    connector: TlsConnector,
    proxy: Option<Proxy>,
    port: u16,
}

/// What a host answered.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    /// Without its parameters, in lower case; empty if there is none.
    pub(crate) media_type: String,
    pub(crate) body: Bytes,
}

impl Https {
    /// # Errors
    /// What the library says of it.
    pub(crate) fn new(outfit: &Outfit) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        let given = outfit.roots.iter().map(|root| CertificateDer::from(root.as_slice()));
        roots.add_parsable_certificates(given.map(CertificateDer::into_owned));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let proxy = outfit.proxy.clone().map(|(host, port)| Proxy { host, port });
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), proxy, port: PORT })
    }

    /// The same for hosts that listen elsewhere.
    #[cfg(test)]
    pub(crate) fn at(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Whether it is somebody else who connects to hosts, and finds out where they are.
    pub(crate) const fn is_led(&self) -> bool {
        self.proxy.is_some()
    }

    /// Asks for a page of at most `bytes_max`. A proxy needs no `addresses`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn get(
        &self,
        host: &str,
        addresses: &[IpAddr],
        path: &str,
        bytes_max: usize,
    ) -> Result<Page, Failure> {
        let request = Request::get(path).header(ACCEPT, "text/plain");
        self.exchange((host, addresses), request, Bytes::new(), bytes_max).await
    }

    /// Brings `body`, which is of this kind, and hears what the host says to that.
    ///
    /// # Errors
    /// It says nothing.
    pub(crate) async fn post(
        &self,
        host: &str,
        addresses: &[IpAddr],
        path: &str,
        (media_type, body): (&str, Bytes),
    ) -> Result<Page, Failure> {
        let request = Request::post(path).header(CONTENT_TYPE, media_type);
        self.exchange((host, addresses), request, body, SAID_BYTES_MAX).await
    }

    async fn exchange(
        &self,
        (host, addresses): (&str, &[IpAddr]),
        request: Builder,
        body: Bytes,
        bytes_max: usize,
    ) -> Result<Page, Failure> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|error| Failure::new(Kind::Dns, error))?;
        let stream = self.connect(host, addresses).await?;
        let stream = self.connector.connect(name, stream).await.map_err(Failure::of_tls)?;
        let mut protocol = http1::Builder::new();
        let opened = protocol.max_buf_size(HEAD_BYTES_MAX).handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = opened.map_err(Failure::of_http)?;
        // Dropped, the set ends it.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let request = request.header(HOST, host).header(USER_AGENT, "ringpost");
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| Failure::new(Kind::Http, error))?;
        let (head, body) =
            sender.send_request(request).await.map_err(Failure::of_http)?.into_parts();
        let body = Limited::new(body, bytes_max).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => Failure::new(Kind::TooLarge, format!("it has more than {bytes_max} bytes")),
            None => Failure::new(Kind::Http, error),
        })?;
        let media_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
        let media_type = media_type.trim().to_ascii_lowercase();
        Ok(Page { status: head.status, media_type, body: body.to_bytes() })
    }

    async fn connect(&self, host: &str, addresses: &[IpAddr]) -> Result<TcpStream, Failure> {
        if let Some(proxy) = &self.proxy {
            return proxy.lead(host, self.port).await;
        }
        let mut failure = Failure::new(Kind::Connect, "there is no address to connect to");
        for address in addresses.iter().take(TRIED_MAX) {
            let address = SocketAddr::new(*address, self.port);
            match in_time(TcpStream::connect(address)).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = Failure::new(Kind::Connect, format!("{address}: {error}")),
            }
        }
        Err(failure)
    }
}

/// What `connecting` comes to, if that does not take too long.
async fn in_time<T>(connecting: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
    timeout(CONNECT_PATIENCE, connecting).await.map_err(|_| late())?
}
