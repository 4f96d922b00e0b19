//! Certificates that change while mail comes in.

use crate::common::{PATIENCE, route};
use crate::load::{Load, Sink, told};
use crate::tls::Pair;
use loadgen::send::Encryption;
use loadgen::tls::{Client, Trust};
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::{tool, wait};

#[test]
fn certificates_change_under_load_and_no_connection_is_lost() -> io::Result<()> {
    if !tool::all_there(&["openssl"]) {
        return Ok(());
    }
    let scratch = Scratch::new("reload")?;
    let sink = Sink::start(scratch.path(), 0.0)?;
    let pair = Pair::make(scratch.path(), "own", &["relay.test"])?;
    let outfit = Outfit { listener_settings: "tls = \"required\"".to_owned(), ..Outfit::default() };
    let settings = route("*", sink.address()) + &pair.settings();
    let ringpost = Ringpost::start_as(outfit, &scratch.path().join("relay"), &settings)?;
    let client = Client::new(&Trust::Anybody, "relay.test").map_err(io::Error::other)?;
    let encryption = Encryption::StartTls(client);
    let load = Load::start_under(scratch.path(), &ringpost, 100.0, encryption)?;
    load.wait_for(50)?;

    let first = shown(&ringpost)?;
    let renewed = Pair::make(scratch.path(), "renewed", &["relay.test"])?;
    fs::rename(&renewed.chain, &pair.chain)?;
    fs::rename(&renewed.key, &pair.key)?;
    let second = another(&ringpost, &first)?;
    assert_eq!(second, fingerprint(&pair.chain)?);
    load.wait_for(50)?;

    // A key that does not fit is told of, and the certificate there was stays.
    let stray = Pair::make(scratch.path(), "stray", &["relay.test"])?;
    fs::rename(&stray.key, &pair.key)?;
    wait::until("a warning", PATIENCE, || {
        ringpost.said().contains("is not the key to the certificate").then_some(())
    })?;
    assert_eq!(shown(&ringpost)?, second);
    fs::rename(&stray.chain, &pair.chain)?;
    another(&ringpost, &second)?;
    load.wait_for(50)?;

    let (sent, proof) = load.prove_and_tell(&[&ringpost], sink, 0)?;
    assert!(proof.holds, "{}", told(&proof));
    assert_eq!((sent.lost, sent.dials_failed), (0, 0), "{sent:?}");
    Ok(())
}

/// Waits until another certificate than `old` is shown.
fn another(ringpost: &Ringpost, old: &str) -> io::Result<String> {
    wait::until("a new certificate", PATIENCE, || shown(ringpost).ok().filter(|shown| shown != old))
}

/// The fingerprint of the certificate that a newcomer is shown.
fn shown(ringpost: &Ringpost) -> io::Result<String> {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-starttls", "smtp", "-connect", &ringpost.smtp().to_string()]);
    let output = client.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let start = text.find("-----BEGIN").ok_or_else(|| io::Error::other(text.clone()))?;
    let end = text.find("-----END CERTIFICATE-----").unwrap_or(text.len());
    Ok(text[start..end].split_whitespace().collect())
}

fn fingerprint(chain: &Path) -> io::Result<String> {
    let text = fs::read_to_string(chain)?;
    let end = text.find("-----END CERTIFICATE-----").unwrap_or(text.len());
    Ok(text[..end].split_whitespace().collect())
}
