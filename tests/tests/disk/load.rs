//! Mail of which everything follows from a number: who, to whom, what, and what becomes of it.

use crate::ledger::Ledger;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use tests::speaker::Speaker;

/// Connections that send at one time.
const SENDERS: u32 = 6;

/// What the next host makes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It takes it.
    Taken,
    /// It puts it off once.
    Later,
    /// It puts it off for ever.
    Never,
    /// It refuses it for good, and the sender is told.
    Failed,
}

pub(crate) const fn fate(number: u32) -> Fate {
    match number % 8 {
        0 => Fate::Never,
        1 | 4 | 5 => Fate::Later,
        3 => Fate::Failed,
        _ => Fate::Taken,
    }
}

pub(crate) fn sender(number: u32) -> String {
    format!("s{number}@source.test")
}

pub(crate) fn recipient(number: u32) -> String {
    format!("m{number}@site.test")
}

/// The message a path is about, and whether it is its sender's.
pub(crate) fn number_of(path: &str) -> Option<(u32, bool)> {
    let (user, domain) = path.split_once('@')?;
    let (to_sender, mark) = if domain == "source.test" { (true, "s") } else { (false, "m") };
    Some((user.strip_prefix(mark)?.parse().ok()?, to_sender))
}

/// The text as it is sent: lines that end in CRLF, one of them with a dot that was doubled.
pub(crate) fn text(number: u32) -> String {
    let bytes = match number % 20 {
        0 => 300_000,
        1..=4 => 60_000,
        5..=9 => 8_000,
        _ => 800,
    };
    let mut text = format!("Subject: message {number}\r\n\r\n..a line with a dot\r\n");
    let mut line = 0_u64;
    while text.len() < bytes {
        line += 1;
        let mark = (line + 1) * 0x9e37_79b9 * u64::from(number + 1);
        writeln!(text, "{number} {line} {mark:016x} {mark:032b}\r").expect("memory takes it");
    }
    text
}

/// What was said to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    /// The reply that was no 250.
    Refused(String),
}

/// Sends message `number`, and enters in the ledger what was said.
///
/// # Errors
/// If the connection ends before that is known.
pub(crate) fn send(speaker: &mut Speaker, ledger: &Ledger, number: u32) -> io::Result<Answer> {
    ledger.begin(number);
    let (from, to) = (sender(number), recipient(number));
    let lines = [
        (format!("MAIL FROM:<{from}>"), "250"),
        (format!("RCPT TO:<{to}>"), "250"),
        ("DATA".into(), "354"),
        (format!("{}.", text(number)), "250"),
    ];
    for (line, wanted) in &lines {
        let reply = speaker.say(line, "")?;
        if !reply.starts_with(wanted) {
            ledger.refused(number);
            return Ok(Answer::Refused(reply));
        }
    }
    ledger.accepted(number);
    Ok(Answer::Accepted)
}

/// Sends `messages` by several connections at once; all must be accepted.
///
/// # Errors
/// If one is not.
pub(crate) fn send_all(to: SocketAddr, ledger: &Ledger, messages: Range<u32>) -> io::Result<()> {
    let next = AtomicU32::new(messages.start);
    let work = || -> io::Result<()> {
        let mut speaker = Speaker::connect(to)?;
        speaker.say("EHLO client.test", "250")?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= messages.end {
                return Ok(());
            }
            if let Answer::Refused(reply) = send(&mut speaker, ledger, number)? {
                return Err(io::Error::other(format!("message {number}: {reply}")));
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..SENDERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a sender ends"))
    })
}
