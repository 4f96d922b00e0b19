//! How the generator speaks, to a server that takes note of every word.

use crate::server::{Manners, Told, serve};
use loadgen::hash;
use loadgen::message::label;
use loadgen::send::{
    self, Credentials, Encryption, Mechanism, Options, Phase, Pipelining, Proxy, Report, Version,
};
use loadgen::tls::{Client, Server, Trust};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

fn tls_server() -> Server {
    Server::self_signed(&["mx.example"]).unwrap()
}

fn client() -> Client {
    Client::new(&Trust::Anybody, "mx.example").unwrap()
}

fn send(
    (target, told): (SocketAddr, Arc<Mutex<Told>>),
    adjust: impl FnOnce(&mut Options),
) -> (Report, Told) {
    let mut options =
        Options { messages: 30, sessions: 2, messages_per_session: 5, ..Options::new(target) };
    adjust(&mut options);
    let sending = send::start(options).unwrap();
    // A server that will not do as we wish is not asked again and again.
    while !sending.has_ended() {
        if sending.counters().lost.load(Relaxed) > 0 {
            sending.stop();
        }
        thread::sleep(Duration::from_millis(1));
    }
    let report = sending.join().unwrap();
    let told = std::mem::take(&mut *told.lock().unwrap());
    (report, told)
}

/// All of them, each once and unchanged.
fn assert_whole(told: &Told, messages: usize) {
    let mut ids = BTreeSet::new();
    for text in &told.texts {
        let body = memchr::memmem::find(text, b"\r\n\r\n").unwrap() + 4;
        let label = label(text).unwrap();
        assert_eq!((label.start, label.body), (0, hash::body(&text[body..])));
        ids.insert(label.id);
    }
    assert_eq!((told.texts.len(), ids.len()), (messages, messages));
}

#[test]
fn starttls_hides_everything_behind_it_and_asks_again_what_is_offered() {
    for pipelining in [Pipelining::None, Pipelining::Full] {
        let offers = &["PIPELINING", "SIZE 1000000", "8BITMIME"];
        let server = serve(Manners { tls: Some(tls_server()), offers, ..Manners::default() });
        let (report, told) = send(server, |options| {
            options.encryption = Encryption::StartTls(client());
            options.pipelining = pipelining;
        });
        assert_eq!(report.messages, 30, "{report:?}");
        assert_whole(&told, 30);
        let connections = report.connections as usize;
        assert_eq!((told.count("EHLO"), told.count("STARTTLS")), (connections, connections));
        assert_eq!((told.count("*EHLO"), told.count("*MAIL")), (connections, 30));
        assert_eq!(told.count("MAIL") + told.count("RCPT") + told.count("DATA"), 0);
        let phases = &report.measured.phases;
        assert_eq!(phases.of(Phase::Tls).summary().count, report.connections);
        assert_eq!(phases.of(Phase::Ehlo).summary().count, 2 * report.connections);
    }
}

#[test]
fn implicit_tls_hides_even_the_greeting_and_carries_large_messages() {
    let offers = &["PIPELINING"];
    let server =
        serve(Manners { tls: Some(tls_server()), implicit: true, offers, ..Manners::default() });
    let (report, told) = send(server, |options| {
        options.encryption = Encryption::Implicit(client());
        options.sizes = "200k-900k".parse().unwrap();
    });
    assert_eq!(report.messages, 30, "{report:?}");
    assert_whole(&told, 30);
    assert!(told.lines.iter().all(|line| line.starts_with('*')));
    assert_eq!(report.measured.phases.of(Phase::Tls).summary().count, report.connections);
}

/// What a man in the middle puts behind the answer to STARTTLS must not be taken for an answer
/// under its protection.
#[test]
fn what_is_said_before_the_handshake_is_not_heard_after_it() {
    let injected = "250-mx\n250 AUTH PLAIN\n";
    let server = serve(Manners { tls: Some(tls_server()), injected, ..Manners::default() });
    let (report, told) = send(server, |options| {
        options.encryption = Encryption::StartTls(client());
    });
    assert_eq!((report.messages, report.unsent), (0, 30));
    assert!(report.trouble.unwrap().contains("STARTTLS"));
    assert_eq!(told.count("*"), 0);
}

#[test]
fn what_is_wished_and_not_offered_is_said_and_not_done_without() {
    let secret = || Some(Credentials { user: "ann".into(), password: "x".into(), mechanism: None });
    let starttls: fn(&mut Options) = |options| options.encryption = Encryption::StartTls(client());
    let bdat: fn(&mut Options) = |options| options.bdat = Some(1_000);
    for (wished, name) in [(starttls, "STARTTLS"), (bdat, "CHUNKING")] {
        let (report, told) = send(serve(Manners::default()), |options| {
            wished(options);
        });
        assert!(report.trouble.unwrap().contains(name));
        assert_eq!((report.messages, told.count("MAIL")), (0, 0));
    }
    let (report, _) = send(serve(Manners::default()), |options| {
        options.credentials = secret();
    });
    assert!(report.trouble.unwrap().contains("AUTH PLAIN or AUTH LOGIN"));
}

#[test]
fn a_certificate_of_somebody_else_is_refused_if_roots_are_named() {
    let other = Server::self_signed(&["mx.example"]).unwrap();
    let path = std::env::temp_dir().join(format!("ringload-roots-{}.pem", std::process::id()));
    std::fs::write(&path, other.certificate_pem()).unwrap();
    let trust = Trust::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let server = serve(Manners { tls: Some(tls_server()), ..Manners::default() });
    let (report, told) = send(server, |options| {
        options.encryption = Encryption::StartTls(Client::new(&trust, "mx.example").unwrap());
    });
    assert!(report.trouble.unwrap().contains("certificate"));
    assert_eq!((report.messages, told.count("*EHLO")), (0, 0));
}

#[test]
fn auth_is_said_in_the_form_that_is_offered_or_wished() {
    for (offer, mechanism, line) in [
        (&["AUTH LOGIN PLAIN"][..], None, "AUTH PLAIN AGFubgBzZWNyZXQ="),
        (&["AUTH=LOGIN"], None, "AUTH LOGIN"),
        (&["AUTH PLAIN LOGIN"], Some(Mechanism::Login), "AUTH LOGIN"),
    ] {
        let (report, told) =
            send(serve(Manners { offers: offer, ..Manners::default() }), |options| {
                let (user, password) = ("ann".to_owned(), "secret".to_owned());
                options.credentials = Some(Credentials { user, password, mechanism });
            });
        assert_eq!(report.messages, 30, "{offer:?} {report:?}");
        assert_whole(&told, 30);
        assert_eq!(told.count(line), report.connections as usize, "{offer:?}");
        let auth = report.measured.phases.of(Phase::Auth).summary();
        assert_eq!(auth.count, report.connections);
    }
}

#[test]
fn a_wrong_password_ends_the_run_and_is_shown() {
    let offers = &["AUTH PLAIN"];
    let (report, told) = send(serve(Manners { offers, ..Manners::default() }), |options| {
        let (user, password) = ("ann".to_owned(), "wrong".to_owned());
        options.credentials = Some(Credentials { user, password, mechanism: None });
    });
    assert_eq!((report.messages, told.count("MAIL")), (0, 0));
    assert!(report.trouble.unwrap().starts_with("535 "));
}

#[test]
fn bdat_carries_the_same_text_in_chunks_of_any_size() {
    for pipelining in [Pipelining::None, Pipelining::Envelope, Pipelining::Full] {
        for chunk in [700, 4_096, 1 << 20] {
            let offers = &["PIPELINING", "CHUNKING", "8BITMIME"];
            let (report, told) = send(serve(Manners { offers, ..Manners::default() }), |options| {
                options.bdat = Some(chunk);
                options.pipelining = pipelining;
                options.recipients = 2;
                options.sizes = "3000".parse().unwrap();
            });
            assert_eq!((report.messages, report.accepted), (30, 60), "{pipelining:?} {chunk}");
            assert_whole(&told, 30);
            let chunks = 3_000_usize.div_ceil(chunk);
            assert!((30..=30 * chunks).contains(&told.count("BDAT")) && told.count("DATA") == 0);
            assert_eq!(told.count("BDAT") > 30, chunks > 1);
        }
    }
}

/// With the text on its way before anybody was taken, the next message must not find the
/// envelope of this one open.
#[test]
fn bdat_to_nobody_leaves_no_open_envelope() {
    for pipelining in [Pipelining::None, Pipelining::Envelope, Pipelining::Full] {
        let offers = &["PIPELINING", "CHUNKING"];
        let server = serve(Manners { offers, refuses: Some("no.example"), ..Manners::default() });
        let (report, told) = send(server, |options| {
            options.bdat = Some(1_000);
            options.pipelining = pipelining;
            options.domains = "no.example,yes.example".parse().unwrap();
        });
        assert_eq!(report.accepted + report.refused, 30, "{pipelining:?}");
        assert!((5..=25).contains(&report.refused), "{pipelining:?} {}", report.refused);
        assert_whole(&told, report.accepted as usize);
        assert!(report.trouble.unwrap().starts_with("550 "));
    }
}

#[test]
fn every_connection_names_another_client() {
    for version in [Version::V1, Version::V2] {
        for tls in [false, true] {
            let tls_server = tls.then(tls_server);
            let server = serve(Manners {
                proxy: true,
                tls: tls_server,
                implicit: tls,
                ..Manners::default()
            });
            let port = server.0.port();
            let (report, told) = send(server, |options| {
                let sources = "127.1.0.0/16".parse().unwrap();
                options.proxy = Some(Proxy { version, sources });
                if tls {
                    options.encryption = Encryption::Implicit(client());
                }
            });
            assert_eq!(report.messages, 30, "{report:?}");
            assert_whole(&told, 30);
            let clients: BTreeSet<_> = told.headers.iter().collect();
            assert_eq!(clients.len() as u64, report.connections);
            for header in clients {
                match version {
                    Version::V1 => {
                        let line = String::from_utf8_lossy(header);
                        assert!(
                            line.starts_with("PROXY TCP4 127.1.0.")
                                && line.ends_with(&format!(" {port}\r\n"))
                        );
                    }
                    Version::V2 => assert_eq!(header[16..19], [127, 1, 0]),
                }
            }
        }
    }
}

#[test]
fn a_proxy_header_of_another_kind_than_the_target_is_refused() {
    let sources = "fd00::/64".parse().unwrap();
    let proxy = Some(Proxy { version: Version::V1, sources });
    let options = Options { proxy, ..Options::new("127.0.0.1:25".parse().unwrap()) };
    assert!(send::start(options).unwrap_err().to_string().contains("--proxy-sources"));
}
