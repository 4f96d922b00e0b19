use super::{Action, Fate, HEADERS_MAX, MESSAGE_MAX, Report, write};
use event::{EnhancedCode, MessageId, Response, Wall};
use mail_parser::{Message, MessageParser, MimeHeaders};
use std::net::{IpAddr, Ipv4Addr};

const MX: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 25));

const HEADERS: &[u8] =
    b"Received: from a by b; Mon, 1 Jan 2026 00:00:00 +0000\r\nSubject: hello\r\n";

fn response() -> Response {
    Response::new(550, Some(EnhancedCode::new(5, 1, 1)), "no such user")
}

fn failure<'a>(recipient: &'a [u8], response: &'a Response) -> Fate<'a> {
    let (host, at) = (Some(MX), Wall(1_795_468_238_000));
    Fate { recipient, original: b"", action: Action::Failed, response, host, at }
}

fn report<'a>(fates: &'a [Fate<'a>], headers: &'a [u8]) -> Report<'a> {
    Report {
        hostname: "mta1.example",
        to: b"news@shop.example",
        id: MessageId { log: 0, boot: 1, count: 16 },
        arrived: Wall(1_795_468_000_000),
        now: Wall(1_795_468_240_000),
        envid: b"",
        fates,
        headers,
        message: None,
    }
}

/// What every report must be, whatever it reports on.
fn sound(report: &Report<'_>) -> String {
    let out = write(report);
    let mut rest = out.as_slice();
    while let Some(end) = rest.iter().position(|byte| b"\r\n\0".contains(byte)) {
        assert_eq!(&rest[end..end + 2], b"\r\n", "a bare CR, LF or NUL");
        assert!(end <= 998, "a line of {end} octets");
        // A line's own dot is doubled, so none stands alone.
        assert!(!rest.starts_with(b".") || rest.starts_with(b".."), "a dot not doubled");
        rest = &rest[end + 2..];
    }
    assert_eq!(rest, b"", "it ends in CRLF");
    let text = String::from_utf8(out).unwrap();
    assert!(text.is_ascii() || !report.to.is_ascii());
    text
}

fn parsed(text: &str) -> Message<'_> {
    let message = MessageParser::default().parse(text.as_bytes()).unwrap();
    assert_eq!(message.parts.len(), 4, "a multipart of three: {text}");
    message
}

fn part(message: &Message<'_>, index: usize) -> String {
    String::from_utf8(message.parts[index].contents().to_vec()).unwrap()
}

#[test]
fn a_report_is_as_written() {
    let response = response();
    let failures = [failure(b"ann@mail.example", &response)];
    let text = sound(&report(&failures, HEADERS));
    let written = include_str!("report.txt").replace('\n', "\r\n");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write("src/dsn/report.txt", text.replace("\r\n", "\n")).unwrap();
    } else {
        assert_eq!(text, written);
    }
}

#[test]
fn another_parser_reads_its_three_parts() {
    let response = response();
    let late = Response::new(451, None, "busy");
    let expired =
        Fate { action: Action::Expired, host: None, ..failure(b"bob@mail.example", &late) };
    let failures = [failure(b"ann@mail.example", &response), expired];
    let text = sound(&report(&failures, HEADERS));
    let message = parsed(&text);
    assert_eq!(message.to().unwrap().first().unwrap().address(), Some("news@shop.example"));
    assert_eq!(message.content_type().unwrap().subtype(), Some("report"));
    assert_eq!(message.content_type().unwrap().attribute("report-type"), Some("delivery-status"));
    assert_eq!(message.date().unwrap().to_timestamp(), 1_795_468_240);
    assert!(part(&message, 1).contains("192.0.2.25 said: 550 5.1.1 no such user"));
    let status = part(&message, 2);
    assert!(status.contains(
        "Final-Recipient: rfc822; ann@mail.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    ));
    assert!(status.contains(
        "Final-Recipient: rfc822; bob@mail.example\r\nAction: failed\r\nStatus: 4.4.7\r\n"
    ));
    assert_eq!(status.matches("Remote-MTA").count(), 1);
    assert_eq!(part(&message, 3).trim_end(), String::from_utf8_lossy(HEADERS).trim_end());
}

#[test]
fn an_address_beyond_ascii_is_written_in_ascii() {
    let response = Response::new(550, None, "wer ist jürgen?");
    let failures = [failure("jürgen\\@bücher.example".as_bytes(), &response)];
    let text = sound(&report(&failures, HEADERS));
    let message = parsed(&text);
    assert!(part(&message, 2).contains(r"utf-8; j\x{FC}rgen\x{5C}@b\x{FC}cher.example"));
    assert!(part(&message, 2).contains("Diagnostic-Code: smtp; 550 wer ist j?rgen?"));
    assert!(message.body_text(0).unwrap().contains("<jürgen\\@bücher.example>"));
}

/// RFC 3464 §2.3.5, §2.3.6: of the host only what the host said.
#[test]
fn our_own_words_are_not_put_into_a_hosts_mouth() {
    let theirs = response();
    let ours = Response::local(554, EnhancedCode::new(5, 6, 3), "the host does not offer 8BITMIME");
    let six = Some("2001:db8::1".parse().unwrap());
    let failures = [
        failure(b"ann@mail.example", &ours),
        Fate { host: six, ..failure(b"bob@mail.example", &theirs) },
    ];
    let text = sound(&report(&failures, HEADERS));
    let message = parsed(&text);
    let people = part(&message, 1);
    assert!(people.contains("\n    554 5.6.3 the host does not offer 8BITMIME"), "{people}");
    assert!(people.contains("2001:db8::1 said: 550 5.1.1"), "{people}");
    let status = part(&message, 2);
    let (ours, theirs) = status.split_once("rfc822; bob").unwrap();
    let code = "Diagnostic-Code: X-Ringpost; 554 5.6.3 the host does not offer 8BITMIME\r\n";
    assert!(ours.contains(code) && !ours.contains("Remote-MTA"), "{ours}");
    assert!(theirs.contains("Remote-MTA: dns; [IPv6:2001:db8::1]\r\n"), "{theirs}");
    assert!(theirs.contains("Diagnostic-Code: smtp; 550 5.1.1"), "{theirs}");
}

/// RFC 6533 §3: as it was given, in seven bits.
#[test]
fn who_it_was_at_first_is_told_beyond_ascii_too() {
    let response = response();
    for (original, told) in [
        ("utf-8;\u{e4}@\u{f6}.example", r"utf-8;\x{E4}@\x{F6}.example"),
        ("UTF-8;a+2Bb\u{e4}@b", r"utf-8;a+b\x{E4}@b"),
        (r"utf-8;\x{E4}@b", r"utf-8;\x{E4}@b"),
        ("rfc822;a+2Bb@c", "rfc822;a+b@c"),
    ] {
        let fate =
            Fate { original: original.as_bytes(), ..failure(b"ann@mail.example", &response) };
        let text = sound(&report(&[fate], HEADERS));
        let told = format!("Original-Recipient: {told}\r\n");
        assert!(part(&parsed(&text), 2).contains(&told), "{text}");
    }
}

#[test]
fn a_header_beyond_seven_bits_or_with_long_lines_is_encoded() {
    let response = response();
    let failures = [failure(b"a@b", &response)];
    let long = ["X: ".to_owned(), "x".repeat(2_000), "\r\n".into()].concat();
    let stuffed = "Subject: grüße\r\n..dotted\r\n";
    for headers in [stuffed, &long] {
        let text = sound(&report(&failures, headers.as_bytes()));
        let message = parsed(&text);
        assert_eq!(message.parts[3].content_transfer_encoding(), Some("quoted-printable"));
        assert_eq!(part(&message, 3).trim_end(), headers.replace("\r\n..", "\r\n.").trim_end());
    }
}

#[test]
fn a_header_is_cut_at_a_line() {
    let response = response();
    let failures = [failure(b"a@b", &response)];
    let headers = "Subject: hello hello hello\r\n".repeat(5_000);
    let text = sound(&report(&failures, headers.as_bytes()));
    assert!(text.len() < HEADERS_MAX + 4_096);
    assert!(part(&parsed(&text), 3).trim_end().ends_with("hello hello hello"));
    // One line without an end leaves nothing worth sending.
    sound(&report(&failures, "x".repeat(100_000).as_bytes()));
}

/// The header that comes back was written by somebody else.
#[test]
fn no_header_breaks_out_of_its_part() {
    let response = response();
    let failures = [failure(b"a@b", &response)];
    let honest = sound(&report(&failures, HEADERS));
    let boundary = honest.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
    let headers = format!(
        "A: b\r\n--{boundary}--\r\n--{boundary}\r\nContent-Type: text/html\r\n\r\nevil\r\n"
    );
    let text = sound(&report(&failures, headers.as_bytes()));
    assert!(part(&parsed(&text), 3).contains("evil"));
}

#[test]
fn what_a_peer_said_is_folded_whatever_its_length() {
    let words = Response::new(550, None, &"word ".repeat(200));
    let word = Response::new(550, None, &"x".repeat(1_024));
    let failures = [failure(b"a@b", &words), failure(b"a@b", &word)];
    let text = sound(&report(&failures, HEADERS));
    assert!(text.contains("\r\n word word"));
    parsed(&text);
}

#[test]
fn a_sender_beyond_ascii_is_written_as_it_is() {
    let response = response();
    let failures = [failure(b"a@b", &response)];
    let to = "jürgen@shop.example".as_bytes();
    let text = sound(&Report { to, ..report(&failures, HEADERS) });
    assert!(text.contains("To: <jürgen@shop.example>\r\n"));
}

/// RFC 3464 §2.2.1, §2.3.1: as they were before they were encoded, and no field of their own.
#[test]
fn what_the_sender_called_things_is_said() {
    let response = response();
    let ann = Fate { original: b"rfc822;Ann+2Bnews@other.example", ..failure(b"a@b", &response) };
    let odd = Fate { original: b"x-odd;a+0D+0ASubject:+20b+00", ..failure(b"c@d", &response) };
    let fates = [ann, odd];
    let text = sound(&Report { envid: b"Q+20314+3D+0A", ..report(&fates, HEADERS) });
    let status = part(&parsed(&text), 2);
    assert!(status.starts_with("Original-Envelope-Id: Q 314=?\r\nReporting-MTA: "), "{status}");
    let expected = "Original-Recipient: rfc822;Ann+news@other.example\r\nFinal-Recipient: ";
    assert!(status.contains(expected), "{status}");
    assert!(status.contains("Original-Recipient: x-odd;a??Subject: b?\r\n"), "{status}");
}

#[test]
fn a_delay_says_until_when_it_is_tried() {
    let response = Response::new(451, None, "busy");
    let until = Action::Delayed(Wall(1_795_900_000_000));
    let fates = [Fate { action: until, ..failure(b"ann@mail.example", &response) }];
    let text = sound(&report(&fates, HEADERS));
    let message = parsed(&text);
    assert_eq!(message.subject(), Some("Mail delayed: it is tried again"));
    assert!(part(&message, 1).contains("you need not send it again"));
    let status = part(&message, 2);
    assert!(status.contains("Action: delayed\r\nStatus: 4.0.0\r\n"), "{status}");
    assert!(status.contains("\r\nWill-Retry-Until: "), "{status}");
}

#[test]
fn what_is_passed_on_is_no_failure() {
    let response = Response::new(250, None, "queued");
    let fates = [Fate { action: Action::Relayed, ..failure(b"ann@mail.example", &response) }];
    let text = sound(&report(&fates, HEADERS));
    let message = parsed(&text);
    assert_eq!(message.subject(), Some("Mail passed on"));
    let status = part(&message, 2);
    assert!(status.contains("Action: relayed\r\nStatus: 2.0.0\r\n"), "{status}");
    assert!(!text.contains("not be"), "{text}");
}

#[test]
fn a_whole_message_goes_back_if_anybody_takes_it() {
    let response = response();
    let fates = [failure(b"a@b", &response)];
    let message = [HEADERS, b"\r\nhello\r\n..\r\n"].concat();
    let back = |message: &[u8]| {
        let text = sound(&Report { message: Some(message), ..report(&fates, HEADERS) });
        text.contains("Content-Type: message/rfc822\r\n\r\nReceived: ")
    };
    assert!(back(&message));
    assert!(back(&[&message[..], &b"x\r\n".repeat((MESSAGE_MAX - message.len()) / 3)].concat()));
    let (wide, bare) = ([&message, "ü\r\n".as_bytes()].concat(), [&message, &b"x"[..]].concat());
    let long = [&message[..], &b"x\r\n".repeat(MESSAGE_MAX / 3)].concat();
    let nul = [&message[..], b"\0\r\n"].concat();
    let line = [&message[..], &[b'x'; 999], b"\r\n"].concat();
    let ends = [&message[..], b"a\n.\r\n"].concat();
    let returns = [&message[..], b"a\r.\r\n"].concat();
    for refused in [wide, bare, long, nul, line, ends, returns] {
        assert!(!back(&refused), "{} octets", refused.len());
    }
}
