//! T4: random commands against a reference of thirty lines. Nothing of a transaction is left
//! over, whatever ended it.

use super::table::generous;
use super::{FRIEND, Sasl, Session, Step};
use crate::server::{Auth, Config, Denial, Door, Rights};
use event::MessageId;
use std::sync::Arc;

/// What may be said, and what goes with it.
const SAID: [&str; 19] = [
    "EHLO c\r\n",
    "HELO c\r\n",
    "MAIL FROM:<a@b>\r\n",
    "MAIL FROM:<a@b> SIZE=99999999999\r\n",
    "RCPT TO:<c@d>\r\n",
    "RCPT TO:<c@[192.0.2.1]>\r\n",
    "DATA\r\n",
    "DATA\r\n",
    "BDAT 4\r\nab\r\n",
    "BDAT 4 LAST\r\ncd\r\n",
    "BDAT 99999999999 LAST\r\n",
    "BDAT 2 LAST\r\n\n\n",
    "RSET\r\n",
    "NOOP\r\n",
    "STARTTLS\r\n",
    "AUTH PLAIN good\r\n",
    "AUTH PLAIN bad\r\n",
    "XCLIENT NAME=x\r\n",
    "QUIT\r\n",
];

/// The texts of the two DATA above: one is taken, one is not.
const TEXTS: [&str; 2] = ["good\r\n.\r\n", "b\nad\r\n.\r\n"];

/// The whole protocol, as a person would tell it.
#[derive(Debug, Default)]
struct Reference {
    /// Which of the two greetings was said.
    hello: Option<usize>,
    secure: bool,
    known: bool,
    /// Recipients, once there is a sender.
    envelope: Option<usize>,
    chunks: String,
}

impl Reference {
    /// The codes that answer it, and recipients and text of the message it completes.
    fn hear(&mut self, word: usize) -> (Vec<u16>, Option<(usize, String)>) {
        let (mail, rcpt) = (self.envelope.is_some(), self.envelope.unwrap_or(0));
        let begun = !self.chunks.is_empty();
        let mut message = None;
        let codes: &[u16] = match word {
            0 | 1 | 12 => {
                self.hello = Some(word).filter(|word| *word < 2).or(self.hello);
                self.envelope = None;
                &[250]
            }
            2 | 3 if self.hello.is_none() || mail => &[503],
            2 => {
                self.envelope = Some(0);
                &[250]
            }
            3 => &[552],
            4 | 5 if !mail || begun => &[503],
            4 => {
                self.envelope = Some(rcpt + 1);
                &[250]
            }
            5 => &[550],
            6..=7 if rcpt == 0 || begun => &[503],
            8..=11 if rcpt == 0 => {
                self.envelope = None;
                if word == 10 { &[503, 0] } else { &[503] }
            }
            8 => {
                self.chunks += "ab\r\n";
                &[250]
            }
            6 | 9 => {
                let text = if word == 6 { "good\r\n" } else { "cd\r\n" };
                message = Some((rcpt, self.chunks.clone() + text));
                self.envelope = None;
                if word == 6 { &[354, 250] } else { &[250] }
            }
            7 => &[354, 550, 0],
            10 => &[552, 0],
            11 => &[550, 0],
            13 => &[250],
            14 if mail || self.secure => &[503],
            15 | 16 if mail || self.known || self.hello != Some(0) => &[503],
            17 if mail => &[503],
            14 | 17 => {
                (self.hello, self.known) = (None, false);
                self.secure |= word == 14;
                &[220]
            }
            15 => {
                self.known = true;
                &[235]
            }
            16 => &[535],
            _ => &[221, 0],
        };
        if self.envelope.is_none() {
            self.chunks.clear();
        }
        (codes.to_vec(), message)
    }
}

/// A session and its caller.
struct Subject {
    session: Session,
    recipients: Option<usize>,
    text: String,
}

impl Subject {
    fn hear(&mut self, word: usize) -> (Vec<u16>, Option<(usize, String)>) {
        let (mut codes, mut message) = self.take(SAID[word]);
        if codes == [354] {
            let (more, committed) = self.take(TEXTS[word - 6]);
            codes.extend(more);
            message = committed;
        }
        (codes, message)
    }

    /// The codes of the replies, 0 for the end of the connection; and a message.
    fn take(&mut self, input: &str) -> (Vec<u16>, Option<(usize, String)>) {
        let (mut used, mut replies, mut message, mut closed) = (0, Vec::new(), None, false);
        let input = input.as_bytes();
        while let Some((taken, step)) = self.session.step(&input[used..], Door::Open, &mut replies)
        {
            used += taken;
            match step {
                Step::Sender(_) => {
                    assert_eq!(self.recipients.replace(0), None, "one transaction at a time");
                    self.text.clear();
                }
                Step::Recipient(_) => *self.recipients.as_mut().unwrap() += 1,
                Step::Text(text) => self.text += str::from_utf8(text).unwrap(),
                Step::Commit(_) => {
                    message = Some((self.recipients.take().unwrap(), self.text.clone()));
                    self.session.committed(MessageId { log: 0, boot: 1, count: 1 }, &mut replies);
                }
                Step::Discard => assert!(self.recipients.take().is_some(), "something to drop"),
                Step::StartTls => self.session.secured(),
                Step::Sasl(Sasl::Begin { initial: Some(b"good"), .. }) => {
                    self.session.authenticated(&mut replies);
                }
                Step::Sasl(_) => self.session.denied(Denial::Credentials, &mut replies),
                Step::Close => closed = true,
                Step::Xclient(_) | Step::Continue => {}
            }
        }
        let replies = String::from_utf8(replies).unwrap();
        let last_lines = replies.lines().filter(|line| line.as_bytes()[3] == b' ');
        let mut codes: Vec<u16> = last_lines.map(|line| line[..3].parse().unwrap()).collect();
        codes.extend(closed.then_some(0));
        (codes, message)
    }
}

#[test]
fn random_commands_do_what_the_reference_says() {
    let config = Config { auth: Auth::Always, auth_failures_max: u8::MAX, ..generous() };
    let config = Arc::new(Config { errors_max: u16::MAX, ..config });
    let mut seed = 1_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    let mut messages = 0;
    for _ in 0..2_000 {
        let rights = Rights { xclient: true, ..FRIEND };
        let session = Session::new(Arc::clone(&config), rights);
        let mut subject = Subject { session, recipients: None, text: String::new() };
        let mut reference = Reference::default();
        let mut said = Vec::new();
        for _ in 0..100 {
            // Half of what is said leads somewhere; what ends a conversation is rare.
            let word = [0, 2, 4, 6, 9, random() % SAID.len()][random() % 6];
            let rare = matches!(word, 7 | 10 | 11 | 18) && random() % 8 != 0;
            let word = if rare { 2 } else { word };
            said.push(SAID[word]);
            let expected = reference.hear(word);
            let heard = subject.hear(word);
            assert_eq!(heard, expected, "{said:?}");
            assert!(subject.recipients.is_none() || reference.envelope == subject.recipients);
            messages += usize::from(heard.1.is_some());
            if heard.0.ends_with(&[0]) {
                break;
            }
        }
    }
    assert!(messages > 1_000, "{messages}: most of it led nowhere");
}
