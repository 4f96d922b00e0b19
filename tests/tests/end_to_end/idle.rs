//! Ten thousand clients that say nothing.

use crate::common::{PATIENCE, route};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;
use std::io::{self, Read};
use std::net::TcpStream;
use tests::recorder::Recorder;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{usage, wait};

const CLIENTS: usize = 10_000;
/// What they may cost together, in bytes.
const MEMORY_MAX: u64 = 25_000_000;

#[test]
fn idle_clients_cost_little_and_leave_nothing_behind() -> io::Result<()> {
    allow_many_files()?;
    let scratch = Scratch::new("idle")?;
    let recorder = Recorder::start()?;
    let ringpost = Ringpost::start(scratch.path(), &route("*", recorder.address()))?;
    // One before, so that what is made once is not counted as theirs.
    drop(greeted(&ringpost)?);
    let files = files(&ringpost);
    let before = usage::memory(ringpost.id());
    let clients = (0..CLIENTS).map(|_| greeted(&ringpost)).collect::<io::Result<Vec<_>>>()?;
    let grown = usage::memory(ringpost.id()).saturating_sub(before);
    println!("{CLIENTS} idle connections: {} KiB more", grown / 1_024);
    assert!(grown <= MEMORY_MAX, "{grown} bytes for {} clients", clients.len());
    drop(clients);
    wait::until("every descriptor closed", PATIENCE, || {
        (self::files(&ringpost) <= files).then_some(())
    })
}

/// Our own word, and before a balancer's patience ends.
#[test]
fn silence_is_ended_with_our_421() -> io::Result<()> {
    let scratch = Scratch::new("silence")?;
    let outfit = Outfit { listener_settings: "idle = \"10s\"".into(), ..Outfit::default() };
    let ringpost = Ringpost::start_as(outfit, scratch.path(), "")?;
    let mut talkers = [Speaker::connect(ringpost.smtp())?, Speaker::connect(ringpost.smtp())?];
    talkers[0].say("EHLO client.test", "250")?;
    talkers[0].say("MAIL FROM:<from@client.test>", "250")?;
    let start = wait::now();
    for talker in &mut talkers {
        talker.hear("421 4.4.2")?;
    }
    let took = start.elapsed().as_secs();
    assert!((9..14).contains(&took), "{took} s");
    Ok(())
}

/// A client that has heard the greeting.
fn greeted(ringpost: &Ringpost) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(ringpost.smtp())?;
    let mut greeting = [0; 3];
    stream.read_exact(&mut greeting)?;
    assert_eq!(&greeting, b"220");
    Ok(stream)
}

fn files(ringpost: &Ringpost) -> usize {
    fs::read_dir(format!("/proc/{}/fd", ringpost.id())).map_or(0, Iterator::count)
}

/// As many as the host allows, for us and for the Ringpost we start.
fn allow_many_files() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}
