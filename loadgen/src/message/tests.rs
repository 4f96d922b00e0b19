use super::{Composer, Label, Templates, label};
use crate::hash;
use std::path::PathBuf;
use std::sync::Arc;

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

/// A folder with these files, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &[u8])]) -> Self {
        let folder = format!("ringload-templates-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&path).unwrap();
        for (name, text) in files {
            std::fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_template_is_sent_as_it_is_in_wire_form_behind_our_field() {
    let eml =
        b"From: a@b\nbcc: x@y,\n z@y\nSubject: hi\n there\nMessage-Id: <old@b>\n\n.dot\r\n\rend";
    let folder = Folder::new("wire", &[("a.eml", eml), ("b.txt", b"no message")]);
    let templates = Arc::new(Templates::read(&folder.0).unwrap());
    assert_eq!(templates.eight_bit(), None);
    let composer = composer().with_templates(Some(templates));
    let mut text = Vec::new();
    let print = composer.write(9, 4_096, true, b"ann@a.example", &mut text);
    let (header, body) = text.split_at(memchr::memmem::find(&text, b"\r\n\r\n").unwrap() + 4);
    assert_eq!(body, b"..dot\r\n\r\nend\r\n");
    let (first, rest) = header.split_at(memchr::memchr(b'\n', header).unwrap() + 1);
    assert!(first.starts_with(b"X-Ringload-Id: 0000000000000009-"));
    let wanted = "Message-ID: <0000000000000009.ringload@bulk.example>\r\n\
                  Date: Mon, 23 Nov 2026 21:10:42 +0000\r\n\
                  From: a@b\r\nSubject: hi\r\n there\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(rest), wanted);
    assert_eq!(label(&text), Some(Label { start: 0, id: 9, body: print.body }));
    assert_eq!((print.body, print.header), (hash::body(body), hash::header(header)));
    assert_eq!(composer.template(9), Some((print.bytes, false)));
    assert_eq!(print.bytes as usize, text.len());
}

#[test]
fn every_template_of_a_folder_has_its_turn() {
    let files: [(&str, &[u8]); 3] =
        [("a.eml", b"A: 1\n\n1"), ("b.EML", b"A: 2\n\n22"), ("c.eml", b"A: 3\n\n\xff")];
    let folder = Folder::new("turn", &files);
    let templates = Arc::new(Templates::read(&folder.0).unwrap());
    assert!(templates.eight_bit().unwrap().ends_with("c.eml"));
    let composer = composer().with_templates(Some(templates));
    let mut shapes: Vec<_> = (0..100).map(|id| composer.template(id).unwrap()).collect();
    shapes.sort_unstable();
    shapes.dedup();
    assert!(shapes.len() == 3 && shapes.iter().filter(|shape| shape.1).count() == 1, "{shapes:?}");
}

#[test]
fn what_no_relay_need_take_is_no_template_and_the_line_is_named() {
    let long = [b"A: 1\n\n", [b'x'; 999].as_slice()].concat();
    for (text, cause) in [
        (&b"hello\n\nbody"[..], "line 1 is no header field"),
        (b"A: 1\nno field\n\n", "line 2 is no header field"),
        (b" A: 1\n\n", "line 1 is no header field"),
        (b"A: 1\n\na\0b\n", "line 3 has a NUL"),
        (&long, "line 3 has more than 998 bytes"),
    ] {
        let folder = Folder::new("bad", &[("bad.eml", text)]);
        let refused = Templates::read(&folder.0).unwrap_err().to_string();
        assert!(refused.contains("bad.eml") && refused.contains(cause), "{refused}");
    }
    let empty = Folder::new("empty", &[]);
    assert!(Templates::read(&empty.0).unwrap_err().to_string().contains("no .eml file"));
    assert!(Templates::read(&empty.0.join("none.eml")).is_err());
}
