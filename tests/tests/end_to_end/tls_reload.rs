//! Certificates that change while mail comes in.

use crate::common::{PATIENCE, route};
use crate::load::{Load, Sink, told};
use crate::tls::Pair;
use loadgen::send::Encryption;
use loadgen::tls::{Client, Trust};
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::{port, tool, wait};

#[test]
fn certificates_change_under_load_and_no_connection_is_lost() -> io::Result<()> {
    if !tool::all_there(&["openssl"]) {
        return Ok(());
    }
    let scratch = Scratch::new("reload")?;
    let sink = Sink::start(scratch.path(), 0.0)?;
    let pair = Pair::make(scratch.path(), "own", &["relay.test"])?;
    let outfit = Outfit { listener_settings: "tls = \"required\"".to_owned(), ..Outfit::default() };
    let (known, stranger) = (
        Pair::make(scratch.path(), "known", &["client.test"])?,
        Pair::make(scratch.path(), "stranger", &["client.test"])?,
    );
    let (door, vouchers) = (port::free()?, scratch.path().join("vouchers.pem"));
    fs::copy(&known.chain, &vouchers)?;
    let settings = format!(
        "{}{}[[listener]]\naddress = \"{door}\"\ntls = \"required\"\n\
         client_certificate = \"required\"\nclient_ca = \"{}\"\n",
        route("*", sink.address()),
        pair.settings(),
        vouchers.display()
    );
    let ringpost = Ringpost::start_as(outfit, &scratch.path().join("relay"), &settings)?;
    let client = Client::new(&Trust::Anybody, "relay.test").map_err(io::Error::other)?;
    let encryption = Encryption::StartTls(client);
    let load = Load::start_under(scratch.path(), &ringpost, 100.0, encryption)?;
    load.wait_for(50)?;

    assert!(is_served(door, &known)? && !is_served(door, &stranger)?);
    let first = shown(&ringpost)?;
    fs::copy(&stranger.chain, &vouchers)?;
    let renewed = Pair::make(scratch.path(), "renewed", &["relay.test"])?;
    fs::rename(&renewed.chain, &pair.chain)?;
    fs::rename(&renewed.key, &pair.key)?;
    let second = another(&ringpost, &first)?;
    assert_eq!(second, fingerprint(&pair.chain)?);
    wait::until("others who vouch for clients", PATIENCE, || {
        is_served(door, &stranger).ok()?.then_some(())
    })?;
    assert!(!is_served(door, &known)?, "nobody vouches for it any more");
    load.wait_for(50)?;

    // What does not fit is told of, and what there was stays.
    fs::write(&vouchers, "nobody")?;
    let stray = Pair::make(scratch.path(), "stray", &["relay.test"])?;
    fs::rename(&stray.key, &pair.key)?;
    wait::until("a warning", PATIENCE, || {
        let said = ringpost.said();
        let both = said.contains("is not the key to the certificate")
            && said.contains("vouchers.pem holds no certificate: those who vouched");
        both.then_some(())
    })?;
    assert!(is_served(door, &stranger)?);
    assert_eq!(shown(&ringpost)?, second);
    fs::rename(&stray.chain, &pair.chain)?;
    another(&ringpost, &second)?;
    load.wait_for(50)?;

    let (sent, proof) = load.prove_and_tell(&[&ringpost], sink, 0)?;
    assert!(proof.holds, "{}", told(&proof));
    assert_eq!((sent.lost, sent.dials_failed), (0, 0), "{sent:?}");
    Ok(())
}

/// Whether a client with this certificate may speak at `address`.
fn is_served(address: SocketAddr, pair: &Pair) -> io::Result<bool> {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-starttls", "smtp", "-quiet", "-connect", &address.to_string()]);
    client.arg("-cert").arg(&pair.chain).arg("-key").arg(&pair.key);
    let mut child =
        client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    // One that was refused has ended.
    let _ = child.stdin.take().expect("it is piped").write_all(b"QUIT\r\n");
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).contains("221 2.0.0"))
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
