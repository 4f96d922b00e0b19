//! A filter in front of us that says whose mail it passes on.

use crate::auth::entry;
use crate::common::{PATIENCE, route};
use crate::proxy::{from, rest};
use std::fs;
use std::io::{self, Read, Write};
use tests::recorder::Recorder;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{port, wait};

#[test]
fn xclient_speaks_for_others_from_listed_networks_only() -> io::Result<()> {
    let scratch = Scratch::new("xclient")?;
    let recorder = Recorder::start()?;
    let listener_settings =
        "xclient_from = [\"127.0.0.1\"]\nrelay_from = [\"127.0.0.2\", \"192.0.2.0/24\"]".into();
    let outfit = Outfit { listener_settings, ..Outfit::default() };
    let ringpost = Ringpost::start_as(outfit, scratch.path(), &route("*", recorder.address()))?;
    let mut filter = Speaker::connect(ringpost.smtp())?;
    assert!(filter.say("EHLO filter.test", "250")?.contains("XCLIENT"));
    filter.say("XCLIENT ADDR=203.0.113.7 PORT=25 NAME=friend.test", "220")?;
    filter.say("EHLO stranger.test", "250")?;
    filter.say("MAIL FROM:<from@client.test>", "250")?;
    filter.say("RCPT TO:<to@site.test>", "550")?;
    filter.say("RSET", "250")?;
    for unknown in ["[UNAVAILABLE]", "127.0.0.1"] {
        filter.say(&format!("XCLIENT ADDR={unknown}"), "220")?;
        filter.say("EHLO nobody.test", "250")?;
        filter.say("MAIL FROM:<from@client.test>", "250")?;
        filter.say("RCPT TO:<to@site.test>", "550")?;
        filter.say("RSET", "250")?;
    }
    filter.say("XCLIENT ADDR=192.0.2.1", "220")?;
    filter.say("EHLO client.test", "250")?;
    filter.send("from@client.test", "to@site.test", "Subject: x\r\n\r\nx\r\n")?;
    let text = String::from_utf8_lossy(&recorder.wait_for(1, PATIENCE)?[0].text).into_owned();
    assert!(text.starts_with("Received: from client.test ([192.0.2.1])"), "{text}");
    let mut other = from("127.0.0.2", ringpost.smtp())?;
    other.read_exact(&mut [0; 4])?;
    other.write_all(b"EHLO other.test\r\nXCLIENT ADDR=192.0.2.1\r\nQUIT\r\n")?;
    let said = String::from_utf8_lossy(&rest(&mut other)).into_owned();
    assert!(!said.contains("250-XCLIENT") && said.contains("\r\n5"), "{said}");
    Ok(())
}

/// A place among those of one address or source is taken by whom the filter speaks for.
#[test]
fn xclient_takes_the_seat_of_whom_it_speaks_for() -> io::Result<()> {
    const SOURCE_FULL: &str = "421 4.7.1 source limit connections_max reached";
    const ADDRESS_FULL: &str = "421 4.7.0 limit connections_per_address reached";
    let scratch = Scratch::new("xclient-seats")?;
    let recorder = Recorder::start()?;
    let listener_settings = "xclient_from = [\"127.0.0.1\"]\nconnections_per_address = 1\n\
        relay_from = [\"127.0.0.0/8\", \"192.0.2.0/24\"]"
        .into();
    let source = "[[source]]\nname = \"one\"\nfrom = [\"192.0.2.1\"]\nconnections_max = 1\n";
    let outfit = Outfit { listener_settings, ..Outfit::default() };
    let settings = source.to_owned() + &route("*", recorder.address());
    let ringpost = Ringpost::start_as(outfit, scratch.path(), &settings)?;
    for (address, full) in [("192.0.2.1", SOURCE_FULL), ("203.0.113.7", ADDRESS_FULL)] {
        let speak_for = format!("XCLIENT ADDR={address}");
        let mut one = Speaker::connect(ringpost.smtp())?;
        one.say(&speak_for, "220")?;
        one.say(&speak_for, "220")?;
        Speaker::connect(ringpost.smtp())?.say(&speak_for, full)?;
        one.say("XCLIENT ADDR=192.0.2.2", "220")?;
        let mut other = Speaker::connect(ringpost.smtp())?;
        other.say(&speak_for, "220")?;
        one.say(&speak_for, full)?;
        assert!(one.hear("").is_err(), "that was the end of it");
        drop(other);
        wait::until("a free seat", PATIENCE, || {
            Speaker::connect(ringpost.smtp()).ok()?.say(&speak_for, "220").ok()
        })?;
    }
    Ok(())
}

#[test]
fn xclient_says_who_greeted_who_logged_in_and_where() -> io::Result<()> {
    let scratch = Scratch::new("xclient-whole")?;
    let recorder = Recorder::start()?;
    let (users, inner) = (scratch.path().join("users.toml"), port::free()?);
    fs::write(&users, entry("anna", "pencil", &[])?)?;
    let settings = format!(
        "[[listener]]\naddress = \"{inner}\"\n[auth]\nusers = \"{}\"\n\
         [[source]]\nname = \"inner\"\nlistener = [\"{inner}\"]\nsender_domains = [\"in.test\"]\n{}",
        users.display(),
        route("*", recorder.address())
    );
    let listener_settings = "xclient_from = [\"127.0.0.1\"]\nrelay_from = [\"192.0.2.1\"]".into();
    let outfit = Outfit { listener_settings, ..Outfit::default() };
    let ringpost = Ringpost::start_as(outfit, scratch.path(), &settings)?;
    let mut filter = Speaker::connect(ringpost.smtp())?;
    let all = "XCLIENT NAME=mail.client.test ADDR=IPV6:2001:db8::9 PORT=4711 PROTO=ESMTP \
        HELO=client.test LOGIN=anna DESTADDR=[UNAVAILABLE] DESTPORT=[TEMPUNAVAIL]";
    filter.say(all, "220")?;
    filter.send("a@client.test", "to@site.test", "Subject: x\r\n\r\nx\r\n")?;
    let text = String::from_utf8_lossy(&recorder.wait_for(1, PATIENCE)?[0].text).into_owned();
    let from = "Received: from client.test\r\n\t(mail.client.test [IPv6:2001:db8::9])\r\n";
    assert!(text.starts_with(from) && text.contains(" with ESMTPA id "), "{text}");
    // Nothing of it is left when it speaks for another; and nobody is nobody.
    for login in ["LOGIN=nobody", "LOGIN=[UNAVAILABLE]", "PORT=25"] {
        filter.say(&format!("XCLIENT ADDR=203.0.113.7 {login}"), "220")?;
        filter.say("MAIL FROM:<a@client.test>", "503")?;
        filter.say("EHLO other.test", "250")?;
        filter.say("MAIL FROM:<a@client.test>", "250")?;
        filter.say("RCPT TO:<to@site.test>", "550 5.7.1 relaying denied")?;
        filter.say("RSET", "250")?;
    }
    let log = || fs::read_to_string(scratch.path().join("delivery.jsonl")).unwrap_or_default();
    let told = "\"user\":null,\"mechanism\":\"XCLIENT\"}";
    wait::until("nobody in the log", PATIENCE, || {
        (log().matches(told).count() == 1).then_some(())
    })?;
    // A listener that rules are about is where the client connected to; any other is not.
    for (port, reply) in [(inner.port(), "550 5.7.1 not one of your"), (1, "250")] {
        filter.say(&format!("XCLIENT ADDR=192.0.2.1 DESTPORT={port}"), "220")?;
        filter.say("EHLO other.test", "250")?;
        filter.say("MAIL FROM:<a@client.test>", reply)?;
    }
    Ok(())
}
