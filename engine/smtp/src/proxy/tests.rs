//! Headers as balancers write them, and as nobody should.

use super::{BYTES_MAX, Flaw, Header, Origin, Tls, V1_BYTES_MAX, Versions, read};
use crc_fast::crc32_iscsi;

const CLIENT_V4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0, 25];

/// A header of version 2.
fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u16).to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &len, body].concat()
}

fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &(value.len() as u16).to_be_bytes(), value].concat()
}

/// With a checksum field at the place where `body` has one of zeros.
fn summed(mut header: Vec<u8>) -> Vec<u8> {
    let zeros = field(0x03, &[0; 4]);
    let at = header.windows(zeros.len()).position(|window| window == zeros).unwrap() + 3;
    let sum = crc32_iscsi(&header).to_be_bytes();
    header[at..at + 4].copy_from_slice(&sum);
    header
}

/// All that a balancer may say at once.
fn rich() -> Vec<u8> {
    let tls = [
        &[0x01, 0, 0, 0, 0][..],
        &field(0x21, b"TLSv1.3"),
        &field(0x22, b"client.example"),
        &field(0x23, b"TLS_AES_128_GCM_SHA256"),
    ];
    let fields = [
        field(0x01, b"smtp"),
        field(0x02, b"mx.example.com"),
        field(0x03, &[0; 4]),
        field(0x04, &[0; 5]),
        field(0x05, b"F00D-1"),
        field(0x20, &tls.concat()),
        field(0x30, b"blue"),
        field(0xea, b"\x01vpce-08d2bf15fac5001c9"),
    ];
    summed(v2(0x21, 0x11, &[CLIENT_V4, &fields.concat()].concat()))
}

fn client(address: &str) -> Origin {
    Origin::Client(address.parse().unwrap())
}

/// Headers that are right, and who speaks behind them.
fn right() -> Vec<(Vec<u8>, Origin)> {
    let v6 = |source: &str| {
        let source: std::net::Ipv6Addr = source.parse().unwrap();
        [&source.octets()[..], &[0; 16], &[0xdc, 0x04, 0, 25]].concat()
    };
    let text = |line: &str| format!("PROXY {line}\r\n").into_bytes();
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe";
    vec![
        (text("TCP4 192.0.2.1 198.51.100.1 56324 25"), client("192.0.2.1:56324")),
        (text("TCP4 255.255.255.255 255.255.255.255 65535 65535"), client("255.255.255.255:65535")),
        (text("TCP6 2001:db8::1 ::1 56324 25"), client("[2001:db8::1]:56324")),
        (text(&format!("TCP6 {longest} {longest} 1 2")), client(&format!("[{longest}]:1"))),
        // Written so, it is still an IPv4 client, for which IPv4 rules are meant.
        (text("TCP6 ::ffff:192.0.2.1 ::1 56324 25"), client("192.0.2.1:56324")),
        (text("UNKNOWN"), Origin::Unknown),
        (text(&format!("UNKNOWN {longest} {longest} 65535 65535")), Origin::Unknown),
        (text("UNKNOWN whatever"), Origin::Unknown),
        (v2(0x20, 0x00, b""), Origin::Balancer),
        (v2(0x20, 0x11, CLIENT_V4), Origin::Balancer),
        (v2(0x20, 0xff, b"no family of ours"), Origin::Balancer),
        (v2(0x21, 0x11, CLIENT_V4), client("192.0.2.1:56324")),
        (v2(0x21, 0x21, &v6("2001:db8::1")), client("[2001:db8::1]:56324")),
        (v2(0x21, 0x21, &v6("::ffff:192.0.2.1")), client("192.0.2.1:56324")),
        (v2(0x21, 0x00, b""), Origin::Unknown),
        (v2(0x21, 0x00, &field(0x04, b"x")), Origin::Unknown),
        (v2(0x21, 0x31, &[7; 216]), Origin::Unknown),
        (
            v2(0x21, 0x11, &[CLIENT_V4, &field(0x04, &[0; 4_065])].concat()),
            client("192.0.2.1:56324"),
        ),
        (rich(), client("192.0.2.1:56324")),
    ]
}

#[test]
fn a_header_is_known_at_its_last_byte_and_not_before() {
    for (header, origin) in right() {
        for end in 0..header.len() {
            assert_eq!(read(&header[..end], Versions::Any), Ok(None), "{end} of {header:?}");
        }
        assert!(header.len() <= BYTES_MAX);
        let more = [&header[..], b"PROXY TCP4 10.0.0.1 10.0.0.1 1 1\r\nEHLO x\r\n"].concat();
        for bytes in [&header, &more] {
            let (found, len) = read(bytes, Versions::Any).unwrap().unwrap();
            assert_eq!((found.origin, len), (origin, header.len()), "{header:?}");
        }
    }
}

#[test]
fn a_version_that_is_not_taken_is_not_read() {
    for (header, _) in right() {
        let (own, other) = if header[0] == b'P' {
            (Versions::V1, Versions::V2)
        } else {
            (Versions::V2, Versions::V1)
        };
        assert!(matches!(read(&header, own), Ok(Some(_))));
        for end in 1..=header.len() {
            assert_eq!(read(&header[..end], other), Err(Flaw::Missing));
        }
    }
}

#[test]
fn what_else_a_balancer_says_is_kept() {
    let header = rich();
    let (found, _) = read(&header, Versions::V2).unwrap().unwrap();
    let tls = Tls { version: Some(b"TLSv1.3"), cipher: Some(b"TLS_AES_128_GCM_SHA256") };
    let whole =
        Header { origin: client("192.0.2.1:56324"), unique_id: Some(b"F00D-1"), tls: Some(tls) };
    assert_eq!(found, whole);
    let plain = [CLIENT_V4, &field(0x20, &[0, 0, 0, 0, 1])].concat();
    let plain = v2(0x21, 0x11, &plain);
    assert_eq!(read(&plain, Versions::V2).unwrap().unwrap().0.tls, None, "no TLS was used");
}

#[test]
fn what_is_no_header_is_refused() {
    let fields = |fields: &[Vec<u8>]| v2(0x21, 0x11, &[CLIENT_V4, &fields.concat()].concat());
    let text = |line: &str| line.as_bytes().to_vec();
    let too_long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(V1_BYTES_MAX - 15));
    let cases: Vec<(Vec<u8>, Flaw)> = vec![
        (text("EHLO client.example\r\n"), Flaw::Missing),
        (text("PROXZ"), Flaw::Missing),
        (text("proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), Flaw::Missing),
        (text("\u{16}\u{3}\u{1}"), Flaw::Missing),
        (text("\r\n\r\nx"), Flaw::Missing),
        (text("\r\nPROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), Flaw::Missing),
        (text(&too_long), Flaw::TooLong),
        (text(&too_long[..V1_BYTES_MAX]), Flaw::TooLong),
        (text("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"), Flaw::Malformed),
        (text("PROXY TCP4 192.0.2.1 192.0.2.2 1\r2\r\n"), Flaw::Malformed),
        (text("PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n"), Flaw::Malformed),
        (text("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"), Flaw::Malformed),
        (text("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"), Flaw::Malformed),
        (text("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"), Flaw::Malformed),
        (text("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n"), Flaw::Malformed),
        (text("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"), Flaw::Malformed),
        (text("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"), Flaw::Malformed),
        (text("PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n"), Flaw::Malformed),
        (text("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"), Flaw::Malformed),
        (text("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"), Flaw::Malformed),
        (text("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n"), Flaw::Malformed),
        (text("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"), Flaw::Malformed),
        (text("PROXY UNKNOWNS\r\n"), Flaw::Malformed),
        (text("PROXY \r\n"), Flaw::Malformed),
        (b"PROXY TCP4 192.0.2.\xb1 192.0.2.2 1 2\r\n".to_vec(), Flaw::Malformed),
        (v2(0x11, 0x11, CLIENT_V4), Flaw::Malformed),
        (v2(0x22, 0x11, CLIENT_V4), Flaw::Malformed),
        (v2(0x21, 0x10, CLIENT_V4), Flaw::Malformed),
        (v2(0x21, 0x41, CLIENT_V4), Flaw::Malformed),
        (v2(0x21, 0x12, CLIENT_V4), Flaw::NoStream),
        (v2(0x21, 0x22, &[0; 36]), Flaw::NoStream),
        (v2(0x21, 0x32, &[0; 216]), Flaw::NoStream),
        (v2(0x21, 0x11, &CLIENT_V4[..11]), Flaw::Malformed),
        (v2(0x21, 0x21, CLIENT_V4), Flaw::Malformed),
        (v2(0x21, 0x31, &[0; 215]), Flaw::Malformed),
        (v2(0x21, 0x11, &vec![0; BYTES_MAX - 15]), Flaw::TooLong),
        (v2(0x20, 0x00, &vec![0; BYTES_MAX - 15])[..16].to_vec(), Flaw::TooLong),
        (fields(&[vec![0x04]]), Flaw::Malformed),
        (fields(&[vec![0x04, 0, 2, 0]]), Flaw::Malformed),
        (fields(&[field(0x05, &[b'x'; 129])]), Flaw::Malformed),
        (fields(&[field(0x05, b"x"), field(0x05, b"y")]), Flaw::Malformed),
        (fields(&[field(0x03, &[0; 3])]), Flaw::Malformed),
        (fields(&[field(0x03, &[0; 4])]), Flaw::Checksum),
        (fields(&[field(0x20, &[1, 0, 0, 0])]), Flaw::Malformed),
        (fields(&[field(0x20, &[1, 0, 0, 0, 0, 0x21, 0, 9])]), Flaw::Malformed),
    ];
    for (bytes, flaw) in cases {
        let read = read(&bytes, Versions::Any);
        assert_eq!(read, Err(flaw), "{:?}", String::from_utf8_lossy(&bytes));
    }
}

/// A type or a length that went bad may hide the sum itself; of what it covers, nothing can.
#[test]
fn a_sum_notices_any_bit_of_what_is_said() {
    let whole = rich();
    let id = whole.windows(6).position(|window| window == b"F00D-1").unwrap();
    for byte in (16..28).chain(id..id + 6) {
        for bit in 0..8 {
            let mut header = whole.clone();
            header[byte] ^= 1 << bit;
            assert_eq!(read(&header, Versions::Any), Err(Flaw::Checksum), "{byte}, {bit}");
        }
    }
}
