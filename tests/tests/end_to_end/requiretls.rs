//! Mail whose sender requires TLS all the way, and what its sender hears where there is none.

use crate::common::{PATIENCE, RETRY_SOON};
use crate::guarded_host::GuardedHost;
use crate::mta_sts::Authority;
use crate::proxy::fields;
use crate::spool_tools::{name, value};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tests::port;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

const TEXT: &str = "Subject: secret\r\n\r\nthe text\r\n";

/// A door behind a balancer that ends TLS and is believed.
fn behind_balancer() -> Outfit {
    let listener_settings = "proxy = \"v2\"\nproxy_from = [\"127.0.0.1\"]\nproxy_tls = true\nrelay_from = [\"192.0.2.1\"]\n";
    Outfit { listener_settings: listener_settings.to_owned(), ..Outfit::default() }
}

/// Gives a message by way of that door, whose MAIL ends with these words; its name.
fn give(relay: &Ringpost, mail: &str, recipient: &str) -> io::Result<String> {
    let mut speaker = Speaker::behind(relay.smtp(), &fields(0x01))?;
    let offers = speaker.say("EHLO client.test", "250")?;
    assert!(offers.contains("250-REQUIRETLS\r\n"), "{offers}");
    speaker.say(&format!("MAIL FROM:{mail}"), "250")?;
    speaker.say(&format!("RCPT TO:<{recipient}>"), "250")?;
    speaker.say("DATA", "354")?;
    Ok(name(&speaker.say(&format!("{TEXT}."), "250 2.0.0 accepted ")?))
}

/// The settings of a route to these hosts, in this order.
fn route(domain: &str, to: &[SocketAddr]) -> String {
    let to: Vec<String> = to.iter().map(|to| format!("\"{to}\"")).collect();
    format!("[[route]]\ndomain = \"{domain}\"\nto = [{}]\n", to.join(", "))
}

fn trusting(folder: &Path) -> String {
    format!("[delivery]\nserver_ca = \"{}\"\n", folder.join("ca.pem").display())
}

/// Hosts of their own addresses: one that is right, one that does not offer it, and one whose
/// certificate is for another.
struct Hosts {
    right: GuardedHost,
    bare: GuardedHost,
    wrong: GuardedHost,
}

impl Hosts {
    fn start(authority: &Authority) -> io::Result<Self> {
        let port = port::free()?.port();
        let at = |last| SocketAddr::from(([127, 0, 0, last], port));
        Ok(Self {
            right: GuardedHost::start(authority, at(31), "127.0.0.31", "REQUIRETLS")?,
            bare: GuardedHost::start(authority, at(32), "127.0.0.32", "XNOTHING")?,
            wrong: GuardedHost::start(authority, at(33), "elsewhere.test", "REQUIRETLS")?,
        })
    }
}

/// The only attempt at a recipient: what became of it, and why.
fn attempt(relay: &Ringpost, recipient: &str) -> io::Result<(String, u16, String)> {
    let line = wait::until(recipient, PATIENCE, || {
        let log = relay.log();
        let mut lines =
            log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.find(|line| line["event"] == "attempt" && line["recipient"] == recipient)
    })?;
    let word = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let code = line["code"].as_u64().unwrap_or_default() as u16;
    Ok((word("outcome"), code, format!("{} {}", word("enhanced"), word("text"))))
}

#[test]
fn it_goes_where_it_is_guarded_or_comes_back() -> io::Result<()> {
    let scratch = Scratch::new("requiretls")?;
    let folder = scratch.path();
    let authority = Authority::new(folder)?;
    let Hosts { right, bare, wrong } = Hosts::start(&authority)?;
    let settings = route("yes.test", &[right.address])
        + &route("no.test", &[bare.address])
        + &route("wrong.test", &[wrong.address])
        + &route("mixed.test", &[wrong.address, bare.address, right.address])
        + &route("sender.test", &[right.address])
        + &route("bare-sender.test", &[bare.address])
        + &trusting(folder);
    let relay = Ringpost::start_as(behind_balancer(), &folder.join("relay"), &settings)?;

    let required = "<me@sender.test> RET=FULL REQUIRETLS";
    for recipient in ["a@yes.test", "a@mixed.test"] {
        give(&relay, required, recipient)?;
        let (outcome, _, why) = attempt(&relay, recipient)?;
        assert_eq!(outcome, "delivered", "{recipient}: {why}");
    }
    for mail in right.wait_for(2, PATIENCE)? {
        assert!(mail.mail.ends_with(" REQUIRETLS") && mail.text.contains("the text"), "{mail:?}");
    }
    assert!(bare.taken().is_empty() && wrong.taken().is_empty(), "they were passed over");

    for (recipient, told) in [
        ("a@no.test", "5.7.30 the host does not offer REQUIRETLS"),
        ("a@wrong.test", "5.7.10 TLS is required (REQUIRETLS) and failed: "),
    ] {
        give(&relay, required, recipient)?;
        let (outcome, code, why) = attempt(&relay, recipient)?;
        assert_eq!((outcome.as_str(), code), ("failed", 550), "{recipient}: {why}");
        assert!(why.starts_with(told), "{recipient}: {why}");
    }
    for report in &right.wait_for(4, PATIENCE)?[2..] {
        assert_eq!(report.mail.split(' ').next_back(), Some("REQUIRETLS"), "{report:?}");
        assert!(report.mail.starts_with("MAIL FROM:<>"), "{report:?}");
        let told = report.text.contains("Status: 5.7.30") || report.text.contains("Status: 5.7.10");
        assert!(told && report.text.contains("Subject: secret"), "{report:?}");
        assert!(!report.text.contains("the text"), "RET=FULL counts for nothing: {report:?}");
    }
    // A report is not lost because a host does not offer it; and who was passed over has all else.
    give(&relay, "<me@bare-sender.test> REQUIRETLS", "b@wrong.test")?;
    give(&relay, "<me@sender.test>", "b@no.test")?;
    let taken = bare.wait_for(2, PATIENCE)?;
    let mut mails: Vec<&str> = taken.iter().map(|mail| mail.mail.trim_end()).collect();
    mails.sort_unstable();
    assert_eq!(mails, ["MAIL FROM:<>", "MAIL FROM:<me@sender.test>"]);
    Ok(())
}

/// By two of ours, the second of which is killed while the message waits in its spool.
#[test]
fn the_next_relay_keeps_to_it_whatever_it_lives_through() -> io::Result<()> {
    let scratch = Scratch::new("requiretls-chain")?;
    let folder = scratch.path();
    let authority = Authority::new(folder)?;
    let last = SocketAddr::from(([127, 0, 0, 34], port::free()?.port()));
    let (chain, key) = authority.certificate(&["127.0.0.1".to_owned()])?;
    let (chain_file, key_file) = (folder.join("relay.pem"), folder.join("relay.key"));
    fs::write(&chain_file, chain)?;
    fs::write(&key_file, key.serialize_pem())?;
    let outfit =
        Outfit { listener_settings: "tls = \"starttls\"\n".to_owned(), ..Outfit::default() };
    let certificate = format!(
        "[[certificate]]\nchain = \"{}\"\nkey = \"{}\"\n",
        chain_file.display(),
        key_file.display()
    );
    let settings = route("site.test", &[last]) + RETRY_SOON + &certificate + &trusting(folder);
    let mut second = Ringpost::start_as(outfit, &folder.join("second"), &settings)?;
    let settings = route("site.test", &[second.smtp()]) + &trusting(folder);
    let first = Ringpost::start_as(behind_balancer(), &folder.join("first"), &settings)?;

    give(&first, "<me@sender.test> REQUIRETLS", "a@site.test")?;
    let (outcome, code, reply) = attempt(&first, "a@site.test")?;
    assert_eq!((outcome.as_str(), code), ("delivered", 250), "{reply}");
    let id = name(&reply);
    // Nobody is there yet.
    let (outcome, ..) = attempt(&second, "a@site.test")?;
    assert_eq!(outcome, "deferred");
    second.kill()?;
    let shown = value(&folder.join("second"), &["cat", &id])?;
    assert_eq!((&shown["state"], &shown["requiretls"]), (&"live".into(), &true.into()), "{shown}");
    let host = GuardedHost::start(&authority, last, "127.0.0.34", "REQUIRETLS")?;
    second.restart()?;
    let mails = host.wait_for(1, PATIENCE)?;
    assert!(mails[0].mail.ends_with(" REQUIRETLS") && mails[0].text.contains("the text"));
    Ok(())
}

/// It is known under TLS only, and says so.
#[test]
fn it_is_neither_offered_nor_taken_in_the_clear() -> io::Result<()> {
    let scratch = Scratch::new("requiretls-clear")?;
    let relay = Ringpost::start_as(behind_balancer(), scratch.path(), "")?;
    // The balancer has taken it in the clear.
    let mut speaker = Speaker::behind(relay.smtp(), &fields(0x06))?;
    let offers = speaker.say("EHLO client.test", "250")?;
    assert!(!offers.contains("REQUIRETLS"), "{offers}");
    speaker.say("MAIL FROM:<me@sender.test> REQUIRETLS", "555 5.5.4")?;
    Ok(())
}
