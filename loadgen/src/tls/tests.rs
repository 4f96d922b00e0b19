use super::{Client, FIRST_BYTE, Fault, Server, Tls, Trust};
use crate::hash::Random;

/// Both ends, and the bytes on their way.
struct Pair {
    client: Tls,
    server: Tls,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    at_server: Vec<u8>,
    at_client: Vec<u8>,
}

impl Pair {
    fn new(trust: &Trust, server: &Server) -> Self {
        let mut to_server = Vec::new();
        let client = Client::new(trust, "mx.example").unwrap().connect(&mut to_server).unwrap();
        let (to_client, at_server, at_client) = (Vec::new(), Vec::new(), Vec::new());
        let server = server.accept().unwrap();
        Self { client, server, to_server, to_client, at_server, at_client }
    }

    /// Carries everything across in pieces of `piece` bytes, until nothing moves.
    fn carry(&mut self, piece: usize) -> Result<(), Fault> {
        while !self.to_server.is_empty() || !self.to_client.is_empty() {
            for bytes in std::mem::take(&mut self.to_server).chunks(piece) {
                self.server.take(bytes, &mut self.at_server, &mut self.to_client)?;
            }
            for bytes in std::mem::take(&mut self.to_client).chunks(piece) {
                self.client.take(bytes, &mut self.at_client, &mut self.to_server)?;
            }
        }
        Ok(())
    }
}

fn text(bytes: usize) -> Vec<u8> {
    let mut random = Random::new(7);
    (0..bytes).map(|_| random.next() as u8).collect()
}

#[test]
fn both_sides_hear_what_the_other_said_however_it_is_cut() {
    let server = Server::self_signed(&["mx.example"]).unwrap();
    let long = text(300_000);
    for piece in [1, 7, 1_460, 16_384, usize::MAX] {
        let mut pair = Pair::new(&Trust::Anybody, &server);
        assert_eq!(pair.to_server[0], FIRST_BYTE);
        pair.client.give(b"EHLO a\r\n", &mut pair.to_server).unwrap();
        pair.server.give(b"220 mx\r\n", &mut pair.to_client).unwrap();
        assert!(pair.client.is_handshaking() && pair.server.is_handshaking());
        pair.carry(piece).unwrap();
        assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
        assert_eq!((&*pair.at_server, &*pair.at_client), (&b"EHLO a\r\n"[..], &b"220 mx\r\n"[..]));
        let quick = if piece == 1 { &long[..3_000] } else { &long };
        pair.at_server.clear();
        pair.client.give(quick, &mut pair.to_server).unwrap();
        assert!(pair.to_server.len() > quick.len());
        assert!(memchr::memmem::find(&pair.to_server, &quick[..64]).is_none(), "it is hidden");
        pair.carry(piece).unwrap();
        assert!(pair.at_server == quick, "{piece}");
    }
}

#[test]
fn a_close_is_heard_and_nothing_behind_it() {
    let server = Server::self_signed(&["mx.example"]).unwrap();
    let mut pair = Pair::new(&Trust::Anybody, &server);
    pair.carry(usize::MAX).unwrap();
    pair.client.give(b"QUIT\r\n", &mut pair.to_server).unwrap();
    pair.client.close(&mut pair.to_server).unwrap();
    pair.to_server.extend_from_slice(b"junk behind the end");
    pair.carry(usize::MAX).unwrap();
    assert!(pair.server.is_closed() && !pair.client.is_closed());
    assert_eq!(pair.at_server, b"QUIT\r\n");
}

#[test]
fn only_the_roots_named_are_trusted_if_any_are() {
    let (known, stranger) = (
        Server::self_signed(&["mx.example"]).unwrap(),
        Server::self_signed(&["mx.example"]).unwrap(),
    );
    let other_name = Server::self_signed(&["other.example"]).unwrap();
    let file = std::env::temp_dir().join(format!("ringload-trust-{}.pem", std::process::id()));
    std::fs::write(&file, [known.certificate_pem(), other_name.certificate_pem()].concat())
        .unwrap();
    let trust = Trust::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    Pair::new(&trust, &known).carry(usize::MAX).unwrap();
    for (server, cause) in [(stranger, "BadSignature"), (other_name, "not valid for")] {
        let refused = Pair::new(&trust, &server).carry(usize::MAX).unwrap_err().to_string();
        assert!(refused.contains(cause), "{refused}");
        Pair::new(&Trust::Anybody, &server).carry(usize::MAX).unwrap();
    }
    assert!(Trust::read(&file).unwrap_err().to_string().contains("PEM"));
}

#[test]
fn what_is_no_tls_is_a_fault_and_the_peer_is_told() {
    let server = Server::self_signed(&["mx.example"]).unwrap();
    let (mut plain, mut out) = (Vec::new(), Vec::new());
    let refused = server.accept().unwrap().take(b"EHLO plain.example\r\n", &mut plain, &mut out);
    assert!(refused.unwrap_err().to_string().starts_with("TLS: "));
    assert!(plain.is_empty());
    let alert = 21;
    assert_eq!(out.first(), Some(&alert));
    assert!(
        Client::new(&Trust::Anybody, "no name").unwrap_err().to_string().contains("--tls-name")
    );
}
