//! The whole program in this process, on ports and folders of its own.

use super::guard::sources;
use super::shards::gates;
use super::tls::Keyring;
use super::{run, run_and_tell};
use crate::settings::{Host, Loaded, parse};
use shard::Pace;
use smtp::server;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// Settings for a relay in a folder of its own, on free ports.
struct Place {
    folder: PathBuf,
    smtp: SocketAddr,
    admin: SocketAddr,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("ringpost-run-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder, smtp: free(), admin: free() }
    }

    fn loaded(&self, more: &str) -> Loaded {
        let folder = self.folder.display();
        let text = format!(
            "hostname = \"relay.test\"\nshards = 2\n{more}\n\
             [spool]\npath = \"{folder}/spool\"\nsegment_bytes = \"4 MiB\"\n\
             [log]\ndelivery = \"{folder}/log/delivery.jsonl\"\n\
             [[listener]]\naddress = \"{}\"\n[admin]\naddress = \"{}\"\n\
             [dns]\nservers = [\"127.0.0.1:9\"]\n",
            self.smtp, self.admin,
        );
        parse("test.toml", &text, &Host { cores: 2, name: String::new() }).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    Some(reply)
}

/// Says `lines` one by one, and returns the last reply to each.
fn talk(address: SocketAddr, lines: &[&str]) -> Vec<String> {
    let stream = TcpStream::connect(address).unwrap();
    let mut replies = BufReader::new(&stream).lines().map(Result::unwrap);
    let mut last = || replies.find(|line| line.as_bytes()[3] == b' ').unwrap();
    let mut heard = vec![last()];
    for line in lines {
        (&stream).write_all(format!("{line}\r\n").as_bytes()).unwrap();
        heard.push(last());
    }
    heard
}

/// A door does what is written for its listener, key by key.
#[test]
fn what_is_written_for_a_listener_holds_at_its_door() {
    let text = "hostname = \"relay.test\"\n[[listener]]\nmessage_bytes_max = \"1 MiB\"\n\
        line_bytes_max = 1001\nrecipients_max = 102\ntransactions_max = 3\nerrors_max = 4\n\
        recipients_refused_max = 5\nconnections_max = 6\nidle = \"11s\"\nidle_crowded = \"8s\"\n\
        data_rate_min = 9\ndata_rate_grace = \"10s\"\ncommands = \"7/m\"\nearly_talk = true\n\
        header_fields_max = 12\nheader_bytes_max = 5000\n";
    let loaded = parse("test.toml", text, &Host { cores: 1, name: String::new() }).unwrap();
    let keyring = Keyring::open(&loaded).unwrap();
    let gates = gates(&loaded.settings, vec![None], &keyring, &sources(&loaded.settings));
    let gate = &gates[0];
    let written = server::Config {
        message_bytes_max: 1 << 20,
        line_bytes_max: 1_001,
        recipients_max: 102,
        transactions_max: 3,
        errors_max: 4,
        recipients_refused_max: 5,
        ..server::Config::new("relay.test")
    };
    assert_eq!(*gate.server, written);
    assert_eq!((gate.connections_max, gate.idle), (6, Duration::from_secs(11)));
    let [idle_crowded, grace] = [8, 10].map(Duration::from_secs);
    assert_eq!(gate.guard.pace, Pace { idle_crowded, rate_min: 9, grace });
    assert_eq!(gate.guard.commands.to_string(), "7/m");
    assert!(gate.guard.early_talk);
    let header = (gate.guard.header_fields_max, gate.guard.header_bytes_max);
    assert_eq!(header, (12, 5_000));
}

/// Mail comes in, waits for a DNS that does not answer, and is there again after a drain: also if
/// somebody who cannot wait says so a second time, while balancers are still being told.
///
/// The one test that signals this process: two would hear each other's.
#[test]
fn what_is_accepted_outlives_a_drain() {
    let place = Place::new("drain");
    let slow = "[drain]\ndelay = \"15s\"";
    for (start, queued, more) in [(1, 1, slow), (2, 2, "")] {
        let loaded = place.loaded(more);
        let (tell, told) = channel();
        let relay = thread::spawn(move || run_and_tell(&loaded, move || tell.send(()).unwrap()));
        told.recv_timeout(Duration::from_secs(30)).unwrap();
        let heard = talk(
            place.smtp,
            &[
                "EHLO x",
                "MAIL FROM:<>",
                "RCPT TO:<b@far.example>",
                "DATA",
                "Subject: x\r\n\r\nx\r\n.",
            ],
        );
        assert!(heard[0].starts_with("220 relay.test "), "{heard:?}");
        assert!(heard[5].starts_with("250 2.0.0 "), "{heard:?}");
        let metrics = get(place.admin, "/metrics").unwrap();
        let waiting =
            metrics.lines().filter(|line| line.starts_with("ringpost_queued_recipients{"));
        let waiting: u64 =
            waiting.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
        assert_eq!(waiting, queued, "start {start}");
        signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
        if more.is_empty() {
            relay.join().unwrap().unwrap();
        } else {
            let ready = || get(place.admin, "/readyz").is_some_and(|said| said.contains(" 200 "));
            let looks = (0..2_000).take_while(|_| ready());
            looks.for_each(|_| thread::sleep(Duration::from_millis(5)));
            assert!(!ready(), "it is not told to stop");
            signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
            let error = relay.join().unwrap().unwrap_err().to_string();
            assert!(error.contains("told twice"), "{error}");
        }
        assert!(TcpStream::connect(place.smtp).is_err(), "nobody listens any more");
    }
    let log = fs::read_to_string(place.folder.join("log/delivery.jsonl")).unwrap();
    for event in ["shard_started", "shard_stopped"] {
        assert_eq!(log.matches(&format!("\"{event}\"")).count(), 4, "{event}: {log}");
    }
}

#[test]
fn a_taken_address_is_named_before_anything_is_made() {
    let place = Place::new("taken");
    let _taken = TcpListener::bind(place.smtp).unwrap();
    let error = run(&place.loaded("")).unwrap_err().to_string();
    assert!(error.contains(&place.smtp.to_string()), "{error}");
    assert!(!place.folder.join("spool").exists());
}
