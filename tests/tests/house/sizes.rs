//! A file can be read in one sitting. Functions are clippy's business (`too_many_lines`).

use crate::tree::{File, assert_clean, files};

/// Lines in the longest source file.
const LINES_MAX: usize = 400;

#[test]
fn files_are_short() {
    let faults: Vec<String> = files().iter().filter_map(too_long).collect();
    assert_clean("split what does two things", &faults);
}

#[test]
fn a_long_file_is_noticed() {
    let lines = |count| File::new("a.rs", &"\n".repeat(count));
    assert_eq!(too_long(&lines(LINES_MAX)), None);
    assert_eq!(too_long(&lines(LINES_MAX + 1)), Some("a.rs: 401 lines, at most 400".into()));
}

fn too_long(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    let too_long = file.is("rs") && lines > LINES_MAX;
    too_long.then(|| format!("{}: {lines} lines, at most {LINES_MAX}", file.path))
}
