//! Words that may not stand in some files, each with its reason.

use crate::tree::{File, assert_clean, files};

/// A word, where it may stand all the same, and why it may not elsewhere.
struct Ban {
    words: &'static [&'static str],
    applies: fn(&File) -> bool,
    reason: &'static str,
}

/// The words are written in two halves, so that this file does not break its own rules.
const BANS: [Ban; 6] = [
    Ban {
        words: &[
            concat!("unsa", "fe {"),
            concat!("unsa", "fe fn"),
            concat!("unsa", "fe impl"),
            concat!("unsa", "fe extern"),
            concat!("(unsa", "fe_code"),
        ],
        applies: |file| file.is("rs") && !touches_the_os(&file.path),
        reason: "only the kernel, and the tools that measure it, touch the OS",
    },
    Ban {
        words: &[concat!("(clippy::", "too_many_lines"), concat!("(clippy::", "cognitive")],
        applies: |file| file.is("rs"),
        reason: "a long function is split, not excused",
    },
    Ban {
        words: &[
            concat!("/wo", "rk/"),
            concat!("/ro", "ot/"),
            concat!("/ho", "me/"),
            concat!("/tmp/", "rp"),
        ],
        applies: |_| true,
        reason: "a path of one machine means nothing on another",
    },
    Ban {
        words: &[
            concat!("TO", "DO"),
            concat!("FIX", "ME"),
            concat!("XX", "X:"),
            concat!("unimple", "mented!"),
        ],
        applies: |file| !file.is("lock"),
        reason: "do it, or open an issue",
    },
    Ban {
        words: &[concat!("#[ig", "nore"), concat!("#[cfg(an", "y())]")],
        applies: |file| file.is("rs"),
        reason: "a test that does not run proves nothing",
    },
    Ban {
        words: &[concat!("thread::", "sleep")],
        applies: |file| file.is("rs") && file.path.starts_with("tests/") && file.path != POLL,
        reason: "wait for the event with a deadline (tests::wait), not for a while",
    },
];

/// The one place where a test may sleep: between two looks.
const POLL: &str = "tests/src/wait.rs";

#[test]
fn no_word_stands_where_it_may_not() {
    let files = files();
    let faults: Vec<String> =
        BANS.iter().flat_map(|ban| files.iter().flat_map(|file| ban.faults(file))).collect();
    assert_clean("words out of place", &faults);
}

#[test]
fn each_banned_word_is_noticed() {
    for ban in &BANS {
        for word in ban.words {
            let file = File::new("tests/tests/a.rs", &format!("fine\n    {word} x\n"));
            let faults = ban.faults(&file);
            assert_eq!(faults.len(), 1, "{word}");
            assert!(faults[0].starts_with("tests/tests/a.rs:2: "), "{faults:?}");
        }
    }
}

#[test]
fn the_kernel_may_touch_the_os() {
    let block = concat!("unsa", "fe { x }");
    assert!(BANS[0].faults(&File::new("engine/kernel/src/a.rs", block)).is_empty());
    assert_eq!(BANS[0].faults(&File::new("engine/shard/src/a.rs", block)).len(), 1);
}

impl Ban {
    fn faults(&self, file: &File) -> Vec<String> {
        if !(self.applies)(file) {
            return Vec::new();
        }
        let hits = file.lines().filter_map(|(number, line)| {
            let word = self.words.iter().find(|word| line.contains(*word))?;
            Some(format!("{}:{number}: `{word}`: {}", file.path, self.reason))
        });
        hits.collect()
    }
}

fn touches_the_os(path: &str) -> bool {
    ["engine/kernel/", "bench/", "loadgen/"].iter().any(|folder| path.starts_with(folder))
}
