//! Mail routed with a real resolver, Unbound, which answers in its own way: of its own names it
//! proves nothing with an SOA, and leaves it to us to follow aliases.

use crate::common::PATIENCE;
use std::io;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::unbound::Unbound;
use tests::{tool, wait};

const RECORDS: &[&str] = &[
    "mx.test. A 127.0.0.1",
    "sender.test. MX 10 mx.test.",
    "plain.test. MX 10 mx.test.",
    "implicit.test. A 127.0.0.1",
    "alias.test. CNAME plain.test.",
    "to-alias.test. MX 10 also.test.",
    "also.test. CNAME mx.test.",
    "half.test. MX 10 gone.test.",
    "half.test. MX 20 mx.test.",
    "null.test. MX 0 .",
    "ring.test. CNAME round.test.",
    "round.test. CNAME ring.test.",
    "nothing.test. MX 10 text.test.",
    "text.test. TXT here-is-no-address",
];
/// With its hosts, the answer to `large.test` does not fit a datagram.
const LARGE_HOSTS: usize = 40;

/// Each domain, and what becomes of its mail: the status, or none if it arrives.
const FATES: &[(&str, Option<&str>)] = &[
    ("plain.test", None),
    ("implicit.test", None),
    ("alias.test", None),
    ("to-alias.test", None),
    ("half.test", None),
    ("large.test", None),
    ("null.test", Some("5.1.10")),
    ("missing.test", Some("5.1.2")),
    ("nothing.test", Some("5.4.4")),
    ("ring.test", Some("4.4.3")),
    ("refused.test", Some("4.4.3")),
];

#[test]
fn mail_goes_where_a_real_resolver_says() -> io::Result<()> {
    if !tool::all_there(&["unbound"]) {
        return Ok(());
    }
    let scratch = Scratch::new("resolver")?;
    let mut records: Vec<String> = RECORDS.iter().map(|record| (*record).to_owned()).collect();
    for host in 1..=LARGE_HOSTS {
        records.push(format!("large.test. MX {host} a-host-with-a-name-{host}.large.test."));
        records.push(format!("a-host-with-a-name-{host}.large.test. A 127.0.0.1"));
    }
    let more = "local-zone: \"refused.test.\" refuse\nmax-udp-size: 512";
    let unbound = Unbound::start(&scratch.path().join("unbound"), &records, more)?;
    let recorder = Recorder::start()?;
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {}\n",
        unbound.address(),
        recorder.address().port(),
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for (domain, _) in FATES {
        speaker.send("me@sender.test", &format!("a@{domain}"), "Subject: x\r\n\r\nhello\r\n")?;
    }
    for (domain, status) in FATES {
        let words = status.map_or("\"outcome\":\"delivered\"".to_owned(), |status| {
            format!("\"enhanced\":\"{status}\"")
        });
        let recipient = format!("\"recipient\":\"a@{domain}\"");
        let tells = |line: &str| line.contains(&recipient) && line.contains(&words);
        let told = || ringpost.log().lines().any(tells).then_some(());
        wait::until(domain, PATIENCE, told)
            .map_err(|late| io::Error::other(format!("{late}: {words}\n{}", ringpost.log())))?;
    }
    Ok(())
}
