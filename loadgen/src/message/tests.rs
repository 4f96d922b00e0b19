use super::{Composer, Label, label};
use crate::hash;

fn composer() -> Composer {
    Composer::new(7, "bulk.example", "Mon, 23 Nov 2026 21:10:42 +0000")
}

fn written(id: u64, size: u32, eight_bit: bool) -> (Vec<u8>, super::Print) {
    let mut out = b"already here".to_vec();
    let print = composer().write(id, size, eight_bit, b"ann@a.example", &mut out);
    (out.split_off(12), print)
}

#[test]
fn a_message_has_the_size_asked_for_and_describes_itself() {
    for size in [1_024, 4_096, 50_000, 3_000_000] {
        for id in 0..20 {
            let (text, print) = written(id, size, id % 2 == 0);
            let short_of = size as usize - text.len();
            assert!(short_of < 2, "{size}: {}", text.len());
            let split = memchr::memmem::find(&text, b"\r\n\r\n").unwrap() + 4;
            assert_eq!(print.header, hash::header(&text[..split]));
            assert_eq!(print.body, hash::body(&text[split..]));
            assert_eq!(print.bytes as usize, text.len());
            assert_eq!(label(&text), Some(Label { start: 0, id, body: print.body }));
        }
    }
}

#[test]
fn the_text_is_legal_wire_form_and_awkward() {
    let (text, _) = written(1, 3_000_000, false);
    let lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    let (last, lines) = lines.split_last().unwrap();
    assert!(last.is_empty());
    for line in lines {
        let line = line.strip_suffix(b"\r").expect("only CRLF ends a line");
        assert!(!line.contains(&b'\r') && line.is_ascii());
        let plain = match line.strip_prefix(b".") {
            Some(rest) => {
                assert!(rest.starts_with(b"."), "a dot in front is doubled");
                rest
            }
            None => line,
        };
        assert!(plain.len() <= 998);
    }
    let has = |wanted: &[u8]| memchr::memmem::find(&text, wanted).is_some();
    assert!(has(b"\r\n..\r\n") && has(b"\r\n\r\n") && has(b"\r\n...."));
    assert!(
        lines.iter().any(|line| line.len() == 999) && lines.iter().any(|line| line.len() == 1_000)
    );
    assert!(!written(1, 4_096, true).0.is_ascii());
}

#[test]
fn the_same_numbers_give_the_same_message_and_others_do_not() {
    assert_eq!(written(5, 4_096, false), written(5, 4_096, false));
    assert_ne!(written(5, 4_096, false).1.body, written(6, 4_096, false).1.body);
    let mut other = Vec::new();
    let seed = Composer::new(8, "bulk.example", "x").write(5, 4_096, false, b"a@b", &mut other);
    assert_ne!(seed.body, written(5, 4_096, false).1.body);
}

#[test]
fn a_label_is_found_behind_added_fields_and_only_at_a_line_start() {
    let (text, print) = written(9, 1_024, false);
    let mut relayed = b"Received: from X-Ringload-Id: x\r\n by y; z\r\n".to_vec();
    let start = relayed.len();
    relayed.extend_from_slice(&text);
    assert_eq!(label(&relayed), Some(Label { start, id: 9, body: print.body }));
    assert_eq!(label(b"Subject: hello\r\n\r\n"), None);
    assert_eq!(label(b"X-Ringload-Id: 12"), None);
}
