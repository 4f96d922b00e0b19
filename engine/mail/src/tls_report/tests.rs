use super::{Report, write};
use event::Wall;
use mail_parser::{MessageParser, MimeHeaders};

fn report(file: &[u8]) -> Report<'_> {
    Report {
        from: "tls-reports@us.example",
        to: "tls@a.example",
        domain: "a.example",
        submitter: "mta1.us.example",
        organization: "Us, Inc.",
        id: "2026-11-28.a.example@mta1.us.example",
        file_name: "mta1.us.example!a.example!1795824000!1795910399.json.gz",
        file,
        now: Wall(1_795_920_000_000),
    }
}

#[test]
fn a_report_is_as_written() {
    let file: Vec<u8> = (0..100).collect();
    let text = String::from_utf8(write(&report(&file))).unwrap();
    let written = include_str!("report.txt").replace('\n', "\r\n");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write("src/tls_report/report.txt", text.replace("\r\n", "\n")).unwrap();
    } else {
        assert_eq!(text, written);
    }
}

/// [RFC 8460 §5.3](https://www.rfc-editor.org/rfc/rfc8460#section-5.3)
#[test]
fn another_parser_finds_what_the_standard_asks_for() {
    let file: Vec<u8> = (0..=255).cycle().take(4_000).collect();
    let out = write(&report(&file));
    let text = String::from_utf8(out.clone()).unwrap();
    for line in text.split_terminator("\r\n") {
        assert!(line.len() <= 78 && !line.starts_with('.'), "{line}");
        assert!(line.bytes().all(|byte| byte == b'\t' || matches!(byte, b' '..=b'~')), "{line}");
    }
    let message = MessageParser::default().parse(&out).unwrap();
    for (name, value) in [
        ("TLS-Report-Domain", "a.example"),
        ("TLS-Report-Submitter", "mta1.us.example"),
        ("TLS-Required", "No"),
    ] {
        assert_eq!(message.header(name).and_then(|header| header.as_text()), Some(value));
    }
    assert_eq!(
        message.subject(),
        Some(
            "Report Domain: a.example Submitter: mta1.us.example \
             Report-ID: <2026-11-28.a.example@mta1.us.example>"
        )
    );
    assert_eq!(message.message_id(), Some("2026-11-28.a.example@mta1.us.example"));
    let kind = message.content_type().unwrap();
    assert_eq!((kind.subtype(), kind.attribute("report-type")), (Some("report"), Some("tlsrpt")));
    assert_eq!(message.parts.len(), 3, "two parts, and what holds them");
    let attached = message.attachment(0).unwrap();
    let kind = attached.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("application", Some("tlsrpt+gzip")));
    assert_eq!(attached.contents(), file);
    let name = "mta1.us.example!a.example!1795824000!1795910399.json.gz";
    assert_eq!(attached.attachment_name(), Some(name));
}
