//! Mail routed by MX, with a DNS server of our own to ask.

use crate::common::PATIENCE;
use std::io;
use std::net::Ipv4Addr;
use tests::names::{self, Known};
use tests::recorder::{Mail, Recorder};
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;

const HERE: Known = Known::Address(Ipv4Addr::LOCALHOST);
/// Loopback too, but nobody listens there.
const DEAD: Known = Known::Address(Ipv4Addr::new(127, 9, 9, 9));

const NAMES: &[(&str, Known)] = &[
    ("site.test", Known::Mx(20, "second.site.test")),
    ("site.test", Known::Mx(10, "first.site.test")),
    ("first.site.test", DEAD),
    ("second.site.test", HERE),
    ("plain.test", HERE),
    ("null.test", Known::Mx(0, "")),
    ("sender.test", Known::Mx(10, "second.site.test")),
];

#[test]
fn mail_goes_to_the_first_exchanger_that_answers_or_comes_back() -> io::Result<()> {
    let scratch = Scratch::new("mx")?;
    let recorder = Recorder::start()?;
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {}\n",
        names::serve(NAMES)?,
        recorder.address().port(),
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for domain in ["site.test", "plain.test", "null.test", "nowhere.test"] {
        speaker.send("me@sender.test", &format!("a@{domain}"), "Subject: x\r\n\r\nhello\r\n")?;
    }

    let mails = recorder.wait_for(4, PATIENCE)?;
    let (reports, mails): (Vec<_>, Vec<_>) = mails.iter().partition(|mail| mail.sender.is_empty());
    let mut reached: Vec<&str> = mails.iter().map(|mail| mail.recipients[0].as_str()).collect();
    reached.sort_unstable();
    assert_eq!(reached, ["a@plain.test", "a@site.test"]);
    assert_eq!(reports.len(), 2);
    // RFC 7505: null MX. RFC 3463: no such domain.
    for (recipient, status) in [("a@null.test", "5.1.10"), ("a@nowhere.test", "5.1.2")] {
        let report = reports.iter().find(|mail| says(mail, recipient)).expect("each comes back");
        assert!(says(report, &format!("Status: {status}\r\n")), "{report:?}");
    }
    Ok(())
}

fn says(mail: &Mail, words: &str) -> bool {
    String::from_utf8_lossy(&mail.text).contains(words)
}
