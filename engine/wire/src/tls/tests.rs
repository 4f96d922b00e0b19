//! A connection at every cut, its ends, and what no client would send.

use super::{RECORD_SEALED_MAX, SEALED_MAX, Tls};
use crate::pair::{Pair, Wish, acceptor};
use crate::{Cause, Clients};
use rustls::crypto::cipher::{OutboundChunks, OutboundPlainMessage};
use rustls::version::{TLS12, TLS13};
use rustls::{ConnectionTrafficSecrets, ContentType, ProtocolVersion};
use std::sync::Arc;

const HOST: &str = "mta1.example";

fn met(versions: &[&'static rustls::SupportedProtocolVersion]) -> Pair {
    let (acceptor, root) = acceptor(&[HOST], &Clients::Unasked);
    Pair::met(&acceptor, &Wish { versions, ..Wish::new(&root) }.config(), HOST)
}

#[test]
fn bytes_cross_both_ways_at_any_cut() {
    let text: Vec<u8> = (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    for version in [&TLS12, &TLS13] {
        for most in [1, 2, 5, 6, 100, 16_405, 16_406, 1_000_000] {
            let (acceptor, root) = acceptor(&[HOST], &Clients::Unasked);
            let config = Wish { versions: &[version], ..Wish::new(&root) }.config();
            let mut pair = Pair::new(&acceptor, &config, HOST);
            pair.meet(most).unwrap();
            let sealed = pair.sealed(&text);
            assert_eq!(pair.tell(&sealed, most).unwrap().plain, text.len());
            assert!(pair.heard == text, "cut at {most}");
            let mut replies = Vec::new();
            pair.server.seal(&text, &mut replies).unwrap();
            pair.hear(&replies);
            assert!(pair.client_heard() == text, "cut at {most}");
        }
    }
}

#[test]
fn at_rest_there_are_no_buffers() {
    const { assert!(size_of::<Tls>() <= 1_152) };
    let mut pair = met(&[&TLS13]);
    let sealed = pair.sealed(&[7; 10_000]);
    pair.tell(&sealed, 1_000).unwrap();
    assert_eq!(pair.server.memory(), size_of::<Tls>());
    // Half a record is kept, and no more than it.
    let sealed = pair.sealed(&[7; 10_000]);
    pair.tell(&sealed[..5_000], 5_000).unwrap();
    assert!((5_000..6_000).contains(&(pair.server.memory() - size_of::<Tls>())));
}

#[test]
fn records_of_one_byte_are_read_and_records_of_none_are_not_for_long() {
    let mut pair = met(&[&TLS13]);
    let mut sealed = Vec::new();
    for byte in b"EHLO client.example\r\n" {
        sealed.extend(pair.sealed(&[*byte]));
    }
    pair.tell(&sealed, sealed.len()).unwrap();
    assert_eq!(pair.heard, b"EHLO client.example\r\n");

    // Clear records of the kind that may still be sent for the sake of middleboxes.
    let flood = [20, 3, 3, 0, 1, 1].repeat(100);
    let fault = pair.tell(&flood, flood.len()).unwrap_err();
    assert_eq!(fault.cause, Cause::Protocol);
}

#[test]
fn key_updates_are_followed_and_a_flood_of_them_is_not() {
    let mut pair = met(&[&TLS13]);
    pair.client.refresh_traffic_keys().unwrap();
    let sealed = pair.sealed(b"NOOP\r\n");
    pair.tell(&sealed, 3).unwrap();
    assert_eq!(pair.heard, b"NOOP\r\n");
    let mut replies = Vec::new();
    pair.server.seal(b"250 ok\r\n", &mut replies).unwrap();
    pair.hear(&replies);
    assert_eq!(pair.client_heard(), b"250 ok\r\n");

    let mut flood = Vec::new();
    for _ in 0..1_000 {
        pair.client.refresh_traffic_keys().unwrap();
        flood.extend(pair.said());
    }
    let fault = pair.tell(&flood, flood.len()).unwrap_err();
    assert_eq!(fault.cause, Cause::Protocol);
}

/// What follows the end of TLS is not read: a well-known server took it for commands of a
/// message's text, and ran it.
#[test]
fn the_end_of_tls_is_the_end_of_the_connection() {
    for version in [&TLS12, &TLS13] {
        for most in [1, 7, 1_000] {
            let mut pair = met(&[version]);
            let mut sealed = pair.sealed(b"BDAT 100\r\nhalf");
            pair.client.send_close_notify();
            sealed.extend(pair.said());
            sealed.extend_from_slice(b"QUIT\r\n");
            sealed.extend(pair.sealed(b"NOOP\r\n"));
            assert!(pair.tell(&sealed, most).unwrap().ended);
            assert_eq!(pair.heard, b"BDAT 100\r\nhalf");
            // We may still say why we go.
            let mut replies = Vec::new();
            pair.server.seal(b"421 bye\r\n", &mut replies).unwrap();
            pair.server.close(&mut replies).unwrap();
            pair.hear(&replies);
            assert_eq!(pair.client_heard(), b"421 bye\r\n");
        }
    }
}

#[test]
fn words_are_said_with_half_a_record_waiting() {
    for version in [&TLS12, &TLS13] {
        let mut pair = met(&[version]);
        let sealed = pair.sealed(b"MAIL FROM:<>\r\n");
        for cut in 1..sealed.len() {
            let mut replies = Vec::new();
            pair.server.seal(b"421 too slow\r\n", &mut replies).unwrap();
            pair.tell(&sealed[cut - 1..cut], 1).unwrap();
            pair.hear(&replies);
            assert_eq!(pair.client_heard(), b"421 too slow\r\n");
        }
        pair.tell(&sealed[sealed.len() - 1..], 1).unwrap();
        assert_eq!(pair.heard, b"MAIL FROM:<>\r\n");
    }
}

#[test]
fn what_is_not_tls_is_refused_with_an_alert_and_never_read() {
    // A hello of TLS 1.1: no extension says that more is spoken.
    let mut old = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    old.extend([7; 32]);
    old.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let long = [&[22, 3, 3, 0x40, 1][..], &vec![1; 0x4001]].concat();
    let cases: [(&[u8], Cause); 6] = [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Cause::Protocol),
        (b"EHLO client.example\r\n", Cause::Protocol),
        (&[0; 100], Cause::Protocol),
        (&[22, 3, 3, 0xff, 0xff, 1, 1, 1], Cause::Protocol),
        (&long, Cause::Protocol),
        (&old, Cause::Offer),
    ];
    for (sent, cause) in cases {
        for most in [1, 3, 100_000] {
            let (acceptor, _) = acceptor(&[HOST], &Clients::Unasked);
            let mut server = acceptor.accept().unwrap();
            let mut replies = Vec::new();
            let fault = sent.chunks(most).find_map(|piece| {
                let unread = |_: &[u8]| panic!("nothing of this is plain text");
                server.open(&mut piece.to_vec(), unread, &mut replies).err()
            });
            assert_eq!(fault.expect("it is refused").cause, cause, "cut at {most}");
            // To some of it the library says nothing; to clear text it does.
            assert!(replies.first().is_none_or(|first| *first == 21), "an alert");
            assert!(!sent[0].is_ascii_alphabetic() || !replies.is_empty());
            assert!(server.seal(b"500 what\r\n", &mut replies).is_err());
        }
    }
}

/// A handshake message may be as long as certificates are, and no longer.
#[test]
fn a_message_without_end_is_not_waited_for() {
    let (acceptor, _) = acceptor(&[HOST], &Clients::Unasked);
    let mut server = acceptor.accept().unwrap();
    // A hello that says it has 16 MiB.
    let mut record = vec![22, 3, 3, 0x40, 0, 1, 0xff, 0xff, 0xff];
    record.resize(5 + 0x4000, 0);
    let mut sent = 0;
    let fault = loop {
        let mut replies = Vec::new();
        match server.open(&mut record.clone(), |_| (), &mut replies) {
            Ok(_) => sent += record.len(),
            Err(fault) => break fault,
        }
        record = [&[22, 3, 3, 0x40, 0][..], &vec![0; 0x4000]].concat();
        assert!(sent <= 2 * SEALED_MAX, "it is bounded");
    };
    assert_eq!(fault.cause, Cause::Protocol);
}

/// Once the handshake is over, no message is as long as certificates are.
#[test]
fn after_the_handshake_no_long_message_is_waited_for() {
    let (acceptor, root) = acceptor(&[HOST], &Clients::Unasked);
    let config = Wish { versions: &[&TLS13], ..Wish::new(&root) }.config();
    let mut config = Arc::unwrap_or_clone(config);
    config.enable_secret_extraction = true;
    let Pair { client, mut server, .. } = Pair::met(&acceptor, &Arc::new(config), HOST);
    let suite = client.negotiated_cipher_suite().and_then(|suite| suite.tls13()).unwrap();
    let (mut count, secrets) = client.dangerous_extract_secrets().unwrap().tx;
    let (ConnectionTrafficSecrets::Aes128Gcm { key, iv }
    | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
    | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv }) = secrets
    else {
        panic!("no other keys are known")
    };
    let mut sealer = suite.aead_alg.encrypter(key, iv);
    // A certificate that says it has 64 KiB, a kilobyte at a time.
    let mut fragment = vec![11, 0, 0xff, 0xff];
    let fault = loop {
        fragment.resize(1_024, 0);
        let message = OutboundPlainMessage {
            typ: ContentType::Handshake,
            version: ProtocolVersion::TLSv1_3,
            payload: OutboundChunks::Single(&fragment),
        };
        let mut record = sealer.encrypt(message, count).unwrap().encode();
        count += 1;
        match server.open(&mut record, |_| (), &mut Vec::new()) {
            Ok(_) => assert!(server.waiting() <= 2 * RECORD_SEALED_MAX, "{}", server.waiting()),
            Err(fault) => break fault,
        }
        fragment.clear();
    };
    assert_eq!(fault.cause, Cause::Protocol);
}

#[test]
fn spoilt_bytes_end_the_connection_and_nothing_else() {
    for version in [&TLS12, &TLS13] {
        for at in 0..60 {
            let mut pair = met(&[version]);
            let mut sealed = pair.sealed(b"MAIL FROM:<someone@client.example>\r\n");
            let Some(byte) = sealed.get_mut(at) else { continue };
            *byte ^= 0x40;
            // A longer record is waited for; anything else is a fault.
            let fault = pair.tell(&sealed, 1_000).err();
            assert!(fault.is_none_or(|fault| fault.cause == Cause::Protocol));
            // The version of a record means nothing, and is not looked at.
            assert!(pair.heard.is_empty() || matches!(at, 1 | 2), "at {at}");
        }
    }
}
