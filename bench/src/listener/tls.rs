//! `listener tls`: what TLS costs on our side, handshakes and the bytes behind them, without a network.
//!
//! Client and server take turns on one thread, and only the server's turns are timed, by the
//! thread's processor time: this is what one core of a relay can do that does nothing else.

use crate::report::{Report, Table};
use crate::usage::clock;
use rcgen::{CertificateParams, KeyPair, RsaKeySize};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;
use wire::{Acceptor, Certificate, Certificates, Clients, Tls};

const HOST: &str = "relay.test";
/// What a client sends for one pipelined message, and what it is answered.
const MESSAGE: [usize; 2] = [4_096 + 120, 150];

/// How much of it.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Handshakes of each kind, and messages.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
}

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const COLUMNS: &[&str] = &["a second and core", "us"];

pub(super) fn measure(options: &Options, rounds: u32) -> Outcome<Report> {
    let mut handshakes = Table::new("our side of a handshake", COLUMNS);
    let mut messages = Table::new("a message of 4 KiB and its answer", COLUMNS);
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let p256 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    for _ in 0..rounds {
        for (kind, key) in [("RSA 2048", &rsa), ("P-256", &p256)] {
            for (name, version, again) in [
                ("1.3", &TLS13, false),
                ("1.2", &TLS12, false),
                ("1.3 resumed", &TLS13, true),
                ("1.2 resumed", &TLS12, true),
            ] {
                let took = Shop::open(key, version, again)?.handshakes(options.count)?;
                handshakes.add(&format!("{kind}, TLS {name}"), &pace(took, options.count));
            }
        }
        for (name, version) in [("1.3", &TLS13), ("1.2", &TLS12)] {
            let took = Shop::open(&p256, version, false)?.messages(options.count)?;
            messages.add(&format!("TLS {name}"), &pace(took, options.count));
        }
    }
    Ok(Report { tables: vec![handshakes, messages], ..Report::default() })
}

/// So many a second, and microseconds of one.
fn pace(took: Duration, count: u32) -> [f64; 2] {
    let each = took.as_secs_f64() / f64::from(count);
    [1.0 / each, each * 1e6]
}

/// Both sides' part of every handshake.
struct Shop {
    acceptor: Acceptor,
    client: Arc<ClientConfig>,
}

impl Shop {
    /// `again`: sessions are resumed.
    fn open(
        key: &KeyPair,
        version: &'static SupportedProtocolVersion,
        again: bool,
    ) -> Outcome<Self> {
        let made = CertificateParams::new(vec![HOST.to_owned()])?.self_signed(key)?;
        let (chain, key) = (made.pem(), key.serialize_pem());
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes())?;
        let acceptor = Acceptor::new(Certificates::new(vec![certificate]), &Clients::Unasked)?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(chain.as_bytes())?)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        if !again {
            client.resumption = Resumption::disabled();
        }
        Ok(Self { acceptor, client: Arc::new(client) })
    }

    /// The server's time for so many handshakes, the first aside.
    fn handshakes(&self, count: u32) -> Outcome<Duration> {
        self.meet()?;
        let mut took = Duration::ZERO;
        for _ in 0..count {
            took += self.meet()?.took;
        }
        Ok(took)
    }

    /// The server's time for so many messages on one connection.
    fn messages(&self, count: u32) -> Outcome<Duration> {
        let mut pair = self.meet()?;
        pair.took = Duration::ZERO;
        let (message, answer) = (vec![7; MESSAGE[0]], vec![7; MESSAGE[1]]);
        for _ in 0..count {
            pair.client.writer().write_all(&message)?;
            pair.turn(&answer)?;
        }
        Ok(pair.took)
    }

    fn meet(&self) -> Outcome<Pair> {
        let client = ClientConnection::new(Arc::clone(&self.client), HOST.try_into()?)?;
        let begun = clock(libc::CLOCK_THREAD_CPUTIME_ID);
        let server = self.acceptor.accept()?;
        let took = clock(libc::CLOCK_THREAD_CPUTIME_ID).saturating_sub(begun);
        let mut pair = Pair { client, server, took };
        while pair.client.is_handshaking() || pair.client.wants_write() {
            pair.turn(b"")?;
        }
        Ok(pair)
    }
}

/// A connection, and the server's time for it so far.
struct Pair {
    client: ClientConnection,
    server: Tls,
    took: Duration,
}

impl Pair {
    /// What the client has to say is opened, and answered.
    fn turn(&mut self, answer: &[u8]) -> Outcome<()> {
        let mut sealed = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut sealed)?;
        }
        let (mut plain, mut replies) = (Vec::with_capacity(sealed.len()), Vec::new());
        let begun = clock(libc::CLOCK_THREAD_CPUTIME_ID);
        self.server.open(&mut sealed, |opened| plain.extend_from_slice(opened), &mut replies)?;
        self.server.seal(answer, &mut replies)?;
        self.took += clock(libc::CLOCK_THREAD_CPUTIME_ID).saturating_sub(begun);
        let mut replies = &replies[..];
        while !replies.is_empty() {
            self.client.read_tls(&mut replies)?;
            let state = self.client.process_new_packets()?;
            let mut heard = vec![0; state.plaintext_bytes_to_read()];
            self.client.reader().read_exact(&mut heard)?;
        }
        Ok(())
    }
}
