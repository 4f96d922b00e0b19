//! Mail by DANE: Unbound validates what a server of ours signs, and Postfix shows certificates.

use crate::common::PATIENCE;
use crate::signer::{Data, SIGNED, Signer, UNSIGNED};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData as _,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tests::postfix::Postfix;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::unbound::Unbound;
use tests::{port, tool, wait};

/// What becomes of a message: it arrives under TLS that was proven to be right, under any, or in
/// the clear; or it waits, and its log line says these words.
enum End {
    Proven,
    Sealed,
    Clear,
    Waits(&'static str),
}

/// Each domain, its hosts, and what becomes of its mail.
const DOMAINS: [(&str, &[&str], End); 11] = [
    ("right.signed.test", &["own.signed.test"], End::Proven),
    ("wrong.signed.test", &["wrong-mx.signed.test"], End::Waits("none of the host's TLSA records")),
    ("vouched.signed.test", &["vouched-mx.signed.test"], End::Proven),
    ("late.signed.test", &["late-mx.signed.test"], End::Waits("expired")),
    ("bare.signed.test", &["bare-mx.signed.test"], End::Waits("TLS is required (DANE)")),
    ("bogus.signed.test", &["bogus-mx.signed.test"], End::Waits("TLSA of bogus-mx.signed.test: ")),
    // Who is not known to be safe is passed over.
    ("both.signed.test", &["bogus-mx.signed.test", "own.signed.test"], End::Proven),
    ("odd.signed.test", &["odd-mx.signed.test"], End::Sealed),
    ("alias.signed.test", &["alias-mx.signed.test"], End::Proven),
    ("none.signed.test", &["none-mx.signed.test"], End::Clear),
    // Nobody signs its zone, and so anybody may have written it, and what it says of a host.
    ("unsigned.plain.test", &["mx.plain.test"], End::Clear),
];

/// Where it is, and the key to what it shows, as certificates have it.
struct Door {
    address: SocketAddr,
    key: Vec<u8>,
    settings: String,
}

#[test]
fn mail_goes_to_hosts_that_show_what_dns_proves() -> io::Result<()> {
    if !tool::postfix_can_run() || !tool::all_there(&["unbound"]) {
        return Ok(());
    }
    let scratch = Scratch::new("dane")?;
    let port = port::free()?.port();
    let authority = Authority::new()?;
    let doors = [
        // One that nobody vouches for, for another name, and long out of use.
        authority.door(scratch.path(), port, "elsewhere.test", Vouched::ByNobody)?,
        authority.door(scratch.path(), port, "vouched-mx.signed.test", Vouched::Now)?,
        authority.door(scratch.path(), port, "late-mx.signed.test", Vouched::LongAgo)?,
        bare(port),
    ];
    let all: Vec<_> = doors.iter().map(|door| (door.address, door.settings.clone())).collect();
    let settings = [("virtual_mailbox_domains", "static:all"), ("virtual_transport", "discard:")];
    let postfix = Postfix::start_with(&scratch.path().join("postfix"), &settings, &all)?;

    let signer = Signer::new(records(&doors, &authority, port))?;
    let anchor = signer.anchor();
    let server = signer.serve()?;
    let folder = scratch.path().join("unbound");
    let unbound = Unbound::validating(&folder, server, &[SIGNED, UNSIGNED], &[anchor])?;
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {port}\n",
        unbound.address(),
    );
    let ringpost = Ringpost::start(&scratch.path().join("relay"), &settings)?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for (domain, ..) in &DOMAINS {
        speaker.send("", &format!("a@{domain}"), "Subject: x\r\n\r\nhello\r\n")?;
    }
    for (domain, _, end) in &DOMAINS {
        let told = || attempt(&ringpost, domain);
        let line = wait::until(domain, PATIENCE, told)
            .map_err(|late| io::Error::other(format!("{late}\n{}", ringpost.log())))?;
        assert!(is_met(end, &line), "{domain}: {line}\n{}", postfix.log());
    }
    Ok(())
}

/// The first attempt at a domain, as the delivery log has it.
fn attempt(ringpost: &Ringpost, domain: &str) -> Option<Value> {
    let (log, recipient) = (ringpost.log(), format!("a@{domain}"));
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["event"] == "attempt" && line["recipient"] == recipient)
}

fn is_met(end: &End, line: &Value) -> bool {
    let [outcome, tls, dane, text] =
        ["outcome", "tls", "dane", "text"].map(|name| line[name].as_str());
    let delivered = (outcome == Some("delivered")).then_some((tls.is_some(), dane));
    match end {
        End::Proven => delivered == Some((true, Some("usable"))) && line["verified"] == true,
        End::Sealed => delivered == Some((true, Some("unusable"))) && line["verified"] == false,
        End::Clear => delivered == Some((false, None)),
        End::Waits(words) => {
            outcome == Some("deferred") && text.is_some_and(|text| text.contains(words))
        }
    }
}

/// All that DNS says.
fn records(doors: &[Door; 4], authority: &Authority, port: u16) -> Vec<(String, Data)> {
    let mut records = Vec::new();
    for (domain, hosts, _) in &DOMAINS {
        for (preference, host) in (10..).zip(*hosts) {
            records.push(((*domain).to_owned(), Data::Mx(preference, (*host).to_owned())));
        }
    }
    let [own, vouched, late, bare] = doors;
    for (host, door) in [
        ("own.signed.test", own),
        ("wrong-mx.signed.test", own),
        ("vouched-mx.signed.test", vouched),
        ("late-mx.signed.test", late),
        ("bare-mx.signed.test", bare),
        ("bogus-mx.signed.test", own),
        ("odd-mx.signed.test", own),
        ("none-mx.signed.test", bare),
        ("mx.plain.test", bare),
    ] {
        let SocketAddr::V4(address) = door.address else { continue };
        records.push((host.to_owned(), Data::Address(*address.ip())));
    }
    let alias = Data::Alias("own.signed.test".to_owned());
    records.push(("alias-mx.signed.test".to_owned(), alias));
    let by_key = |door: &Door| Sha256::digest(&door.key).to_vec();
    let anchor = Sha256::digest(&authority.certificate).to_vec();
    for (host, data) in [
        ("own.signed.test", Data::Tlsa(3, 1, 1, by_key(own))),
        ("wrong-mx.signed.test", Data::Tlsa(3, 1, 1, by_key(vouched))),
        ("vouched-mx.signed.test", Data::Tlsa(2, 0, 1, anchor.clone())),
        ("late-mx.signed.test", Data::Tlsa(2, 0, 1, anchor)),
        ("bare-mx.signed.test", Data::Tlsa(3, 1, 1, by_key(own))),
        ("bogus-mx.signed.test", Data::StaleTlsa(3, 1, 1, by_key(own))),
        ("odd-mx.signed.test", Data::Tlsa(1, 1, 1, by_key(own))),
        ("mx.plain.test", Data::Tlsa(3, 1, 1, by_key(own))),
    ] {
        records.push((format!("_{port}._tcp.{host}"), data));
    }
    records
}

/// Who vouches for a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Vouched {
    ByNobody,
    Now,
    LongAgo,
}

/// Somebody who vouches for doors, trusted by nobody but through DNS.
struct Authority {
    certificate: Vec<u8>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let own = params.self_signed(&key).map_err(io::Error::other)?;
        let (certificate, pem) = (own.der().to_vec(), own.pem());
        Ok(Self { certificate, pem, issuer: Issuer::new(params, key) })
    }

    /// A door with a certificate for `name`, and those who vouch for it behind.
    fn door(&self, folder: &Path, port: u16, name: &str, vouched: Vouched) -> io::Result<Door> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
        if vouched != Vouched::Now {
            params.not_after = rcgen::date_time_ymd(2024, 1, 1);
        }
        let (own, others) = match vouched {
            Vouched::ByNobody => (params.self_signed(&key), ""),
            Vouched::Now | Vouched::LongAgo => {
                (params.signed_by(&key, &self.issuer), self.pem.as_str())
            }
        };
        let own = own.map_err(io::Error::other)?;
        let chain = folder.join(format!("{name}.pem"));
        fs::write(&chain, key.serialize_pem() + &own.pem() + others)?;
        let chain = chain.display();
        Ok(Door {
            address: place(vouched as u8, port),
            key: key.subject_public_key_info(),
            settings: format!("-o smtpd_tls_security_level=may -o smtpd_tls_chain_files={chain}"),
        })
    }
}

/// A door where there is no TLS.
fn bare(port: u16) -> Door {
    let settings = "-o smtpd_tls_security_level=none".to_owned();
    Door { address: place(9, port), key: Vec::new(), settings }
}

/// Each door is a host of its own, at the one port that MX hosts have.
fn place(number: u8, port: u16) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 1, 10 + number), port).into()
}
