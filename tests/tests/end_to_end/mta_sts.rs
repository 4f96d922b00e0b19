//! Mail for domains that demand TLS by a policy, which a web server of theirs keeps.

use crate::common::PATIENCE;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::unbound::Unbound;
use tests::{tool, wait};

/// Each domain: its host, which is `good` if its certificate is; its policy, if it has one; and
/// what becomes of its mail: whether the host proved who it is, or what is said of it.
const DOMAINS: [(&str, &str, &str, Result<bool, &str>); 6] = [
    ("right.test", "good.mx.test", "enforce *.mx.test", Ok(true)),
    ("wrong.test", "bad.mx.test", "enforce *.mx.test", Err("TLS is required (MTA-STS)")),
    ("elsewhere.test", "good.mx.test", "enforce mail.test", Err("names mail.test, and none of")),
    ("testing.test", "bad.mx.test", "testing mail.test", Ok(false)),
    ("withdrawn.test", "bad.mx.test", "none *.mx.test", Ok(false)),
    ("plain.test", "bad.mx.test", "", Ok(false)),
];

#[test]
fn mail_is_under_the_tls_that_its_domain_demands() -> io::Result<()> {
    if !tool::all_there(&["unbound"]) {
        return Ok(());
    }
    let scratch = Scratch::new("mta-sts")?;
    let folder = scratch.path();
    let authority = Authority::new(folder)?;
    let host = receiver(folder, &authority)?;
    let proxy = web(&authority)?;
    let unbound = Unbound::start(&folder.join("unbound"), &records(), "")?;
    let ca = folder.join("ca.pem");
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {}\n\
         [delivery]\nserver_ca = \"{ca}\"\n[https]\nproxy = \"{proxy}\"\nca = \"{ca}\"\n",
        unbound.address(),
        host.smtp().port(),
        ca = ca.display(),
    );
    let relay = Ringpost::start(&folder.join("relay"), &settings)?;
    let mut speaker = Speaker::connect(relay.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for (domain, ..) in DOMAINS {
        speaker.send("", &format!("a@{domain}"), "Subject: x\r\n\r\nhello\r\n")?;
    }
    for (domain, _, policy, end) in DOMAINS {
        let line = wait::until(domain, PATIENCE, || attempt(&relay, domain))?;
        match end {
            Ok(verified) => {
                assert_eq!(line["outcome"], "delivered", "{line}");
                assert_eq!(line["verified"], verified, "{line}");
                let mode = policy.split(' ').next().filter(|mode| !["", "none"].contains(mode));
                assert_eq!(line["mta_sts"].as_str(), mode, "{line}");
                let unmet = line["mta_sts_failure"].as_str();
                let not_named = "the policy does not name the host";
                assert_eq!(unmet, (mode == Some("testing")).then_some(not_named), "{line}");
            }
            Err(words) => {
                let text = line["text"].as_str().unwrap_or_default();
                assert!(line["outcome"] == "deferred" && line["code"] == 451, "{line}");
                assert!(text.contains(words) && text.contains("MTA-STS"), "{line}");
            }
        }
    }
    // Mail does not wait for the disk.
    let is_kept = |domain: &str| folder.join("relay/spool/mta-sts").join(domain).exists();
    for (domain, _, policy, _) in DOMAINS {
        let there = || (policy.is_empty() || is_kept(domain)).then_some(());
        wait::until(&format!("the policy of {domain} on disk"), PATIENCE, there)?;
    }
    assert!(!is_kept("plain.test"), "it has none");
    relay.wait_for_metric("ringpost_mta_sts_fetches_total{outcome=\"fetched\"} 5")?;
    relay.wait_for_metric("ringpost_mta_sts_policies 5")?;
    let unmet = relay.metric("ringpost_mta_sts_unmet_total")?;
    assert!((unmet - 1.0).abs() < 0.5, "{unmet}");
    Ok(())
}

/// The first attempt at a recipient there, as the delivery log has it.
fn attempt(relay: &Ringpost, domain: &str) -> Option<Value> {
    let (log, recipient) = (relay.log(), format!("a@{domain}"));
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["event"] == "attempt" && line["recipient"] == recipient.as_str())
}

fn records() -> Vec<String> {
    let mut records = Vec::new();
    for (domain, host, policy, _) in DOMAINS {
        records.push(format!("{domain}. MX 10 {host}."));
        if !policy.is_empty() {
            records.push(format!("_mta-sts.{domain}. TXT \"v=STSv1; id=1;\""));
        }
    }
    records.extend(["good.mx.test. A 127.0.0.1", "bad.mx.test. A 127.0.0.1"].map(str::to_owned));
    records
}

/// A host that takes all mail and keeps it; whatever it is called, its certificate is for one name.
fn receiver(folder: &Path, authority: &Authority) -> io::Result<Ringpost> {
    let (chain, key) = authority.certificate(&["good.mx.test".to_owned()])?;
    let (chain_file, key_file) = (folder.join("mx.pem"), folder.join("mx.key"));
    fs::write(&chain_file, chain)?;
    fs::write(&key_file, key.serialize_pem())?;
    let outfit =
        Outfit { listener_settings: "tls = \"starttls\"\n".to_owned(), ..Outfit::default() };
    let settings = format!(
        "[dns]\nservers = [\"127.0.0.1:1\"]\n[[certificate]]\nchain = \"{}\"\nkey = \"{}\"\n",
        chain_file.display(),
        key_file.display(),
    );
    Ringpost::start_as(outfit, &folder.join("host"), &settings)
}

/// A proxy that is itself the web server of every domain.
fn web(authority: &Authority) -> io::Result<SocketAddr> {
    let names: Vec<String> =
        DOMAINS.iter().map(|(domain, ..)| format!("mta-sts.{domain}")).collect();
    let (chain, key) = authority.certificate(&names)?;
    let chain = rustls::pki_types::pem::PemObject::from_pem_slice(chain.as_bytes());
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![chain.map_err(io::Error::other)?], key)
        .map_err(io::Error::other)?;
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            // Whoever goes away early is missed by nobody.
            thread::spawn(move || answer(client, config).ok());
        }
    });
    Ok(address)
}

fn answer(mut client: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    let asked = head(&mut client)?;
    let host = asked.strip_prefix("CONNECT mta-sts.").and_then(|rest| rest.split(':').next());
    let host = host.unwrap_or_default().to_owned();
    client.write_all(b"HTTP/1.1 200 Led\r\n\r\n")?;
    let session = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = StreamOwned::new(session, client);
    head(&mut client)?;
    let found = DOMAINS.iter().find(|(domain, ..)| *domain == host);
    let (mode, mx) = found.and_then(|found| found.2.split_once(' ')).unwrap_or_default();
    let policy = format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 86400\n");
    write!(client, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")?;
    write!(client, "Content-Length: {}\r\n\r\n{policy}", policy.len())?;
    client.flush()
}

/// What comes up to an empty line, byte by byte.
fn head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = String::new();
    let mut reader = BufReader::with_capacity(1, stream);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

/// Somebody who vouches for hosts and web servers.
pub(crate) struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).map_err(io::Error::other)?;
        fs::write(folder.join("ca.pem"), own.pem())?;
        Ok(Self(Issuer::new(params, key)))
    }

    pub(crate) fn certificate(&self, names: &[String]) -> io::Result<(String, KeyPair)> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let params = CertificateParams::new(names).map_err(io::Error::other)?;
        let made = params.signed_by(&key, &self.0).map_err(io::Error::other)?;
        Ok((made.pem(), key))
    }
}
