//! A host that mail is sent to, and how it takes TLS. The other interface of rustls.

use event::Tick;
use kernel::sim::{SimStream, World};
use kernel::{Buffer, Gather, Kernel, Listener, Piece, Stream};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::cell::{Cell, RefCell};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

pub(crate) const NAME: &str = "mx.test";

/// What it makes of STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It means it.
    Sound,
    /// The same, and it offers REQUIRETLS then.
    Onward,
    /// It does not offer it, or somebody took that out.
    Stripped,
    /// It offers it, and says 454.
    Refuses,
    /// Somebody put words behind its 220.
    Injected,
    /// It says 220, and then something that is no TLS.
    Babbles,
    /// It says 220, and nothing more.
    Silent,
    /// It says 220, and goes.
    Goes,
    /// It does not offer it, takes a whole message at a time, and goes without a word.
    Chunking,
    /// It means it, takes whole messages, and is so long about each answer that it reads nothing
    /// more until it was heard.
    Wordy,
}

/// What it says of itself.
const OFFERS: &str = "250-mx.test\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 STARTTLS\r\n";
const OFFERS_SECURE: &str = "250-mx.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n";

/// What became known of the host.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The texts it took, and whether they came under TLS.
    pub(crate) texts: RefCell<Vec<(bool, String)>>,
    /// What was said to it that began with MAIL.
    pub(crate) senders: RefCell<Vec<String>>,
    /// When each handshake that came to nothing began and ended.
    pub(crate) waits: RefCell<Vec<(Tick, Tick)>>,
    pub(crate) connections: Cell<u32>,
}

pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Rc<Seen>,
    /// Its certificate, to be trusted.
    pub(crate) root: String,
    /// The same, as it shows it.
    pub(crate) certificate: Vec<u8>,
}

impl Host {
    pub(crate) fn start(world: &World, manner: Manner) -> Self {
        Self::called(world, manner, NAME)
    }

    /// One that is called as [`NAME`], with a number in front.
    pub(crate) fn named(world: &World, manner: Manner, number: usize) -> Self {
        Self::called(world, manner, &format!("{number}.{NAME}"))
    }

    fn called(world: &World, manner: Manner, name: &str) -> Self {
        let host = world.host();
        let address = SocketAddr::new(world.address(host), 25);
        let (config, root, certificate) = config(name);
        let seen = Rc::<Seen>::default();
        let (kernel, all) = (world.shard(host), Rc::clone(&seen));
        kernel.clone().spawn(async move {
            let listener = kernel.listen(address).unwrap();
            while let Ok(stream) = listener.accept().await {
                all.connections.set(all.connections.get() + 1);
                let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                let visit = Visit { stream, tls, secure: false, plain: Vec::new(), ended: false };
                kernel.spawn(visit.serve(manner, kernel.clone(), Rc::clone(&all)));
            }
        });
        Self { address, seen, root, certificate }
    }

    /// Whether each text that it took came under TLS.
    pub(crate) fn sealed(&self) -> Vec<bool> {
        self.seen.texts.borrow().iter().map(|(sealed, _)| *sealed).collect()
    }
}

fn config(name: &str) -> (Arc<ServerConfig>, String, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let chain: Vec<CertificateDer<'static>> = vec![made.cert.der().clone()];
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.ticketer = aws_lc_rs::Ticketer::new().unwrap();
    (Arc::new(config), made.cert.pem(), made.cert.der().to_vec())
}

struct Visit {
    stream: SimStream,
    tls: ServerConnection,
    secure: bool,
    plain: Vec<u8>,
    ended: bool,
}

impl Visit {
    async fn serve<K: Kernel>(mut self, manner: Manner, kernel: K, seen: Rc<Seen>) {
        self.say("220 mx.test ESMTP\r\n").await;
        while let Some(line) = self.line().await {
            if line.starts_with("MAIL") {
                seen.senders.borrow_mut().push(line.clone());
            }
            let offers = manner != Manner::Stripped && !self.secure;
            match line.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" if manner == Manner::Chunking => {
                    self.say("250-mx.test\r\n250-PIPELINING\r\n250 CHUNKING\r\n").await;
                }
                "EHLO" if manner == Manner::Wordy => {
                    self.say(if self.secure { OFFERS_SECURE } else { OFFERS }).await;
                }
                "EHLO" if offers => {
                    // What anybody may have put there counts for nothing.
                    self.say("250-mx.test\r\n250-REQUIRETLS\r\n250 STARTTLS\r\n").await;
                }
                "EHLO" if manner == Manner::Onward => {
                    self.say("250-mx.test\r\n250-REQUIRETLS\r\n250 PIPELINING\r\n").await;
                }
                "EHLO" => self.say("250-mx.test\r\n250 PIPELINING\r\n").await,
                "STARTTLS" if matches!(manner, Manner::Sound | Manner::Onward | Manner::Wordy) => {
                    self.say("220 2.0.0 go ahead\r\n").await;
                    self.shake_hands().await;
                }
                "STARTTLS" => {
                    let began = kernel.now();
                    let goes_on = self.ill_mannered(manner).await;
                    seen.waits.borrow_mut().push((began, kernel.now()));
                    if !goes_on {
                        return;
                    }
                }
                "DATA" => {
                    self.say("354 go ahead\r\n").await;
                    let text = self.text().await;
                    seen.texts.borrow_mut().push((self.secure, text));
                    self.say("250 2.0.0 taken\r\n").await;
                }
                "BDAT" => {
                    let octets = line.split(' ').nth(1).and_then(|octets| octets.parse().ok());
                    let text = self.chunk(octets.unwrap()).await;
                    seen.texts.borrow_mut().push((self.secure, text));
                    self.say("250 2.0.0 taken\r\n").await;
                }
                "MAIL" | "RCPT" if manner == Manner::Wordy => {
                    self.say(&("250-word by word\r\n".repeat(60) + "250 ok\r\n")).await;
                }
                "QUIT" if manner == Manner::Chunking => return,
                "QUIT" => self.say("221 bye\r\n").await,
                _ => {
                    if self.secure {
                        // From here on, both have other keys.
                        self.tls.refresh_traffic_keys().unwrap();
                    }
                    self.say("250 ok\r\n").await;
                }
            }
        }
    }

    /// Whether the conversation goes on.
    async fn ill_mannered(&mut self, manner: Manner) -> bool {
        match manner {
            Manner::Refuses => {
                self.say("454 4.7.0 not now\r\n").await;
                return true;
            }
            Manner::Injected => self.say("220 go\r\n250-mx.test\r\n250 PIPELINING\r\n").await,
            Manner::Babbles | Manner::Silent | Manner::Goes => self.say("220 go\r\n").await,
            Manner::Sound
            | Manner::Onward
            | Manner::Stripped
            | Manner::Chunking
            | Manner::Wordy => {
                unreachable!("it does not get here")
            }
        }
        if manner == Manner::Babbles {
            // The client's first words.
            self.read_raw().await;
            self.say("250 what?\r\n").await;
        }
        while manner != Manner::Goes && !self.ended {
            self.read_raw().await;
        }
        false
    }

    async fn shake_hands(&mut self) {
        self.secure = true;
        while self.tls.is_handshaking() && !self.ended {
            self.read().await;
            let flight = self.seal(b"");
            self.send(flight).await;
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.plain) {
                let line: Vec<u8> = self.plain.drain(..=end).collect();
                return Some(String::from_utf8(line).unwrap().trim_end().to_owned());
            }
            if self.ended {
                return None;
            }
            self.read().await;
        }
    }

    async fn text(&mut self) -> String {
        let mut text = String::new();
        while let Some(line) = self.line().await {
            if line == "." {
                break;
            }
            text += &line;
            text.push('\n');
        }
        text
    }

    async fn chunk(&mut self, octets: usize) -> String {
        while self.plain.len() < octets && !self.ended {
            self.read().await;
        }
        String::from_utf8(self.plain.drain(..octets.min(self.plain.len())).collect()).unwrap()
    }

    async fn say(&mut self, words: &str) {
        let bytes = if self.secure { self.seal(words.as_bytes()) } else { words.into() };
        self.send(bytes).await;
    }

    async fn send(&mut self, bytes: Vec<u8>) {
        // A client that has hung up is found out when reading.
        let _ = self.stream.write(Gather::from_iter([Piece::Owned(bytes)])).await;
    }

    fn seal(&mut self, words: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        self.tls.writer().write_all(words).unwrap();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut sealed).unwrap();
        }
        sealed
    }

    async fn read_raw(&mut self) -> Buffer {
        let (result, buffer) = self.stream.read(Buffer::with_capacity(10_000)).await;
        self.ended |= !matches!(result, Ok(1..));
        buffer
    }

    async fn read(&mut self) {
        let buffer = self.read_raw().await;
        if !self.secure {
            self.plain.extend_from_slice(&buffer);
            return;
        }
        let mut sealed = &buffer[..];
        while !sealed.is_empty() {
            self.tls.read_tls(&mut sealed).unwrap();
            if self.tls.process_new_packets().is_err() {
                self.ended = true;
                let flight = self.seal(b"");
                return self.send(flight).await;
            }
        }
        // The end is an error to it, too.
        let _ = self.tls.reader().read_to_end(&mut self.plain);
    }
}
