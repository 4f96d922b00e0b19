//! Servers of every kind, from rustls' other interface.

use super::{Connector, Proof};
use crate::{Cause, Fault, Opened, Roots, Tls, TlsFacts};
use event::TlsResult;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::sync::Arc;

pub(super) const HOST: &str = "mx.example";
const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

/// Somebody who vouches for others.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn roots(&self) -> Roots {
        Roots::from_pem(self.certificate.pem().as_bytes()).unwrap()
    }
}

/// What a server shows.
#[derive(Clone, Copy)]
enum Shown {
    Right,
    Foreign,
    Expired,
    SelfSigned,
}

/// A server that shows a certificate of that kind, for the right name and address otherwise.
fn config(
    authority: &Authority,
    shown: Shown,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let (name, address) = match shown {
        Shown::Foreign => ("mx.elsewhere.example", "192.0.2.8"),
        _ => (HOST, "192.0.2.7"),
    };
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned(), address.to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    if matches!(shown, Shown::Expired) {
        params.not_after = rcgen::date_time_ymd(2024, 1, 1);
    }
    let certificate = match shown {
        Shown::SelfSigned => params.self_signed(&key),
        _ => params.signed_by(&key, &authority.issuer),
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.unwrap().der().clone()], key)
        .unwrap();
    Arc::new(config)
}

/// A connection.
pub(super) struct Pair {
    client: Tls,
    server: ServerConnection,
    /// What the client has opened.
    heard: Vec<u8>,
}

impl Pair {
    pub(super) fn new(
        connector: &Connector,
        server: &Arc<ServerConfig>,
        host: &str,
        proof: Proof,
    ) -> Result<Self, Fault> {
        let client = connector.connect(host, ADDRESS, proof)?;
        let server = ServerConnection::new(Arc::clone(server)).unwrap();
        Ok(Self { client, server, heard: Vec::new() })
    }

    /// Runs the handshake with at most `most` bytes at a time to the client.
    pub(super) fn meet(&mut self, most: usize) -> Result<TlsFacts, Fault> {
        self.tell(&[], most)?;
        for _ in 0..5 {
            let sealed = self.said();
            self.tell(&sealed, most)?;
        }
        Ok(self.client.facts().expect("a handshake takes no five flights"))
    }

    /// What the server has to send now.
    fn said(&mut self) -> Vec<u8> {
        let mut sealed = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut sealed).unwrap();
        }
        sealed
    }

    /// Hands `sealed` to the client, and what it has to say to the server.
    fn tell(&mut self, sealed: &[u8], most: usize) -> Result<Opened, Fault> {
        let mut all = Opened { plain: 0, ended: false };
        let none: &[u8] = &[];
        for piece in sealed.chunks(most).chain(sealed.is_empty().then_some(none)) {
            let mut replies = Vec::new();
            let heard = &mut self.heard;
            let keep = |plain: &[u8]| heard.extend_from_slice(plain);
            let opened = self.client.open(&mut piece.to_vec(), keep, &mut replies);
            self.hear(&replies);
            let opened = opened?;
            all.plain += opened.plain;
            all.ended |= opened.ended;
        }
        Ok(all)
    }

    /// Hands what the client said to the server, and returns what it opened.
    fn hear(&mut self, mut sealed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        while !sealed.is_empty() {
            self.server.read_tls(&mut sealed).unwrap();
            // A server that is refused says so; the tests look at the client.
            let _ = self.server.process_new_packets();
            let _ = self.server.reader().read_to_end(&mut plain);
        }
        plain
    }
}

/// T19: whoever must prove who it is does, and of the others it is known whether they could.
#[test]
fn who_a_server_is_counts_where_it_was_asked_for() {
    let authority = Authority::new();
    let trusting = Connector::new(Some(&authority.roots())).unwrap();
    let trusting_nobody = Connector::new(None).unwrap();
    for version in [&TLS12, &TLS13] {
        for (shown, host, right) in [
            (Shown::Right, HOST, true),
            (Shown::Right, "MX.Example", true),
            (Shown::Right, "192.0.2.7", true),
            (Shown::Right, "no name", true),
            (Shown::Right, "192.0.2.9", false),
            (Shown::Foreign, HOST, false),
            (Shown::Expired, HOST, false),
            (Shown::SelfSigned, HOST, false),
        ] {
            let server = config(&authority, shown, &[version]);
            let met = |connector, proof| {
                Pair::new(connector, &server, host, proof).and_then(|mut pair| pair.meet(1_000))
            };
            let facts = met(&trusting, Proof::Any).unwrap();
            assert_eq!((facts.verified, facts.peer_subject.is_some()), (right, right), "{host}");
            assert_eq!(facts.sni.is_some(), host.eq_ignore_ascii_case(HOST));
            assert!(!met(&trusting_nobody, Proof::Any).unwrap().verified);
            match met(&trusting, Proof::Name) {
                Ok(facts) => assert!(right && facts.verified),
                Err(fault) => assert_eq!((right, fault.cause), (false, Cause::Certificate)),
            }
            let fault = met(&trusting_nobody, Proof::Name).unwrap_err();
            assert_eq!(fault.cause, Cause::Certificate);
        }
    }
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let authority = Authority::new();
    let connector = Connector::new(Some(&authority.roots())).unwrap();
    for (shown, words, result) in [
        (Shown::Foreign, "not valid for name \"mx.example\"", TlsResult::CertificateHostMismatch),
        (Shown::Expired, "expired", TlsResult::CertificateExpired),
        (Shown::SelfSigned, "UnknownIssuer", TlsResult::CertificateNotTrusted),
    ] {
        let server = config(&authority, shown, &[&TLS13]);
        let mut pair = Pair::new(&connector, &server, HOST, Proof::Name).unwrap();
        let fault = pair.meet(1_000).unwrap_err();
        let text = fault.to_string();
        assert!(text.starts_with("TLS: ") && text.contains(words), "{text}");
        let mut pair = Pair::new(&connector, &server, HOST, Proof::Any).unwrap();
        let doubt = pair.meet(1_000).unwrap().doubt;
        assert_eq!((fault.result, doubt), (result, Some(result)), "refused or not");
    }
}

#[test]
fn sessions_go_on_and_no_proof_is_saved_by_one() {
    let authority = Authority::new();
    let connector = Connector::new(Some(&authority.roots())).unwrap();
    for version in [&TLS12, &TLS13] {
        let server = config(&authority, Shown::SelfSigned, &[version]);
        let met = |server, proof| {
            Pair::new(&connector, server, HOST, proof).and_then(|mut pair| pair.meet(usize::MAX))
        };
        assert!(!met(&server, Proof::Any).unwrap().resumed);
        let again = met(&server, Proof::Any).unwrap();
        assert!(again.resumed && !again.verified);
        assert_eq!(met(&server, Proof::Name).unwrap_err().cause, Cause::Certificate);
        // A server that knows nothing of it is met anew.
        let server = config(&authority, Shown::Right, &[version]);
        for (proof, resumed) in
            [(Proof::Any, false), (Proof::Any, true), (Proof::Name, false), (Proof::Name, true)]
        {
            let facts = met(&server, proof.clone()).unwrap();
            assert_eq!((facts.resumed, facts.verified), (resumed, true), "{proof:?}");
        }
    }
}

#[test]
fn bytes_cross_both_ways_at_any_cut() {
    let text: Vec<u8> = (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let authority = Authority::new();
    let connector = Connector::new(None).unwrap();
    for version in [&TLS12, &TLS13] {
        let server = config(&authority, Shown::Right, &[version]);
        for most in [1, 5, 16_405, 1_000_000] {
            let mut pair = Pair::new(&connector, &server, HOST, Proof::Any).unwrap();
            pair.meet(most).unwrap();
            pair.server.writer().write_all(&text).unwrap();
            let sealed = pair.said();
            assert_eq!(pair.tell(&sealed, most).unwrap().plain, text.len());
            assert!(pair.heard == text, "cut at {most}");
            let mut sealed = Vec::new();
            pair.client.seal(&text, &mut sealed).unwrap();
            assert!(pair.hear(&sealed) == text);
            pair.server.send_close_notify();
            let mut sealed = pair.said();
            sealed.extend_from_slice(b"250 injected\r\n");
            assert!(pair.tell(&sealed, most).unwrap().ended);
            assert_eq!(pair.heard.len(), text.len());
        }
    }
}

/// What a server sends that shakes no hands: words, bytes, or records without end (T20).
#[test]
fn no_handshake_is_a_fault() {
    let connector = Connector::new(None).unwrap();
    let server = config(&Authority::new(), Shown::Right, &[&TLS13]);
    let flood = [20, 3, 3, 0, 1, 1].repeat(100);
    for said in [b"250-mx.example\r\n".as_slice(), &[0; 100], &[22, 3, 3, 0, 0], &flood] {
        let mut pair = Pair::new(&connector, &server, HOST, Proof::Any).unwrap();
        pair.tell(&[], 1).unwrap();
        let fault = pair.tell(said, said.len()).unwrap_err();
        assert_eq!(fault.cause, Cause::Protocol, "{said:?}");
        assert!(pair.tell(&[], 1).is_err(), "it stays so");
    }
}
