//! The two ends of a connection in one place, for tests. The client is rustls' other interface.

use crate::{Acceptor, Certificate, Certificates, Clients, Fault, Opened, Tls};
use rcgen::{CertificateParams, KeyPair};
use rustls::client::{Resumption, Tls12Resumption};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use std::io::{Read as _, Write as _};
use std::sync::Arc;

/// A certificate for `names`, signed by nobody else, and its key, both in PEM.
pub(crate) fn made_for(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names.clone()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, names[0].as_str());
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// How a client is made.
pub(crate) struct Wish<'w> {
    pub(crate) versions: &'w [&'static SupportedProtocolVersion],
    pub(crate) trusts: &'w str,
    pub(crate) shows: Option<(&'w str, &'w str)>,
    pub(crate) protocols: &'w [&'w str],
    pub(crate) session_ids_only: bool,
}

impl<'w> Wish<'w> {
    pub(crate) fn new(trusts: &'w str) -> Self {
        let versions = rustls::ALL_VERSIONS;
        Self { versions, trusts, shows: None, protocols: &[], session_ids_only: false }
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(self.trusts.as_bytes()) {
            roots.add(root.unwrap()).unwrap();
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.shows {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain.map(Result::unwrap).collect(), key).unwrap()
            }
        };
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().into()).collect();
        if self.session_ids_only {
            config.resumption =
                Resumption::in_memory_sessions(8).tls12_resumption(Tls12Resumption::SessionIdOnly);
        }
        Arc::new(config)
    }
}

/// An acceptor with one certificate, and that certificate.
pub(crate) fn acceptor(names: &[&str], clients: &Clients) -> (Acceptor, String) {
    let (chain, key) = made_for(names);
    let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    (Acceptor::new(Certificates::new(vec![certificate]), clients).unwrap(), chain)
}

/// A connection.
pub(crate) struct Pair {
    pub(crate) client: ClientConnection,
    pub(crate) server: Tls,
    /// What the server has opened.
    pub(crate) heard: Vec<u8>,
    /// What the client has.
    answered: Vec<u8>,
}

impl Pair {
    pub(crate) fn new(acceptor: &Acceptor, config: &Arc<ClientConfig>, host: &str) -> Self {
        let name = host.to_owned().try_into().unwrap();
        let client = ClientConnection::new(Arc::clone(config), name).unwrap();
        Self { client, server: acceptor.accept().unwrap(), heard: Vec::new(), answered: Vec::new() }
    }

    /// A connection whose handshake is complete.
    pub(crate) fn met(acceptor: &Acceptor, config: &Arc<ClientConfig>, host: &str) -> Self {
        let mut pair = Self::new(acceptor, config, host);
        pair.meet(usize::MAX).unwrap();
        pair
    }

    /// Runs the handshake with at most `most` bytes at a time to the server.
    pub(crate) fn meet(&mut self, most: usize) -> Result<(), Fault> {
        for _ in 0..10 {
            let sealed = self.said();
            self.tell(&sealed, most)?;
        }
        assert!(!self.server.is_handshaking(), "a handshake takes no ten flights");
        Ok(())
    }

    /// What the client has to send now.
    pub(crate) fn said(&mut self) -> Vec<u8> {
        let mut sealed = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut sealed).unwrap();
        }
        sealed
    }

    /// What `plain` is when the client sends it.
    pub(crate) fn sealed(&mut self, plain: &[u8]) -> Vec<u8> {
        self.client.writer().write_all(plain).unwrap();
        self.said()
    }

    /// Hands `sealed` to the server, `most` bytes at a time, and its replies to the client.
    pub(crate) fn tell(&mut self, sealed: &[u8], most: usize) -> Result<Opened, Fault> {
        let mut all = Opened { plain: 0, ended: false };
        for piece in sealed.chunks(most) {
            let mut replies = Vec::new();
            let heard = &mut self.heard;
            let opened = self.server.open(
                &mut piece.to_vec(),
                |plain| heard.extend_from_slice(plain),
                &mut replies,
            );
            self.hear(&replies);
            let opened = opened?;
            all.plain += opened.plain;
            all.ended |= opened.ended;
        }
        Ok(all)
    }

    /// Hands what the server said to the client.
    pub(crate) fn hear(&mut self, mut sealed: &[u8]) {
        while !sealed.is_empty() {
            self.client.read_tls(&mut sealed).unwrap();
            // A client that is refused says so; the tests look at the server.
            let _ = self.client.process_new_packets();
            // Nothing more is an error to it, too.
            let _ = self.client.reader().read_to_end(&mut self.answered);
        }
    }

    /// What the client has opened since it was last asked for.
    pub(crate) fn client_heard(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.answered)
    }
}
