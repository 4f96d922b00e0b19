//! Mail to a Postfix whose every door makes something else of TLS, under all that may be wanted.

use crate::common::PATIENCE;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use tests::postfix::Postfix;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{port, tool, wait};

/// What is shown at a door, and whether that is right.
enum Shown {
    Right,
    SelfSigned,
    Foreign,
    Expired,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It arrives under TLS, and the host proved who it is, or did not.
    Sealed { verified: bool },
    /// It arrives in the clear.
    Clear,
    /// It waits.
    Waits,
    /// It comes back.
    Refused,
}

const PROVED: End = End::Sealed { verified: true };
const UNPROVED: End = End::Sealed { verified: false };

const WANTED: [&str; 4] = ["off", "opportunistic", "required", "verified"];

/// Each door, what Postfix says of TLS there, and what becomes of mail by what is wanted.
const DOORS: [(&str, &str, Shown, [End; 4]); 6] = [
    ("may", "may", Shown::Right, [End::Clear, PROVED, PROVED, PROVED]),
    ("encrypt", "encrypt", Shown::Right, [End::Refused, PROVED, PROVED, PROVED]),
    ("none", "none", Shown::Right, [End::Clear, End::Clear, End::Waits, End::Waits]),
    ("self", "may", Shown::SelfSigned, [End::Clear, UNPROVED, UNPROVED, End::Waits]),
    ("foreign", "may", Shown::Foreign, [End::Clear, UNPROVED, UNPROVED, End::Waits]),
    ("expired", "may", Shown::Expired, [End::Clear, UNPROVED, UNPROVED, End::Waits]),
];

/// In front of the first door stands somebody who takes STARTTLS out of what Postfix says.
const STRIPPED: [End; 4] = [End::Clear, End::Clear, End::Waits, End::Waits];

#[test]
fn what_is_wanted_of_tls_is_what_postfix_meets() -> io::Result<()> {
    if !tool::postfix_can_run() {
        return Ok(());
    }
    let scratch = Scratch::new("tls-out")?;
    let authority = Authority::new(scratch.path())?;
    let mut doors = Vec::new();
    for (number, (name, level, shown, _)) in (10..).zip(&DOORS) {
        // Each is a host of its own: sessions with one must not go on with another.
        let address = SocketAddr::from(([127, 0, 0, number], port::free()?.port()));
        let door = authority.door(scratch.path(), name, level, (shown, address))?;
        doors.push((address, door));
    }
    let settings = [("virtual_mailbox_domains", "static:all"), ("virtual_transport", "discard:")];
    let postfix = Postfix::start_with(&scratch.path().join("postfix"), &settings, &doors)?;
    let stripped = strip(doors[0].0)?;

    let ends = DOORS.iter().map(|(name, .., ends)| (*name, ends)).chain([("stripped", &STRIPPED)]);
    let addresses = doors.iter().map(|(address, _)| *address).chain([stripped]);
    let all: Vec<_> = ends.zip(addresses).collect();
    let ca = scratch.path().join("ca.pem");
    let mut settings = format!("[delivery]\nserver_ca = \"{}\"\n", ca.display());
    let mut expected = Vec::new();
    for ((name, ends), address) in all {
        for (wanted, end) in WANTED.into_iter().zip(ends) {
            let domain = format!("{wanted}.{name}.test");
            write!(settings, "[[route]]\ndomain = \"{domain}\"\nto = [\"{address}\"]\n")
                .and_then(|()| writeln!(settings, "tls = \"{wanted}\""))
                .map_err(io::Error::other)?;
            expected.push((format!("a@{domain}"), *end));
        }
    }
    let ringpost = Ringpost::start(&scratch.path().join("relay"), &settings)?;
    send(&ringpost, expected.iter().map(|(recipient, _)| recipient.as_str()))?;
    for (recipient, end) in expected {
        let line = wait::until(&recipient, PATIENCE, || attempt(&ringpost, &recipient))?;
        assert_eq!(met(&line), end, "{line}\n{}", postfix.log());
    }
    Ok(())
}

/// One message for all of them.
fn send<'r>(ringpost: &Ringpost, recipients: impl Iterator<Item = &'r str>) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    speaker.say("MAIL FROM:<>", "250")?;
    for recipient in recipients {
        speaker.say(&format!("RCPT TO:<{recipient}>"), "250")?;
    }
    speaker.say("DATA", "354")?;
    speaker.say("Subject: sealed\r\n\r\nhello\r\n.", "250").map(|_| ())
}

/// The first attempt at `recipient`, as the delivery log has it.
fn attempt(ringpost: &Ringpost, recipient: &str) -> Option<Value> {
    let log = ringpost.log();
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["event"] == "attempt" && line["recipient"] == recipient)
}

/// What became of it. Whatever is told of TLS fits together.
fn met(line: &Value) -> End {
    let sealed = line["tls"].as_str().is_some_and(|tls| tls.starts_with("TLSv1."));
    assert_eq!(line["cipher"].is_string(), sealed, "{line}");
    match line["outcome"].as_str() {
        Some("delivered") if sealed => {
            let host = line["host"].as_str().unwrap_or_default();
            assert!(host.starts_with("127.0.0.") && line["in_clear"].is_null(), "{line}");
            End::Sealed { verified: line["verified"] == true }
        }
        Some("delivered") => {
            let off = line["recipient"].as_str().is_some_and(|to| to.starts_with("a@off."));
            let why = line["in_clear"].as_str();
            let why_not = (!off).then_some("does not offer STARTTLS");
            assert!(line["verified"].is_null() && why == why_not, "{line}");
            End::Clear
        }
        Some("deferred") => {
            let text = line["text"].as_str().unwrap_or_default();
            assert!(line["code"] == 451 && text.contains("TLS is required (`tls`)"), "{line}");
            End::Waits
        }
        _ => End::Refused,
    }
}

/// Somebody who vouches for doors.
struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    fn new(folder: &Path) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).map_err(io::Error::other)?;
        fs::write(folder.join("ca.pem"), own.pem())?;
        Ok(Self(Issuer::new(params, key)))
    }

    /// A door's settings, with a certificate of its own.
    fn door(
        &self,
        folder: &Path,
        name: &str,
        level: &str,
        (shown, address): (&Shown, SocketAddr),
    ) -> io::Result<String> {
        let foreign = matches!(shown, Shown::Foreign).then(|| "127.0.0.9".to_owned());
        let address = foreign.unwrap_or_else(|| address.ip().to_string());
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let params = CertificateParams::new([address]);
        let mut params = params.map_err(io::Error::other)?;
        if matches!(shown, Shown::Expired) {
            params.not_after = rcgen::date_time_ymd(2024, 1, 1);
        }
        let made = match shown {
            Shown::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.0),
        };
        let chain = folder.join(format!("{name}.pem"));
        fs::write(&chain, key.serialize_pem() + &made.map_err(io::Error::other)?.pem())?;
        let chain = chain.display();
        Ok(format!("-o smtpd_tls_security_level={level} -o smtpd_tls_chain_files={chain}"))
    }
}

/// Stands in front of `server`, and takes STARTTLS out of what it says.
fn strip(server: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(server) else { return };
            let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { return };
            thread::spawn(move || pass(from, to, |_| ()));
            thread::spawn(move || pass(server, client, take_out));
        }
    });
    Ok(address)
}

/// Postfix says what it offers in one piece.
fn take_out(said: &mut [u8]) {
    const WORD: &[u8] = b"STARTTLS";
    if let Some(at) = said.windows(WORD.len()).position(|word| word == WORD) {
        said[at..at + WORD.len()].fill(b'X');
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&mut [u8])) {
    let mut buffer = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        change(&mut buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // Whoever has gone already hears nothing.
    let _ = to.shutdown(Shutdown::Write);
}
