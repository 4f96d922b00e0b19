//! The delivery log says why a host said no, by the rules of the provider whose host it is.

use crate::common::{PATIENCE, RETRY_SOON};
use loadgen::send;
use loadgen::sink::{self, dns, profiles};
use serde_json::Value;
use std::io;
use std::time::Duration;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::{port, wait};

const MESSAGES: usize = 20;

#[test]
fn a_refusal_is_read_by_the_rules_of_its_provider() -> io::Result<()> {
    let scratch = Scratch::new("reply-class")?;
    let port = port::free()?.port();
    let mut providers = Vec::new();
    for name in ["gmail", "other"] {
        let mut provider = profiles::read(name).map_err(io::Error::other)?;
        provider.fail = 1.0;
        // By its code 7.28 is policy, whatever that is; from Google it means spam.
        provider.replies.fail = "550 5.7.28 Zut".parse().map_err(io::Error::other)?;
        providers.push(provider);
    }
    profiles::place(&mut providers, port).map_err(io::Error::other)?;
    let sink = sink::start(sink::Options { providers, seed: 1, ledger: None, threads: 1 })?;
    let zone = dns::Zone::new(sink.providers()).map_err(io::Error::other)?;
    let dns = dns::serve(([127, 0, 0, 1], 0).into(), zone)?;
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {port}\n[delivery]\nconnections_per_site = 1\n{RETRY_SOON}",
        dns.address,
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let domains = "gmail.com,other.example".parse().map_err(io::Error::other)?;
    let messages = MESSAGES as u64;
    let options = send::Options { messages, domains, ..send::Options::new(ringpost.smtp()) };
    send::start(options)?.join()?;
    let refused = wait::until("a line for each refusal", PATIENCE, || {
        Some(refusals(&ringpost.log())).filter(|refused| refused.len() == MESSAGES)
    })?;
    for line in &refused {
        let to_google = line["recipient"].as_str().is_some_and(|to| to.ends_with("@gmail.com"));
        let class = if to_google { "spam-related" } else { "policy-related" };
        assert_eq!(line["class"], class, "{line}");
        assert_eq!(line["category"], class, "{line}");
    }
    let unknown = refused.iter().filter(|line| line["class"] == "policy-related").count();
    assert!(0 < unknown && unknown < MESSAGES, "mail went to both: {unknown}");
    for (category, count) in [("spam-related", MESSAGES - unknown), ("policy-related", unknown)] {
        let labels = format!("{{outcome=\"failed\",category=\"{category}\"}}");
        ringpost.wait_for_metric(&format!("ringpost_undelivered_total{labels} {count}"))?;
    }
    wait::until("a count of unknown words", Duration::from_secs(10), || {
        let counted = ringpost.metric("ringpost_replies_unknown_total").ok()?;
        (counted.to_string() == unknown.to_string()).then_some(())
    })?;
    sink.stop();
    sink.join()?;
    Ok(())
}

/// The attempts that a host refused with these words.
fn refusals(log: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == "attempt" && line["text"] == "Zut").collect()
}
