//! What hostile bytes may not do: one function a target, each given any bytes, each panics if a
//! promise is broken.
//!
//! `fuzz_targets/` gives them to libFuzzer, a line each; `tests/corpus.rs` runs them over
//! `corpus/`, what the fuzzers found worth keeping. To look for more:
//!
//! ```text
//! cargo +nightly fuzz run --fuzz-dir tests/fuzz --features libfuzzer session -- -max_len=4096
//! ```

mod conversation;
mod header;
mod lines;
mod proxy;

use conversation::{Cuts, assert_same_at_any_split};
use smtp::server::{Auth, Config};

pub use header::header;
pub use lines::{address, command, parameters};
pub use proxy::proxy;

/// A target's name, which is that of its corpus too, and the target.
pub type Target = (&'static str, fn(&[u8]));

/// All of them, in order.
pub const TARGETS: [Target; 9] = [
    ("address", address),
    ("chunks", chunks),
    ("command", command),
    ("data", data),
    ("header", header),
    ("parameters", parameters),
    ("proxy", proxy),
    ("sasl", sasl),
    ("session", session),
];

/// A whole conversation: the first byte says what is offered, a few more how the rest is cut.
///
/// # Panics
/// If the cuts change what is said, more is held than a line, or a step comes out of order.
pub fn session(input: &[u8]) {
    let Some((offers, input)) = input.split_first() else { return };
    let (cuts, input) = Cuts::take(input);
    assert_same_at_any_split(&listener(*offers), &cuts, input);
}

/// Any bytes as the text of DATA.
///
/// # Panics
/// As [`session`] does, or if what was taken would end early for somebody else.
pub fn data(input: &[u8]) {
    let (cuts, input) = Cuts::take(input);
    let client = [ENVELOPE, b"DATA\r\n", input].concat();
    assert_same_at_any_split(&listener(0), &cuts, &client);
}

/// Any bytes in chunks of any size, the last of them announced as such or not.
///
/// # Panics
/// As [`data`] does.
pub fn chunks(input: &[u8]) {
    let Some((choices, input)) = input.split_first() else { return };
    let (cuts, input) = Cuts::take(input);
    let body = if choices & 1 != 0 { " BODY=BINARYMIME" } else { "" };
    let envelope = format!("EHLO c\r\nMAIL FROM:<a@b>{body}\r\nRCPT TO:<c@d>\r\n");
    let mut client = envelope.into_bytes();
    let pieces = cuts.pieces(input);
    for (number, piece) in pieces.iter().enumerate() {
        let last = if number + 1 == pieces.len() && choices & 2 != 0 { " LAST" } else { "" };
        client.extend_from_slice(format!("BDAT {}{last}\r\n", piece.len()).as_bytes());
        client.extend_from_slice(piece);
    }
    client.extend_from_slice(b"NOOP\r\n");
    assert_same_at_any_split(&listener(CHUNKING | BINARY), &cuts, &client);
}

/// Any bytes as what a peer says in an authentication.
///
/// # Panics
/// As [`session`] does.
pub fn sasl(input: &[u8]) {
    let (cuts, input) = Cuts::take(input);
    let client = [b"EHLO c\r\nAUTH LOGIN\r\n", input].concat();
    assert_same_at_any_split(&listener(AUTH), &cuts, &client);
}

const ENVELOPE: &[u8] = b"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";

const STARTTLS: u8 = 1;
const TLS_REQUIRED: u8 = 2;
const AUTH: u8 = 4;
const AUTH_REQUIRED: u8 = 8;
const CHUNKING: u8 = 16;
const BINARY: u8 = 32;
const DSN: u8 = 64;

/// A listener that offers some of all this. Small, so that its limits are met.
fn listener(offers: u8) -> Config {
    let has = |offer: u8| offers & offer != 0;
    Config {
        message_bytes_max: 2_000,
        chatter_max: 50,
        starttls: has(STARTTLS),
        tls_required: has(STARTTLS) && has(TLS_REQUIRED),
        auth: if has(AUTH) { Auth::Always } else { Auth::UnderTls },
        auth_required: has(AUTH) && has(AUTH_REQUIRED),
        chunking: has(CHUNKING),
        binary: has(BINARY),
        dsn: has(DSN),
        ..Config::new("mx.example")
    }
}
