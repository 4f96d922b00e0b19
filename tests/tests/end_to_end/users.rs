//! Users that change while they are logged in, and what they may.

use crate::auth::{House, entry, plain};
use crate::common::PATIENCE;
use std::fs;
use std::io;
use tests::wait;

#[test]
fn users_come_and_go_with_their_file_and_a_bad_one_changes_nothing() -> io::Result<()> {
    let anna = entry("anna", "pencil", &[])?;
    let house = House::open("auth-reload", &anna)?;
    house.speak()?.say(&plain("anna", "pencil"), "235")?;
    fs::write(house.users(), format!("{anna}[[user]]\nname = \"otto\"\npassword = \"rubber\"\n"))?;
    house.until_said("the users stay as they were")?;
    assert!(!house.ringpost.said().contains("rubber"), "{}", house.ringpost.said());
    house.speak()?.say(&plain("anna", "pencil"), "235")?;
    fs::write(house.users(), entry("otto", "rubber", &[])?)?;
    house.until_said("users read again: 1")?;
    house.speak()?.say(&plain("otto", "rubber"), "235")?;
    house.speak()?.say(&plain("anna", "pencil"), "535")?;
    Ok(())
}

/// What may be counted of a user is, from the login on.
#[test]
fn a_user_has_limits_from_the_login_on() -> io::Result<()> {
    let anna = entry("anna", "pencil", &[])? + "connections_max = 1\nmessages = \"1/h\"\n";
    let house = House::open("auth-limits", &anna)?;
    let (mut one, mut other) = (house.speak()?, house.speak()?);
    one.say(&plain("anna", "pencil"), "235")?;
    other.say(&plain("anna", "pencil"), "421 4.7.1 source limit connections_max reached")?;
    assert!(other.hear("").is_err(), "that was the end of it");
    one.send("a@anna.test", "a@site.test", "Subject: a\r\n\r\n")?;
    one.say("MAIL FROM:<a@anna.test>", "452 4.7.1 source limit messages reached")?;
    drop(one);
    let granted = || house.speak().ok()?.say(&plain("anna", "pencil"), "235").ok();
    wait::until("a free seat", PATIENCE, granted).map(drop)
}

/// Who is gone, or has another password, hears so when it begins a message; what it has begun it
/// may end. Who has other terms has them at once. SCRAM is offered as long as anybody has keys.
#[test]
fn sessions_notice_what_becomes_of_their_users() -> io::Result<()> {
    let (anna, keyless) = (entry("anna", "pencil", &[])?, &["--without-scram"][..]);
    let (ines, otto) = (entry("ines", "ruler", keyless)?, entry("otto", "rubber", keyless)?);
    let house = House::open("auth-changed", &format!("{anna}{ines}{otto}"))?;
    let speak = |name: &str, password: &str| {
        let mut speaker = house.speak()?;
        speaker.say(&plain(name, password), "235").map(|_| speaker)
    };
    let (mut gone, mut changed) = (speak("anna", "pencil")?, speak("ines", "ruler")?);
    let mut same = speak("otto", "rubber")?;
    gone.say("MAIL FROM:<a@anna.test>", "250")?;
    gone.say("RCPT TO:<a@site.test>", "250")?;
    let ines = entry("ines", "compass", keyless)?;
    fs::write(house.users(), format!("{ines}{otto}sender_domains = [\"otto.test\"]\n"))?;
    house.until_said("users read again: 2")?;
    gone.say("DATA", "354")?;
    gone.say("Subject: a\r\n\r\n.", "250")?;
    for speaker in [&mut gone, &mut changed] {
        speaker.say("NOOP", "250")?;
        speaker.say("MAIL FROM:<a@b.test>", "421 4.7.0 user changed or gone, log in again")?;
        assert!(speaker.hear("").is_err(), "that was the end of it");
    }
    same.say("MAIL FROM:<a@b.test>", "550 5.7.1 not one of your sender_domains")?;
    same.send("o@otto.test", "a@site.test", "Subject: o\r\n\r\n")?;
    speak("ines", "compass")?;
    let offers = house.speak()?.say("EHLO speaker.test", "250")?;
    assert!(offers.contains("-AUTH PLAIN LOGIN\r\n"), "{offers}");
    house.speak()?.say("AUTH SCRAM-SHA-256", "504")?;
    assert_eq!(house.senders(2)?, ["a@anna.test", "o@otto.test"]);
    Ok(())
}
