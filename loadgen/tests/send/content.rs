//! What the messages are.

use crate::run::{Scratch, run};
use loadgen::message::Templates;
use loadgen::send;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

fn write_messages(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let long = "x".repeat(998);
    let lines = format!("..\n.\n{long}\n.{}\n\n.", "y".repeat(997)).repeat(40);
    for (name, text) in [
        ("dots.eml", format!("From: a@b.example\nSubject: dots\n\n{lines}")),
        ("eight.eml", "From: a@b.example\r\nSubject: 8\r\n\r\nGr\u{fc}\u{df}e\r\n".to_owned()),
        ("empty.eml", "From: a@b.example\nReturn-Path: <x@y>\n\n".to_owned()),
        ("header_only.eml", "From: a@b.example\nX-Long: a\n b\n .c".to_owned()),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// The proof of a template is that of a generated message: header, body and length.
#[test]
fn messages_of_a_folder_arrive_as_they_were() {
    let scratch = Scratch::new("folder");
    let folder = scratch.file("messages");
    write_messages(&folder);
    let templates = Arc::new(Templates::read(&folder).unwrap());
    let run = run("templates", "", |options| {
        options.templates = Some(Arc::clone(&templates));
        options.recipients = 2;
    });
    assert!(run.proof.holds && run.proof.exact == 400, "{}", run.proof);
    assert_eq!((run.report.messages, run.proof.strangers), (200, 0));
    assert_eq!(run.provider.counters.corrupt.load(Relaxed), 0);
}

#[test]
fn an_eight_bit_template_is_not_sent_as_seven_bits() {
    let scratch = Scratch::new("seven");
    let folder = scratch.file("messages");
    write_messages(&folder);
    let mut options = send::Options::new("127.0.0.1:1".parse().unwrap());
    options.templates = Some(Arc::new(Templates::read(&folder).unwrap()));
    options.eight_bit = false;
    let refused = send::start(options).unwrap_err().to_string();
    assert!(refused.contains("eight.eml") && refused.contains("--seven-bit"), "{refused}");
}

#[test]
fn named_mixes_arrive_as_they_were() {
    for (mix, messages) in [("transactional", 200), ("newsletter", 60), ("attachment", 8)] {
        let run = run("mix", "", |options| {
            options.sizes = mix.parse().unwrap();
            options.messages = messages;
        });
        assert!(run.proof.holds && run.proof.exact == messages, "{mix}: {}", run.proof);
    }
}
