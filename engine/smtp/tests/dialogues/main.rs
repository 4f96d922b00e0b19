//! Runs every transcript of `dialogues/server` and `dialogues/client` against its session.
//!
//! A transcript is both the input and the expected output, in the notation of RFC 5321
//! Appendix D: `C:` is what the client says, `S:` what the server answers, and `=` what the
//! session asks of the relay. `#` is a comment; `#!` sets something; `+` is an envelope the
//! client is to send. `BLESS=1 cargo test` rewrites the session's side and the `=` lines; read
//! the diff before you commit.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod notation;
mod server;

use std::path::Path;
use std::{env, fs};

#[test]
fn what_the_server_session_says_is_as_written() {
    replay_all("tests/dialogues/server", server::replay);
}

#[test]
fn what_the_client_session_says_is_as_written() {
    replay_all("tests/dialogues/client", client::replay);
}

/// However the network cuts the bytes, the conversation is the same.
fn replay_all(directory: &str, replay: fn(&str, usize) -> String) {
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let written = fs::read_to_string(&path).unwrap();
        if env::var_os("BLESS").is_some() {
            fs::write(&path, replay(&written, usize::MAX)).unwrap();
            continue;
        }
        for packet in packets(&written) {
            assert_same(&path, packet, &replay(&written, packet), &written);
        }
        count += 1;
    }
    assert!(count > 0 || env::var_os("BLESS").is_some(), "no transcript in {directory}");
}

/// Every size up to the longest lines, and one that holds everything.
fn packets(written: &str) -> impl Iterator<Item = usize> {
    let longest = if server::is_at_once(written) { 0 } else { written.len().min(1_500) };
    (1..=longest).chain([usize::MAX])
}

fn assert_same(path: &Path, packet: usize, spoken: &str, written: &str) {
    assert!(
        spoken == written,
        "{} in packets of {packet}, spoken:\n{spoken}\nwritten:\n{written}",
        path.display()
    );
}
