//! Providers that the settings name: all their domains are one site, with its own limits.

use crate::common::PATIENCE;
use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use tests::names::{self, Known};
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

const HERE: Known = Known::Address(Ipv4Addr::LOCALHOST);

/// Three customers of one provider, each with a host of its own, and somebody else.
const NAMES: &[(&str, Known)] = &[
    ("a.test", Known::Mx(10, "a.mail.provider.test")),
    ("b.test", Known::Mx(10, "b.mail.provider.test")),
    ("c.test", Known::Mx(10, "c.mail.provider.test")),
    ("a.mail.provider.test", HERE),
    ("b.mail.provider.test", HERE),
    ("c.mail.provider.test", HERE),
    ("else.test", Known::Mx(10, "mx.else.test")),
    ("mx.else.test", HERE),
];
const DOMAINS: [&str; 4] = ["a.test", "b.test", "c.test", "else.test"];
const MESSAGES: usize = 5;

#[test]
fn a_providers_domains_are_one_site_and_no_transaction_mixes_them() -> io::Result<()> {
    let scratch = Scratch::new("sites")?;
    let recorder = Recorder::start()?;
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {}\n\
         [[site]]\nname = \"provider\"\nmx = [\".provider.test\"]\n\
         connections_max = 1\nrecipients_per_message = 1\nidle = \"5m\"\n",
        names::serve(NAMES)?,
        recorder.address().port(),
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for _ in 0..MESSAGES {
        speaker.say("MAIL FROM:<me@sender.test>", "250")?;
        for domain in DOMAINS {
            speaker.say(&format!("RCPT TO:<one@{domain}>"), "250")?;
            speaker.say(&format!("RCPT TO:<two@{domain}>"), "250")?;
        }
        speaker.say("DATA", "354")?;
        speaker.say("Subject: x\r\n\r\nhello\r\n.", "250")?;
    }
    // One connection after the other, each given up for the next customer although it might
    // have been kept for minutes.
    let mails = recorder.wait_for(MESSAGES * (2 * 3 + 1), PATIENCE)?;
    for mail in &mails {
        let domain = |path: &String| path.split_once('@').map(|(_, domain)| domain.to_owned());
        let domains: BTreeSet<_> = mail.recipients.iter().map(domain).collect();
        assert_eq!(domains.len(), 1, "{:?}", mail.recipients);
        let is_other = domains.contains(&Some("else.test".to_owned()));
        assert_eq!(mail.recipients.len(), if is_other { 2 } else { 1 });
    }
    let delivered = 2 * MESSAGES;
    ringpost.wait_for_metric(&format!(
        "ringpost_site_delivered_total{{site=\"provider\"}} {}",
        3 * delivered
    ))?;
    let called = || ringpost.log().matches("\"site\":\"provider\"").count() == 3 * delivered;
    wait::until("the name in the log", PATIENCE, || called().then_some(()))?;
    ringpost.wait_for_metric("ringpost_site_lanes{site=\"provider\"} 1")
}
