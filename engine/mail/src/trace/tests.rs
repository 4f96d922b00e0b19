use super::{Hop, Proofs, Protocol, received};
use event::{Encryption, MessageId, Wall};
use mail_parser::MessageParser;

const HOP: Hop<'_> = Hop {
    helo: b"client.example",
    peer: std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    name: None,
    connection: None,
    hostname: "mx.example",
    protocol: Protocol::Esmtp(Proofs { encrypted: false, authenticated: false }),
    id: MessageId { log: 1, boot: 2, count: 255 },
    recipient: Some(b"ann@mail.example"),
    encryption: None,
    at: Wall(1_795_468_238_000),
};

fn field(hop: &Hop<'_>) -> String {
    let mut out = Vec::new();
    received(&mut out, hop);
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn keywords_are_those_that_are_registered() {
    let proofs = |encrypted, authenticated| Proofs { encrypted, authenticated };
    let cases = [
        (Protocol::Smtp, "SMTP"),
        (Protocol::Esmtp(proofs(false, false)), "ESMTP"),
        (Protocol::Esmtp(proofs(false, true)), "ESMTPA"),
        (Protocol::Esmtp(proofs(true, false)), "ESMTPS"),
        (Protocol::Esmtp(proofs(true, true)), "ESMTPSA"),
        (Protocol::Utf8Smtp(proofs(false, false)), "UTF8SMTP"),
        (Protocol::Utf8Smtp(proofs(false, true)), "UTF8SMTPA"),
        (Protocol::Utf8Smtp(proofs(true, false)), "UTF8SMTPS"),
        (Protocol::Utf8Smtp(proofs(true, true)), "UTF8SMTPSA"),
    ];
    for (protocol, keyword) in cases {
        assert_eq!(protocol.to_string(), keyword);
    }
}

#[test]
fn a_hop_is_one_folded_field() {
    assert_eq!(
        field(&HOP),
        "Received: from client.example ([192.0.2.1])\r\n\
         \tby mx.example (Ringpost) with ESMTP id 1-2-ff\r\n\
         \tfor <ann@mail.example>;\r\n\
         \tMon, 23 Nov 2026 21:10:38 +0000\r\n"
    );
    let behind = field(&Hop { connection: Some("F00D-1"), ..HOP });
    assert!(behind.contains(" id 1-2-ff\r\n\t(connection F00D-1)\r\n\tfor <"), "{behind}");
    let (version, cipher) = ("TLSv1.3", "TLS_AES_128_GCM_SHA256");
    let encryption = Some(Encryption { version, cipher, client: None });
    let under_tls = field(&Hop { encryption, connection: Some("F00D-1"), ..HOP });
    let comments =
        " id 1-2-ff\r\n\t(using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256)\r\n\t(connection";
    assert!(under_tls.contains(comments), "{under_tls}");
    let named = field(&Hop { name: Some(b"a.example"), ..HOP });
    let from = "Received: from client.example\r\n\t(a.example [192.0.2.1])\r\n\tby mx.example";
    assert!(named.starts_with(from), "{named}");
    let many = Hop {
        recipient: None,
        protocol: Protocol::Smtp,
        peer: "2001:db8::1".parse().unwrap(),
        ..HOP
    };
    assert_eq!(
        field(&many),
        "Received: from client.example ([IPv6:2001:db8::1])\r\n\
         \tby mx.example (Ringpost) with SMTP id 1-2-ff;\r\n\
         \tMon, 23 Nov 2026 21:10:38 +0000\r\n"
    );
    let mapped = Hop { peer: "::ffff:192.0.2.1".parse().unwrap(), ..HOP };
    assert_eq!(field(&mapped), field(&HOP), "an IPv4 peer at an IPv6 socket");
}

#[test]
fn another_parser_reads_it() {
    let text = field(&HOP) + "\r\n";
    let message = MessageParser::default().parse(text.as_bytes()).unwrap();
    let read = message.received().unwrap();
    assert_eq!(read.from().unwrap().to_string(), "client.example");
    assert_eq!(read.by().unwrap().to_string(), "mx.example");
    assert_eq!(read.for_(), Some("ann@mail.example"));
    assert_eq!(read.id(), Some("1-2-ff"));
    assert_eq!(read.date().unwrap().to_rfc3339(), "2026-11-23T21:10:38Z");
}

/// T7, T14: what a peer says of itself cannot begin a field of its own.
#[test]
fn no_name_breaks_out_of_its_field() {
    for byte in 0..=255 {
        let name = [b'a', byte, b'b'];
        let text = field(&Hop { helo: &name, name: Some(&name), recipient: Some(&name), ..HOP });
        assert!(text.lines().skip(1).all(|line| line.starts_with('\t')), "{byte}");
        assert!(text.bytes().all(|byte| !byte.is_ascii_control() || b"\r\n\t".contains(&byte)));
    }
    assert!(field(&Hop { helo: b"", ..HOP }).starts_with("Received: from unknown ("));
    let long = &[b'x'; 5_000][..];
    let long = field(&Hop { helo: long, name: Some(long), recipient: Some(long), ..HOP });
    assert!(long.lines().all(|line| line.len() <= 400));
}
