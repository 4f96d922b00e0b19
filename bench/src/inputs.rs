//! What the benches feed the machines: made mail, and the protocol's own transcripts.

/// The client's side of transcripts that the protocol's tests replay.
const TRANSCRIPTS: [&str; 3] = [
    include_str!("../../engine/smtp/tests/dialogues/server/plain_delivery.smtp"),
    include_str!("../../engine/smtp/tests/dialogues/server/parameters.smtp"),
    include_str!("../../engine/smtp/tests/dialogues/server/addresses.smtp"),
];

/// Sizes of message text worth telling apart: most mail, and mail with pictures in it.
pub const SIZES: [usize; 2] = [4_096, 51_200];

/// Every command in the transcripts, without its line end.
#[must_use]
pub fn commands() -> Vec<&'static [u8]> {
    let lines = TRANSCRIPTS.iter().flat_map(|transcript| transcript.lines());
    lines.filter_map(|line| line.strip_prefix("C: ")).map(str::as_bytes).collect()
}

/// A message text of about `bytes`, in wire form, with lines of 76 and a dozen header fields.
#[must_use]
pub fn text(bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + 80);
    for hop in 0..3 {
        let field = format!("Received: from a{hop}.test by b{hop}.test with ESMTP id x{hop};\r\n");
        text.extend_from_slice(field.as_bytes());
        text.extend_from_slice(b"\tMon, 23 Nov 2026 21:00:00 +0000\r\n");
    }
    text.extend_from_slice(b"From: News <news@shop.test>\r\nTo: ann@mail.test\r\n");
    text.extend_from_slice(b"Subject: What is new this week\r\nMIME-Version: 1.0\r\n\r\n");
    while text.len() < bytes {
        text.extend_from_slice(&[b'a' + (text.len() % 26) as u8; 76]);
        text.extend_from_slice(b"\r\n");
    }
    text
}

/// The envelope of one message as a pipelining client sends it in one write.
pub const ENVELOPE: &[u8] =
    b"MAIL FROM:<news@shop.test> SIZE=4096 BODY=8BITMIME\r\nRCPT TO:<ann@mail.test>\r\nDATA\r\n";
