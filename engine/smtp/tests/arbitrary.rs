//! Whatever bytes come, neither session panics, stalls, or holds more than it should; and what
//! it asks of its caller keeps to an order a few lines can describe.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use event::{MessageId, Shut};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use smtp::client::{self, Body, Envelope, Heard, REPLY_BYTES_MAX, Recipient, Say};
use smtp::server::{self, Auth, Denial, Door, Refusal, Rights, SASL_LINE_MAX, Sasl, Step};
use std::sync::Arc;

/// What the server session may ask for next: the whole order, kept by somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Idle,
    Sender,
    Recipient,
    Text,
    Auth,
    Handshake,
    Closed,
}

impl Order {
    fn after(self, step: Step<'_>) -> Self {
        match (self, step) {
            (Self::Closed, _) => panic!("{step:?} after the end"),
            (order, Step::Continue) => order,
            (_, Step::Close) => Self::Closed,
            (Self::Idle, Step::Sender(_)) => Self::Sender,
            (Self::Sender | Self::Recipient, Step::Recipient(rcpt)) => {
                assert!(!rcpt.path.mailbox.is_empty() && rcpt.path.mailbox.len() <= 320);
                Self::Recipient
            }
            (Self::Recipient | Self::Text, Step::Text(text)) => {
                assert!(!text.is_empty());
                Self::Text
            }
            (Self::Recipient | Self::Text, Step::Commit(_))
            | (Self::Sender | Self::Recipient | Self::Text, Step::Discard)
            | (Self::Auth, Step::Sasl(Sasl::Cancelled)) => Self::Idle,
            (Self::Idle, Step::Sasl(Sasl::Begin { .. }))
            | (Self::Auth, Step::Sasl(Sasl::Answer(_))) => Self::Auth,
            (Self::Idle, Step::StartTls) => Self::Handshake,
            (Self::Idle, Step::Xclient(attributes)) => {
                assert!(attributes.iter().count() > 0);
                Self::Idle
            }
            (order, step) => panic!("{step:?} in {order:?}"),
        }
    }
}

const COMMANDS: [&str; 46] = [
    "BDAT 0 LAST\r\n",
    "BDAT 0\r\n",
    "BDAT 4 LAST\r\n",
    "BDAT 9\r\n",
    "BDAT 7 LAST\r\nab\r\ncd\r",
    "BDAT 99999\r\n",
    "BDAT x\r\n",
    "STARTTLS\r\n",
    "AUTH PLAIN\r\n",
    "AUTH LOGIN =\r\n",
    "AUTH SCRAM-SHA-256 biws\r\n",
    "AUTH GSSAPI\r\n",
    "*\r\n",
    "XCLIENT ADDR=192.0.2.1 PORT=[UNAVAILABLE]\r\n",
    "XCLIENT FROB=1\r\n",
    "MAIL FROM:<a@b> RET=HDRS ENVID=a+2Bb AUTH=<>\r\n",
    "MAIL FROM:<a@b> BODY=BINARYMIME\r\n",
    "RCPT TO:<c@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y\r\n",
    "RCPT TO:<c@d> NOTIFY=NEVER,DELAY\r\n",
    "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nBDAT 4 LAST\r\nab\r\n",
    "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nBDAT 4\r\na\r\n\r",
    "HELP\r\n",
    "VRFY a\r\n",
    "BDAT 1 LAST\r\n\n",
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
        offers in any::<u8>(),
    ) {
        let config = listener(offers);
        let line_max = config.command_line_max();
        let rights = Rights { relay: true, xclient: offers & 1 != 0 };
        let mut session = server::Session::new(Arc::new(config), rights);
        let (mut order, mut held, mut replies, mut turns) = (Order::Idle, Vec::new(), Vec::new(), 0);
        for packet in packets {
            held.extend_from_slice(&packet);
            let mut used = 0;
            loop {
                let fate = fates[turns % fates.len()];
                let door = match fate { 0 => Door::Shut(Shut::QueueFull), 1 => Door::Shut(Shut::Draining), 2 => Door::Refused(Refusal::Loop), _ => Door::Open };
                let Some((taken, step)) = session.step(&held[used..], door, &mut replies) else { break };
                let moves_on = matches!(step, Step::Close | Step::Discard | Step::Commit(_));
                prop_assert!(taken > 0 || moves_on, "no progress: {:?}", step);
                used += taken;
                order = order.after(step);
                turns += usize::from(order == Order::Auth || matches!(step, Step::Commit(_)));
                order = act(&mut session, order, step, fate, &mut replies);
            }
            held.drain(..used);
            // What waits for more is less than a line, or the start of a terminator.
            let waits_max = if session.in_text() { 3.max(line_max * usize::from(session.announced().is_none())) }
                else { line_max.max(SASL_LINE_MAX * usize::from(offers & 8 != 0)) };
            prop_assert!(order == Order::Closed || held.len() < waits_max);
            let lines = String::from_utf8(std::mem::take(&mut replies)).unwrap();
            prop_assert!(lines.is_empty() || lines.ends_with("\r\n"));
            prop_assert!(lines.lines().all(|line| matches!(line.as_bytes(), [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..])));
        }
    }
}

/// A listener that offers some of all this.
fn listener(offers: u8) -> server::Config {
    server::Config {
        message_bytes_max: 3_000,
        starttls: offers & 2 != 0,
        tls_required: offers & 0x06 == 0x06,
        auth: if offers & 8 != 0 { Auth::Always } else { Auth::UnderTls },
        auth_required: offers & 0x18 == 0x18,
        chunking: offers & 32 != 0,
        binary: offers & 64 != 0,
        dsn: offers & 128 != 0,
        ..server::Config::new("mx.example")
    }
}

/// What a caller might do, as `fate` has it.
fn act(
    session: &mut server::Session,
    order: Order,
    step: Step<'_>,
    fate: u8,
    replies: &mut Vec<u8>,
) -> Order {
    match (step, fate) {
        (Step::Commit(_), 2) => session.rejected(Refusal::LocalError, replies),
        (Step::Commit(_), 3) => session.rejected(Refusal::ShuttingDown, replies),
        (Step::Commit(_), _) => session.committed(ID, replies),
        (Step::StartTls, _) => {
            session.secured();
            return Order::Idle;
        }
        (Step::Sasl(Sasl::Cancelled), _) => {}
        (Step::Sasl(_), 0..3) => session.challenge(b"dGVzdA==", replies),
        (Step::Sasl(_), 3) => {
            session.authenticated(replies);
            return Order::Idle;
        }
        (Step::Sasl(_), _) => {
            session.denied(Denial::Credentials, replies);
            return Order::Idle;
        }
        _ => {}
    }
    order
}

const ID: MessageId = MessageId { log: 0, boot: 1, count: 1 };

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
        binary in any::<bool>(),
        packets in packets(&REPLIES),
        recipients in 1..4_usize,
    ) {
        let mut session = client::Session::new(client::Config::new("me.example"));
        let mut held = Vec::new();
        let mut open = Vec::new();
        let mut begun = 0_usize;
        let hello = [b"220 hi\r\n".to_vec(), b"250-hi\r\n250-PIPELINING\r\n250-BINARYMIME\r\n250 CHUNKING\r\n".to_vec()];
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
                    let paths = vec![Recipient::from(&b"c@d"[..]); recipients];
                    let body = if begun % 2 == usize::from(binary) { Body::Binary } else { Body::SevenBit };
                    let envelope = Envelope { sender: b"", recipients: &paths, size: 9, counted: true, body, utf8: false, requiretls: true, ret: None, envid: b"" };
                    match session.begin(begun, envelope) {
                        None => open.push(begun),
                        Some((_, verdicts)) => prop_assert_eq!(verdicts.len(), recipients),
                    }
                    begun += 1;
                }
                let mut out = Vec::new();
                while let Some(Say::Text(token) | Say::Chunk(token)) = session.say(&mut out) {
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
