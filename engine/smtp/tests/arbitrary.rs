//! Whatever bytes come, neither session panics, stalls, or holds more than it should; and what
//! it asks of its caller keeps to an order a few lines can describe.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use event::MessageId;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use smtp::client::{self, Envelope, Heard, REPLY_BYTES_MAX, Say};
use smtp::command::COMMAND_LINE_MAX;
use smtp::server::{self, Door, Refusal, Step};
use std::sync::Arc;

/// What the server session may ask for next: the whole order, kept by somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Idle,
    Sender,
    Recipient,
    Text,
    Closed,
}

impl Order {
    fn after(self, step: Step<'_>) -> Self {
        match (self, step) {
            (Self::Closed, _) => panic!("{step:?} after the end"),
            (order, Step::Continue) => order,
            (_, Step::Close) => Self::Closed,
            (Self::Idle | Self::Sender | Self::Recipient, Step::Sender(_)) => Self::Sender,
            (Self::Sender | Self::Recipient, Step::Recipient(path)) => {
                assert!(!path.is_empty() && path.len() <= 320);
                Self::Recipient
            }
            (Self::Recipient | Self::Text, Step::Text(text)) => {
                assert!(!text.is_empty() && !text.ends_with(b"\r"));
                Self::Text
            }
            (Self::Recipient | Self::Text, Step::Commit(_) | Step::Discard) => Self::Idle,
            (order, step) => panic!("{step:?} in {order:?}"),
        }
    }
}

const COMMANDS: [&str; 22] = [
    "EHLO c\r\n",
    "HELO c\r\n",
    "MAIL FROM:<a@b>\r\n",
    "MAIL FROM:<a@b> SIZE=9 SMTPUTF8\r\n",
    "RCPT TO:<c@d>\r\n",
    "RCPT TO:<ü@d>\r\n",
    "DATA\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "x\r\n",
    "\r\n.\r\n",
    ".\r\n",
    ".",
    "\r\n",
    "\r",
    "\n",
    "\0",
    "text\r\n",
    "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
    "..\r\n",
    "ü",
];

fn packets(words: &'static [&'static str]) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let word = prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec());
    let noise = prop::collection::vec(any::<u8>(), 0..40);
    let long = (any::<u8>(), 0..1_200_usize).prop_map(|(byte, len)| vec![byte; len]);
    let piece = prop_oneof![30 => word, 2 => noise, 1 => long];
    prop::collection::vec(
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        0..12,
    )
}

fn few(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(few(4_000))]

    #[test]
    fn the_server_session_keeps_its_order_whatever_comes(
        packets in packets(&COMMANDS),
        fates in prop::collection::vec(0..8_u8, 1..8),
    ) {
        let config = server::Config { message_bytes_max: 3_000, ..server::Config::new("mx.example") };
        let mut session = server::Session::new(Arc::new(config), true);
        let (mut order, mut held, mut replies, mut commits) = (Order::Idle, Vec::new(), Vec::new(), 0);
        for packet in packets {
            held.extend_from_slice(&packet);
            let mut used = 0;
            loop {
                let fate = fates[commits % fates.len()];
                let door = match fate { 0 => Door::Full, 1 => Door::Draining, _ => Door::Open };
                let Some((taken, step)) = session.step(&held[used..], door, &mut replies) else { break };
                let moves_on = matches!(step, Step::Close | Step::Discard);
                prop_assert!(taken > 0 || moves_on, "no progress: {:?}", step);
                used += taken;
                order = order.after(step);
                if let Step::Commit(_) = step {
                    commits += 1;
                    match fate {
                        2 => session.rejected(Refusal::LocalError, &mut replies),
                        3 => session.rejected(Refusal::ShuttingDown, &mut replies),
                        _ => session.committed(MessageId { log: 0, boot: 1, count: 1 }, &mut replies),
                    }
                }
            }
            held.drain(..used);
            // What waits for more is less than a line, or the start of a terminator.
            prop_assert!(order == Order::Closed || held.len() < COMMAND_LINE_MAX);
            prop_assert!(order == Order::Closed || !session.in_text() || held.len() < 3);
            let lines = String::from_utf8(std::mem::take(&mut replies)).unwrap();
            prop_assert!(lines.is_empty() || lines.ends_with("\r\n"));
            prop_assert!(lines.lines().all(|line| matches!(line.as_bytes(), [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..])));
        }
    }
}

const REPLIES: [&str; 16] = [
    "220 hi\r\n",
    "250 ok\r\n",
    "250-hi\r\n250-PIPELINING\r\n250 SIZE 100\r\n",
    "354 go\r\n",
    "354 go\r\n250 ok\r\n",
    "250 ok\r\n250 ok\r\n354 go\r\n",
    "450 4.2.1 slow\r\n",
    "550-5.1.1 no\r\n550 5.1.1 such\r\n",
    "550 ",
    "421 bye\r\n",
    "502 what\r\n",
    "\r\n",
    "\r",
    "250-",
    "250 2.0.0 ü\r\n",
    "\n",
];

proptest! {
    #![proptest_config(few(4_000))]

    #[test]
    fn the_client_session_gives_one_verdict_whatever_comes(
        greeted in any::<bool>(),
        packets in packets(&REPLIES),
        recipients in 1..4_usize,
    ) {
        let mut session = client::Session::new(client::Config { ehlo: "me.example".into() });
        let mut held = Vec::new();
        let mut open = Vec::new();
        let mut begun = 0_usize;
        let hello = [b"220 hi\r\n".to_vec(), b"250-hi\r\n250 PIPELINING\r\n".to_vec()];
        let hello = if greeted { hello.to_vec() } else { Vec::new() };
        'connection: for packet in hello.into_iter().chain(packets) {
            held.extend_from_slice(&packet);
            loop {
                let heard = match session.hear(&held) {
                    Ok((0, None)) => break,
                    Ok((used, heard)) => { held.drain(..used); heard }
                    Err(_) => break 'connection,
                };
                match heard {
                    Some(Heard::Done(token, verdicts)) => {
                        prop_assert_eq!(verdicts.len(), recipients);
                        prop_assert_eq!(open.remove(0), token, "in the order they were begun");
                    }
                    Some(Heard::Closing(_)) => break 'connection,
                    _ => {}
                }
                while session.wants() {
                    let paths = vec![b"c@d".as_slice(); recipients];
                    let envelope = Envelope { sender: b"", recipients: &paths, size: 9, eight_bit: false, utf8: false };
                    match session.begin(begun, envelope) {
                        None => open.push(begun),
                        Some((_, verdicts)) => prop_assert_eq!(verdicts.len(), recipients),
                    }
                    begun += 1;
                }
                let mut out = Vec::new();
                while let Some(Say::Text(token)) = session.say(&mut out) {
                    prop_assert_eq!(Some(token), open.first(), "only the first has its text out");
                }
            }
            prop_assert!(held.len() < REPLY_BYTES_MAX);
        }
        let lost = session.lost();
        prop_assert!(lost.iter().all(|(_, verdicts)| verdicts.len() == recipients));
        prop_assert_eq!(lost.into_iter().map(|(token, _)| token).collect::<Vec<_>>(), open);
    }
}
