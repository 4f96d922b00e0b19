//! Ringpost sends to the providers `loadgen` plays, and finds them by their MX records: nothing
//! in its settings names one of them.

use crate::load::told;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::{port, wait};

use loadgen::sink::{self, Provider, dns, profiles};
use loadgen::{send, verify};

/// A provider with so many exchangers that their names do not fit a datagram.
const LARGE: &str = "name=large,domains=large.example,contract=recipients";
const LARGE_HOSTS: usize = 60;
const MESSAGES: u64 = 600;

fn large() -> io::Result<Provider> {
    let hosts: Vec<String> = (1..=LARGE_HOSTS).map(|n| format!("mx{n}.large.example")).collect();
    Provider::read_line(&format!("{LARGE},hosts={}", hosts.join("+"))).map_err(io::Error::other)
}

#[test]
fn providers_are_found_by_mx_and_their_contracts_kept() -> io::Result<()> {
    let scratch = Scratch::new("providers")?;
    let (sent, received) = (scratch.path().join("sent"), scratch.path().join("received"));
    let port = port::free()?.port();
    let profile = |name: &str| profiles::read(name).map_err(io::Error::other);
    // The third turns away mail that comes without TLS, and the third connection.
    let mut providers = vec![profile("gmail")?, profile("yahoo")?, profile("orange")?, large()?];
    profiles::place(&mut providers, port).map_err(io::Error::other)?;
    let options = sink::Options { providers, seed: 1, ledger: Some(received.clone()), threads: 1 };
    let sink = sink::start(options)?;
    let zone = dns::Zone::new(sink.providers()).map_err(io::Error::other)?;
    let dns = dns::serve(([127, 0, 0, 1], 0).into(), zone)?;
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {port}\n\
         [delivery]\nconnections_per_site = 2\nmessages_per_connection = 50\n",
        dns.address,
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let options = send::Options {
        messages: MESSAGES,
        domains: "gmail.com,yahoo.com,aol.com,orange.fr,large.example"
            .parse()
            .map_err(io::Error::other)?,
        ledger: Some(sent.clone()),
        ..send::Options::new(ringpost.smtp())
    };
    let report = send::start(options)?.join()?;
    assert_eq!(report.accepted, MESSAGES, "{report:?}");
    wait::until("an empty queue", Duration::from_mins(2), || {
        (ringpost.queued().ok()? == 0).then_some(())
    })?;
    let providers = sink.providers().to_vec();
    sink.stop();
    sink.join()?;
    for one in &providers {
        let messages = one.counters.messages.load(Ordering::Relaxed);
        assert!(messages > 0, "{} got none", one.site.provider().name);
    }
    let options = verify::Options {
        sent: vec![sent],
        received: vec![received],
        ..verify::Options::default()
    };
    let proof = verify::verify(&options).map_err(io::Error::other)?;
    assert!(proof.holds && proof.exact == MESSAGES, "{}", told(&proof));
    Ok(())
}
