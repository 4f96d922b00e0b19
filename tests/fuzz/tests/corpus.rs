//! What the fuzzers kept, once more.

use std::fs;
use std::path::Path;

#[test]
fn every_target_stands_its_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in fuzz::TARGETS {
        let mut inputs = 0;
        for entry in fs::read_dir(corpus.join(name)).expect("each target has a corpus") {
            let input = fs::read(entry.expect("it can be listed").path()).expect("and read");
            target(&input);
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has an empty corpus");
        target(b"");
    }
}

/// A corpus nobody runs proves nothing.
#[test]
fn every_corpus_has_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in fs::read_dir(corpus).expect("there is a corpus") {
        let name = entry.expect("it can be listed").file_name();
        assert!(fuzz::TARGETS.iter().any(|(target, _)| name == *target), "{name:?}");
    }
}
