//! Sites of two equal hosts, one of which is dead, and a site that is dead altogether.

use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tests::names::{self, Known};
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::wait;

const ALIVE: Known = Known::Address(Ipv4Addr::LOCALHOST);
const SILENT: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 3);
/// Loopback too, but nobody listens there.
const CLOSED: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 4);

const NAMES: &[(&str, Known)] = &[
    ("silent.test", Known::Mx(10, "a.silent.test")),
    ("silent.test", Known::Mx(10, "b.silent.test")),
    ("a.silent.test", Known::Address(SILENT)),
    ("b.silent.test", ALIVE),
    ("closed.test", Known::Mx(10, "a.closed.test")),
    ("closed.test", Known::Mx(10, "b.closed.test")),
    ("a.closed.test", Known::Address(CLOSED)),
    ("b.closed.test", ALIVE),
    ("dead.test", Known::Address(SILENT)),
];

/// Messages for each of the two sites: forty connections' worth.
const MESSAGES: usize = 200;

/// Without memory of hosts, each of the four connections a site may have waits for the silent
/// host before the first ten messages are out.
#[test]
fn a_dead_host_of_two_does_not_slow_its_site_nor_a_dead_site_the_others() -> io::Result<()> {
    let scratch = Scratch::new("hosts")?;
    let recorder = Recorder::start()?;
    let port = recorder.address().port();
    let silent = Silent::listen(SocketAddr::from((SILENT, port)))?;
    let settings = format!(
        "[dns]\nservers = [\"{}\"]\nallow_private_addresses = true\n\
         [[route]]\ndomain = \"*\"\nport = {port}\n\
         [delivery]\nconnections_per_site = 4\nmessages_per_connection = 5\n",
        names::serve(NAMES)?,
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    let start = wait::now();
    for _ in 0..MESSAGES {
        for domain in ["dead.test", "silent.test", "closed.test"] {
            speaker.send(
                "me@sender.test",
                &format!("a@{domain}"),
                "Subject: x\r\n\r\nhello\r\n",
            )?;
        }
    }
    recorder.wait_for(2 * MESSAGES, Duration::from_secs(20))?;
    let took = start.elapsed();
    let failures = |host: Ipv4Addr| {
        let log = ringpost.log();
        let peer = format!("\"peer\":\"{host}:{port}\"");
        log.lines().filter(|line| line.contains("\"dial_failed\"") && line.contains(&peer)).count()
    };
    // Its first rest is four seconds and more; dials that fail together are four at most.
    let closed = failures(CLOSED);
    assert!(closed as u64 <= 4 + took.as_secs() / 4, "{closed} dials in {took:?}");
    assert!(closed > 0, "it was tried");
    drop(silent);
    Ok(())
}

/// A host whose network takes packets and answers none.
struct Silent {
    _listener: OwnedFd,
    _waiting: TcpStream,
}

impl Silent {
    /// One connection fills the queue of those that wait to be taken, and nobody takes it.
    fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&listener, &address)?;
        listen(&listener, 0)?;
        let waiting = TcpStream::connect(address)?;
        let another = TcpStream::connect_timeout(&address, Duration::from_millis(100));
        assert!(another.is_err(), "its queue is full");
        Ok(Self { _listener: listener, _waiting: waiting })
    }
}
