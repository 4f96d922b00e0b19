//! A client of rustls on a simulated host.

use crate::relay::{HOST, Relay};
use kernel::sim::{SimStream, World};
use kernel::{Buffer, Gather, Kernel, Piece, Stream};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct Client {
    stream: SimStream,
    pub(crate) tls: ClientConnection,
    /// Whether what is said is sealed.
    secure: bool,
    /// The most bytes in one write.
    most: usize,
    /// Heard, and not asked for yet.
    plain: Vec<u8>,
    ended: bool,
}

impl Client {
    /// One that has connected and said nothing.
    pub(crate) async fn dial(
        world: &World,
        relay: &Relay,
        version: &'static SupportedProtocolVersion,
        most: usize,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(relay.root.as_bytes()) {
            roots.add(root.unwrap()).unwrap();
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = ClientConnection::new(Arc::new(config), HOST.try_into().unwrap()).unwrap();
        let kernel = world.shard(world.host());
        let patience = Duration::from_secs(5);
        let stream = loop {
            // The relay is about to listen.
            match kernel.connect(relay.address, None, patience).await {
                Ok(stream) => break stream,
                Err(_) => kernel.sleep_until(kernel.now() + Duration::from_millis(10)).await,
            }
        };
        Self { stream, tls, secure: false, most, plain: Vec::new(), ended: false }
    }

    /// Sends these bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.most) {
            let pieces = Gather::from_iter([Piece::Owned(piece.to_vec())]);
            // A relay that has hung up is found out when reading.
            let _ = self.stream.write(pieces).await;
        }
    }

    /// Says this, under TLS if it has begun.
    pub(crate) async fn say(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let bytes = if self.secure { self.seal(text) } else { text.to_vec() };
        self.send(&bytes).await;
    }

    /// What `text` is under TLS, and whatever TLS has to say itself.
    pub(crate) fn seal(&mut self, text: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        // More than the library buffers is taken piece by piece.
        for piece in text.chunks(16_384).chain([&[][..]]) {
            self.tls.writer().write_all(piece).unwrap();
            while self.tls.wants_write() {
                self.tls.write_tls(&mut sealed).unwrap();
            }
        }
        sealed
    }

    /// Reads until the relay has said `lines` lines, and returns them.
    pub(crate) async fn hear(&mut self, lines: usize) -> String {
        let count = |plain: &[u8]| memchr::memchr_iter(b'\n', plain).count();
        while count(&self.plain) < lines && !self.ended {
            self.read().await;
        }
        let ends = self.plain.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let end = ends.map(|(at, _)| at + 1).nth(lines - 1).unwrap_or(self.plain.len());
        String::from_utf8(self.plain.drain(..end).collect()).unwrap()
    }

    /// Reads until the relay hangs up, and returns what it said.
    pub(crate) async fn last_words(&mut self) -> String {
        String::from_utf8(self.last_bytes().await).unwrap()
    }

    /// [`Self::last_words`], of any kind.
    pub(crate) async fn last_bytes(&mut self) -> Vec<u8> {
        while !self.ended {
            self.read().await;
        }
        std::mem::take(&mut self.plain)
    }

    /// Begins TLS, and goes through the handshake.
    pub(crate) async fn secure(&mut self) {
        self.secure_saying(b"").await;
    }

    /// As [`Self::secure`], and says `words` in one breath with its end.
    pub(crate) async fn secure_saying(&mut self, words: &[u8]) {
        self.secure = true;
        while self.tls.is_handshaking() && !self.ended {
            let flight = self.seal(b"");
            self.send(&flight).await;
            if self.tls.is_handshaking() {
                self.read().await;
            }
        }
        let flight = self.seal(words);
        self.send(&flight).await;
    }

    async fn read(&mut self) {
        let (result, buffer) = self.stream.read(Buffer::with_capacity(10_000)).await;
        self.ended |= !matches!(result, Ok(1..));
        if !self.secure {
            self.plain.extend_from_slice(&buffer);
            return;
        }
        let mut sealed = &buffer[..];
        while !sealed.is_empty() {
            self.tls.read_tls(&mut sealed).unwrap();
            if self.tls.process_new_packets().is_err() {
                self.ended = true;
                return;
            }
        }
        // The end is an error to it, too.
        let _ = self.tls.reader().read_to_end(&mut self.plain);
    }
}
