//! A web server for all hosts there are, each of which shows what its name says.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What each host answers, and what it was asked.
type Pages = Arc<Mutex<BTreeMap<String, Page>>>;

#[derive(Default)]
struct Page {
    answer: String,
    asked: usize,
    /// What was brought: the head of each request, and its body.
    brought: Vec<(String, Vec<u8>)>,
}

/// A running web server.
pub(super) struct Web {
    pub(super) port: u16,
    /// The certificate of those who vouch for its hosts.
    pub(super) root: Vec<u8>,
    pages: Pages,
}

impl Web {
    pub(super) async fn start() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().to_vec();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Authority(Issuer::new(params, key))));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pages = Pages::default();
        let answers = Arc::clone(&pages);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(acceptor.clone(), stream, Arc::clone(&answers)));
            }
        });
        Self { port, root, pages }
    }

    /// From now on the host answers this; nothing, if it is empty.
    pub(super) fn put(&self, host: &str, answer: &str) {
        let mut pages = self.pages.lock().unwrap();
        pages.entry(host.to_owned()).or_default().answer = answer.to_owned();
    }

    /// How often the host was asked.
    pub(super) fn asked(&self, host: &str) -> usize {
        self.pages.lock().unwrap().get(host).map_or(0, |page| page.asked)
    }

    /// Takes what was brought to the host.
    pub(super) fn brought(&self, host: &str) -> Vec<(String, Vec<u8>)> {
        let mut pages = self.pages.lock().unwrap();
        pages.get_mut(host).map(|page| std::mem::take(&mut page.brought)).unwrap_or_default()
    }
}

/// Nobody may care for the answer any more.
async fn answer(acceptor: TlsAcceptor, stream: TcpStream, pages: Pages) -> Option<()> {
    let mut stream = acceptor.accept(stream).await.ok()?;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    let request = String::from_utf8(request).ok()?;
    let field = |name: &str| request.lines().find_map(|line| line.strip_prefix(name));
    let host = field("host: ")?;
    let mut body = Vec::new();
    if request.starts_with("POST ") {
        body.resize(field("content-length: ")?.parse().ok()?, 0);
        stream.read_exact(&mut body).await.ok()?;
    } else {
        assert!(request.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"), "{request}");
    }
    let page = {
        let mut pages = pages.lock().unwrap();
        let page = pages.entry(host.to_owned()).or_default();
        page.asked += 1;
        if !body.is_empty() {
            page.brought.push((request.clone(), body));
        }
        page.answer.clone()
    };
    if page.is_empty() {
        pending::<()>().await;
    }
    stream.write_all(page.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

/// Vouches for hosts as their names say.
#[derive(Debug)]
struct Authority(Issuer<'static, KeyPair>);

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name()?;
        let is = |kind: &str| host.starts_with(&format!("mta-sts.{kind}"));
        let named = if is("wrong-name") { "mta-sts.other.example" } else { host };
        let mut params = CertificateParams::new([named.to_owned()]).unwrap();
        if is("expired") {
            params.not_after = rcgen::date_time_ymd(2024, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let made = if is("self-signed") {
            params.self_signed(&key)
        } else {
            params.signed_by(&key, &self.0)
        };
        let chain = vec![made.unwrap().der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).ok().map(Arc::new)
    }
}
