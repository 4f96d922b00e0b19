//! Each `transcripts/RELAY/*.txt` holds a file of another relay and, behind a line of dashes, what we
//! make of it and say about it. `BLESS=1` accepts what has changed.

use super::{Translate, Translation, kumomta, powermta};
use crate::settings::{Host, parse};
use policy::replies::Rules;
use std::path::{Path, PathBuf};
use std::{env, fs};

const RELAYS: [(&str, &str, Translate); 2] = [
    ("kumomta", "shaping.toml", kumomta::translate),
    ("powermta", "pmta.conf", powermta::translate),
];

fn host() -> Host {
    Host { cores: 2, name: "mta1.example.com".to_owned() }
}

/// The transcripts of a relay: each file, what it starts with, and what is expected.
fn transcripts(relay: &str) -> Vec<(PathBuf, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/import/transcripts").join(relay);
    let read = |path: PathBuf| {
        let file = fs::read_to_string(&path).unwrap();
        let (text, expected) = file.split_once("-----\n").unwrap();
        (path, text.to_owned(), expected.to_owned())
    };
    let mut all: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect();
    all.sort();
    all
}

/// Everything that an operator gets of a file.
fn said(name: &str, text: &str, translate: Translate) -> String {
    let translation = match translate(name, text) {
        Ok(translation) => translation,
        Err(faults) => return format!("----- refused\n{faults}"),
    };
    let handed = translation.handed(name, Some(Path::new("/etc/ringpost")), &host()).unwrap();
    parse("ringpost.toml", &handed.settings, &host()).unwrap();
    let rules = || handed.rules.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Rules::behind(rules()).unwrap();
    let rules =
        rules().fold(String::new(), |all, (name, text)| all + &format!("----- {name}\n{text}"));
    let notes = handed.notes.of_file(name);
    format!("{}{rules}----- {} lines came over\n{notes}", handed.settings, handed.lines)
}

#[test]
fn files_are_translated_as_written() {
    let mut count = 0;
    for (relay, name, translate) in RELAYS {
        for (path, text, expected) in transcripts(relay) {
            let said = said(name, &text, translate);
            if env::var_os("BLESS").is_some() {
                fs::write(&path, format!("{text}-----\n{said}")).unwrap();
                continue;
            }
            assert_eq!(said, expected, "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 6 || env::var_os("BLESS").is_some(), "the transcripts are there");
}

#[test]
fn no_password_is_told() {
    for (relay, name, translate) in RELAYS {
        for (_, text, _) in transcripts(relay) {
            assert!(!said(name, &text, translate).contains("never shown"));
            assert!(!said(name, &text, translate).contains("never-shown"));
        }
    }
}

#[test]
fn rules_without_a_folder_are_left_out_and_told() {
    let text = "[[\"gmail.com\".automation]]\nregex = \"slow down\"\naction = \"Suspend\"\n\
                duration = \"1h\"\n";
    let translation = kumomta::translate("shaping.toml", text).unwrap();
    let handed = translation.handed("shaping.toml", None, &host()).unwrap();
    assert!(handed.rules.is_empty() && !handed.settings.contains("reply_rules"));
    let notes = handed.notes.of_file("shaping.toml");
    assert!(notes.contains("shaping.toml:2: left out: automation: regex: "), "{notes}");
    assert!(notes.contains("--output"), "{notes}");
}

/// However a file is cut or bent, it is translated or refused, and what comes of it is accepted.
#[test]
fn nothing_that_is_written_is_too_much() {
    for (relay, name, translate) in RELAYS {
        for (_, text, _) in transcripts(relay) {
            for (number, damaged) in damaged(&text).into_iter().enumerate() {
                let Ok(translation) = translate(name, &damaged) else { continue };
                let folder = (number % 50 == 0).then_some(Path::new("/etc/ringpost"));
                accepted(translation, name, folder);
            }
        }
    }
}

fn accepted(translation: Translation, name: &str, folder: Option<&Path>) {
    let handed = translation.handed(name, folder, &host()).unwrap();
    parse("ringpost.toml", &handed.settings, &host()).unwrap();
}

/// A text cut short, without one of its lines, and with one character in the place of another.
fn damaged(text: &str) -> Vec<String> {
    let mut all: Vec<String> =
        text.char_indices().step_by(7).map(|(at, _)| text[..at].to_owned()).collect();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for out in 0..lines.len() {
        let kept = lines.iter().enumerate().filter(|(place, _)| *place != out);
        all.push(kept.map(|(_, line)| *line).collect());
    }
    for (number, (at, c)) in text.char_indices().step_by(11).enumerate() {
        let strange = ["\u{0}", "\\", "/", "<", ">", "\"", "[", "ä", "$", "9999999999", "#", ","];
        let other = strange[number % strange.len()];
        all.push(format!("{}{other}{}", &text[..at], &text[at + c.len_utf8()..]));
    }
    all
}
