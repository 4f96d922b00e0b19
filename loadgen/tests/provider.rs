//! The provider simulator over real sockets: who is counted, and connections that go wrong.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

use loadgen::clock;
use loadgen::sink::{self, Provider, Sink};
use loadgen::tls;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A sink that is one provider, like `spec`.
fn provider(spec: &str, threads: usize) -> Sink {
    let provider = Provider::read_line(&format!("listen=127.0.0.1:0,{spec}")).unwrap();
    sink::start(sink::Options { providers: vec![provider], seed: 1, ledger: None, threads })
        .unwrap()
}

fn since(moment: clock::Nanos) -> Duration {
    Duration::from_nanos(clock::now() - moment)
}

/// A client that does what it is told.
struct Client(BufReader<TcpStream>);

impl Client {
    fn dial(sink: &Sink) -> Self {
        let stream = TcpStream::connect(sink.providers()[0].addresses[0]).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(BufReader::new(stream))
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }
}

/// Who closes a connection and opens another has one, though nobody has read the close yet.
#[test]
fn a_sender_that_keeps_its_limit_is_never_accused() {
    let sink = provider("connections_per_source=3,contract=connections", 2);
    let mut open: Vec<Client> = (0..3).map(|_| Client::dial(&sink)).collect();
    for turn in 0..300 {
        drop(open.remove(turn % 3));
        open.insert(turn % 3, Client::dial(&sink));
    }
    for client in &mut open {
        assert!(client.hear().starts_with("220 "));
    }
    let counters = &sink.providers()[0].counters;
    assert_eq!((counters.broken.load(Relaxed), counters.turned_away.load(Relaxed)), (0, 0));
    assert!(Client::dial(&sink).hear().starts_with("421 4.7.0 "));
    assert_eq!((counters.broken.load(Relaxed), counters.turned_away.load(Relaxed)), (1, 1));
}

#[test]
fn a_connection_is_reset_behind_its_byte() {
    let sink = provider("fault.kind=reset,fault.at_byte=12", 1);
    let mut client = Client::dial(&sink);
    assert!(client.hear().starts_with("220 "));
    client.say("NOOP\r\n");
    assert!(client.hear().starts_with("250 "));
    client.say("NOOP\r\n");
    let error = client.0.read_line(&mut String::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_half_open_connection_says_nothing_and_stays() {
    let sink = provider("fault.kind=half-open,fault.at_byte=6", 1);
    let mut client = Client::dial(&sink);
    assert!(client.hear().starts_with("220 "));
    client.say("NOOP\r\n");
    assert!(client.hear().starts_with("250 "));
    client.say("NOOP\r\n");
    client.0.get_mut().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let error = client.0.read(&mut [0; 9]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    sink.stop();
    sink.join().unwrap();
}

#[test]
fn a_tarpit_and_an_endless_reply_come_slowly_and_end_with_the_sink() {
    let endless = provider("fault.kind=endless,fault.at_byte=6,fault.pause=1ms", 1);
    let mut client = Client::dial(&endless);
    assert!(client.hear().starts_with("220 "));
    client.say("NOOP\r\n");
    assert!(client.hear().starts_with("250 "));
    assert!((0..50).all(|_| client.hear() == "250-this goes on\r\n"));
    let tarpit = provider("fault.kind=tarpit,fault.pause=2ms", 1);
    let begun = clock::now();
    let greeting = Client::dial(&tarpit).hear();
    assert!(since(begun) >= Duration::from_millis(2) * u32::try_from(greeting.len()).unwrap());
    for sink in [endless, tarpit] {
        sink.stop();
        sink.join().unwrap();
    }
}

/// The other end of the connection, under TLS.
struct Encrypted {
    stream: TcpStream,
    tls: tls::Tls,
    heard: Vec<u8>,
}

impl Encrypted {
    fn say(&mut self, text: &str) {
        let mut out = Vec::new();
        self.tls.give(text.as_bytes(), &mut out).unwrap();
        self.stream.write_all(&out).unwrap();
    }

    /// Everything up to a line that begins so.
    fn hear(&mut self, last: &str) -> String {
        loop {
            let heard = String::from_utf8_lossy(&self.heard).into_owned();
            if let Some(at) = heard.lines().position(|line| line.starts_with(last)) {
                let length: usize = heard.lines().take(at + 1).map(|line| line.len() + 2).sum();
                self.heard.drain(..length);
                return heard[..length].to_owned();
            }
            let (mut room, mut out) = ([0; 4_096], Vec::new());
            let length = self.stream.read(&mut room).unwrap();
            assert!(length > 0, "{heard}");
            self.tls.take(&room[..length], &mut self.heard, &mut out).unwrap();
            self.stream.write_all(&out).unwrap();
        }
    }
}

#[test]
fn mail_is_taken_under_tls_where_tls_is_demanded() {
    for delay in [0, 20] {
        let sink = provider(&format!("tls=demanded,contract=tls,delay_ms={delay}"), 1);
        let mut client = Client::dial(&sink);
        assert!(client.hear().starts_with("220 "));
        client.say("STARTTLS\r\n");
        assert!(client.hear().starts_with("220 2.0.0 "));
        let mut hello = Vec::new();
        let trust = tls::Client::new(&tls::Trust::Anybody, "mx.sink.example").unwrap();
        let tls = trust.connect(&mut hello).unwrap();
        client.0.get_mut().write_all(&hello).unwrap();
        let mut client = Encrypted { stream: client.0.into_inner(), tls, heard: Vec::new() };
        client.say("EHLO x\r\n");
        assert!(!client.hear("250 ").contains("STARTTLS"));
        client.say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
        assert!(client.hear("354 ").starts_with("250 2.1.0 "));
        client.say("Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n");
        assert!(client.hear("221 ").starts_with("250 2.0.0 Ok: queued"));
        let counters = &sink.providers()[0].counters;
        assert_eq!((counters.messages.load(Relaxed), counters.broken.load(Relaxed)), (1, 0));
    }
}

#[test]
fn the_greeting_is_later_than_the_replies() {
    let sink = provider("greeting_delay_ms=120", 1);
    let begun = clock::now();
    let mut client = Client::dial(&sink);
    assert!(client.hear().starts_with("220 ") && since(begun) >= Duration::from_millis(120));
}
